package passkey

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

// newMethod is the method of a site where people can sign in by as many ways as waysIn says.
func newMethod(t testing.TB, waysIn int) *Method {
	t.Helper()
	p, err := ceremony.NewParty(ceremony.Settings{Site: site, Discoverable: true}, secret.RandomKeys())
	if err != nil {
		t.Fatal(err)
	}
	return &Method{
		Party: p, WaysIn: func(*identity.Identity) int { return waysIn },
		Account: func(*identity.Identity) string { return "ada@example.org" }, NameField: func() string { return "traits.email" },
		Logger: slog.New(slog.DiscardHandler), Now: time.Now,
	}
}

func settingsOf(i *identity.Identity) *flow.Flow {
	return &flow.Flow{ID: "f1", Kind: flow.Settings, Type: flow.Browser, Identity: i}
}

// add makes a passkey in a settings flow, with what else the form holds.
func add(t testing.TB, m *Method, f *flow.Flow, fields map[string]any) flow.Outcome {
	t.Helper()
	options, err := m.Party.Creation(binding(f), m.userOf(f.Identity))
	if err != nil {
		t.Fatal(err)
	}
	answer, err := softkey.New(site).Create(string(options))
	if err != nil {
		t.Fatal(err)
	}
	fields[fieldAdd] = answer.String()
	out, err := m.ChangeSettings(t.Context(), f, flow.Submission{Fields: fields}, f.Identity)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

func names(i *identity.Identity) (all []string) {
	for _, k := range i.KeyConfig(identity.Passkey).Keys {
		all = append(all, k.DisplayName)
	}
	return all
}

func TestPasskeysHaveNames(t *testing.T) {
	m, ada := newMethod(t, 2), identity.New("default", time.Now())
	for _, name := range []any{nil, "", "  The stick ", "The stick", strings.Repeat("k", identity.MaxKeyName)} {
		if out := add(t, m, settingsOf(ada), map[string]any{fieldName: name}); out.Rejected {
			t.Fatalf("%q was refused", name)
		}
	}
	want := []string{"ada@example.org", "ada@example.org (2)", "The stick", "The stick (2)", strings.Repeat("k", identity.MaxKeyName)}
	if got := names(ada); !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
	f := settingsOf(ada)
	if out := add(t, m, f, map[string]any{fieldName: strings.Repeat("k", identity.MaxKeyName+1)}); !out.Rejected || len(f.FieldMessages) != 1 {
		t.Errorf("a name that is too long: got %+v, messages %v", out, f.FieldMessages)
	}
}

func TestThereAreAFewPasskeys(t *testing.T) {
	m, ada := newMethod(t, 2), identity.New("default", time.Now())
	for range identity.MaxKeys {
		add(t, m, settingsOf(ada), map[string]any{})
	}
	f := settingsOf(ada)
	if out := add(t, m, f, map[string]any{}); !out.Rejected || len(names(ada)) != identity.MaxKeys {
		t.Errorf("there are %d passkeys, want %d", len(names(ada)), identity.MaxKeys)
	}
	if slices.ContainsFunc(m.SettingsForm(f), func(n *ui.Node) bool { return n.ID() == registerTrigger }) {
		t.Error("the form offers another one")
	}
}

func TestTheLastWayInStays(t *testing.T) {
	for waysIn, stays := range map[int]bool{1: true, 2: false} {
		m, ada := newMethod(t, waysIn), identity.New("default", time.Now())
		add(t, m, settingsOf(ada), map[string]any{})
		f := settingsOf(ada)
		id := hex.EncodeToString(ada.KeyConfig(identity.Passkey).Keys[0].ID)
		offered := slices.ContainsFunc(m.SettingsForm(f), func(n *ui.Node) bool { return n.ID() == fieldRemove })
		out, err := m.ChangeSettings(t.Context(), f, flow.Submission{Fields: map[string]any{fieldRemove: id}}, ada)
		if err != nil || offered == stays || out.Rejected != stays || ada.HasCredential(identity.Passkey) != stays {
			t.Errorf("with %d ways in: button %v, refused %v, still there %v, %v", waysIn, offered, out.Rejected, ada.HasCredential(identity.Passkey), err)
		}
	}
}

func TestRemovingWhatIsNotThere(t *testing.T) {
	m, ada := newMethod(t, 2), identity.New("default", time.Now())
	add(t, m, settingsOf(ada), map[string]any{})
	for _, id := range []string{"00ff", "no hex", strings.Repeat("0", 1<<16)} {
		f := settingsOf(ada)
		out, err := m.ChangeSettings(t.Context(), f, flow.Submission{Fields: map[string]any{fieldRemove: id}}, ada)
		if err != nil || !out.Rejected || len(f.Messages) != 1 || len(names(ada)) != 1 {
			t.Errorf("%.10q: got %+v %v, messages %v", id, out, err, f.Messages)
		}
	}
}

// TestPasskeysAreNoSecondFactor: what unlocks one is up to the device.
func TestPasskeysAreNoSecondFactor(t *testing.T) {
	m := newMethod(t, 1)
	if !m.Proves(session.AAL1) || m.Proves(session.AAL2) {
		t.Error("a passkey is one factor, and the first")
	}
	if m.Party = nil; m.Enabled() {
		t.Error("without a site there are no passkeys")
	}
}

// TestAppsHaveNoPasskeys: they get neither forms nor sessions.
func TestAppsHaveNoPasskeys(t *testing.T) {
	m, ada := newMethod(t, 2), identity.New("default", time.Now())
	f := settingsOf(ada)
	f.Type = flow.API
	for kind, nodes := range map[string]ui.Nodes{"login": m.LoginForm(f, nil), "registration": m.RegistrationForm(f), "settings": m.SettingsForm(f)} {
		if len(nodes) > 0 {
			t.Errorf("%s shows %v", kind, nodes)
		}
	}
	if _, err := m.Login(t.Context(), f, nil, flow.Submission{}); err == nil {
		t.Error("an app may sign in")
	}
	if _, err := m.ChangeSettings(t.Context(), f, flow.Submission{}, ada); err == nil {
		t.Error("an app may change passkeys")
	}
}
