package totp

import (
	"bytes"
	"encoding/base64"
	"image/color"
	"image/png"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/boombuler/barcode/qr"

	"github.com/gatehouse-id/gatehouse/core/flow"
	"github.com/gatehouse-id/gatehouse/core/identity"
	"github.com/gatehouse-id/gatehouse/core/secret"
	"github.com/gatehouse-id/gatehouse/core/ui"
)

// TestCodesOfTheStandard: the vectors of RFC 6238, appendix B, cut to six digits.
func TestCodesOfTheStandard(t *testing.T) {
	key := []byte("12345678901234567890")
	for at, code := range map[int64]string{
		59: "287082", 1111111109: "081804", 1111111111: "050471", 1234567890: "005924", 2000000000: "279037", 20000000000: "353130",
	} {
		if step, ok := match(key, code, time.Unix(at, 0)); !ok || step != at/30 {
			t.Errorf("at %d: got step %d %v, want %d", at, step, ok, at/30)
		}
		if _, ok := match(key, code, time.Unix(at+61, 0)); ok {
			t.Errorf("at %d: the code counts more than a step later", at)
		}
	}
	if _, ok := match(key, "", time.Unix(59, 0)); ok {
		t.Error("no code at all counts")
	}
}

func newMethod(now time.Time) *Method {
	keys := secret.RandomKeys()
	return &Method{
		On: func() bool { return true }, Issuer: func() string { return "example.org" },
		Account: func(i *identity.Identity) string { return "ada@example.org" },
		Cipher:  keys, Keys: keys, Now: func() time.Time { return now },
	}
}

func settingsOf(i *identity.Identity) *flow.Flow {
	return &flow.Flow{ID: "f1", Kind: flow.Settings, Identity: i}
}

func picked(t *testing.T, nodes ui.Nodes) *ui.Image {
	t.Helper()
	i, ok := nodes.Find("totp_qr").Attributes.(*ui.Image)
	if !ok {
		t.Fatal("the form has no QR code")
	}
	return i
}

func TestQRCodeIsAPictureInTheForm(t *testing.T) {
	now := time.Now()
	m, i := newMethod(now), identity.New("default", now)
	data, ok := strings.CutPrefix(picked(t, m.SettingsForm(settingsOf(i))).Src, "data:image/png;base64,")
	raw, err := base64.StdEncoding.DecodeString(data)
	if !ok || err != nil {
		t.Fatalf("got %.40q: %v", data, err)
	}
	c, err := png.DecodeConfig(bytes.NewReader(raw))
	if err != nil || c.Width != imageSize || c.Height != imageSize {
		t.Errorf("got a picture of %dx%d: %v", c.Width, c.Height, err)
	}
}

// TestPictureIsTheCode: the picture has each module of the code, in its place, and a white border.
func TestPictureIsTheCode(t *testing.T) {
	code, err := qr.Encode("otpauth://totp/example.org:ada@example.org?secret=GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ", qr.M, qr.Auto)
	if err != nil {
		t.Fatal(err)
	}
	img, n := enlarge(code), code.Bounds().Dx()
	scale := imageSize / (n + 8)
	start := (imageSize - n*scale) / 2
	for y := -4; y < n+4; y++ {
		for x := -4; x < n+4; x++ {
			inside := x >= 0 && y >= 0 && x < n && y < n
			want := inside && code.At(x, y) == color.Black
			for _, corner := range []int{0, scale - 1} {
				r, _, _, _ := img.At(start+x*scale+corner, start+y*scale+corner).RGBA()
				if got := r == 0; got != want {
					t.Fatalf("module %d,%d: got black %v, want %v", x, y, got, want)
				}
			}
		}
	}
}

// TestLinkSaysWhatAppsRead: the parameters that every app knows, spelled out for those that look.
func TestLinkSaysWhatAppsRead(t *testing.T) {
	k, err := link([]byte("12345678901234567890"), "Example & Co", "ada@example.org")
	if err != nil {
		t.Fatal(err)
	}
	u, err := url.Parse(k.URL())
	if err != nil {
		t.Fatal(err)
	}
	want := url.Values{"algorithm": {"SHA1"}, "digits": {"6"}, "issuer": {"Example & Co"}, "period": {"30"}, "secret": {"GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ"}}
	if u.Scheme != "otpauth" || u.Host != "totp" || u.Path != "/Example & Co:ada@example.org" || u.Query().Encode() != want.Encode() {
		t.Errorf("got %s", k.URL())
	}
}

func TestLongNamesStillFitIntoThePicture(t *testing.T) {
	now := time.Now()
	m, i := newMethod(now), identity.New("default", now)
	m.Issuer = func() string { return strings.Repeat("é", 500) }
	m.Account = func(*identity.Identity) string { return strings.Repeat("漢", 5000) }
	picked(t, m.SettingsForm(settingsOf(i)))
}

func TestOfferIsForOneFlowAndOneIdentity(t *testing.T) {
	now := time.Now()
	m, ada := newMethod(now), identity.New("default", now)
	f := settingsOf(ada)
	first := m.offer(f)
	if !bytes.Equal(first, m.offer(f)) || len(first) != secretSize {
		t.Fatal("a flow must offer one secret")
	}
	for name, other := range map[string]*flow.Flow{
		"flow":     {ID: "f2", Identity: ada},
		"identity": {ID: "f1", Identity: identity.New("default", now)},
		"note":     {ID: "f1", Identity: ada, Notes: map[identity.CredentialType][]byte{identity.TOTP: []byte("x")}},
	} {
		if bytes.Equal(first, m.offer(other)) {
			t.Errorf("another %s is offered the same secret", name)
		}
	}
}

// TestSecretBelongsToItsIdentity: who can write into the store can't give his own app to somebody else.
func TestSecretBelongsToItsIdentity(t *testing.T) {
	now := time.Now()
	m, eve, ada := newMethod(now), identity.New("default", now), identity.New("default", now)
	c := credential{Secret: m.Cipher.Seal(sealPurpose, []byte("12345678901234567890"), []byte(eve.ID))}
	if err := m.write(eve, c); err != nil {
		t.Fatal(err)
	}
	ada.Credentials = eve.Credentials
	if _, _, err := m.read(ada); err == nil {
		t.Error("the secret of another identity can be read")
	}
	if _, _, err := m.read(eve); err != nil {
		t.Error(err)
	}
}

func TestSecretsOutliveTheChoiceOfACipher(t *testing.T) {
	now := time.Now()
	m, ada := newMethod(now), identity.New("default", now)
	if err := m.write(ada, credential{Secret: m.Cipher.Seal(sealPurpose, []byte("12345678901234567890"), []byte(ada.ID))}); err != nil {
		t.Fatal(err)
	}
	m.Cipher = secret.RandomKeys().Or(m.Cipher)
	if _, _, err := m.read(ada); err != nil {
		t.Error(err)
	}
}

func TestDamagedCredentialIsAnErrorAndNoRejection(t *testing.T) {
	now := time.Now()
	m, ada := newMethod(now), identity.New("default", now)
	ada.SetCredential(identity.TOTP, nil, []byte(`{"secret":"AAAA"}`), now)
	s := flow.Submission{Fields: map[string]any{"totp_code": "123456"}}
	if out, err := m.Login(t.Context(), &flow.Flow{}, ada, s); err == nil || out.Rejected {
		t.Errorf("got %v %v, want an error", out, err)
	}
}

func BenchmarkSettingsForm(b *testing.B) {
	now := time.Now()
	m, f := newMethod(now), settingsOf(identity.New("default", now))
	for b.Loop() {
		m.SettingsForm(f)
	}
}
