package password_test

import (
	"context"
	"errors"
	"log/slog"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/gatehouse-id/gatehouse/core/apierror"
	"github.com/gatehouse-id/gatehouse/core/flow"
	"github.com/gatehouse-id/gatehouse/core/hash"
	"github.com/gatehouse-id/gatehouse/core/identity"
	"github.com/gatehouse-id/gatehouse/core/method/password"
	"github.com/gatehouse-id/gatehouse/core/session"
	"github.com/gatehouse-id/gatehouse/core/ui"
	"github.com/gatehouse-id/gatehouse/storage"
	"github.com/gatehouse-id/gatehouse/storage/kv"
)

const secret = "correct horse battery"

var now = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

// bench is a method with a real store and hasher, and a count of how often the hasher was asked for.
type bench struct {
	*password.Method
	t      *testing.T
	store  *storage.Store
	hasher *hash.Hasher
	asked  int
}

func newBench(t *testing.T) *bench {
	t.Helper()
	b := &bench{t: t, store: storage.New(kv.NewMemory(), "default")}
	b.configure(hash.Config{Algorithm: hash.Bcrypt, BcryptCost: 4})
	b.Method = &password.Method{
		Identities: b.store,
		Hasher:     func() *hash.Hasher { b.asked++; return b.hasher },
		Policy:     func() password.Policy { return password.Policy{Similar: true} },
		On:         func() bool { return true },
		Logger:     slog.New(slog.DiscardHandler),
		Now:        func() time.Time { return now },
	}
	return b
}

func (b *bench) configure(c hash.Config) {
	b.t.Helper()
	var err error
	if b.hasher, err = hash.New(c, hash.NewLimiter(hash.Limits{})); err != nil {
		b.t.Fatal(err)
	}
}

// person stores somebody with an identifier and the hash of a password, or none when it is "".
func (b *bench) person(identifier, pw string, change ...func(*identity.Identity)) {
	b.t.Helper()
	i := identity.New("default", now)
	i.Apply([]byte(`{}`), identity.Derived{Identifiers: map[identity.CredentialType][]string{identity.Password: {identifier}}}, now)
	if pw != "" {
		text, err := b.hasher.Hash(b.t.Context(), []byte(pw))
		if err != nil {
			b.t.Fatal(err)
		}
		i.SetPassword(text, now)
	}
	for _, f := range change {
		f(i)
	}
	if err := b.store.Create(b.t.Context(), i); err != nil {
		b.t.Fatal(err)
	}
}

func submission(identifier, pw string) flow.Submission {
	return flow.Submission{Method: "password", Fields: map[string]any{"identifier": identifier, "password": pw}}
}

// login submits a login and returns the flow as it is afterwards.
func (b *bench) login(ctx context.Context, identifier, pw string) (*flow.Flow, flow.Outcome, error) {
	f := &flow.Flow{Kind: flow.Login}
	out, err := b.Login(ctx, f, nil, submission(identifier, pw))
	return f, out, err
}

func inactive(i *identity.Identity) { i.State = identity.Inactive }

func TestLoginWithTheRightPassword(t *testing.T) {
	b := newBench(t)
	b.person("ada@example.org", secret)
	b.person("+49301234567", secret)
	for _, typed := range []string{"ada@example.org", " Ada@Example.ORG ", "+49 30 123-4567"} {
		f, out, err := b.login(t.Context(), typed, secret)
		if err != nil || out.Rejected || out.Identity == nil || out.IdentityChange {
			t.Fatalf("%q: got %+v, %v, messages %v", typed, out, err, f.Messages)
		}
		want := session.AuthenticationMethod{Method: "password", AAL: session.AAL1, CompletedAt: now}
		if diff := cmp.Diff(want, out.AMR); diff != "" {
			t.Errorf("%q (-want +got):\n%s", typed, diff)
		}
	}
}

// TestLoginTellsNobodyApart: whoever is asked for, the answer is the same and so is the work.
func TestLoginTellsNobodyApart(t *testing.T) {
	b := newBench(t)
	b.person("ada@example.org", secret)
	b.person("grace@example.org", "")
	b.person("gone@example.org", secret, inactive)
	cancelled, cancel := context.WithCancel(t.Context())
	cancel()
	for name, who := range map[string]string{
		"wrong password": "ada@example.org", "unknown": "nobody@example.org",
		"no password": "grace@example.org", "inactive": "gone@example.org",
	} {
		for _, pw := range []string{"wrong", strings.Repeat("x", 100), strings.Repeat("x", hash.MaxPassword+1)} {
			b.asked = 0
			f, out, err := b.login(t.Context(), who, pw)
			if err != nil || !out.Rejected || out.Identity != nil {
				t.Errorf("%s: got %+v, %v, want a rejection", name, out, err)
			}
			if diff := cmp.Diff([]ui.Message{ui.MsgCredentialsInvalid.Message()}, f.Messages); diff != "" || len(f.FieldMessages) > 0 {
				t.Errorf("%s: %v (-want +got):\n%s", name, f.FieldMessages, diff)
			}
			if b.asked != 1 {
				t.Errorf("%s: the hasher was asked for %d times, want once", name, b.asked)
			}
		}
		// Who waits in line for the hasher finds that the client is gone: each of them must have come that far.
		if _, _, err := b.login(cancelled, who, "wrong"); !errors.Is(err, context.Canceled) {
			t.Errorf("%s: got %v, want context.Canceled from the limiter", name, err)
		}
	}
}

func TestLoginAsksForWhatIsMissing(t *testing.T) {
	b := newBench(t)
	for _, tt := range []struct {
		identifier, password string
		want                 []string
	}{
		{"", "", []string{"identifier", "password"}},
		{"ada@example.org", "", []string{"password"}},
		{"", secret, []string{"identifier"}},
	} {
		f, out, err := b.login(t.Context(), tt.identifier, tt.password)
		if err != nil || !out.Rejected {
			t.Errorf("%+v: got %+v, %v", tt, out, err)
		}
		var got []string
		for name, messages := range f.FieldMessages {
			if len(messages) == 1 {
				got = append(got, name)
			}
		}
		slices.Sort(got)
		if diff := cmp.Diff(tt.want, got); diff != "" {
			t.Errorf("%+v (-want +got):\n%s", tt, diff)
		}
		if f.Values["identifier"] != tt.identifier || f.Values["password"] != nil {
			t.Errorf("%+v: kept %v, want the identifier only", tt, f.Values)
		}
	}
	if b.asked != 0 {
		t.Errorf("the hasher was asked for %d times, want none", b.asked)
	}
}

func TestAPasswordIsNoSecondFactor(t *testing.T) {
	b := newBench(t)
	if !b.Proves(session.AAL1) || b.Proves(session.AAL2) {
		t.Error("a password must be of use in flows for a first factor, and in no others")
	}
}

func TestLoginSaysWhenTheHasherIsBusy(t *testing.T) {
	b := newBench(t)
	b.person("ada@example.org", secret)
	slow := hash.Config{Argon2: hash.Argon2Config{Memory: 16 << 10, Iterations: 8}}
	limiter := hash.NewLimiter(hash.Limits{CPUs: 1, Queue: 1, Wait: time.Nanosecond})
	var err error
	if b.hasher, err = hash.New(slow, limiter); err != nil {
		t.Fatal(err)
	}
	stop := make(chan struct{})
	done := make(chan struct{})
	go func() { // somebody always has the one turn
		defer close(done)
		for {
			select {
			case <-stop:
				return
			default:
				_ = b.hasher.CompareUnknown(context.Background(), nil)
			}
		}
	}()
	defer func() { close(stop); <-done }()
	for deadline := time.Now().Add(30 * time.Second); time.Now().Before(deadline); {
		_, _, err := b.login(t.Context(), "nobody@example.org", "wrong")
		var ae *apierror.Error
		if errors.As(err, &ae) && ae.Kind == apierror.KindTooManyRequests {
			return
		}
		if err != nil {
			t.Fatalf("got %v, want too many requests", err)
		}
	}
	t.Error("nobody was sent away")
}

func TestLoginReplacesAHashWithOldParameters(t *testing.T) {
	for name, next := range map[string]hash.Config{
		"another cost":      {Algorithm: hash.Bcrypt, BcryptCost: 5},
		"another algorithm": {Argon2: hash.Argon2Config{Memory: 64, Iterations: 1, Parallelism: 1}},
	} {
		b := newBench(t)
		b.person("ada@example.org", secret)
		b.configure(next)
		_, out, err := b.login(t.Context(), "ada@example.org", secret)
		if err != nil || !out.IdentityChange {
			t.Fatalf("%s: got %+v, %v, want a change to store", name, out, err)
		}
		if text := out.Identity.PasswordHash(); b.hasher.NeedsRehash(text) {
			t.Errorf("%s: the new hash is %s", name, text)
		}
		if err := b.store.Update(t.Context(), out.Identity); err != nil {
			t.Fatal(err)
		}
		if _, out, err = b.login(t.Context(), "ada@example.org", secret); err != nil || out.Rejected || out.IdentityChange {
			t.Errorf("%s: the next login: got %+v, %v, want it to change nothing", name, out, err)
		}
		if _, out, _ = b.login(t.Context(), "ada@example.org", "wrong"); !out.Rejected {
			t.Errorf("%s: any password fits the new hash", name)
		}
	}
}

func TestLoginKeepsAHashItCanNotReplace(t *testing.T) {
	b := newBench(t)
	b.configure(hash.Config{Argon2: hash.Argon2Config{Memory: 64, Iterations: 1, Parallelism: 1}})
	long := strings.Repeat("long ", 20)
	b.person("ada@example.org", long)
	b.configure(hash.Config{Algorithm: hash.Bcrypt, BcryptCost: 4}) // takes 72 bytes
	_, out, err := b.login(t.Context(), "ada@example.org", long)
	if err != nil || out.Rejected || out.IdentityChange || !strings.HasPrefix(out.Identity.PasswordHash(), "$argon2id$") {
		t.Errorf("got %+v, %v, want a login with the old hash", out, err)
	}
}

func TestLoginFailsOnADamagedHash(t *testing.T) {
	b := newBench(t)
	b.person("ada@example.org", "", func(i *identity.Identity) { i.SetPassword("$argon2id$v=19$m=8388608,t=9,p=1$AAAAAAAAAAA$AAAA", now) })
	if _, out, err := b.login(t.Context(), "ada@example.org", secret); !errors.Is(err, hash.ErrParameters) || out.Identity != nil {
		t.Errorf("got %+v, %v, want ErrParameters for the log and nobody signed in", out, err)
	}
}

func TestRegistration(t *testing.T) {
	b := newBench(t)
	for name, tt := range map[string]struct {
		password string
		want     ui.MessageID
	}{
		"good":     {secret, 0},
		"short":    {"seven..", ui.MsgPasswordTooShort},
		"similar":  {"ada@example.com", ui.MsgPasswordSimilar},
		"too long": {strings.Repeat("x", 73), ui.MsgPasswordTooLong},
	} {
		f := &flow.Flow{Kind: flow.Registration}
		i := identity.New("default", now)
		i.Apply([]byte(`{}`), identity.Derived{Identifiers: map[identity.CredentialType][]string{identity.Password: {"ada@example.org"}}}, now)
		out, err := b.Register(t.Context(), f, submission("", tt.password), i)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if tt.want == 0 {
			ok, err := b.hasher.Compare(t.Context(), []byte(tt.password), i.PasswordHash())
			if out.Rejected || out.Identity != i || out.AMR.Method != "password" || !ok || err != nil {
				t.Errorf("%s: got %+v, hash %q, %v", name, out, i.PasswordHash(), err)
			}
			continue
		}
		messages := f.FieldMessages["password"]
		if !out.Rejected || len(messages) != 1 || messages[0].ID != tt.want || i.PasswordHash() != "" {
			t.Errorf("%s: got %+v with %v, want message %d and no hash", name, out, messages, tt.want)
		}
		if strings.Contains(messages[0].Text, tt.password) || len(f.Values) != 0 {
			t.Errorf("%s: the password is kept or shown: %v %v", name, messages, f.Values)
		}
	}
}

func TestRegistrationFailsWithTheBreachService(t *testing.T) {
	b := newBench(t)
	down := errors.New("the service is down")
	b.Policy = func() password.Policy {
		return password.Policy{Breaches: func(context.Context, string) (int, error) { return 0, down }}
	}
	_, err := b.Register(t.Context(), &flow.Flow{}, submission("", secret), identity.New("default", now))
	if !errors.Is(err, down) || strings.Contains(err.Error(), secret) {
		t.Errorf("got %v, want the failure without the password", err)
	}
}

func TestCheckRegistrationAsksForThePassword(t *testing.T) {
	f := &flow.Flow{}
	b := newBench(t)
	b.CheckRegistration(f, submission("", ""))
	b.CheckRegistration(f, submission("", ""))
	if got := f.FieldMessages["password"]; len(got) != 1 {
		t.Errorf("got %v, want one message", got)
	}
}

func TestRefreshAsksOnlyForThePassword(t *testing.T) {
	b := newBench(t)
	who := identity.New("default", now)
	if nodes := b.LoginForm(&flow.Flow{}, who); len(nodes) != 0 {
		t.Errorf("somebody without a password: got %d nodes, want none", len(nodes))
	}
	who.Credentials[identity.Password] = identity.Credential{Type: identity.Password, Identifiers: []string{"ada@example.org"}}
	who.SetPassword("a hash", now)
	nodes := b.LoginForm(&flow.Flow{}, who)
	if len(nodes) != 2 || nodes.Find("method").Meta.Label.ID != ui.MsgLogin {
		t.Fatalf("got %v, want password and button to confirm", nodes)
	}
	if plain := b.LoginForm(&flow.Flow{}, nil); len(plain) != 2 || plain.Find("method").Meta.Label.ID != ui.MsgLoginPassword {
		t.Errorf("for anybody: got %v, want password and button", plain)
	}
}
