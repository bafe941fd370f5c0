package hooks

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"sync"

	"github.com/gatehouse-id/gatehouse/internal/jsonnet"
)

// templates keeps the programs that were read, by their URL.
type templates struct {
	mu  sync.Mutex
	all map[string]*jsonnet.Program // guarded by mu
}

// template reads a program once; nil when the hook has none. A configuration that is changed while the gateway runs brings
// URLs that Prepare has not seen.
func (w *WebHooks) template(ctx context.Context, from string) (*jsonnet.Program, error) {
	if from == "" {
		return nil, nil
	}
	t := &w.templates
	t.mu.Lock()
	defer t.mu.Unlock()
	if p := t.all[from]; p != nil {
		return p, nil
	}
	source, err := w.Source.Read(ctx, from)
	if err != nil {
		return nil, fmt.Errorf("reading the body template: %w", err)
	}
	p, err := jsonnet.New("body", string(source))
	if err != nil {
		return nil, fmt.Errorf("reading the body template: %w", err)
	}
	if t.all == nil {
		t.all = map[string]*jsonnet.Program{}
	}
	t.all[from] = p
	return p, nil
}

// body evaluates a template; nil when there is none.
func (w *WebHooks) body(ctx context.Context, from string, told json.RawMessage) ([]byte, error) {
	p, err := w.template(ctx, from)
	if p == nil || err != nil {
		return nil, err
	}
	out, err := w.Sandbox.Evaluate(ctx, p, jsonnet.Input{Arguments: map[string]json.RawMessage{"ctx": told}})
	if own, ok := errors.AsType[*jsonnet.Error](err); ok {
		if own.Text == "cancel" {
			return nil, errCanceled
		}
		// Not its text: a template may put anything it was told into an error.
		return nil, errors.New("the body template ended with an error of its own")
	}
	return out, err
}
