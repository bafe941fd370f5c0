package secret_test

import (
	"bytes"
	"errors"
	"strings"
	"testing"

	"github.com/gatehouse-id/gatehouse/core/secret"
)

const (
	oldSecret = "the-old-secret-of-the-house"
	newSecret = "the-new-secret-of-the-house"

	// Made with newSecret by the first build.
	sealedVector = "ARXY5sDzIEibrmfhbWr2JK0tY210FjlxoFqeAizOW50LUnSB30DbIKGgRb4ZFr8notnfyEf4"
	flowVector   = "4820914e-0024-468b-943a-24acce444a8a"
)

func keys(t testing.TB, secrets ...string) *secret.Keys {
	t.Helper()
	k, err := secret.NewKeys(secrets)
	if err != nil {
		t.Fatal(err)
	}
	return k
}

func TestNewKeysRefusesWhatCanNotProtect(t *testing.T) {
	tests := []struct {
		secrets []string
		want    error
	}{
		{nil, secret.ErrNoSecret},
		{[]string{}, secret.ErrNoSecret},
		{[]string{"fifteen-letters"}, secret.ErrTooShort},
		{[]string{newSecret, ""}, secret.ErrTooShort},
		{[]string{"sixteen--letters"}, nil},
		{[]string{newSecret, oldSecret, newSecret}, nil},
	}
	for _, test := range tests {
		if _, err := secret.NewKeys(test.secrets); !errors.Is(err, test.want) {
			t.Errorf("%q: got %v, want %v", test.secrets, err, test.want)
		}
	}
}

func TestNewKeysDoesNotShowTheSecret(t *testing.T) {
	_, err := secret.NewKeys([]string{"oops"})
	if strings.Contains(err.Error(), "oops") {
		t.Errorf("the error shows the secret: %v", err)
	}
}

func TestSealedDataOpens(t *testing.T) {
	k := secret.RandomKeys()
	for _, plaintext := range [][]byte{nil, []byte("x"), bytes.Repeat([]byte("long "), 1000)} {
		sealed := k.Seal("cookie", plaintext, []byte("aad"))
		got, err := k.Open("cookie", sealed, []byte("aad"))
		if err != nil || !bytes.Equal(got, plaintext) {
			t.Errorf("got %q (%v), want %q", got, err, plaintext)
		}
		if len(sealed) != len(plaintext)+secret.Overhead {
			t.Errorf("got %d bytes, want %d", len(sealed), len(plaintext)+secret.Overhead)
		}
	}
}

func TestSealedDataIsNeverTheSameTwice(t *testing.T) {
	k := secret.RandomKeys()
	if k.SealString("p", []byte("x"), nil) == k.SealString("p", []byte("x"), nil) {
		t.Error("two seals are equal")
	}
}

func TestOpenRefusesEveryFlippedBit(t *testing.T) {
	k := secret.RandomKeys()
	sealed := k.Seal("p", []byte("twelve bytes"), []byte("aad"))
	for i := range len(sealed) * 8 {
		forged := bytes.Clone(sealed)
		forged[i/8] ^= 1 << (i % 8)
		if _, err := k.Open("p", forged, []byte("aad")); !errors.Is(err, secret.ErrSealed) {
			t.Errorf("bit %d: got %v, want ErrSealed", i, err)
		}
	}
	for n := range len(sealed) {
		if _, err := k.Open("p", sealed[:n], []byte("aad")); !errors.Is(err, secret.ErrSealed) {
			t.Errorf("cut to %d bytes: got %v, want ErrSealed", n, err)
		}
	}
}

func TestOpenRefusesAnotherPlace(t *testing.T) {
	k := secret.RandomKeys()
	sealed := k.SealString("cookie", []byte("x"), []byte("identity 1"))
	tests := []struct {
		name string
		keys *secret.Keys
		purpose,
		aad string
	}{
		{"purpose", k, "token", "identity 1"},
		{"associated data", k, "cookie", "identity 2"},
		{"no associated data", k, "cookie", ""},
		{"secret", secret.RandomKeys(), "cookie", "identity 1"},
	}
	for _, test := range tests {
		if _, err := test.keys.OpenString(test.purpose, sealed, []byte(test.aad)); !errors.Is(err, secret.ErrSealed) {
			t.Errorf("other %s: got %v, want ErrSealed", test.name, err)
		}
	}
}

func TestOpenStringHasOneSpelling(t *testing.T) {
	k := secret.RandomKeys()
	sealed := k.SealString("p", []byte("x"), nil)
	for _, forged := range []string{sealed + "=", sealed + "\n", "\n" + sealed, " " + sealed, strings.ToUpper(sealed)} {
		if _, err := k.OpenString("p", forged, nil); err == nil {
			t.Errorf("%q was opened", forged)
		}
	}
}

func TestRotationOpensOldAndSealsNew(t *testing.T) {
	before, during, after := keys(t, oldSecret), keys(t, newSecret, oldSecret), keys(t, newSecret)
	old := before.Seal("p", []byte("x"), nil)
	if _, err := during.Open("p", old, nil); err != nil {
		t.Errorf("the old secret's data does not open during rotation: %v", err)
	}
	if !during.NeedsReseal(old) || during.NeedsReseal(during.Seal("p", nil, nil)) || !during.NeedsReseal(nil) {
		t.Error("NeedsReseal does not tell old from new")
	}
	if _, err := after.Open("p", during.Seal("p", nil, nil), nil); err != nil {
		t.Errorf("what was sealed during rotation does not open after it: %v", err)
	}
	if _, err := after.Open("p", old, nil); !errors.Is(err, secret.ErrSealed) {
		t.Errorf("dropped secret: got %v, want ErrSealed", err)
	}
}

// TestRotationHasNoDowntime plays a rotation on two nodes that restart one after the other: at every step each opens what
// the other seals, when the new secret is first added behind the old one.
func TestRotationHasNoDowntime(t *testing.T) {
	steps := [][]string{{oldSecret}, {oldSecret, newSecret}, {newSecret, oldSecret}, {newSecret}}
	for i := range len(steps) - 1 {
		a, b := keys(t, steps[i]...), keys(t, steps[i+1]...)
		for _, pair := range [][2]*secret.Keys{{a, b}, {b, a}} {
			if got, err := pair[1].OpenString("p", pair[0].SealString("p", []byte("x"), nil), nil); err != nil || string(got) != "x" {
				t.Errorf("step %d: sealed by one node, opened by the other: got %q, %v", i, got, err)
			}
			if !pair[1].Verify("p", []byte("x"), pair[0].MAC("p", []byte("x"))) {
				t.Errorf("step %d: signed by one node, refused by the other", i)
			}
			if _, ok := pair[1].ParseFlowID(pair[0].NewFlowID(secret.FlowID{IssuedAt: noon})); !ok {
				t.Errorf("step %d: a flow started on one node is refused by the other", i)
			}
		}
	}
}

func TestMACVerifiesDataPurposeAndSecret(t *testing.T) {
	before, during, after := keys(t, oldSecret), keys(t, newSecret, oldSecret), keys(t, newSecret)
	data := []byte("data")
	mac := before.MAC("p", data)
	if !before.Verify("p", data, mac) || !during.Verify("p", data, mac) || after.Verify("p", data, mac) {
		t.Error("Verify does not follow the rotation")
	}
	if before.Verify("q", data, mac) || before.Verify("p", []byte("date"), mac) ||
		before.Verify("p", data, mac[:31]) || before.Verify("p", data, nil) {
		t.Error("Verify takes what was not signed")
	}
	for i := range len(mac) * 8 {
		forged := bytes.Clone(mac)
		forged[i/8] ^= 1 << (i % 8)
		if before.Verify("p", data, forged) {
			t.Errorf("bit %d of the MAC does not matter", i)
		}
	}
}

// What an earlier build sealed must open for ever: it is in the store. These vectors change only with a new version byte.
func TestStoredFormatsStay(t *testing.T) {
	k := keys(t, newSecret)
	got, err := k.OpenString("vector", sealedVector, []byte("aad"))
	if err != nil || string(got) != "plaintext" {
		t.Errorf("sealed: got %q, %v", got, err)
	}
	flow, ok := k.ParseFlowID(flowVector)
	if !ok || flow.Kind != 2 || !flow.Refresh || flow.Owner != 0x12345 || flow.IssuedAt.Unix() != 1772366400 {
		t.Errorf("flow id: got %+v, %v", flow, ok)
	}
}

func FuzzOpenString(f *testing.F) {
	k := keys(f, newSecret)
	f.Add(sealedVector)
	f.Add("")
	f.Fuzz(func(t *testing.T, s string) {
		if got, err := k.OpenString("vector", s, []byte("aad")); err == nil && s != sealedVector {
			t.Errorf("%q opened as %q", s, got)
		}
	})
}

// FuzzOpen gives any bytes as sealed data: nothing opens, and nothing breaks.
func FuzzOpen(f *testing.F) {
	k := keys(f, newSecret, oldSecret)
	f.Add(k.Seal("p", []byte("x"), nil)[:secret.Overhead])
	f.Add(bytes.Repeat([]byte{1}, secret.Overhead-1))
	f.Add([]byte{})
	f.Fuzz(func(t *testing.T, sealed []byte) {
		if got, err := k.Open("another purpose", sealed, nil); !errors.Is(err, secret.ErrSealed) {
			t.Errorf("%x: got %q, %v, want ErrSealed", sealed, got, err)
		}
		k.NeedsReseal(sealed)
	})
}

func BenchmarkSeal(b *testing.B) {
	k := secret.RandomKeys()
	plaintext := make([]byte, 256)
	for b.Loop() {
		k.Seal("p", plaintext, nil)
	}
}
