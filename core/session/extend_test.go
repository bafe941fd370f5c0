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
	for _, tt := range []struct {
		s        *session.Session
		i        *identity.Identity
		required string
		want     bool
	}{
		{&session.Session{}, plain, "aal1", false},
		{&first, plain, session.HighestAvailable, true},
		{&first, enrolled, session.HighestAvailable, false},
		{&first, enrolled, "aal1", true},
		{&both, enrolled, session.HighestAvailable, true},
	} {
		if got := tt.s.Reaches(tt.required, tt.i); got != tt.want {
			t.Errorf("%s of %s, %s: got %v, want %v", tt.s.AAL(), session.Available(tt.i), tt.required, got, tt.want)
		}
	}
}
