package selfservice

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/gatehouse-id/gatehouse/core/apierror"
	"github.com/gatehouse-id/gatehouse/core/flow"
	"github.com/gatehouse-id/gatehouse/core/schema"
)

const (
	// PendingLifetime is how long a change waits for the person to sign in again.
	PendingLifetime = 15 * time.Minute
	// maxPending bounds a sealed change, so that a browser keeps it in a cookie. A
	// larger one is not kept: the person comes back to the form and enters it again.
	maxPending = 3500
)

// RefreshError asks the person to sign in again before a change is made.
type RefreshError struct {
	API *apierror.Error
	// Pending is the change, sealed, for the browser to keep and to bring to Resume;
	// "" when there is nothing to keep. It may hold a password, which is why it is
	// kept nowhere else, and opens for the same flow of the same identity only.
	Pending string
}

func (e *RefreshError) Error() string { return e.API.Error() }

// Unwrap lets errors.As find the API error.
func (e *RefreshError) Unwrap() error { return e.API }

// ErrNothingPending says that there is no change to resume.
var ErrNothingPending = errors.New("selfservice: no change is pending for this flow")

// pending is a paused submission. Its origin was checked before it was paused.
type pending struct {
	Until   time.Time       `json:"u"`
	Method  string          `json:"m"`
	Fields  map[string]any  `json:"f"`
	Payload json.RawMessage `json:"p,omitempty"`
}

const pendingPurpose = "pending settings"

// pause ends a run that needs a fresh sign-in first.
func (r *run) pause() error {
	e := &RefreshError{API: apierror.RefreshRequired(r.refreshURL())}
	if r.f.Type != flow.Browser {
		return e // an app keeps its own forms
	}
	fields := make(map[string]any, len(r.sub.Fields))
	for name, v := range r.sub.Fields {
		if name != "csrf_token" && name != "transient_payload" {
			fields[name] = v
		}
	}
	plain, err := json.Marshal(pending{
		Until: r.e.now().Add(PendingLifetime), Method: r.sub.Method, Fields: fields, Payload: r.sub.TransientPayload,
	})
	if err != nil {
		return fmt.Errorf("encoding a pending change: %w", err)
	}
	if sealed := r.e.Keys.SealString(pendingPurpose, plain, pendingFor(r.f.ID, r.f.IdentityID)); len(sealed) <= maxPending {
		e.Pending = sealed
	}
	return e
}

func pendingFor(flowID, identityID string) []byte { return []byte(flowID + "\x00" + identityID) }

// Resume makes a change that waited for a fresh sign-in. It passes all phases of
// Submit, but for the CSRF check, which it has passed before it was paused.
func (e *Engine) Resume(ctx context.Context, id string, c *Client, sealed string) (*Result, error) {
	if !c.signedIn() {
		return nil, apierror.SessionInactive()
	}
	p, err := e.openPending(id, c.Facts.Identity.ID, sealed)
	if err != nil {
		return nil, err
	}
	r := &run{e: e, k: kinds[flow.Settings], c: c, resumed: true}
	return e.submit(ctx, flow.Settings, id, r, func(*schema.Schema) (flow.Submission, error) {
		return flow.Submission{Method: p.Method, Fields: p.Fields, TransientPayload: p.Payload}, nil
	})
}

func (e *Engine) openPending(id, identityID, sealed string) (*pending, error) {
	plain, err := e.Keys.OpenString(pendingPurpose, sealed, pendingFor(id, identityID))
	if err != nil {
		return nil, ErrNothingPending
	}
	d := json.NewDecoder(bytes.NewReader(plain))
	d.UseNumber()
	var p pending
	if d.Decode(&p) != nil || !e.now().Before(p.Until) {
		return nil, ErrNothingPending
	}
	return &p, nil
}
