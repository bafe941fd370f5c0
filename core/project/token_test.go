package project_test

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/gatehouse-id/gatehouse/core/project"
)

var now = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

func TestTokenIsKeptAsAHash(t *testing.T) {
	presented, token, err := project.NewToken(" deploy ", []project.Scope{project.Admin}, now, now.Add(time.Hour))
	if err != nil {
		t.Fatal(err)
	}
	stored, err := json.Marshal(token)
	if err != nil {
		t.Fatal(err)
	}
	if !strings.HasPrefix(presented, "ory_pat_") || strings.Contains(string(stored), strings.TrimPrefix(presented, "ory_pat_")) || token.Name != "deploy" {
		t.Errorf("made %q, stored %s", presented, stored)
	}
	h, err := project.HashOf(presented)
	if err != nil || !token.Opens(h, now) || token.Opens(project.Hash{}, now) || token.Opens(h, now.Add(time.Hour)) {
		t.Errorf("token %+v opens by another hash, too long or not at all (%v)", token, err)
	}
}

func TestTokensThatMakeNoSenseAreRefused(t *testing.T) {
	admin := []project.Scope{project.Admin}
	for name, test := range map[string]struct {
		name    string
		scopes  []project.Scope
		expires time.Time
		want    string
	}{
		"no name":         {"  ", admin, time.Time{}, "name of a token"},
		"endless name":    {strings.Repeat("x", 101), admin, time.Time{}, "name of a token"},
		"terminal tricks": {"a\x1b[2J", admin, time.Time{}, "name of a token"},
		"no scope":        {"a", nil, time.Time{}, "1 to 32 scopes"},
		"many scopes":     {"a", make([]project.Scope, 33), time.Time{}, "1 to 32 scopes"},
		"unknown area":    {"a", []project.Scope{"identity:read"}, time.Time{}, `"identity:read" is no scope: use admin, or one of courier, identities`},
		"unknown access":  {"a", []project.Scope{"identities:delete"}, time.Time{}, "with :read or :write"},
		"long scope":      {"a", []project.Scope{project.Scope(strings.Repeat("é", 1000))}, time.Time{}, "…"},
		"over already":    {"a", admin, now, "expired already"},
	} {
		t.Run(name, func(t *testing.T) {
			made, _, err := project.NewToken(test.name, test.scopes, now, test.expires)
			if err == nil || !strings.Contains(err.Error(), test.want) || made != "" || len(err.Error()) > 300 {
				t.Errorf("got %q %v, want an error with %q", made, err, test.want)
			}
		})
	}
}

func TestScopesOpenTheirAreaOnly(t *testing.T) {
	for _, test := range []struct {
		has, needed project.Scope
		want        bool
	}{
		{"admin", "identities:write", true},
		{"identities:read", "identities:read", true},
		{"identities:read", "identities:write", false},
		{"identities:write", "identities:read", true},
		{"identities:write", "identities:write", true},
		{"identities:write", "sessions:read", false},
		{"identities:write", "admin", false},
		{"identities", "identities:read", false},
		{":write", "identities:read", false},
	} {
		token := &project.Token{Scopes: []project.Scope{"courier:read", test.has}}
		if got := token.Allows(test.needed); got != test.want {
			t.Errorf("%s for %s: got %t", test.has, test.needed, got)
		}
	}
}

// FuzzHashOf sends whatever could stand behind "Bearer ".
func FuzzHashOf(f *testing.F) {
	presented, _, err := project.NewToken("seed", []project.Scope{project.Admin}, now, time.Time{})
	if err != nil {
		f.Fatal(err)
	}
	for _, seed := range []string{presented, presented[:39], presented + "A", strings.ToUpper(presented), "ory_st_" + presented[8:], "", "ory_pat_" + strings.Repeat("\x00", 32)} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		h, err := project.HashOf(text)
		if errors.Is(err, project.ErrNotFound) {
			return
		}
		if err != nil || len(text) != 40 || !strings.HasPrefix(text, "ory_pat_") || h == (project.Hash{}) {
			t.Errorf("%q: got %v %v", text, h, err)
		}
	})
}
