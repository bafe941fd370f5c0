package abi

import (
	"strings"
	"testing"
)

// TestEventsHaveTheirExports: the name of an export is the event's with underscores, so authors need no table.
func TestEventsHaveTheirExports(t *testing.T) {
	for _, e := range Events() {
		if want := "on_" + strings.ReplaceAll(string(e), ".", "_"); e.Export() != want {
			t.Errorf("%s: got %q, want %q", e, e.Export(), want)
		}
		if !e.Known() || !e.Allows(Continue) {
			t.Errorf("%s: every event is known and can be let go on", e)
		}
	}
	if unknown := Event("login.never"); unknown.Known() || unknown.Export() != "" || unknown.Allows(Continue) || unknown.Decides() {
		t.Error("an unknown event allows something")
	}
}

func TestOnlyEventsBeforeTheFactDecide(t *testing.T) {
	for _, e := range Events() {
		if want := !strings.HasSuffix(string(e), ".post_persist"); e.Decides() != want {
			t.Errorf("%s decides: %v, want %v", e, e.Decides(), want)
		}
		if want := strings.HasSuffix(string(e), ".pre_persist") || e == OIDCClaims; e.ChangesIdentity() != want {
			t.Errorf("%s changes the identity: %v, want %v", e, e.ChangesIdentity(), want)
		}
	}
}
