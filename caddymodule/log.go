package caddymodule

import (
	"log/slog"
	"math"

	"github.com/caddyserver/caddy/v2"
	"go.uber.org/zap/exp/zapslog"
)

// logger is Caddy's logger of a module, for code that logs with slog. It is not
// ctx.Slogger(), which adds a stack trace to every error that is logged with the
// context of a request: a plugin that misbehaves would fill the log with them.
func logger(ctx caddy.Context) *slog.Logger {
	log := ctx.Logger()
	return slog.New(zapslog.NewHandler(log.Core(), zapslog.WithName(log.Name()), zapslog.AddStacktraceAt(math.MaxInt8)))
}
