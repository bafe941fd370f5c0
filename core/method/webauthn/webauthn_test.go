package webauthn

import (
	"encoding/hex"
	"log/slog"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/gatehouse-id/gatehouse/core/ceremony"
	"github.com/gatehouse-id/gatehouse/core/flow"
	"github.com/gatehouse-id/gatehouse/core/identity"
	"github.com/gatehouse-id/gatehouse/core/secret"
	"github.com/gatehouse-id/gatehouse/core/session"
	"github.com/gatehouse-id/gatehouse/core/ui"
	"github.com/gatehouse-id/gatehouse/internal/softkey"
)

const site = "https://id.example.org"

// desk is somebody at a browser of the site, with a security key.
type desk struct {
	*testing.T
	*Method
	device       *softkey.Device
	ada          *identity.Identity
	passwordless bool
	waysIn       int
}

func newDesk(t *testing.T) *desk {
	t.Helper()
	p, err := ceremony.NewParty(ceremony.Settings{Site: site}, secret.RandomKeys())
	if err != nil {
		t.Fatal(err)
	}
	d := &desk{T: t, device: softkey.New(site), ada: identity.New("default", time.Now()), waysIn: 2}
	d.Method = &Method{
		Party: p, Passwordless: func() bool { return d.passwordless }, WaysIn: func(*identity.Identity) int { return d.waysIn },
		Account: func(*identity.Identity) string { return "ada@example.org" }, Logger: slog.New(slog.DiscardHandler), Now: time.Now,
	}
	return d
}

func (d *desk) settings() *flow.Flow {
	return &flow.Flow{ID: "f1", Kind: flow.Settings, Type: flow.Browser, Identity: d.ada}
}

func (d *desk) change(f *flow.Flow, fields map[string]any) flow.Outcome {
	d.Helper()
	out, err := d.ChangeSettings(d.Context(), f, flow.Submission{Fields: fields}, d.ada)
	if err != nil {
		d.Fatal(err)
	}
	return out
}

// add makes a key in a settings flow and returns its id as forms have it.
func (d *desk) add(f *flow.Flow, name string) (flow.Outcome, string) {
	d.Helper()
	options, err := d.Party.Creation(binding(f), d.userOf(d.ada, every))
	if err != nil {
		d.Fatal(err)
	}
	d.device.Keys = nil // another device each time
	answer, err := d.device.Create(string(options))
	if err != nil {
		d.Fatal(err)
	}
	return d.change(f, map[string]any{fieldRegister: answer.String(), fieldName: name}), hex.EncodeToString(d.device.Keys[0].ID)
}

func (d *desk) offers(node string) bool {
	d.Helper()
	return slices.ContainsFunc(d.SettingsForm(d.settings()), func(n *ui.Node) bool { return n.ID() == node })
}

func (d *desk) keys() []identity.Key { return d.ada.KeyConfig(identity.WebAuthn).Keys }

// TestKeysStayWhatTheyWereMadeAs: a second factor doesn't become a way in when the
// configuration changes, nor the other way round.
func TestKeysStayWhatTheyWereMadeAs(t *testing.T) {
	d := newDesk(t)
	if out, _ := d.add(d.settings(), "factor"); out.AMR.AAL != session.AAL2 {
		t.Errorf("who has just used a key as second factor: got %q, want aal2", out.AMR.AAL)
	}
	d.passwordless = true
	if out, _ := d.add(d.settings(), "way in"); out.AMR.Method != "" {
		t.Errorf("a way in lifts the session to %q", out.AMR.AAL)
	}
	for level, want := range map[session.AAL]string{session.AAL2: "factor", session.AAL1: "way in"} {
		u := d.userOf(d.ada, proving(level))
		if len(u.Keys) != 1 || u.Keys[0].DisplayName != want {
			t.Errorf("%s is proven by %v, want the %s", level, u.Keys, want)
		}
	}
	if !d.Proves(session.AAL1) || !d.Proves(session.AAL2) || !d.Serves(flow.Registration) {
		t.Error("keys that sign in alone serve everywhere")
	}
	if d.passwordless = false; d.Proves(session.AAL1) || d.Serves(flow.Registration) {
		t.Error("keys beside a password sign nobody in or up")
	}
}

func TestKeysNeedNames(t *testing.T) {
	for _, name := range []string{"", strings.Repeat("k", identity.MaxKeyName+1)} {
		d := newDesk(t)
		f := d.settings()
		if out, _ := d.add(f, name); !out.Rejected || len(f.FieldMessages[fieldName]) != 1 || len(d.keys()) != 0 {
			t.Errorf("%.10q: got %+v, messages %v", name, out, f.FieldMessages)
		}
	}
}

func TestThereAreAFewKeys(t *testing.T) {
	d := newDesk(t)
	for range identity.MaxKeys {
		d.add(d.settings(), "one of many")
	}
	if out, _ := d.add(d.settings(), "one more"); !out.Rejected || len(d.keys()) != identity.MaxKeys {
		t.Errorf("there are %d keys, want %d", len(d.keys()), identity.MaxKeys)
	}
	if d.offers(registerTrigger) {
		t.Error("the form offers another one")
	}
}

// TestTheLastWayInStays: a second factor may go at any time, the last way in may not.
func TestTheLastWayInStays(t *testing.T) {
	for name, tt := range map[string]struct {
		passwordless bool
		waysIn       int
		stays        bool
	}{
		"second factor":         {false, 1, false},
		"the only way in":       {true, 1, true},
		"one of several ways":   {true, 2, false},
		"a factor, no other in": {false, 0, false},
	} {
		d := newDesk(t)
		d.passwordless, d.waysIn = tt.passwordless, tt.waysIn
		_, id := d.add(d.settings(), "k")
		if d.offers(fieldRemove) == tt.stays {
			t.Errorf("%s: there is a button: %v", name, !tt.stays)
		}
		if out := d.change(d.settings(), map[string]any{fieldRemove: id}); out.Rejected != tt.stays || len(d.keys()) == 1 != tt.stays {
			t.Errorf("%s: got %+v, %d keys", name, out, len(d.keys()))
		}
	}
}

func TestRemovingWhatIsNotThere(t *testing.T) {
	d := newDesk(t)
	_, gone := d.add(d.settings(), "k")
	d.change(d.settings(), map[string]any{fieldRemove: gone})
	d.add(d.settings(), "l")
	for _, id := range []string{gone, "00ff", "no hex", strings.Repeat("0", 1<<16)} {
		f := d.settings()
		if out := d.change(f, map[string]any{fieldRemove: id}); !out.Rejected || len(f.Messages) != 1 || len(d.keys()) != 1 {
			t.Errorf("%.10q: got %+v, messages %v", id, out, f.Messages)
		}
	}
}

// TestAnAnswerMakesOneKey: it is for the flow and the challenge that it answers.
func TestAnAnswerMakesOneKey(t *testing.T) {
	d := newDesk(t)
	f := d.settings()
	options, err := d.Party.Creation(binding(f), d.userOf(d.ada, every))
	if err != nil {
		t.Fatal(err)
	}
	answer, err := d.device.Create(string(options))
	if err != nil {
		t.Fatal(err)
	}
	fields := map[string]any{fieldRegister: answer.String(), fieldName: "k"}
	foreign := d.settings()
	foreign.ID = "f2"
	if out := d.change(foreign, fields); !out.Rejected {
		t.Error("an answer counts in another flow")
	}
	if out := d.change(f, fields); out.Rejected {
		t.Error("the answer was refused")
	}
	if out := d.change(f, fields); !out.Rejected || len(d.keys()) != 1 {
		t.Errorf("the answer came again: got %+v, %d keys", out, len(d.keys()))
	}
}
