// Command gatehouse is Caddy with the Gatehouse modules: the binary that "xcaddy build" makes, for "go build" and "go run".
package main

import (
	"github.com/caddyserver/caddy/v2"
	caddycmd "github.com/caddyserver/caddy/v2/cmd"

	_ "github.com/caddyserver/caddy/v2/modules/standard"

	_ "github.com/gatehouse-id/gatehouse/caddymodule"
)

func main() {
	caddy.CustomBinaryName = "gatehouse" // in help texts and completions
	caddycmd.Main()
}
