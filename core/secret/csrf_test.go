package secret_test

import (
	"bytes"
	"encoding/base64"
	"testing"

	"github.com/gatehouse-id/gatehouse/core/secret"
)

func TestCSRFTakesMaskedAndPlainTokens(t *testing.T) {
	own := secret.NewCSRF()
	for _, token := range []string{secret.MaskCSRF(own), secret.MaskCSRF(own), secret.EncodeCSRF(own)} {
		if !secret.CheckCSRF(token, own) {
			t.Errorf("%s was refused", token)
		}
		if secret.CheckCSRF(token, secret.NewCSRF()) {
			t.Errorf("%s was taken for another secret", token)
		}
	}
	if secret.MaskCSRF(own) == secret.MaskCSRF(own) {
		t.Error("two masked tokens are equal")
	}
}

func TestCSRFRefusesEveryFlippedBit(t *testing.T) {
	own := secret.NewCSRF()
	masked, _ := base64.StdEncoding.DecodeString(secret.MaskCSRF(own))
	for _, token := range [][]byte{masked, own} {
		for i := range len(token) * 8 {
			forged := bytes.Clone(token)
			forged[i/8] ^= 1 << (i % 8)
			if secret.CheckCSRF(base64.StdEncoding.EncodeToString(forged), own) {
				t.Errorf("bit %d of %d bytes does not matter", i, len(token))
			}
		}
	}
}

func TestCSRFRefusesOtherForms(t *testing.T) {
	own := secret.NewCSRF()
	encode := base64.StdEncoding.EncodeToString
	for _, token := range []string{
		"", "x", "====", encode(own[:31]), encode(append(bytes.Clone(own), 0)), encode(make([]byte, 64)),
		base64.RawStdEncoding.EncodeToString(own), secret.EncodeCSRF(own) + "\n", encode(make([]byte, 96)),
	} {
		if secret.CheckCSRF(token, own) {
			t.Errorf("%q was taken", token)
		}
	}
	// An empty secret would match an empty token.
	if secret.CheckCSRF("", nil) || secret.CheckCSRF(encode(nil), []byte{}) {
		t.Error("a missing secret matches a missing token")
	}
}

func TestCSRFCookieIsReadStrictly(t *testing.T) {
	own := secret.NewCSRF()
	if got, ok := secret.DecodeCSRF(secret.EncodeCSRF(own)); !ok || !bytes.Equal(got, own) {
		t.Errorf("got %x %v, want %x", got, ok, own)
	}
	for _, cookie := range []string{"", "x", secret.MaskCSRF(own), base64.RawStdEncoding.EncodeToString(own)} {
		if _, ok := secret.DecodeCSRF(cookie); ok {
			t.Errorf("%q was taken", cookie)
		}
	}
}

func FuzzCheckCSRF(f *testing.F) {
	own := bytes.Repeat([]byte{7}, 32)
	f.Add(secret.MaskCSRF(own))
	f.Add(secret.EncodeCSRF(own))
	f.Add("")
	f.Fuzz(func(t *testing.T, token string) {
		raw, _ := base64.StdEncoding.DecodeString(token)
		if secret.CheckCSRF(token, own) && len(raw) != 32 && len(raw) != 64 {
			t.Errorf("%q was taken", token)
		}
		if got, ok := secret.DecodeCSRF(token); ok && secret.EncodeCSRF(got) != token {
			t.Errorf("%q has another spelling", token)
		}
	})
}
