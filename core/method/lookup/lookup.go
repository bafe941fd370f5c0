// Package lookup is the credential method "lookup_secret": a second factor by backup codes, each of which works once.
package lookup

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/gatehouse-id/gatehouse/core/flow"
	"github.com/gatehouse-id/gatehouse/core/identity"
	"github.com/gatehouse-id/gatehouse/core/secret"
	"github.com/gatehouse-id/gatehouse/core/session"
	"github.com/gatehouse-id/gatehouse/core/ui"
)

// Method implements flow.GuessableMethod and flow.SettingsMethod. All fields must be set.
type Method struct {
	On     func() bool // whether the method is enabled
	Cipher *secret.Keys
	Now    func() time.Time
}

// Name implements flow.Method.
func (m *Method) Name() identity.CredentialType { return identity.LookupSecret }

// Enabled implements flow.Method.
func (m *Method) Enabled() bool { return m.On() }

// Proves implements flow.LoginMethod.
func (m *Method) Proves(level session.AAL) bool { return level == session.AAL2 }

const (
	count  = 12 // codes that are made together
	length = 8
	// alphabet has no letters and digits that are mistaken for each other on paper. 31^8 is
	// more than can be guessed; the hashes are keyed because it is not more than can be tried
	// by who has stolen them.
	alphabet = "abcdefghjkmnpqrstuvwxyz23456789"
	// hint is how much of a code is kept, so that people find out which of their codes are left.
	hint = 2
)

// credential is the config of the stored credential.
type credential struct {
	Codes []stored `json:"codes"`
}

// stored is what is left of a code once it was shown.
type stored struct {
	Hash   []byte     `json:"hash"`
	Hint   string     `json:"hint"` // its first characters
	UsedAt *time.Time `json:"used_at,omitempty"`
}

// newCodes makes codes that nobody has seen.
func newCodes() []string {
	codes := make([]string, count)
	for n := range codes {
		codes[n] = newCode()
	}
	return codes
}

// newCode throws bytes away that would make some characters more likely than others.
func newCode() string {
	code := make([]byte, 0, length)
	for b := make([]byte, 1); len(code) < length; {
		rand.Read(b)
		if n := int(b[0]); n < 256/len(alphabet)*len(alphabet) {
			code = append(code, alphabet[n%len(alphabet)])
		}
	}
	return string(code)
}

const hashPurpose = "lookup secret"

func hashed(i *identity.Identity, code string) []byte { return []byte(i.ID + "\x00" + code) }

// normalize reads a code as people type it.
func normalize(text string) string {
	return strings.ToLower(strings.NewReplacer(" ", "", "-", "").Replace(text))
}

func (m *Method) read(i *identity.Identity) (credential, error) {
	var c credential
	if err := json.Unmarshal(i.Credentials[identity.LookupSecret].Config, &c); err != nil {
		return c, fmt.Errorf("reading the backup codes of %s: %w", i.ID, err)
	}
	return c, nil
}

// write stores the codes. Without one that is left there is no factor to ask for: nobody
// is locked out by having used them up.
func (m *Method) write(i *identity.Identity, c credential) error {
	if c.left() == 0 {
		delete(i.Credentials, identity.LookupSecret)
		return nil
	}
	config, err := json.Marshal(c)
	if err != nil {
		return fmt.Errorf("encoding the backup codes of %s: %w", i.ID, err)
	}
	i.SetCredential(identity.LookupSecret, []string{i.ID}, config, m.Now())
	return nil
}

// left counts the codes that still work.
func (c credential) left() int {
	n := 0
	for _, s := range c.Codes {
		if s.UsedAt == nil {
			n++
		}
	}
	return n
}

// find looks for the code, used or not, and compares it with all there are; nil when it is none of them.
func (m *Method) find(i *identity.Identity, c credential, code string) *stored {
	var found *stored
	for n := range c.Codes {
		if m.Cipher.Verify(hashPurpose, hashed(i, code), c.Codes[n].Hash) {
			found = &c.Codes[n]
		}
	}
	return found
}

// LoginForm implements flow.LoginMethod.
func (m *Method) LoginForm(f *flow.Flow, who *identity.Identity) ui.Nodes {
	if who == nil || !who.HasCredential(identity.LookupSecret) {
		return nil
	}
	label := ui.MsgLoginLookupLabel.Message()
	if c, err := m.read(who); err == nil {
		label = ui.CodesLeft(ui.MsgLoginLookupLabel, c.left())
	}
	return ui.Nodes{
		ui.NewInput(ui.GroupLookupSecret, "lookup_secret", ui.InputText, ui.Required(), f.Untouched(), ui.Label(label)),
		ui.NewSubmit(ui.GroupLookupSecret, "method", string(m.Name()), ui.MsgLoginLookup.Message()),
	}
}

// Answers implements flow.GuessableMethod.
func (m *Method) Answers(s flow.Submission) bool { return s.String("lookup_secret") != "" }

// Login implements flow.LoginMethod. That the code is used is stored with the sign-in, on
// the condition that the identity is unchanged: of two that use it one fails.
func (m *Method) Login(_ context.Context, f *flow.Flow, who *identity.Identity, s flow.Submission) (flow.Outcome, error) {
	switch {
	case !m.Answers(s):
		f.AddField("lookup_secret", ui.Missing("lookup_secret"))
		return flow.Outcome{Rejected: true}, nil
	case who == nil || !who.HasCredential(identity.LookupSecret):
		return reject(f, ui.MsgNoLookup)
	}
	c, err := m.read(who)
	if err != nil {
		return flow.Outcome{}, err
	}
	c.Codes = slices.Clone(c.Codes)
	code := m.find(who, c, normalize(s.String("lookup_secret")))
	switch {
	case code == nil:
		return reject(f, ui.MsgLookupInvalid)
	case code.UsedAt != nil:
		return reject(f, ui.MsgLookupUsed)
	}
	now := m.Now().UTC()
	code.UsedAt = &now
	i := who.Clone()
	if err := m.write(i, c); err != nil {
		return flow.Outcome{}, err
	}
	return flow.Outcome{Identity: i, IdentityChange: true, AMR: m.amr()}, nil
}

func reject(f *flow.Flow, why ui.MessageID) (flow.Outcome, error) {
	f.Messages = append(f.Messages, why.Message())
	return flow.Outcome{Rejected: true}, nil
}

func (m *Method) amr() session.AuthenticationMethod {
	return session.AuthenticationMethod{Method: string(identity.LookupSecret), AAL: session.AAL2, CompletedAt: m.Now().UTC().Round(0)}
}
