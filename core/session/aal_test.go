package session_test

import (
	"testing"
	"time"

	"github.com/gatehouse-id/gatehouse/core/identity"
	"github.com/gatehouse-id/gatehouse/core/session"
)

func factor(method string, level session.AAL) session.AuthenticationMethod {
	return session.AuthenticationMethod{Method: method, AAL: level}
}

func TestLevelIsMadeOfDifferentFactors(t *testing.T) {
	password, app, code := factor("password", session.AAL1), factor("totp", session.AAL2), factor("lookup_secret", session.AAL2)
	for _, tt := range []struct {
		methods []session.AuthenticationMethod
		want    session.AAL
	}{
		{nil, session.AAL0},
		{[]session.AuthenticationMethod{password}, session.AAL1},
		{[]session.AuthenticationMethod{password, password}, session.AAL1},
		{[]session.AuthenticationMethod{password, app}, session.AAL2},
		{[]session.AuthenticationMethod{factor("oidc", session.AAL1), code}, session.AAL2},
		{[]session.AuthenticationMethod{factor("link_recovery", session.AAL1)}, session.AAL1},
		{[]session.AuthenticationMethod{app, code}, session.AAL0},
	} {
		s := session.Session{Methods: tt.methods}
		if got := s.AAL(); got != tt.want {
			t.Errorf("%v: got %s, want %s", tt.methods, got, tt.want)
		}
	}
}

// TestLongHistoryKeepsItsLevel: what a session remembers is bounded, and the password of
// years ago is still a part of it.
func TestLongHistoryKeepsItsLevel(t *testing.T) {
	now := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	s := session.New("i1", "token", factor("password", session.AAL1), now, time.Hour)
	s.AddFactor(factor("totp", session.AAL2))
	for range 200 {
		s.Renew(factor("totp", session.AAL2), now, time.Hour)
	}
	if s.AAL() != session.AAL2 || len(s.Methods) > 50 {
		t.Errorf("got %s of %d factors, want aal2 of 50 at most", s.AAL(), len(s.Methods))
	}
}

func TestAddingAFactorProlongsNothing(t *testing.T) {
	now := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	s := session.New("i1", "token", factor("password", session.AAL1), now, time.Hour)
	before := *s
	s.AddFactor(factor("totp", session.AAL2))
	if s.AuthenticatedAt != before.AuthenticatedAt || s.ExpiresAt != before.ExpiresAt || len(before.Methods) != 1 {
		t.Errorf("got %+v, was %+v", s, before)
	}
}

func TestSameFactors(t *testing.T) {
	now := time.Now()
	a := identity.New("default", now)
	b := a.Clone()
	b.SetPassword("hash", now)
	if !session.SameFactors(a, b) {
		t.Error("a password is no second factor")
	}
	b.SetCredential(identity.TOTP, nil, []byte(`{}`), now)
	if session.SameFactors(a, b) || session.SameFactors(b, a) {
		t.Error("an app that was added or removed makes a difference")
	}
}
