package selfservice_test

import (
	"errors"
	"testing"

	"golang.org/x/crypto/bcrypt"

	"github.com/gatehouse-id/gatehouse/core/apierror"
	"github.com/gatehouse-id/gatehouse/core/flow"
	"github.com/gatehouse-id/gatehouse/core/identity"
	"github.com/gatehouse-id/gatehouse/core/ui"
	"github.com/gatehouse-id/gatehouse/internal/testenv"
)

// rejection is what another submission of the flow saves.
func (s *stage) rejection(id string) error {
	real := s.Flows.(*commits).Store
	rec, err := real.Flow(s.t.Context(), id)
	if errors.Is(err, flow.ErrNotFound) {
		rec, err = &flow.Record{ID: id, ExpiresAt: s.Env.Now().Add(lifespan)}, nil
	}
	if err != nil {
		return err
	}
	rec.Messages = []ui.Message{ui.MsgCredentialsInvalid.Message()}
	return real.Commit(s.t.Context(), &flow.Changes{Flow: rec})
}

func TestARejectionMeanwhileIsRetried(t *testing.T) {
	s := newStage(t)
	c := s.app()
	f := s.start(flow.Registration, c, "")
	left := 3
	s.beforeCommit(func(*flow.Changes) error {
		if left--; left < 0 {
			return nil
		}
		return s.rejection(f.ID)
	})
	res, err := s.submit(f, c, account("ann@example.org"))
	if err != nil || res.Identity == nil {
		t.Errorf("%+v %v", res, err)
	}
}

func TestRetriesAreBounded(t *testing.T) {
	s := newStage(t)
	c := s.app()
	f := s.start(flow.Registration, c, "")
	tries := 0
	s.beforeCommit(func(*flow.Changes) error {
		tries++
		return s.rejection(f.ID)
	})
	if _, err := s.submit(f, c, account("ann@example.org")); !errors.Is(err, flow.ErrChanged) || tries > 10 {
		t.Errorf("got %v after %d tries", err, tries)
	}
}

func TestACompletionMeanwhileWins(t *testing.T) {
	s := newStage(t)
	c := s.app()
	f := s.start(flow.Registration, c, "")
	first := true
	s.beforeCommit(func(*flow.Changes) error {
		if !first {
			return nil
		}
		first = false
		return s.Flows.(*commits).Store.Commit(t.Context(), &flow.Changes{Flow: &flow.Record{ID: f.ID, Completed: true, ExpiresAt: f.ExpiresAt}})
	})
	_, err := s.submit(f, c, account("ann@example.org"))
	wantExpired(t, err)
	if _, err := s.Identities.ByIdentifier(t.Context(), identity.Password, "ann@example.org"); !errors.Is(err, identity.ErrNotFound) {
		t.Errorf("the loser's account: %v", err)
	}
}

// TestRehashThatLosesItsRace: a change of the identity by somebody else must not keep
// its owner out, and the hash is replaced all the same.
func TestRehashThatLosesItsRace(t *testing.T) {
	s := newStage(t)
	old, err := bcrypt.GenerateFromPassword([]byte(testenv.Password), 5)
	if err != nil {
		t.Fatal(err)
	}
	s.Env.App().PostJSON(s.Admin+"/admin/identities", map[string]any{
		"schema_id": "default", "traits": map[string]any{"email": "old@example.org"},
		"credentials": map[string]any{"password": map[string]any{"config": map[string]any{"hashed_password": string(old)}}},
	})
	rehashes := 0
	s.beforeCommit(func(c *flow.Changes) error {
		if c.UpdateIdentity != nil {
			if rehashes++; rehashes == 1 {
				return identity.ErrChanged
			}
		}
		return nil
	})
	c := s.app()
	res, err := s.submit(s.start(flow.Login, c, ""), c, credentials("old@example.org", testenv.Password))
	if err != nil || res.Session == nil || rehashes != 2 {
		t.Errorf("%+v %v after %d rehashes", res, err, rehashes)
	}
	i, err := s.Identities.ByIdentifier(t.Context(), identity.Password, "old@example.org")
	if err != nil || i.PasswordHash() == string(old) {
		t.Errorf("the hash is still the old one: %v", err)
	}
}

// meddle changes the identity of an address as somebody else does, once, between the
// check of a password and the commit of what came of it.
func (s *stage) meddle(email string, change func(i *identity.Identity)) {
	done := false
	s.beforeCommit(func(c *flow.Changes) error {
		if done || c.CreateSession == nil && c.UpdateSession == nil {
			return nil
		}
		done = true
		i, err := s.Identities.ByIdentifier(s.t.Context(), identity.Password, email)
		if err != nil {
			return err
		}
		change(i)
		return s.Identities.Update(s.t.Context(), i)
	})
}

// TestAPasswordThatIsReplacedMeanwhile signs nobody in: whoever changes a password
// because others know it must not find them signed in afterwards.
func TestAPasswordThatIsReplacedMeanwhile(t *testing.T) {
	for _, query := range []string{"", "refresh=true"} {
		s := newStage(t)
		c := s.signedIn("ann@example.org")
		if query == "" {
			c = s.app()
		}
		f := s.start(flow.Login, c, query)
		s.meddle("ann@example.org", func(i *identity.Identity) {
			i.SetPassword("$2a$04$C6UzMDM.H6dfI/f/IKcEeO7ZGZ4rYhKZGVbSdFQ2wPZgTgSnFtoGa", s.Env.Now())
		})
		res, err := s.submit(f, c, credentials("ann@example.org", testenv.Password))
		wantRejected(t, res, err, ui.MsgCredentialsInvalid)
	}
}

// TestOtherChangesMeanwhileKeepNobodyOut: neither metadata nor a verified address say
// anything about the password.
func TestOtherChangesMeanwhileKeepNobodyOut(t *testing.T) {
	s := newStage(t)
	s.signedIn("ann@example.org")
	c := s.app()
	f := s.start(flow.Login, c, "")
	s.meddle("ann@example.org", func(i *identity.Identity) { i.MetadataAdmin = []byte(`{"note":"meanwhile"}`) })
	res, err := s.submit(f, c, credentials("ann@example.org", testenv.Password))
	if err != nil || res.Session == nil || string(res.Identity.MetadataAdmin) != `{"note":"meanwhile"}` {
		t.Errorf("%+v %v", res, err)
	}
}

// TestAnAccountThatEndsMeanwhile is one that nobody signs in to.
func TestAnAccountThatEndsMeanwhile(t *testing.T) {
	s := newStage(t)
	s.signedIn("ann@example.org")
	c := s.app()
	f := s.start(flow.Login, c, "")
	s.beforeCommit(func(c *flow.Changes) error {
		if c.CreateSession == nil {
			return nil
		}
		return s.Identities.Delete(t.Context(), c.CreateSession.IdentityID)
	})
	res, err := s.submit(f, c, credentials("ann@example.org", testenv.Password))
	wantRejected(t, res, err, ui.MsgCredentialsInvalid)
}

func TestRefreshOfARevokedSession(t *testing.T) {
	s := newStage(t)
	c := s.signedIn("ann@example.org")
	f := s.start(flow.Login, c, "refresh=true")
	s.beforeCommit(func(ch *flow.Changes) error {
		if ch.UpdateSession == nil {
			return nil
		}
		return s.Sessions.Revoke(t.Context(), c.Facts.Session.ID)
	})
	_, err := s.submit(f, c, credentials("ann@example.org", testenv.Password))
	wantAPIError(t, err, 401, apierror.IDSessionInactive)
}

// TestAStoreThatFailsIsNoExpiry: a technical failure is told as one.
func TestAStoreThatFailsIsNoExpiry(t *testing.T) {
	s := newStage(t)
	c := s.app()
	down := errors.New("no quorum")
	s.beforeCommit(func(*flow.Changes) error { return down })
	for kind, fields := range map[flow.Kind]map[string]any{flow.Registration: account("ann@example.org"), flow.Login: credentials("a@b.c", "x")} {
		if _, err := s.submit(s.start(kind, c, ""), c, fields); !errors.Is(err, down) {
			t.Errorf("%s: got %v, want the store's error", kind, err)
		}
	}
}

func TestMadeFor(t *testing.T) {
	s := newStage(t)
	mine, other := s.browser(), s.browser()
	f, native := s.start(flow.Login, mine, ""), s.start(flow.Login, s.app(), "")
	if !s.MadeFor(f.ID, mine.CSRF) || s.MadeFor(f.ID, other.CSRF) || s.MadeFor(f.ID, nil) || s.MadeFor("x", mine.CSRF) || s.MadeFor(native.ID, mine.CSRF) {
		t.Error("a flow is made for the browser that started it, and for no other")
	}
}
