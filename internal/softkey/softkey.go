// Package softkey is an authenticator in software, for tests of what a browser with a security key sends.
//
// It is honest unless it is told otherwise: every field that lies, lies in one way only, so a test
// that changes one knows what was refused.
package softkey

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
)

// Flags of authenticator data.
const (
	UserPresent    = 1 << 0
	UserVerified   = 1 << 2
	BackupEligible = 1 << 3
	BackupState    = 1 << 4
	attested       = 1 << 6
)

// Key is one key pair and whose it is.
type Key struct {
	ID      []byte
	Handle  []byte
	Private *ecdsa.PrivateKey
	Counter uint32
}

// Device is an authenticator together with the browser around it.
type Device struct {
	Origin string // of the page, such as "https://example.org"
	Flags  byte   // of its answers
	Keys   []*Key

	RPID        string // signs for this site instead of the one that asks
	Type        string // of the ceremony, instead of the right one
	Challenge   string // instead of the one that was asked for
	CrossOrigin bool   // the page stands in another one's frame
	TopOrigin   string
	NextID      []byte // of the next key; nil means a random one
	Algorithm   byte   // of the next key, as one byte of CBOR; 0 means ES256
}

// New makes a device whose user proves to be there and who they are.
func New(origin string) *Device { return &Device{Origin: origin, Flags: UserPresent | UserVerified} }

// options are the parts of both kinds of options that a device acts on.
type options struct {
	PublicKey struct {
		Challenge string                `json:"challenge"`
		RPID      string                `json:"rpId"`
		RP        struct{ ID string }   `json:"rp"`
		User      struct{ ID string }   `json:"user"`
		Allow     []struct{ ID string } `json:"allowCredentials"`
		Exclude   []struct{ ID string } `json:"excludeCredentials"`
	} `json:"publicKey"`
}

// Answer is what the page's script puts into the form.
type Answer struct {
	ID       string            `json:"id"`
	RawID    string            `json:"rawId"`
	Type     string            `json:"type"`
	Response map[string]string `json:"response"`
}

// String is the answer as a field of a form.
func (a *Answer) String() string {
	raw, _ := json.Marshal(a) // texts only
	return string(raw)
}

var b64 = base64.RawURLEncoding

// ErrNoKey says that the device has no key that is asked for, or one that must not be there.
var ErrNoKey = errors.New("softkey: no such key, or one too many")

// Create makes a key.
func (d *Device) Create(raw string) (*Answer, error) {
	o, err := parse(raw)
	if err != nil {
		return nil, err
	}
	for _, e := range o.PublicKey.Exclude {
		if d.find(e.ID) != nil {
			return nil, ErrNoKey
		}
	}
	handle, err := b64.DecodeString(o.PublicKey.User.ID)
	if err != nil {
		return nil, fmt.Errorf("reading user.id: %w", err)
	}
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, err
	}
	k := &Key{ID: d.NextID, Handle: handle, Private: private}
	if k.ID == nil {
		k.ID = make([]byte, 32)
		rand.Read(k.ID)
	}
	d.Keys = append(d.Keys, k)
	auth := d.authData(o.PublicKey.RP.ID, d.Flags|attested, k.Counter)
	auth = append(auth, make([]byte, 16)...) // the model
	auth = binary.BigEndian.AppendUint16(auth, uint16(len(k.ID)))
	auth = append(append(auth, k.ID...), d.cose(k)...)
	return k.answer(map[string]string{
		"clientDataJSON": b64.EncodeToString(d.clientData("webauthn.create", o)), "attestationObject": b64.EncodeToString(attestation(auth)),
	}), nil
}

// Get signs with the newest key that is asked for.
func (d *Device) Get(raw string) (*Answer, error) {
	o, err := parse(raw)
	if err != nil {
		return nil, err
	}
	for _, k := range slices.Backward(d.Keys) {
		if !k.allowed(o) {
			continue
		}
		return d.sign(k, o)
	}
	return nil, ErrNoKey
}

func (d *Device) sign(k *Key, o *options) (*Answer, error) {
	k.Counter++
	auth, client := d.authData(o.PublicKey.RPID, d.Flags, k.Counter), d.clientData("webauthn.get", o)
	hash := sha256.Sum256(client)
	signed := sha256.Sum256(append(slices.Clone(auth), hash[:]...))
	signature, err := ecdsa.SignASN1(rand.Reader, k.Private, signed[:])
	if err != nil {
		return nil, err
	}
	return k.answer(map[string]string{
		"clientDataJSON": b64.EncodeToString(client), "authenticatorData": b64.EncodeToString(auth),
		"signature": b64.EncodeToString(signature), "userHandle": b64.EncodeToString(k.Handle),
	}), nil
}

// Copy is a device that somebody else has cloned this one into.
func (d *Device) Copy() *Device {
	c := *d
	c.Keys = nil
	for _, k := range d.Keys {
		same := *k
		c.Keys = append(c.Keys, &same)
	}
	return &c
}

func (d *Device) find(id string) *Key {
	for _, k := range d.Keys {
		if b64.EncodeToString(k.ID) == id {
			return k
		}
	}
	return nil
}

func (k *Key) allowed(o *options) bool {
	return len(o.PublicKey.Allow) == 0 ||
		slices.ContainsFunc(o.PublicKey.Allow, func(a struct{ ID string }) bool { return a.ID == b64.EncodeToString(k.ID) })
}

func (k *Key) answer(response map[string]string) *Answer {
	id := b64.EncodeToString(k.ID)
	return &Answer{ID: id, RawID: id, Type: "public-key", Response: response}
}

func (d *Device) authData(rpID string, flags byte, counter uint32) []byte {
	if d.RPID != "" {
		rpID = d.RPID
	}
	hash := sha256.Sum256([]byte(rpID))
	return binary.BigEndian.AppendUint32(append(hash[:], flags), counter)
}

func (d *Device) clientData(ceremony string, o *options) []byte {
	c := map[string]any{"type": ceremony, "challenge": o.PublicKey.Challenge, "origin": d.Origin, "crossOrigin": d.CrossOrigin}
	for key, lie := range map[string]string{"type": d.Type, "challenge": d.Challenge, "topOrigin": d.TopOrigin} {
		if lie != "" {
			c[key] = lie
		}
	}
	raw, _ := json.Marshal(c) // texts and a boolean
	return raw
}

// cose is the public key in COSE: type EC2, algorithm ES256 unless told otherwise, curve P-256.
func (d *Device) cose(k *Key) []byte {
	const es256 = 0x26 // -7
	algorithm := d.Algorithm
	if algorithm == 0 {
		algorithm = es256
	}
	point, _ := k.Private.PublicKey.Bytes() // of a curve that has them; 4, x, y
	out := []byte{0xa5, 1, 2, 3, algorithm, 0x20, 1, 0x21, 0x58, 32}
	out = append(out, point[1:33]...)
	return append(append(out, 0x22, 0x58, 32), point[33:]...)
}

// attestation is the CBOR of {"fmt": "none", "attStmt": {}, "authData": …}.
func attestation(auth []byte) []byte {
	out := append([]byte{0xa3, 0x63}, "fmt"...)
	out = append(append(out, 0x64), "none"...)
	out = append(append(append(out, 0x67), "attStmt"...), 0xa0)
	out = append(append(append(out, 0x68), "authData"...), 0x59)
	return append(binary.BigEndian.AppendUint16(out, uint16(len(auth))), auth...)
}

func parse(raw string) (*options, error) {
	var o options
	if err := json.Unmarshal([]byte(raw), &o); err != nil {
		return nil, fmt.Errorf("reading options: %w", err)
	}
	return &o, nil
}
