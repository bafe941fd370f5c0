package caddymodule

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"strings"

	"github.com/caddyserver/caddy/v2"
	caddycmd "github.com/caddyserver/caddy/v2/cmd"
	"github.com/spf13/cobra"

	"github.com/gatehouse-id/gatehouse/internal/adminapi"
	"github.com/gatehouse-id/gatehouse/internal/admincli"
)

func init() {
	for _, c := range admincli.Commands(func() admincli.Host { return &thisMachine{} }) {
		caddycmd.RegisterCommand(caddycmd.Command{Name: c.Name, Usage: c.Usage, Short: c.Short, Long: c.Long, CobraFunc: c.Build})
	}
}

// thisMachine finds the Caddy on this machine as "reload" does.
type thisMachine struct {
	address string // of its admin endpoint; "" is what the configuration says
	config  string
	adapter string
}

// Flags implements admincli.Host.
func (m *thisMachine) Flags(cmd *cobra.Command) {
	f := cmd.PersistentFlags()
	f.StringVar(&m.address, "address", "", "address of Caddy's admin endpoint, if --config doesn't tell it")
	f.StringVar(&m.config, "config", "", "configuration file of the running server, to find Caddy's admin endpoint")
	f.StringVar(&m.adapter, "adapter", "", "name of the config adapter for that file")
}

// Client implements admincli.Host. caddycmd.AdminAPIRequest would open a connection for each request, and keep what a
// refusal says to itself.
func (m *thisMachine) Client() (*adminapi.Client, string, error) {
	address, err := caddycmd.DetermineAdminAPIAddress(m.address, nil, m.config, m.adapter)
	if err != nil {
		return nil, "", err
	}
	at, err := caddy.ParseNetworkAddress(address)
	if err != nil || at.PortRangeSize() > 1 {
		return nil, "", fmt.Errorf("%q is no address of Caddy's admin endpoint", address)
	}
	origin := "http://" + at.JoinHostPort(0)
	if at.IsUnixNetwork() {
		origin = "http://127.0.0.1"               // what Caddy expects where there is no host
		at.Host, _, _ = strings.Cut(at.Host, "|") // the permissions of the socket
	}
	client := adminapi.NewHTTP(&http.Transport{
		DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
			return new(net.Dialer).DialContext(ctx, at.Network, at.JoinHostPort(0))
		},
	})
	if !at.IsUnixNetwork() {
		client.Transport = withOrigin{origin, client.Transport}
	}
	return &adminapi.Client{HTTP: client, Base: origin + localPrefix}, address, nil
}

// withOrigin sends the header that Caddy's endpoint asks for when it enforces origins.
type withOrigin struct {
	origin string
	next   http.RoundTripper
}

// RoundTrip implements http.RoundTripper.
func (w withOrigin) RoundTrip(r *http.Request) (*http.Response, error) {
	r = r.Clone(r.Context())
	r.Header.Set("Origin", w.origin)
	return w.next.RoundTrip(r)
}
