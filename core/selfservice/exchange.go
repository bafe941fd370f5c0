package selfservice

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/google/uuid"

	"github.com/gatehouse-id/gatehouse/core/apierror"
	"github.com/gatehouse-id/gatehouse/core/flow"
	"github.com/gatehouse-id/gatehouse/core/identity"
)

// An app sends people to another site in a browser that isn't its own. What comes of it
// reaches the app in two halves: it had one code when the flow began, and the other
// comes with the browser, which opens the app. Who has only one of them has nothing.

const (
	// exchangeNote is where a flow keeps that its session is handed over so, and then the session.
	exchangeNote identity.CredentialType = "exchange"
	// exchangePurpose is what the first code is authenticated for.
	exchangePurpose = "session token exchange"
)

// handover is a session token that waits for its app.
type handover struct {
	Code  []byte `json:"c,omitempty"` // hash of the second code
	Token string `json:"t,omitempty"`
}

// exchangeCode is the first code of a flow.
func (e *Engine) exchangeCode(flowID string) string {
	id := uuid.MustParse(flowID) // made by us
	return base64.RawURLEncoding.EncodeToString(append(id[:], e.Keys.MAC(exchangePurpose, id[:])...))
}

// flowOfExchange finds the flow that a first code is of; "" when it is none.
func (e *Engine) flowOfExchange(code string) string {
	raw, err := base64.RawURLEncoding.Strict().DecodeString(code)
	const size = len(uuid.UUID{})
	if err != nil || len(raw) < size || !e.Keys.Verify(exchangePurpose, raw[:size], raw[size:]) {
		return ""
	}
	return uuid.UUID(raw[:size]).String()
}

// promiseExchange remembers that a flow of an app ends with an exchange. It is the one
// start of a flow that stores something: an app has no cookie to keep it in.
func (e *Engine) promiseExchange(ctx context.Context, f *flow.Flow) error {
	if f.Type != flow.API || f.Kind != flow.Login && f.Kind != flow.Registration || !e.sendsAway() {
		return nil
	}
	l := &loaded{Flow: f, owned: true, keys: e.Keys}
	l.Note(exchangeNote, []byte(`{}`))
	if err := e.Flows.Commit(ctx, &flow.Changes{Flow: l.record()}); err != nil {
		return fmt.Errorf("storing flow %s: %w", f.ID, err)
	}
	f.ExchangeCode = e.exchangeCode(f.ID)
	return nil
}

// sendsAway tells whether any method sends people to other sites.
func (e *Engine) sendsAway() bool {
	for _, m := range e.Methods {
		if _, ok := m.(flow.CallbackMethod); ok && m.Enabled() {
			return true
		}
	}
	return false
}

// handOver keeps a session token for the app whose flow it is of, if it wants it so, and
// makes the second code. Only a browser that comes back from elsewhere brings it there.
func (r *run) handOver(token string) {
	f := r.completes()
	if !r.returned || f.Notes[exchangeNote] == nil {
		return
	}
	r.code = rand.Text()
	hash := sha256.Sum256([]byte(r.code))
	note, _ := json.Marshal(handover{Code: hash[:], Token: token}) // bytes and a text
	f.Notes = map[identity.CredentialType][]byte{exchangeNote: note}
}

// handed is what a completed flow keeps for its app.
func (r *run) handed(f *loaded) map[identity.CredentialType][]byte {
	if r.code == "" {
		return nil
	}
	return f.sealNotes()
}

// errNoExchange is the answer to codes that open nothing.
var errNoExchange = apierror.NotFound("There is no session for these codes. Each counts once, and not for long.")

// Exchange gives an app the session token that waits for it, once.
func (e *Engine) Exchange(ctx context.Context, first, second string) (token string, err error) {
	id := e.flowOfExchange(first)
	if id == "" {
		return "", errNoExchange
	}
	rec, err := e.Flows.Flow(ctx, id)
	if errors.Is(err, flow.ErrNotFound) {
		return "", errNoExchange
	}
	if err != nil {
		return "", fmt.Errorf("reading flow %s: %w", id, err)
	}
	l := &loaded{Flow: &flow.Flow{ID: id}, keys: e.Keys}
	l.openNotes(rec.Notes)
	var h handover
	hash := sha256.Sum256([]byte(second))
	if json.Unmarshal(l.Notes[exchangeNote], &h) != nil || h.Token == "" || subtle.ConstantTimeCompare(h.Code, hash[:]) != 1 ||
		!e.now().Before(rec.ExpiresAt) {
		return "", errNoExchange
	}
	rec.Notes = nil
	err = e.Flows.Commit(ctx, &flow.Changes{Flow: rec})
	if errors.Is(err, flow.ErrChanged) {
		return "", errNoExchange // somebody else was faster
	}
	if err != nil {
		return "", fmt.Errorf("using up the codes of flow %s: %w", id, err)
	}
	return h.Token, nil
}
