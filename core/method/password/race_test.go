package password_test

import (
	"context"
	"testing"

	"github.com/gatehouse-id/gatehouse/core/config"
	"github.com/gatehouse-id/gatehouse/core/flow"
	"github.com/gatehouse-id/gatehouse/core/hash"
	"github.com/gatehouse-id/gatehouse/core/identity"
	"github.com/gatehouse-id/gatehouse/hooks/abi"
	"github.com/gatehouse-id/gatehouse/internal/gateway"
	"github.com/gatehouse-id/gatehouse/internal/testenv"
)

// meddler is a hook that does something between the check of a password and the storing of what came of it.
type meddler func()

func (m meddler) Call(context.Context, abi.Event, *abi.Context) (abi.Output, error) {
	m()
	return abi.Output{Action: abi.Continue}, nil
}

// TestALostRehashHarmsNobody: the identity changes while its owner signs in and the password hash is to be replaced. The
// login counts, the other change stays, and the hash is replaced all the same.
func TestALostRehashHarmsNobody(t *testing.T) {
	meddle := func() {}
	e := testenv.New(t, func(_ *config.Config, o *gateway.Options) {
		o.Plugins = append(o.Plugins, gateway.Plugin{Point: flow.AfterLogin, Name: "meddler", Plugin: meddler(func() { meddle() })})
	})
	const email = "ada@example.org"
	stored := func() *identity.Identity {
		i, err := e.Gateway.Store.ByIdentifier(t.Context(), identity.Password, email)
		if err != nil {
			t.Fatal(err)
		}
		return i
	}
	update := func(change func(*identity.Identity)) {
		i := stored()
		change(i)
		if err := e.Gateway.Store.Update(t.Context(), i); err != nil {
			t.Fatal(err)
		}
	}
	login := func() {
		if a := e.App().SignIn(email); a.Status != 200 || a.Text("session_token") == "" {
			t.Fatalf("signing in: got %d %s", a.Status, a.Body)
		}
	}
	e.SignUp(email)
	old := oldHash(t, testenv.Password)
	update(func(i *identity.Identity) { i.SetPassword(old, e.Now()) })

	meddle = func() { update(func(i *identity.Identity) { i.MetadataAdmin = []byte(`{"note":"meanwhile"}`) }) }
	login()
	if i := stored(); i.PasswordHash() == old || string(i.MetadataAdmin) != `{"note":"meanwhile"}` {
		t.Errorf("got hash %q and metadata %s, want the other's change and a new hash", i.PasswordHash(), i.MetadataAdmin)
	}
	meddle = func() {}
	login()
}

// oldHash is the hash of a password with parameters that testenv doesn't use.
func oldHash(t *testing.T, pw string) string {
	t.Helper()
	b := newBench(t)
	b.configure(hash.Config{Argon2: hash.Argon2Config{Memory: 64, Iterations: 1, Parallelism: 1}})
	b.person("somebody", pw)
	i, err := b.store.ByIdentifier(t.Context(), identity.Password, "somebody")
	if err != nil {
		t.Fatal(err)
	}
	return i.PasswordHash()
}
