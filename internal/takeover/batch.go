package takeover

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"slices"

	"github.com/gatehouse-id/gatehouse/internal/adminapi"
)

// maxBatchBytes keeps a batch well below what the target takes.
const maxBatchBytes = 4 << 20

// parts cuts a batch where it would be too large.
func parts(items []*item) [][]*item {
	var out [][]*item
	size := 0
	for n, i := range items {
		if n == 0 || size+len(i.create) > maxBatchBytes {
			out, size = append(out, nil), 0
		}
		out[len(out)-1] = append(out[len(out)-1], i)
		size += len(i.create)
	}
	return out
}

// result is what the target says about one of a batch.
type result struct {
	Action string `json:"action"`
	Error  struct {
		Code    int    `json:"code"`
		Message string `json:"message"`
		Reason  string `json:"reason"`
	} `json:"error"`
}

// make makes people until it is known of each what has become of them. An answer that got lost leaves that open: then those
// who are there by now have been made.
func (w *worker) make(ctx context.Context, items []*item) error {
	var err error
	for n := range attempts {
		if n > 0 {
			if items, err = w.absent(ctx, items); err != nil {
				return err
			}
		}
		if items, err = w.send(ctx, items); len(items) == 0 {
			return err
		}
		if err != nil && !passes(err) {
			return err
		}
		if waited := pause(ctx, n); waited != nil {
			return waited
		}
	}
	if err != nil {
		return err
	}
	return fmt.Errorf("the target can't store %d identities at the moment, %s among them", len(items), items[0].ID)
}

// absent leaves those out who are there.
func (w *worker) absent(ctx context.Context, items []*item) ([]*item, error) {
	batch := make([]Entry, len(items))
	for n, i := range items {
		batch[n] = i.Entry
	}
	there, err := w.present(ctx, batch)
	if err != nil {
		return nil, err
	}
	return slices.DeleteFunc(items, func(i *item) bool {
		if there[i.ID] {
			w.Count.moved.Add(1)
		}
		return there[i.ID]
	}), nil
}

// send makes a batch, and returns those with whom it has to be tried again. A batch that is refused as a whole is cut in
// two until it is known whose fault that is.
func (w *worker) send(ctx context.Context, items []*item) (again []*item, err error) {
	if len(items) == 0 {
		return nil, nil
	}
	results, err := w.patch(ctx, items)
	switch status := adminapi.StatusOf(err); {
	case err == nil:
		return w.settle(items, results), nil
	case passes(err), status == http.StatusUnauthorized, status == http.StatusForbidden, status == http.StatusNotFound:
		return items, fmt.Errorf("making identities: %w", err)
	case len(items) == 1:
		w.failed(items[0].Entry, status, err.Error())
		return nil, nil
	}
	half := len(items) / 2
	first, err := w.send(ctx, items[:half])
	if err != nil {
		return items, err
	}
	second, err := w.send(ctx, items[half:])
	return slices.Concat(first, second), err
}

func (w *worker) patch(ctx context.Context, items []*item) ([]result, error) {
	type patch struct {
		Create json.RawMessage `json:"create"`
	}
	var batch struct {
		Identities []patch `json:"identities"`
	}
	for _, i := range items {
		batch.Identities = append(batch.Identities, patch{i.create})
	}
	var answer struct {
		Identities []result `json:"identities"`
	}
	_, err := w.To.Call(ctx, http.MethodPatch, "/identities", batch, &answer)
	var r *adminapi.Refusal
	if errors.As(err, &r) && json.Unmarshal(r.Body, &answer) == nil && len(answer.Identities) == len(items) {
		return answer.Identities, nil // of a batch of which nothing came
	}
	if err == nil && len(answer.Identities) != len(items) {
		err = fmt.Errorf("the target tells of %d identities, %d were sent", len(answer.Identities), len(items))
	}
	return answer.Identities, err
}

// settle notes what has become of each, and returns those with whom it has to be tried again. A conflict may be with
// themselves, from an attempt before: it counts when they aren't there.
func (w *worker) settle(items []*item, results []result) []*item {
	var again []*item
	for n, i := range items {
		e := results[n].Error
		switch {
		case results[n].Action == "create":
			w.Count.moved.Add(1)
		case e.Code == http.StatusConflict && !i.conflict:
			i.conflict = true
			again = append(again, i)
		case e.Code == http.StatusTooManyRequests, e.Code >= http.StatusInternalServerError:
			again = append(again, i)
		default:
			w.failed(i.Entry, e.Code, first(e.Reason, e.Message))
		}
	}
	return again
}

func first(a, b string) string {
	if a != "" {
		return a
	}
	return b
}
