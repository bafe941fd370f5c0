package session_test

import (
	"testing"
	"time"

	"github.com/gatehouse-id/gatehouse/core/identity"
	"github.com/gatehouse-id/gatehouse/core/session"
)

func TestExtendableOnlyNearTheEnd(t *testing.T) {
	start := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	end := start.Add(24 * time.Hour)
	for _, tt := range []struct {
		now      time.Time
		earliest time.Duration
		granted  bool
		want     bool
	}{
		{start, 0, true, true},
		{start, time.Hour, true, false},
		{end.Add(-time.Hour), time.Hour, true, true},
		{end.Add(-time.Minute), time.Hour, false, false},
		{end, time.Hour, true, false},
	} {
		s := session.Session{ExpiresAt: end, Granted: tt.granted}
		if got := s.Extendable(tt.now, tt.earliest); got != tt.want {
			t.Errorf("at %v, earliest %v, granted %v: got %v, want %v", tt.now, tt.earliest, tt.granted, got, tt.want)
		}
	}
}

func TestExtendNeverShortens(t *testing.T) {
	start := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	s := session.Session{ExpiresAt: start.Add(24 * time.Hour)}
	if s.Extend(start, time.Hour); !s.ExpiresAt.Equal(start.Add(24 * time.Hour)) {
		t.Errorf("the session now ends at %v", s.ExpiresAt)
	}
	if s.Extend(start, 48*time.Hour); !s.ExpiresAt.Equal(start.Add(48 * time.Hour)) {
		t.Errorf("the session ends at %v", s.ExpiresAt)
	}
}

func TestReaches(t *testing.T) {
	first := session.Session{Methods: []session.AuthenticationMethod{{Method: "password", AAL: session.AAL1}}}
	both := session.Session{Methods: append(first.Methods, session.AuthenticationMethod{Method: "totp", AAL: session.AAL2})}
	plain := &identity.Identity{}
	enrolled := &identity.Identity{Credentials: map[identity.CredentialType]identity.Credential{
		identity.TOTP: {Type: identity.TOTP, Config: []byte(`{}`)},
	}}
	reachable := &identity.Identity{Credentials: map[identity.CredentialType]identity.Credential{
		identity.Code: {Type: identity.Code, Identifiers: []string{"ada@example.org"}},
	}}
	const set = session.FactorTOTP | session.FactorLookup
	by := func(methods ...string) *session.Session {
		s := &session.Session{}
		for _, m := range methods {
			s.Methods = append(s.Methods, session.AuthenticationMethod{Method: m, AAL: session.AAL1})
		}
		return s
	}
	for _, tt := range []struct {
		s        *session.Session
		i        *identity.Identity
		required string
		on       session.Factors
		want     bool
	}{
		{&session.Session{}, plain, "aal1", set, false},
		{&first, plain, session.HighestAvailable, set, true},
		{&first, plain, session.HighestAvailable, set | session.FactorCode, true},
		{&first, enrolled, session.HighestAvailable, set, false},
		{&first, enrolled, "aal1", set, true},
		{&both, enrolled, session.HighestAvailable, set, true},
		{&both, reachable, session.HighestAvailable, set | session.FactorCode, true},
		{&first, reachable, session.HighestAvailable, set, true},
		{&first, reachable, session.HighestAvailable, set | session.FactorCode, false},
		{&first, reachable, "aal1", set | session.FactorCode, true},
		// The same mailbox twice is one factor.
		{by("code"), reachable, session.HighestAvailable, set | session.FactorCode, true},
		{by("code_recovery"), reachable, session.HighestAvailable, set | session.FactorCode, true},
		{by("link_recovery", "code"), reachable, session.HighestAvailable, set | session.FactorCode, true},
		{by("code", "password"), reachable, session.HighestAvailable, set | session.FactorCode, false},
		{by("code"), enrolled, session.HighestAvailable, set | session.FactorCode, false},
		// What is switched off can't be shown.
		{&first, enrolled, session.HighestAvailable, session.FactorLookup | session.FactorWebAuthn, true},
	} {
		if got := tt.s.Reaches(tt.required, tt.i, tt.on); got != tt.want {
			t.Errorf("%s of %s by %v, %s, %03b: got %v, want %v", tt.s.AAL(), tt.s.Available(tt.i, tt.on), tt.s.Methods, tt.required, tt.on, got, tt.want)
		}
	}
}
