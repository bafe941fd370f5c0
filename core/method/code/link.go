package code

import (
	"net/url"
	"time"

	"github.com/gatehouse-id/gatehouse/core/courier"
	"github.com/gatehouse-id/gatehouse/core/flow"
	"github.com/gatehouse-id/gatehouse/core/identity"
	"github.com/gatehouse-id/gatehouse/core/onetime"
	"github.com/gatehouse-id/gatehouse/core/ui"
)

// LinkName is what submissions call the method "link". It is no credential, but is named where credentials are.
const LinkName identity.CredentialType = "link"

// Link implements flow.ChallengeMethod with a link that people open. All fields must be set.
type Link struct {
	On       func() bool
	Lifespan func() time.Duration
	// Mount is where links lead in place of the URL that the API is served at
	// (methods.link.config.base_url); "" leaves them there.
	Mount func() string
}

// Name implements flow.Method.
func (m *Link) Name() identity.CredentialType { return LinkName }

// Enabled implements flow.Method.
func (m *Link) Enabled() bool { return m.On() }

// ChallengeForm implements flow.ChallengeMethod: the address can be entered again when nothing comes.
func (m *Link) ChallengeForm(*flow.Flow) ui.Nodes { return askForAddress(ui.GroupLink, m.Name()) }

// NewChallenge implements flow.ChallengeMethod.
func (m *Link) NewChallenge(f *flow.Flow, mount string) flow.Challenge {
	if own := m.Mount(); own != "" {
		mount = own
	}
	token := string(onetime.NewToken())
	link := mount + "/self-service/" + string(f.Kind) + "?" + url.Values{"flow": {f.ID}, "token": {token}}.Encode()
	c := flow.Challenge{Secret: token, Lifespan: m.Lifespan()}
	c.Data.ExpiresInMinutes = minutes(c.Lifespan)
	if f.Kind == flow.Recovery {
		c.Data.RecoveryURL = link
	} else {
		c.Data.VerificationURL = link
	}
	return c
}

// Answer implements flow.ChallengeMethod.
func (m *Link) Answer(s flow.Submission) (answer, field string) {
	token, _ := onetime.ParseToken(s.String("token"))
	return string(token), flow.AddressField // whoever has a link opens it: the form asks for the address
}

var linkWords = map[flow.Kind]flow.ChallengeWords{
	flow.Recovery: {
		Sent: ui.MsgRecoveryLinkSent.Message(), Wrong: ui.MsgRecoveryTokenInvalid.Message(), AMR: "link_recovery",
		Valid: courier.RecoveryValid, Invalid: courier.RecoveryInvalid,
	},
	flow.Verification: {
		Sent: ui.MsgVerificationLinkSent.Message(), Wrong: ui.MsgVerificationTokenInvalid.Message(),
		Valid: courier.VerificationValid, Invalid: courier.VerificationInvalid,
	},
}

// Words implements flow.ChallengeMethod.
func (m *Link) Words(f *flow.Flow) flow.ChallengeWords { return linkWords[f.Kind] }
