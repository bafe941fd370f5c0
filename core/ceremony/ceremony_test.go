package ceremony_test

import (
	"encoding/base64"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/gatehouse-id/gatehouse/core/apierror"
	"github.com/gatehouse-id/gatehouse/core/ceremony"
	"github.com/gatehouse-id/gatehouse/core/identity"
	"github.com/gatehouse-id/gatehouse/core/secret"
	"github.com/gatehouse-id/gatehouse/internal/softkey"
)

const site = "https://id.example.org"

// bench is a site, one person of it, and their device.
type bench struct {
	*testing.T
	*ceremony.Party
	user   ceremony.User
	device *softkey.Device
}

func newBench(t *testing.T) *bench {
	t.Helper()
	return &bench{T: t, Party: party(t, ceremony.Settings{Site: site, Discoverable: true}, secret.RandomKeys()),
		user: ceremony.User{Handle: []byte("ada's handle"), Name: "ada@example.org"}, device: softkey.New(site)}
}

func party(t *testing.T, s ceremony.Settings, keys *secret.Keys) *ceremony.Party {
	t.Helper()
	p, err := ceremony.NewParty(s, keys)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

var first = ceremony.Binding{FlowID: "f1", Method: "passkey"}

// create runs a whole ceremony with the device as it is.
func (b *bench) create() (identity.Key, error) {
	b.Helper()
	answer, err := b.device.Create(b.asked(b.Creation(first, b.user)))
	if err != nil {
		b.Fatal(err)
	}
	return b.Create(first, b.user, answer.String(), time.Now())
}

func (b *bench) asked(options []byte, err error) string {
	b.Helper()
	if err != nil {
		b.Fatal(err)
	}
	return string(options)
}

// own makes a key and keeps it.
func (b *bench) own() identity.Key {
	b.Helper()
	k, err := b.create()
	if err != nil {
		b.Fatal(err)
	}
	b.user.Keys = append(b.user.Keys, k)
	return k
}

// signature asks for anybody's key and reads what the device answers.
func (b *bench) signature(bound ceremony.Binding, whom ceremony.User) ceremony.Signature {
	b.Helper()
	answer, err := b.device.Get(b.asked(b.Assertion(bound, whom)))
	if err != nil {
		b.Fatal(err)
	}
	s, err := ceremony.ReadSignature(answer.String())
	if err != nil {
		b.Fatal(err)
	}
	return s
}

func (b *bench) sign() (identity.Key, error) {
	b.Helper()
	return b.Check(first, b.user, false, b.signature(first, ceremony.User{}))
}

func TestAKeyIsMadeAndSignsIn(t *testing.T) {
	b := newBench(t)
	k := b.own()
	if string(b.device.Keys[0].ID) != string(k.ID) || k.AttestationType != "none" || !k.Flags.UserVerified {
		t.Errorf("got %+v", k)
	}
	s := b.signature(first, ceremony.User{})
	if string(s.Handle()) != string(b.user.Handle) {
		t.Errorf("the device names %q", s.Handle())
	}
	used, err := b.Check(first, b.user, false, s)
	if err != nil || used.Authenticator.SignCount != 1 {
		t.Errorf("got %+v, %v, want the counter 1", used, err)
	}
	if _, err := b.Check(first, b.user, true, b.signature(first, b.user)); err != nil {
		t.Errorf("asking for the user by name: %v", err)
	}
	if _, err := b.device.Create(b.asked(b.Creation(first, b.user))); !errors.Is(err, softkey.ErrNoKey) {
		t.Errorf("got %v: the device wasn't told that it has a key already", err)
	}
}

// lies are what a device or the page around it can get wrong, one at a time.
var lies = map[string]func(d *softkey.Device){
	"a sub-domain":          func(d *softkey.Device) { d.Origin = "https://evil.id.example.org" },
	"the parent domain":     func(d *softkey.Device) { d.Origin = "https://example.org" },
	"http":                  func(d *softkey.Device) { d.Origin = "http://id.example.org" },
	"another port":          func(d *softkey.Device) { d.Origin = site + ":8443" },
	"a port that is spelt":  func(d *softkey.Device) { d.Origin = site + ":443" },
	"a trailing dot":        func(d *softkey.Device) { d.Origin = site + "." },
	"a path":                func(d *softkey.Device) { d.Origin = site + "/" },
	"user information":      func(d *softkey.Device) { d.Origin = "https://a@id.example.org" },
	"upper case":            func(d *softkey.Device) { d.Origin = "HTTPS://ID.EXAMPLE.ORG" },
	"a look-alike":          func(d *softkey.Device) { d.Origin = "https://id.examp1e.org" },
	"no origin":             func(d *softkey.Device) { d.Origin = "null" },
	"another site's key":    func(d *softkey.Device) { d.RPID = "evil.example" },
	"the parent's key":      func(d *softkey.Device) { d.RPID = "example.org" },
	"another ceremony":      func(d *softkey.Device) { d.Type = "webauthn.other" },
	"another challenge":     func(d *softkey.Device) { d.Challenge = strings.Repeat("A", 43) },
	"a short challenge":     func(d *softkey.Device) { d.Challenge = "AAAA" },
	"a frame":               func(d *softkey.Device) { d.CrossOrigin, d.TopOrigin = true, "https://evil.example" },
	"nobody there":          func(d *softkey.Device) { d.Flags &^= softkey.UserPresent },
	"a copy of no original": func(d *softkey.Device) { d.Flags |= softkey.BackupState },
}

func TestNoLieMakesAKey(t *testing.T) {
	for name, lie := range lies {
		t.Run(name, func(t *testing.T) {
			b := newBench(t)
			lie(b.device)
			if k, err := b.create(); !errors.Is(err, ceremony.ErrRefused) {
				t.Errorf("got %+v, %v, want it refused", k, err)
			}
		})
	}
}

func TestNoLieSignsIn(t *testing.T) {
	for name, lie := range lies {
		t.Run(name, func(t *testing.T) {
			b := newBench(t)
			b.own()
			lie(b.device)
			if k, err := b.sign(); !errors.Is(err, ceremony.ErrRefused) {
				t.Errorf("got %+v, %v, want it refused", k, err)
			}
		})
	}
}

func TestAnAnswerCountsForItsBindingOnly(t *testing.T) {
	b := newBench(t)
	b.own()
	s := b.signature(first, ceremony.User{})
	for name, other := range map[string]ceremony.Binding{
		"flow":   {FlowID: "f2", Method: "passkey"},
		"method": {FlowID: "f1", Method: "webauthn"},
		"round":  {FlowID: "f1", Method: "passkey", Round: 1},
	} {
		if _, err := b.Check(other, b.user, false, s); !errors.Is(err, ceremony.ErrRefused) {
			t.Errorf("another %s: got %v, want it refused", name, err)
		}
	}
	if _, err := b.Check(first, b.user, true, s); !errors.Is(err, ceremony.ErrRefused) {
		t.Errorf("asked for nobody, checked for somebody: got %v, want it refused", err)
	}
	if _, err := b.Check(first, b.user, false, b.signature(first, b.user)); !errors.Is(err, ceremony.ErrRefused) {
		t.Errorf("asked for somebody, checked for nobody: got %v, want it refused", err)
	}
}

func TestAKeyIsOneUsersOnly(t *testing.T) {
	b := newBench(t)
	b.own()
	s := b.signature(first, ceremony.User{})
	other := b.user
	other.Handle = []byte("eve's handle")
	if _, err := b.Check(first, other, false, s); !errors.Is(err, ceremony.ErrRefused) {
		t.Errorf("another handle: got %v, want it refused", err)
	}
	b.device.Keys = nil
	ada := b.user
	b.user = ceremony.User{Handle: []byte("eve's handle"), Name: "eve@example.org"}
	b.own()
	if _, err := b.Check(first, ada, false, b.signature(first, ceremony.User{})); !errors.Is(err, ceremony.ErrRefused) {
		t.Errorf("another's key: got %v, want it refused", err)
	}
}

func TestAnotherPublicKeyVerifiesNothing(t *testing.T) {
	b := newBench(t)
	other := b.own()
	b.device.Keys, b.user.Keys = nil, nil
	b.own()
	b.user.Keys[0].PublicKey = other.PublicKey
	if _, err := b.sign(); !errors.Is(err, ceremony.ErrRefused) {
		t.Errorf("got %v, want it refused", err)
	}
}

func TestACopyIsFoundByItsCounter(t *testing.T) {
	b := newBench(t)
	b.own()
	thief := b.device.Copy()
	var err error
	if b.user.Keys[0], err = b.sign(); err != nil {
		t.Fatal(err)
	}
	b.device = thief
	k, err := b.sign()
	if !errors.Is(err, ceremony.ErrCloned) || !k.Authenticator.CloneWarning || k.Authenticator.SignCount != 1 {
		t.Errorf("got %+v, %v, want a warning", k, err)
	}
}

func TestKeysThatDontCountAreNoCopies(t *testing.T) {
	b := newBench(t)
	b.own()
	for range 2 {
		b.device.Keys[0].Counter = ^uint32(0) // the next one is 0
		k, err := b.sign()
		if err != nil || k.Authenticator.CloneWarning {
			t.Fatalf("got %+v, %v, want no warning", k, err)
		}
	}
}

func TestVerificationOfTheUser(t *testing.T) {
	for v, want := range map[ceremony.Verification]error{
		ceremony.Required: ceremony.ErrRefused, ceremony.Preferred: nil, "": nil, ceremony.Discouraged: nil,
	} {
		b := newBench(t)
		b.Party = party(t, ceremony.Settings{Site: site, Verification: v}, secret.RandomKeys())
		b.own()
		b.device.Flags &^= softkey.UserVerified
		if _, err := b.sign(); !errors.Is(err, want) {
			t.Errorf("%q, signing: got %v, want %v", v, err, want)
		}
		b.device.Keys = nil
		if _, err := b.create(); !errors.Is(err, want) {
			t.Errorf("%q, making a key: got %v, want %v", v, err, want)
		}
	}
}

func TestWhatTheDeviceIsNeverChanges(t *testing.T) {
	b := newBench(t)
	b.own()
	b.device.Flags |= softkey.BackupEligible
	if _, err := b.sign(); !errors.Is(err, ceremony.ErrRefused) {
		t.Errorf("a key that could not be copied can be: got %v, want it refused", err)
	}
	b.user.Keys[0].Flags = nil // stored before flags were kept
	if k, err := b.sign(); err != nil || !k.Flags.BackupEligible {
		t.Errorf("got %+v, %v, want the flags kept from now on", k, err)
	}
}

func TestAnAlgorithmThatWasNotOfferedIsRefused(t *testing.T) {
	b := newBench(t)
	b.device.Algorithm = 0x38 // and the next byte: an algorithm nobody knows
	if _, err := b.create(); err == nil {
		t.Error("the key was taken")
	}
	b.device.Algorithm = 0x06
	if _, err := b.create(); !errors.Is(err, ceremony.ErrRefused) {
		t.Errorf("got %v, want it refused", err)
	}
}

func TestIDsAreBounded(t *testing.T) {
	b := newBench(t)
	b.device.NextID = make([]byte, 1023)
	if _, err := b.create(); err != nil {
		t.Errorf("1023 bytes: %v", err)
	}
	b.device.NextID = make([]byte, 1024)
	if _, err := b.create(); err == nil {
		t.Error("1024 bytes were taken")
	}
}

func TestJunkIsMalformed(t *testing.T) {
	b := newBench(t)
	for _, answer := range []string{"", "{}", "null", "[]", `{"id":"AA"}`, `{"id":"AA","rawId":"AB","type":"public-key"}`,
		`{"id":"AA","rawId":"AA","type":"password","response":{}}`, strings.Repeat("{", 1<<17), `{"id":"` + strings.Repeat("A", 1<<17) + `"}`} {
		if _, err := b.Create(first, b.user, answer, time.Now()); !errors.Is(err, ceremony.ErrMalformed) {
			t.Errorf("making a key of %.40q: got %v, want it malformed", answer, err)
		}
		if _, err := ceremony.ReadSignature(answer); !errors.Is(err, ceremony.ErrMalformed) {
			t.Errorf("reading %.40q: got %v, want it malformed", answer, err)
		}
	}
}

// TestASecretMayBeRotatedMeanwhile: the new node knows the old secret.
func TestASecretMayBeRotatedMeanwhile(t *testing.T) {
	keysOf := func(s ...string) *secret.Keys {
		k, err := secret.NewKeys(s)
		if err != nil {
			t.Fatal(err)
		}
		return k
	}
	const one, two = "the secret of yesterday", "the secret of today..."
	b := newBench(t)
	b.Party = party(t, ceremony.Settings{Site: site}, keysOf(one))
	b.own()
	s := b.signature(first, ceremony.User{})
	if _, err := party(t, ceremony.Settings{Site: site}, keysOf(two, one)).Check(first, b.user, false, s); err != nil {
		t.Errorf("got %v, want it to count", err)
	}
	if _, err := party(t, ceremony.Settings{Site: site}, keysOf(two)).Check(first, b.user, false, s); !errors.Is(err, ceremony.ErrRefused) {
		t.Errorf("a secret that is gone: got %v, want it refused", err)
	}
}

func TestOriginsOfASite(t *testing.T) {
	for name, tt := range map[string]struct {
		settings ceremony.Settings
		good     []string
		bad      []string
	}{
		"by its URL":        {ceremony.Settings{Site: "http://localhost:8080/x"}, []string{"http://localhost:8080"}, []string{"http://localhost", "https://localhost:8080"}},
		"of a parent":       {ceremony.Settings{Site: site, ID: "example.org"}, []string{site, "https://example.org"}, []string{"https://a.example.org"}},
		"listed":            {ceremony.Settings{Site: site, ID: "example.org", Origins: []string{"https://App.example.org:443/in"}}, []string{"https://app.example.org"}, []string{site, "https://example.org"}},
		"a bare domain":     {ceremony.Settings{Site: site, ID: "example.org", Origins: []string{"example.org"}}, []string{"https://example.org"}, []string{"http://example.org", site}},
		"an app":            {ceremony.Settings{Site: site, Origins: []string{"android:apk-key-hash:AAAA"}}, []string{"android:apk-key-hash:AAAA"}, []string{site, "android:apk-key-hash:BBBB"}},
		"of another domain": {ceremony.Settings{Site: "https://elsewhere.test", ID: "example.org"}, []string{"https://example.org"}, []string{"https://elsewhere.test"}},
	} {
		b := newBench(t)
		b.Party = party(t, tt.settings, secret.RandomKeys())
		for _, origin := range append(tt.good, tt.bad...) {
			b.device = softkey.New(origin)
			_, err := b.create()
			if good := err == nil; good != slices.Contains(tt.good, origin) {
				t.Errorf("%s: a page of %s: got %v", name, origin, err)
			}
		}
	}
}

func TestSitesThatBrowsersMakeNoKeysFor(t *testing.T) {
	for _, s := range []string{"http://127.0.0.1:8080", "https://[::1]", ""} {
		if _, err := ceremony.NewParty(ceremony.Settings{Site: s}, secret.RandomKeys()); !errors.Is(err, ceremony.ErrNoDomain) {
			t.Errorf("%q: got %v, want ErrNoDomain", s, err)
		}
	}
	for _, s := range []ceremony.Settings{{Site: site, ID: "no domain"}, {Site: site, Origins: []string{"ftp://example.org"}}, {Site: site, Origins: []string{"https://"}}} {
		if _, err := ceremony.NewParty(s, secret.RandomKeys()); err == nil || errors.Is(err, ceremony.ErrNoDomain) {
			t.Errorf("%+v: got %v, want an error", s, err)
		}
	}
}

func TestHandlesAreNewAndStay(t *testing.T) {
	b := newBench(t)
	h := b.NewHandle("f1")
	if len(h) != 64 || string(h) != string(b.NewHandle("f1")) || string(h) == string(b.NewHandle("f2")) {
		t.Errorf("got %q", h)
	}
}

// FuzzCreate: whatever a browser sends makes a key only if the device signed it for us.
func FuzzCreate(f *testing.F) {
	keys := secret.RandomKeys()
	p, err := ceremony.NewParty(ceremony.Settings{Site: site, Discoverable: true}, keys)
	if err != nil {
		f.Fatal(err)
	}
	u := ceremony.User{Handle: []byte("ada's handle"), Name: "ada"}
	options, err := p.Creation(first, u)
	if err != nil {
		f.Fatal(err)
	}
	answer, err := softkey.New(site).Create(string(options))
	if err != nil {
		f.Fatal(err)
	}
	object, err := base64.RawURLEncoding.DecodeString(answer.Response["attestationObject"])
	if err != nil {
		f.Fatal(err)
	}
	f.Add(object)
	for _, n := range []int{0, 1, 40, len(object) - 1} {
		f.Add(object[:n])
	}
	f.Fuzz(func(t *testing.T, attestation []byte) {
		a := *answer
		a.Response = map[string]string{
			"clientDataJSON": answer.Response["clientDataJSON"], "attestationObject": base64.RawURLEncoding.EncodeToString(attestation),
		}
		k, err := p.Create(first, u, a.String(), time.Now())
		if err == nil && (len(k.ID) == 0 || len(k.ID) > 1023 || len(k.PublicKey) == 0) {
			t.Fatalf("made the key %+v", k)
		}
		_, _ = p.Create(first, u, string(attestation), time.Now()) // the same bytes as the whole answer
	})
}

// FuzzSignature: no bytes but the device's own prove its key.
func FuzzSignature(f *testing.F) {
	p, err := ceremony.NewParty(ceremony.Settings{Site: site, Discoverable: true}, secret.RandomKeys())
	if err != nil {
		f.Fatal(err)
	}
	u, d := ceremony.User{Handle: []byte("ada's handle"), Name: "ada"}, softkey.New(site)
	options, _ := p.Creation(first, u)
	answer, err := d.Create(string(options))
	if err != nil {
		f.Fatal(err)
	}
	key, err := p.Create(first, u, answer.String(), time.Now())
	if err != nil {
		f.Fatal(err)
	}
	u.Keys = []identity.Key{key}
	options, _ = p.Assertion(first, ceremony.User{})
	if answer, err = d.Get(string(options)); err != nil {
		f.Fatal(err)
	}
	part := func(name string) []byte {
		raw, err := base64.RawURLEncoding.DecodeString(answer.Response[name])
		if err != nil {
			f.Fatal(err)
		}
		return raw
	}
	auth, client, signature := part("authenticatorData"), part("clientDataJSON"), part("signature")
	f.Add(auth, client, signature)
	f.Add(auth[:36], client, signature)
	f.Add(auth, []byte(`{"type":"webauthn.get"}`), signature[:8])
	f.Fuzz(func(t *testing.T, a, c, s []byte) {
		forged := *answer
		encode := base64.RawURLEncoding.EncodeToString
		forged.Response = map[string]string{"authenticatorData": encode(a), "clientDataJSON": encode(c), "signature": encode(s), "userHandle": encode(u.Handle)}
		read, err := ceremony.ReadSignature(forged.String())
		if err != nil {
			return
		}
		if _, err := p.Check(first, u, false, read); err == nil && (string(a) != string(auth) || string(c) != string(client)) {
			t.Fatalf("%x, %q, %x sign in", a, c, s)
		}
	})
}

// FuzzReadKeys: what another server hands over is a few keys that can be handed over again, or refused with a reason.
func FuzzReadKeys(f *testing.F) {
	key := `{"id":"AQI=","public_key":"pQECAyYgASFYIGUUHhM8YmkbUtzpV6LxJxZ0SmQl1jG3DRFpwz5N7Lw5IlggW7Yh2XvJ7rXyHqkVqQe2vSgSZqE0nYf0p1yQ0eZ0c3c=","authenticator":{"aaguid":"AAAAAAAAAAAAAAAAAAAAAA=="},"transport":["usb"]}`
	for _, seed := range []string{`{"credentials":[` + key + `],"user_handle":"YQ=="}`, `{"credentials":[{"id":[1,2],"public_key":[165]}]}`, `{}`, `null`, `[]`} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, raw []byte) {
		c, err := ceremony.ReadKeys(raw)
		if err != nil {
			var ae *apierror.Error
			if !errors.As(err, &ae) || ae.Status() >= 500 {
				t.Errorf("%s: the administrator is told of %v", raw, err)
			}
			return
		}
		if len(c.Keys) == 0 || len(c.Keys) > identity.MaxKeys {
			t.Errorf("%s: got %d keys", raw, len(c.Keys))
		}
		shown, err := ceremony.ShowKeys(c)
		if err != nil {
			t.Fatalf("%s: showing the keys: %v", raw, err)
		}
		if again, err := ceremony.ReadKeys(shown); err != nil || len(again.Keys) != len(c.Keys) {
			t.Errorf("%s: %s is read as %v, %v", raw, shown, again, err)
		}
	})
}
