// Package caddymodule registers the Caddy app, handlers, guard, directives, config adapter, subcommands, metrics.
//
// It is the only package that knows Caddy. What it wires together is assembled
// by internal/gateway, so that tests can have the same without a proxy.
package caddymodule
