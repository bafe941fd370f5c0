// Command provider is a real OpenID provider for the tests of social sign-in: that of Zitadel, with two users and one client.
//
// It is a module of its own, so that nothing of it is in the gateway's.
//
//	provider ADDRESS REDIRECT_URI
package main

import (
	"fmt"
	"log/slog"
	"net/http"
	"os"
	"time"

	"github.com/zitadel/oidc/v3/example/server/exampleop"
	"github.com/zitadel/oidc/v3/example/server/storage"
)

func main() {
	if len(os.Args) != 3 {
		fmt.Fprintln(os.Stderr, "usage: provider ADDRESS REDIRECT_URI")
		os.Exit(2)
	}
	issuer := "http://" + os.Args[1] + "/"
	client := storage.WebClient("gatehouse", "tulip-9431", os.Args[2])
	store := storage.NewStorageWithClients(storage.NewUserStore(issuer), map[string]*storage.Client{"gatehouse": client})
	server := &http.Server{
		Addr: os.Args[1], Handler: exampleop.SetupServer(issuer, store, slog.New(slog.DiscardHandler), false),
		ReadHeaderTimeout: 5 * time.Second,
	}
	fmt.Fprintln(os.Stderr, server.ListenAndServe())
	os.Exit(1)
}
