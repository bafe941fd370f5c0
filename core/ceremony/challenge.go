package ceremony

import (
	"encoding/base64"
	"encoding/hex"
	"strconv"
	"strings"
)

// Binding is what a challenge is good for. A signature over it is worth nothing anywhere else.
type Binding struct {
	FlowID string
	Method string // such as "passkey"
	Round  int    // how many answers the flow has taken; each takes its challenge with it
}

const challengePurpose = "webauthn challenge"

// What a browser is asked for.
const (
	toCreate = "create"
	toAssert = "get"
)

// bytes are what a challenge is the hash of. No part but the last can hold the separator.
func (b Binding) bytes(step string, whose []byte) []byte {
	return []byte(strings.Join([]string{step, b.Method, b.FlowID, strconv.Itoa(b.Round), string(whose)}, "\x00"))
}

// challenge is for the user with the handle, or for anybody.
func (p *Party) challenge(step string, b Binding, whose []byte) []byte {
	return p.keys.MAC(challengePurpose, b.bytes(step, whose))
}

// expects tells whether a challenge that came back is the one of the binding, also when the
// secrets were rotated in between.
func (p *Party) expects(step string, b Binding, whose []byte, text string) bool {
	raw, err := base64.RawURLEncoding.Strict().DecodeString(text)
	return err == nil && p.keys.Verify(challengePurpose, b.bytes(step, whose), raw)
}

const handlePurpose = "webauthn user handle"

// NewHandle makes the user handle of an account that doesn't exist yet, or of one that has no
// passkey: the same one whenever a form is shown, so that an authenticator which is asked twice
// makes one passkey. It says nothing about the account.
func (p *Party) NewHandle(of string) []byte {
	return []byte(hex.EncodeToString(p.keys.MAC(handlePurpose, []byte(of))))
}
