// Package takeover moves people between installations: out of a Kratos, a Gatehouse or a file, into a Gatehouse.
//
// An import keeps no state of its own. Whoever is there with the same id has been moved already, so one that was cut off at
// any moment is finished by doing it again.
package takeover

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"sync"

	"github.com/google/uuid"

	"github.com/gatehouse-id/gatehouse/internal/adminapi"
)

// Import moves everybody a source has. All fields must be set.
type Import struct {
	From Source
	To   *adminapi.Client
	// Batch is how many go together, Workers how many batches at a time.
	Batch, Workers int
	// Report is told what could not be moved, one at a time.
	Report func(Problem)
	// Count is told of progress. It may be asked from elsewhere at any time.
	Count *Counter
}

// Problem is something that could not be moved.
type Problem struct {
	ID   string `json:"id,omitempty"`
	Line int    `json:"line,omitempty"`
	// Level is "error" for somebody who was not moved, "warning" for somebody who was, without something.
	Level  string `json:"level"`
	Status int    `json:"status,omitempty"` // what the server answered
	Reason string `json:"reason"`
}

// Levels of a Problem.
const (
	Error   = "error"
	Warning = "warning"
)

// Run moves people until the source has no more. What is wrong with one of them is reported and stops nobody else; the
// error is about source or target.
func (m *Import) Run(ctx context.Context) error {
	ctx, stop := context.WithCancelCause(ctx)
	defer stop(nil)
	batches := make(chan []Entry)
	var workers sync.WaitGroup
	var report sync.Mutex
	for range m.Workers {
		w := &worker{Import: m, report: &report}
		workers.Go(func() {
			for b := range batches {
				if err := w.move(ctx, b); err != nil {
					stop(err)
				}
			}
		})
	}
	err := m.deal(ctx, batches)
	close(batches)
	workers.Wait()
	if cause := context.Cause(ctx); cause != nil {
		return cause
	}
	return err
}

// deal hands the people of the source out in batches.
func (m *Import) deal(ctx context.Context, batches chan<- []Entry) error {
	var b []Entry
	hand := func() bool {
		select {
		case batches <- b:
			b = nil
			return true
		case <-ctx.Done():
			return false
		}
	}
	for e, err := range m.From(ctx) {
		if err != nil {
			return err
		}
		if b = append(b, e); len(b) == m.Batch && !hand() {
			return ctx.Err()
		}
	}
	if len(b) > 0 && !hand() {
		return ctx.Err()
	}
	return nil
}

// worker moves one batch at a time.
type worker struct {
	*Import
	report *sync.Mutex
}

func (w *worker) problem(p Problem) {
	w.report.Lock()
	defer w.report.Unlock()
	w.Report(p)
}

func (w *worker) failed(e Entry, status int, reason string) {
	w.Count.failed.Add(1)
	w.problem(Problem{ID: e.ID, Line: e.Line, Level: Error, Status: status, Reason: reason})
}

// move loads those of a batch that aren't there, and makes them.
func (w *worker) move(ctx context.Context, batch []Entry) error {
	there, err := w.present(ctx, batch)
	if err != nil {
		return err
	}
	var items []*item
	for _, e := range batch {
		if there[e.ID] {
			w.Count.there.Add(1)
			continue
		}
		i, err := w.load(ctx, e)
		if err != nil {
			return err
		}
		if i != nil {
			items = append(items, i)
		}
	}
	for _, part := range parts(items) {
		if err := w.make(ctx, part); err != nil {
			return err
		}
	}
	return nil
}

// present tells which of the people are at the target.
func (w *worker) present(ctx context.Context, batch []Entry) (map[string]bool, error) {
	q := url.Values{}
	for _, e := range batch {
		if uuid.Validate(e.ID) == nil { // what is none will be refused, by itself
			q.Add("ids", e.ID)
		}
	}
	out := map[string]bool{}
	if len(q) == 0 {
		return out, nil
	}
	var found []struct {
		ID string `json:"id"`
	}
	_, err := insist(ctx, func() (http.Header, error) {
		return w.To.Call(ctx, http.MethodGet, "/identities?"+q.Encode(), nil, &found)
	})
	if err != nil {
		return nil, fmt.Errorf("looking for people who are there already: %w", err)
	}
	for _, i := range found {
		out[i.ID] = true
	}
	return out, nil
}

// item is somebody on the way.
type item struct {
	Entry
	create   json.RawMessage
	conflict bool // the target has said so once
}

// load reads somebody from the source; nil when there is nobody to move.
func (w *worker) load(ctx context.Context, e Entry) (*item, error) {
	raw, err := e.Load(ctx)
	switch {
	case errors.Is(err, ErrGone):
		return nil, nil
	case ctx.Err() != nil:
		return nil, ctx.Err()
	case err != nil && adminapi.StatusOf(err) == 0 && e.Line == 0:
		return nil, fmt.Errorf("reading identity %s: %w", e.ID, err)
	case err != nil:
		w.failed(e, adminapi.StatusOf(err), err.Error())
		return nil, nil
	}
	c, warnings, err := read(raw)
	if err != nil {
		w.failed(e, 0, err.Error())
		return nil, nil
	}
	for _, text := range warnings {
		w.problem(Problem{ID: e.ID, Line: e.Line, Level: Warning, Reason: text})
	}
	create, err := json.Marshal(c)
	if err != nil {
		return nil, fmt.Errorf("encoding identity %s: %w", e.ID, err)
	}
	return &item{Entry: e, create: create}, nil
}
