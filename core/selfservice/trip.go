package selfservice

import (
	"bytes"
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"net/url"
	"slices"
	"time"

	"github.com/google/uuid"

	"github.com/gatehouse-id/gatehouse/core/apierror"
	"github.com/gatehouse-id/gatehouse/core/flow"
	"github.com/gatehouse-id/gatehouse/core/identity"
	"github.com/gatehouse-id/gatehouse/core/session"
	"github.com/gatehouse-id/gatehouse/core/ui"
)

// TripLife is how long a browser may be at another site.
const TripLife = 30 * time.Minute

// maxTrips bounds the trips of one flow: somebody who goes back and chooses another site
// can finish either of them.
const maxTrips = 4

// tripsNote is where a flow keeps its trips.
const tripsNote identity.CredentialType = "trips"

// trip is a departure as the flow remembers it. Finding it takes the state, and the
// browser that was sent.
type trip struct {
	Method  identity.CredentialType `json:"m"`
	Site    string                  `json:"s"`
	State   []byte                  `json:"t"`           // its hash
	Browser []byte                  `json:"b,omitempty"` // hash of what only the browser knows; an app has none
	Luggage []byte                  `json:"l,omitempty"`
	Until   time.Time               `json:"u"`
	Fields  map[string]any          `json:"f,omitempty"` // of the submission
	Payload json.RawMessage         `json:"p,omitempty"`
}

// maxKept bounds what of a submission goes on a trip.
const maxKept = 64 << 10

// DepartError says that the browser has to go to another site first.
type DepartError struct {
	API *apierror.Error
	// Continuity is what the browser has to keep, so that only it can come back; "" for apps.
	Continuity string
}

func (e *DepartError) Error() string { return e.API.Error() }

// Unwrap lets errors.As find the API error.
func (e *DepartError) Unwrap() error { return e.API }

// ErrState refuses a browser that comes back from where it was not sent, or not any more.
var ErrState = apierror.BadRequest("This sign-in was begun in another browser, is finished already, or took too long. Please start again.")

const stateRandom = 24 // bytes

// newState makes a state for a flow. The flow's id in it is how the flow is found again.
func newState(flowID string) string {
	id := uuid.MustParse(flowID) // made by us
	state := append(id[:], make([]byte, stateRandom)...)
	rand.Read(state[len(id):])
	return base64.RawURLEncoding.EncodeToString(state)
}

// FlowOfState finds the id of the flow that a state was made for; "" when it is none.
func FlowOfState(state string) string {
	raw, err := base64.RawURLEncoding.Strict().DecodeString(state)
	if err != nil || len(raw) != len(uuid.UUID{})+stateRandom {
		return ""
	}
	return uuid.UUID(raw[:len(uuid.UUID{})]).String()
}

// KindOf tells the kind of flow that an id is of.
func (e *Engine) KindOf(id string) (flow.Kind, bool) {
	p, ok := e.Keys.ParseFlowID(id)
	if !ok {
		return "", false
	}
	for kn, k := range kinds {
		if k.code() == p.Kind {
			return kn, true
		}
	}
	return "", false
}

// depart sends the browser away when that is how the method works. It is nil when the
// submission can be answered here, which it can as well when it brings the proof along.
func (r *run) depart(ctx context.Context) error {
	m, ok := r.method.(flow.CallbackMethod)
	if !ok {
		return nil
	}
	if lm, ok := r.method.(flow.LoginMethod); ok && r.f.Kind == flow.Login && !lm.Proves(r.f.RequestedAAL) {
		return nil // the login refuses it
	}
	t := flow.Trip{State: newState(r.f.ID), Mount: r.c.Base}
	if r.f.Kind == flow.Settings && r.method.(flow.SettingsMethod).Privileged() && !r.privileged() {
		return r.pause()
	}
	if done, err := r.present(ctx); done {
		return err
	}
	d, err := m.Depart(ctx, r.f.Flow, r.sub, t)
	switch {
	case errors.Is(err, flow.ErrNotResponsible):
		r.f.Active = r.method.Name()
		r.f.Messages = append(r.f.Messages, r.k.noMethod())
		return errRejected
	case err != nil:
		return r.refuse(err)
	case d == nil:
		return nil
	case r.f.Kind == flow.Settings && r.f.Type == flow.API:
		return r.refuse(apierror.BadRequest("Only a browser can link an account. Start a settings flow of type \"browser\"."))
	}
	return r.leave(ctx, d, t)
}

// present takes the proof that a submission hands in, and tells whether there is one.
func (r *run) present(ctx context.Context) (bool, error) {
	m, ok := r.method.(flow.PresentedMethod)
	if !ok {
		return false, nil
	}
	proof, err := m.Present(ctx, r.f.Flow, r.sub)
	if err != nil {
		return true, r.refuse(err)
	}
	if proof == nil {
		return false, nil
	}
	return true, r.take(ctx, proof)
}

// refuse shows a bad request in the flow; other errors pass.
func (r *run) refuse(err error) error {
	var ae *apierror.Error
	if !errors.As(err, &ae) || ae.Kind != apierror.KindBadRequest {
		return err
	}
	r.f.Active = r.method.Name()
	r.f.Messages = append(r.f.Messages, ui.Invalid(ae.Reason))
	return errRejected
}

// leave remembers the trip and says where it goes.
func (r *run) leave(ctx context.Context, d *flow.Departure, t flow.Trip) error {
	state := sha256.Sum256([]byte(t.State))
	kept := trip{
		Method: r.method.Name(), Site: d.Site, State: state[:], Luggage: d.Luggage, Until: r.e.now().Add(TripLife),
		Fields: maps.Clone(r.sub.Fields), Payload: r.sub.TransientPayload,
	}
	maps.DeleteFunc(kept.Fields, func(name string, _ any) bool { return name == "csrf_token" || name == "transient_payload" })
	e := &DepartError{API: apierror.BrowserLocationChange(d.To)}
	if r.f.Type == flow.Browser {
		browser := sha256.Sum256([]byte(r.c.Continuity))
		kept.Browser, e.Continuity = browser[:], r.c.Continuity
	}
	if raw, err := json.Marshal(kept); err != nil || len(raw) > maxKept {
		return r.refuse(apierror.BadRequest("The form holds too much to be kept. Please shorten it."))
	}
	err := r.changeTrips(ctx, func(all []trip) []trip {
		all = append(all, kept)
		return all[max(0, len(all)-maxTrips):]
	})
	if err != nil {
		return err
	}
	return e
}

// changeTrips stores the flow with other trips. When the flow was saved meanwhile, by
// another tab, the change is made to what is there now.
func (r *run) changeTrips(ctx context.Context, change func([]trip) []trip) error {
	for range commitAttempts {
		note, err := json.Marshal(change(r.trips()))
		if err != nil {
			return fmt.Errorf("encoding the trips of flow %s: %w", r.f.ID, err)
		}
		r.f.Note(tripsNote, note)
		rec := r.f.record()
		err = r.e.Flows.Commit(ctx, &flow.Changes{Flow: rec})
		if err == nil {
			r.f.Revision = rec.Revision
			return nil
		}
		if !errors.Is(err, flow.ErrChanged) {
			return fmt.Errorf("storing flow %s: %w", r.f.ID, err)
		}
		now, err := r.e.Flows.Flow(ctx, r.f.ID)
		switch {
		case errors.Is(err, flow.ErrNotFound) || err == nil && now.Completed:
			return ErrState
		case err != nil:
			return fmt.Errorf("reading flow %s again: %w", r.f.ID, err)
		}
		r.f.Notes = nil
		r.f.fromRecord(now)
		r.f.ClearMessages()
	}
	return fmt.Errorf("storing flow %s: %w", r.f.ID, flow.ErrChanged)
}

// trips are those that the flow remembers.
func (r *run) trips() []trip {
	var all []trip
	d := json.NewDecoder(bytes.NewReader(r.f.Notes[tripsNote]))
	d.UseNumber()
	if d.Decode(&all) != nil {
		return nil
	}
	return all
}

// Arrival is what a browser brings back from another site.
type Arrival struct {
	Method identity.CredentialType
	Site   string // as in the path it came to
	State  string
	Answer url.Values
}

// Return goes on with a flow whose browser was sent to another site. It passes the phases
// of Submit; the trip takes the place of the CSRF check. Errors as those of Submit, and ErrState.
func (e *Engine) Return(ctx context.Context, a Arrival, c *Client) (*Result, error) {
	id := FlowOfState(a.State)
	kn, ok := e.KindOf(id)
	if !ok {
		return nil, ErrState
	}
	if e.IsAPI(id) {
		// The flow is an app's. Who is signed in to the browser that it has opened doesn't matter.
		apps := *c
		apps.Facts, apps.Token = nil, ""
		c = &apps
	}
	r := &run{e: e, k: kinds[kn], c: c}
	var err error
	if r.f, err = e.load(ctx, kn, id, c); err != nil {
		return nil, err
	}
	if err := r.k.readmit(r.f.Flow, c); err != nil {
		return nil, err
	}
	switch {
	case !r.f.owned:
		return nil, ErrState
	case r.f.Completed || r.f.Expired(e.now()):
		return nil, e.replace(ctx, r.f, c)
	}
	r.f.ClearMessages()
	if err := r.arrive(ctx, a); err != nil {
		return r.settle(ctx, err)
	}
	return &r.result, nil
}

// arrive uses the trip up, lets the method find out what the browser brings, and
// completes the flow.
func (r *run) arrive(ctx context.Context, a Arrival) error {
	m, ok := r.e.method(r.k, string(a.Method)).(flow.CallbackMethod)
	if !ok || !m.Enabled() {
		return apierror.NotFound("The method is not available.")
	}
	r.method = m
	t, err := r.takeBack(ctx, a)
	if err != nil {
		return err
	}
	proof, err := m.Arrive(ctx, flow.Departure{Site: t.Site, Luggage: t.Luggage}, flow.Trip{State: a.State, Mount: r.c.Base}, a.Answer)
	if err != nil {
		return r.refuse(err)
	}
	r.sub, r.returned = flow.Submission{Method: string(a.Method), Fields: t.Fields, TransientPayload: t.Payload}, true
	if err := r.take(ctx, proof); err != nil {
		return err
	}
	return r.k.complete(ctx, r)
}

// takeBack finds the trip that a browser comes back from, and takes it out of the flow
// before anything else happens: a second return finds none.
func (r *run) takeBack(ctx context.Context, a Arrival) (*trip, error) {
	state, browser := sha256.Sum256([]byte(a.State)), sha256.Sum256([]byte(r.c.Continuity))
	var found *trip
	fits := func(t trip) bool {
		return t.Method == a.Method && t.Site == a.Site && bytes.Equal(t.State, state[:]) && r.e.now().Before(t.Until) &&
			(r.f.Type == flow.API || r.c.Continuity != "" && bytes.Equal(t.Browser, browser[:]))
	}
	if !slices.ContainsFunc(r.trips(), fits) {
		return nil, ErrState
	}
	err := r.changeTrips(ctx, func(all []trip) []trip {
		found = nil
		if n := slices.IndexFunc(all, fits); n >= 0 {
			t := all[n]
			found = &t
			all = slices.Delete(all, n, n+1)
		}
		return all
	})
	if err == nil && found == nil {
		err = ErrState
	}
	if err != nil {
		return nil, err
	}
	return found, nil
}

// chooseKind makes a registration of a login by somebody who has no identity yet, and a
// login of a registration by somebody who has one: people don't remember which it was.
func (r *run) chooseKind(ctx context.Context) error {
	if r.f.Kind == flow.Settings {
		return nil
	}
	_, err := r.e.Identities.ByIdentifier(ctx, r.method.Name(), r.sub.Proof.Identifier)
	known := err == nil
	if err != nil && !errors.Is(err, identity.ErrNotFound) {
		return fmt.Errorf("looking for the identity of an account: %w", err)
	}
	open := kinds[flow.Registration].settings(r.e.Config()).enabled
	switch {
	case r.f.Kind == flow.Registration && known:
		r.become(flow.Login)
	case r.f.Kind == flow.Login && !known && open && !r.c.signedIn():
		r.become(flow.Registration)
	}
	return nil
}

// completes is the flow that this run completes.
func (r *run) completes() *loaded {
	if r.begun != nil {
		return r.begun
	}
	return r.f
}

// become goes on as a flow of another kind. The flow that was begun is what is completed.
func (r *run) become(kn flow.Kind) {
	next := &loaded{
		Flow: r.e.newFlow(kn, r.f.Type, options{aal: session.AAL1}, r.c, nil), owned: true, keys: r.e.Keys,
	}
	next.RequestURL, next.ReturnTo = r.f.RequestURL, r.f.ReturnTo
	r.begun, r.f, r.k = r.f, next, kinds[kn]
}

// merge lays what the person entered over what another site says.
func merge(base, over map[string]any) map[string]any {
	out := maps.Clone(base)
	if out == nil {
		out = map[string]any{}
	}
	for k, v := range over {
		below, both := out[k].(map[string]any)
		if m, ok := v.(map[string]any); ok && both {
			v = merge(below, m)
		}
		out[k] = v
	}
	return out
}
