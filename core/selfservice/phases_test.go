package selfservice_test

import (
	"errors"
	"net/url"
	"strings"
	"testing"

	"github.com/gatehouse-id/gatehouse/core/apierror"
	"github.com/gatehouse-id/gatehouse/core/flow"
	"github.com/gatehouse-id/gatehouse/core/schema"
	"github.com/gatehouse-id/gatehouse/core/secret"
	"github.com/gatehouse-id/gatehouse/core/selfservice"
	"github.com/gatehouse-id/gatehouse/core/ui"
	"github.com/gatehouse-id/gatehouse/internal/testenv"
)

func TestPhasesOfRegistration(t *testing.T) {
	s := newStage(t)
	c := s.browser()
	res, err := s.submit(s.start(flow.Registration, c, ""), c, account("ann@example.org"))
	if err != nil || res.Rejected {
		t.Fatalf("%+v %v", res, err)
	}
	s.wantEvents("decode", "registration.before", "registration.pre_persist", "commit", "registration.post_persist")
}

func TestPhasesOfLogin(t *testing.T) {
	s := newStage(t)
	s.Env.SignUp("ann@example.org")
	s.events = nil
	c := s.browser()
	res, err := s.submit(s.start(flow.Login, c, ""), c, credentials("ann@example.org", testenv.Password))
	if err != nil || res.Session == nil || res.Token == "" || !res.RenewCSRF {
		t.Fatalf("%+v %v", res, err)
	}
	s.wantEvents("decode", "login.before", "login.after", "commit")
}

func TestSessionRulesComeBeforeOwnership(t *testing.T) {
	s := newStage(t)
	f := s.start(flow.Registration, s.browser(), "")
	other := s.signedIn("ann@example.org")
	other.CSRF = secret.NewCSRF()
	_, err := s.submit(f, other, account("x@example.org"))
	wantAPIError(t, err, 400, apierror.IDSessionAlreadyAvailable)
	s.wantEvents()
}

// TestOwnershipComesBeforeExpiry: a stranger doesn't learn whether a flow has
// expired, and gets no flow in its place.
func TestOwnershipComesBeforeExpiry(t *testing.T) {
	s := newStage(t)
	f := s.start(flow.Login, s.browser(), "")
	s.Advance(lifespan)
	_, err := s.submit(f, s.browser(), credentials("a", "b"))
	wantAPIError(t, err, 403, apierror.IDCSRFViolation)
	s.wantEvents()
}

func TestExpiryComesBeforeDecoding(t *testing.T) {
	s := newStage(t)
	c := s.browser()
	f := s.start(flow.Login, c, "return_to="+url.QueryEscape("https://app.example/in"))
	s.Advance(lifespan)
	_, err := s.submitJunk(f, c)
	wantExpired(t, err)
	s.wantEvents("commit") // of the flow in its place
	var ex *selfservice.ExpiredError
	if errors.As(err, &ex) && (ex.Next.ID == f.ID || ex.Next.ReturnTo != "https://app.example/in") {
		t.Errorf("the next flow: %+v", ex.Next)
	}
}

// TestDecodingComesBeforeCSRF: the token is in the body.
func TestDecodingComesBeforeCSRF(t *testing.T) {
	s := newStage(t)
	c := s.browser()
	f := s.start(flow.Login, c, "")
	res, err := s.submitJunk(f, c)
	wantRejected(t, res, err, ui.MsgInvalid)
	s.wantEvents("decode") // and nothing is stored for junk
}

func TestCSRFComesBeforeTheMethod(t *testing.T) {
	s := newStage(t)
	c := s.browser()
	f := s.start(flow.Login, c, "")
	_, err := s.Submit(t.Context(), flow.Login, f.ID, c, func(*schema.Schema) (flow.Submission, error) {
		return flow.Submission{Method: "telepathy", CSRFToken: secret.MaskCSRF(secret.NewCSRF())}, nil
	})
	wantAPIError(t, err, 403, apierror.IDCSRFViolation)
	res, err := s.submit(f, c, map[string]any{"method": "telepathy"})
	wantRejected(t, res, err, ui.MsgLoginNoMethod)
}

func TestSwitchedOffMethodRunsNoHook(t *testing.T) {
	s := newStage(t)
	c := s.app()
	f := s.start(flow.Login, c, "")
	s.Env.Config.SelfService.Methods.Password.Enabled = false
	_, err := s.submit(f, c, credentials("a", "b"))
	wantAPIError(t, err, 404, "")
	s.wantEvents("decode")
}

func TestHookStopsBeforeTheMethod(t *testing.T) {
	s := newStage(t)
	s.hook = func(*flow.HookInput) (flow.Decision, error) { return flow.Decision{Denied: true}, nil }
	c := s.app()
	_, err := s.submit(s.start(flow.Login, c, ""), c, credentials("a", "b"))
	wantAPIError(t, err, 403, "")
	s.wantEvents("decode", "login.before")
}

// TestHookAfterLoginStopsTheSession: nothing is stored before the last hook agrees.
func TestHookAfterLoginStopsTheSession(t *testing.T) {
	s := newStage(t)
	s.Env.SignUp("ann@example.org")
	s.hook = func(in *flow.HookInput) (flow.Decision, error) {
		return flow.Decision{Denied: in.Point == flow.AfterLogin}, nil
	}
	s.events = nil
	c, before := s.app(), s.Env.Keys()
	_, err := s.submit(s.start(flow.Login, c, ""), c, credentials("ann@example.org", testenv.Password))
	wantAPIError(t, err, 403, "")
	s.wantEvents("decode", "login.before", "login.after")
	if after := s.Env.Keys(); after != before {
		t.Errorf("%d keys, want %d", after, before)
	}
}

// TestHookAfterTheCommitChangesNothing: the account exists, so its owner is told so.
func TestHookAfterTheCommitChangesNothing(t *testing.T) {
	s := newStage(t)
	s.hook = func(in *flow.HookInput) (flow.Decision, error) {
		if in.Point == flow.PostPersistRegistration {
			return flow.Decision{Denied: true}, errors.New("too late")
		}
		return flow.Decision{}, nil
	}
	c := s.app()
	res, err := s.submit(s.start(flow.Registration, c, ""), c, account("ann@example.org"))
	if err != nil || res.Identity == nil || res.Session != nil {
		t.Errorf("%+v %v", res, err)
	}
	if !strings.Contains(s.Log.String(), "too late") {
		t.Error("the log doesn't say why the hook failed")
	}
}
