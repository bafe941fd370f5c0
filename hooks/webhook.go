package hooks

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"net/url"
	"slices"
	"time"

	"github.com/gatehouse-id/gatehouse/core/config"
	"github.com/gatehouse-id/gatehouse/core/flow"
	"github.com/gatehouse-id/gatehouse/hooks/abi"
	"github.com/gatehouse-id/gatehouse/internal/egress"
	"github.com/gatehouse-id/gatehouse/internal/jsonnet"
)

// WebHooks calls the web hooks of the Kratos document. It is safe for concurrent
// use; all goroutines it starts have ended when Close returns.
type WebHooks struct {
	// Source reads the templates; its client also makes the calls.
	Source egress.Source
	// Sandbox evaluates the templates.
	Sandbox *jsonnet.Sandbox
	Logger  *slog.Logger
	// Deadline bounds a call with all its attempts, Attempt a single one; 0 means 10 s and 4 s.
	Deadline, Attempt time.Duration

	templates  templates
	background background
}

const (
	defaultDeadline = 10 * time.Second
	defaultAttempt  = 4 * time.Second
)

// Prepare reads the templates of all web hooks of a configuration, so that a missing or broken one is told at the start.
func (w *WebHooks) Prepare(ctx context.Context, c *config.Config) error {
	lists := c.SelfService.Flows.HookLists()
	for _, at := range slices.Sorted(maps.Keys(lists)) {
		for i, h := range lists[at] {
			if h.Hook != "web_hook" {
				continue
			}
			conf, err := h.WebHook()
			if err == nil {
				_, err = w.template(ctx, conf.Body)
			}
			if err != nil {
				return fmt.Errorf("selfservice.flows.%s[%d].config: loading the web_hook of %s: %w", at, i, place(conf), err)
			}
		}
	}
	return nil
}

// Close waits until the calls under way are made, and stops them after the grace time.
func (w *WebHooks) Close(grace time.Duration) {
	w.background.close(grace)
	w.Sandbox.Close()
}

// errCanceled is how a template says that nothing is to be sent: error "cancel".
var errCanceled = errors.New("the template cancelled the call")

// run is the built-in hook "web_hook".
func (w *WebHooks) run(ctx context.Context, h config.Hook, in *flow.HookInput) (flow.Decision, error) {
	conf, err := h.WebHook()
	if err != nil {
		return flow.Decision{}, err
	}
	if !due(conf, in.Point) {
		return flow.Decision{}, nil
	}
	told := document(in)
	if conf.Response.Ignore {
		return w.later(conf, told, in), nil
	}
	answer, err := w.call(ctx, conf, told)
	if errors.Is(err, errCanceled) {
		return flow.Decision{}, nil
	}
	if err != nil {
		return flow.Decision{}, fmt.Errorf("calling %s: %w", place(conf), err)
	}
	d, err := answer.decision(conf, in)
	if err != nil {
		return flow.Decision{}, fmt.Errorf("calling %s: %w", place(conf), err)
	}
	return d, nil
}

// due tells whether it is a hook's time. What can change or stop something comes before the identity is stored, all else behind.
func due(conf *config.WebHook, p flow.Point) bool {
	switch e := abi.Event(p); {
	case e.ChangesIdentity():
		return conf.Decides()
	case !e.Decides():
		return !conf.Decides()
	}
	return true
}

// later makes the call in the background: after the commit where one is to come, so that nobody hears of what didn't happen.
func (w *WebHooks) later(conf *config.WebHook, told json.RawMessage, in *flow.HookInput) flow.Decision {
	point, flowID := string(in.Point), in.Flow.ID
	send := func() {
		ok := w.background.start(func(ctx context.Context) {
			if _, err := w.call(ctx, conf, told); err != nil && !errors.Is(err, errCanceled) {
				w.Logger.ErrorContext(ctx, "web hook failed", "host", place(conf), "event", point, "flow", flowID, "error", err)
			}
		})
		if !ok {
			w.Logger.Error("web hook dropped: too many are waiting", "host", place(conf), "event", point, "flow", flowID)
		}
	}
	if in.Point.Before() || !abi.Event(in.Point).Decides() {
		send()
		return flow.Decision{}
	}
	return flow.Decision{AfterCommit: []func(){send}}
}

// place is what a log may show of a hook's URL: paths and queries of hooks often are the secret.
func place(conf *config.WebHook) string {
	if conf == nil {
		return "an unknown place"
	}
	u, err := url.Parse(conf.URL)
	if err != nil {
		return "an unknown place"
	}
	return u.Host
}
