package totp

import (
	"bytes"
	"encoding/base32"
	"encoding/base64"
	"fmt"
	"image"
	"image/color"
	"image/draw"
	"image/png"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/boombuler/barcode/qr"
	"github.com/pquerna/otp"
	"github.com/pquerna/otp/hotp"
)

// What all authenticator apps know how to do, whatever else their links may say.
const (
	period     = 30 * time.Second
	digits     = otp.DigitsSix
	algorithm  = otp.AlgorithmSHA1
	secretSize = 20 // the size of the hash, as RFC 4226 recommends

	// skew is by how many steps the clock of an app may be off.
	skew = 1

	imageSize = 256 // pixels
	// maxName is how much of a name, in characters, the QR code holds. It stays one that phones can read.
	maxName = 64
)

// text is how apps spell a secret.
var text = base32.StdEncoding.WithPadding(base32.NoPadding)

// match finds the time step whose code it is. It compares with all that may be, so that
// the time it takes tells nothing.
func match(key []byte, code string, now time.Time) (step int64, ok bool) {
	current := now.Unix() / int64(period/time.Second)
	for s := current - skew; s <= current+skew; s++ {
		fits, err := hotp.ValidateCustom(code, uint64(s), text.EncodeToString(key), hotp.ValidateOpts{Digits: digits, Algorithm: algorithm})
		if err == nil && fits {
			step, ok = s, true
		}
	}
	return step, ok
}

// link is what an app reads to set itself up. totp.Generate would leave an ampersand in the
// issuer as it is. Blanks are %20, because there are apps that show a plus sign.
func link(key []byte, issuer, account string) (*otp.Key, error) {
	issuer, account = shorten(issuer), shorten(account)
	query := url.Values{
		"secret": {text.EncodeToString(key)}, "issuer": {issuer}, "algorithm": {algorithm.String()},
		"digits": {digits.String()}, "period": {strconv.Itoa(int(period / time.Second))},
	}.Encode()
	k, err := otp.NewKeyFromURL("otpauth://totp/" + url.PathEscape(issuer) + ":" + url.PathEscape(account) + "?" + strings.ReplaceAll(query, "+", "%20"))
	if err != nil {
		return nil, fmt.Errorf("making the link for an authenticator app: %w", err)
	}
	return k, nil
}

func shorten(name string) string {
	if runes := []rune(name); len(runes) > maxName {
		return string(runes[:maxName])
	}
	return name
}

// picture is a link as a QR code, in a data URI: no other request has to know the secret.
func picture(k *otp.Key) (string, error) {
	code, err := qr.Encode(k.URL(), qr.M, qr.Auto)
	if err != nil {
		return "", fmt.Errorf("making a QR code: %w", err)
	}
	var b bytes.Buffer
	e := png.Encoder{CompressionLevel: png.BestSpeed}
	if err := e.Encode(&b, enlarge(code)); err != nil {
		return "", fmt.Errorf("drawing a QR code: %w", err)
	}
	return "data:image/png;base64," + base64.StdEncoding.EncodeToString(b.Bytes()), nil
}

// enlarge draws a code in the size of the picture. Image of the library does it in 65536
// shades of grey. Choosing the code's mask takes most of the time either way.
func enlarge(code image.Image) image.Image {
	const border = 4 // modules of white that the standard wants around a code
	n := code.Bounds().Dx()
	scale := imageSize / (n + 2*border)
	start := (imageSize - n*scale) / 2
	img := image.NewPaletted(image.Rect(0, 0, imageSize, imageSize), color.Palette{color.White, color.Black})
	black := image.NewUniform(color.Black)
	for y := range n {
		for x := range n {
			if code.At(x, y) == color.Black {
				at := image.Pt(start+x*scale, start+y*scale)
				draw.Draw(img, image.Rectangle{at, at.Add(image.Pt(scale, scale))}, black, image.Point{}, draw.Src)
			}
		}
	}
	return img
}
