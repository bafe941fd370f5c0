package selfservice_test

import (
	"context"
	"encoding/base64"
	"errors"
	"testing"
	"time"

	"github.com/gatehouse-id/gatehouse/core/config"
	"github.com/gatehouse-id/gatehouse/core/flow"
	"github.com/gatehouse-id/gatehouse/core/identity"
	"github.com/gatehouse-id/gatehouse/core/onetime"
	"github.com/gatehouse-id/gatehouse/core/selfservice"
	"github.com/gatehouse-id/gatehouse/core/session"
	"github.com/gatehouse-id/gatehouse/core/ui"
	"github.com/gatehouse-id/gatehouse/internal/gateway"
)

const codeSchema = `{"type":"object","properties":{"traits":{"type":"object","properties":{
"email":{"type":"string","format":"email","ory.sh/kratos":{"credentials":{"password":{"identifier":true},"code":{"identifier":true,"via":"email"}},"verification":{"via":"email"},"recovery":{"via":"email"}}},
"phone":{"type":"string","format":"tel","ory.sh/kratos":{"credentials":{"code":{"identifier":true,"via":"sms"}}}}},"additionalProperties":false}}}`

// byCode lets codes sign people in and up.
func byCode(c *config.Config, _ *gateway.Options) {
	c.Identity.Schemas[0].URL = "base64://" + base64.StdEncoding.EncodeToString([]byte(codeSchema))
	c.SelfService.Methods.Code.PasswordlessEnabled = true
}

// requestCode names an address in a new login.
func (s *stage) requestCode(c *selfservice.Client, address string) *flow.Flow {
	s.t.Helper()
	f := s.start(flow.Login, c, "")
	res, err := s.submit(f, c, map[string]any{"method": "code", "identifier": address})
	wantSays(s.t, res, err, ui.MsgLoginCodeSent)
	return f
}

func TestPhasesOfSigningInByCode(t *testing.T) {
	s := newStage(t, byCode)
	s.Env.SignUp(ada)
	s.events = nil
	c := s.browser()
	f := s.requestCode(c, ada)
	s.wantEvents("decode", "login.before", "commit")
	s.events = nil
	res, err := s.enter(f, c, s.MailedCode(ada))
	if err != nil || res.Session == nil || !res.RenewCSRF || res.Session.Methods[0].Method != "code" || res.Session.AAL() != session.AAL1 {
		t.Fatalf("%+v %v", res, err)
	}
	if !res.Identity.Verifiable[0].Verified {
		t.Error("the address is not verified with it")
	}
	s.wantEvents("decode", "login.before", "login.after", "commit")
}

func TestPhasesOfSigningUpByCode(t *testing.T) {
	s := newStage(t, byCode)
	c := s.browser()
	f, fields := s.start(flow.Registration, c, ""), map[string]any{"method": "code", "traits": map[string]any{"email": ada}}
	res, err := s.submit(f, c, fields)
	wantSays(t, res, err, ui.MsgRegistrationCodeSent)
	s.wantEvents("decode", "registration.before", "commit")
	if s.exists(ada) {
		t.Error("the account exists before the code is back")
	}
	s.events, fields["code"] = nil, s.MailedCode(ada)
	if res, err = s.submit(f, c, fields); err != nil || res.Identity == nil {
		t.Fatalf("%+v %v", res, err)
	}
	s.wantEvents("decode", "registration.before", "registration.pre_persist", "commit", "registration.post_persist")
	if _, err := s.Passes.Pass(t.Context(), f.ID); !errors.Is(err, onetime.ErrNotFound) {
		t.Errorf("the code is not spent: %v", err)
	}
}

func (s *stage) exists(email string) bool {
	_, err := s.Identities.ByIdentifier(s.t.Context(), identity.Code, email)
	return err == nil
}

// TestAHookStopsASignInAndTheCodeStaysGood: who is let in later need not ask again.
func TestAHookStopsASignInAndTheCodeStaysGood(t *testing.T) {
	s := newStage(t, byCode)
	s.Env.SignUp(ada)
	c := s.browser()
	f := s.requestCode(c, ada)
	code := s.MailedCode(ada)
	s.hook = func(in *flow.HookInput) (flow.Decision, error) {
		return flow.Decision{Denied: in.Point == flow.AfterLogin}, nil
	}
	_, err := s.enter(f, c, code)
	wantAPIError(t, err, 403, "")
	s.hook = nil
	if res, err := s.enter(f, c, code); err != nil || res.Session == nil {
		t.Errorf("%+v %v", res, err)
	}
}

// TestAnAccountThatChangesMeanwhile: a change that leaves the code good doesn't keep the
// owner out, and one that ends it does.
func TestAnAccountThatChangesMeanwhile(t *testing.T) {
	for name, tt := range map[string]struct {
		change func(i *identity.Identity)
		in     bool
	}{
		"a nickname": {func(i *identity.Identity) { i.MetadataPublic = []byte(`{"nick":"countess"}`) }, true},
		"a password": {func(i *identity.Identity) { i.SetPassword("another hash", time.Now()) }, false},
		"suspended":  {func(i *identity.Identity) { i.State = identity.Inactive }, false},
	} {
		s := newStage(t, byCode)
		s.Env.SignUp(ada)
		c := s.browser()
		f := s.requestCode(c, ada)
		once := false
		s.beforeCommit(func(ch *flow.Changes) error {
			if ch.SpendPass == nil || once {
				return nil
			}
			once = true
			i := s.account(ada)
			tt.change(i)
			return s.Identities.Update(context.Background(), i)
		})
		res, err := s.enter(f, c, s.MailedCode(ada))
		if in := err == nil && res.Session != nil; in != tt.in || !once {
			t.Errorf("%s: got %+v %v, want let in: %v", name, res, err, tt.in)
		}
	}
}

// TestCodesOfDifferentPurposesDontMix: a code that recovers an account doesn't sign in, and
// the other way round.
func TestCodesOfDifferentPurposesDontMix(t *testing.T) {
	s := newStage(t, byCode)
	s.Env.SignUp(ada)
	c := s.browser()
	recovery, login := s.ask(flow.Recovery, c, ada), s.start(flow.Login, c, "")
	code := s.MailedCode(ada)
	res, err := s.enter(login, c, code)
	wantSays(t, res, err, ui.MsgLoginCodeInvalid)
	s.requestCode(c, ada)
	if loginCode := s.MailedCode(ada); loginCode != code {
		res, err = s.enter(recovery, c, loginCode)
		wantSays(t, res, err, ui.MsgRecoveryCodeInvalid)
	}
}

// TestCodesGoToPhones when the schema says so.
func TestCodesGoToPhones(t *testing.T) {
	s := newStage(t, byCode)
	c := s.app()
	f, fields := s.start(flow.Registration, c, ""), map[string]any{"method": "code", "traits": map[string]any{"phone": "+49 30 123456"}}
	res, err := s.submit(f, c, fields)
	wantSays(t, res, err, ui.MsgRegistrationCodeSent)
	m := s.Mail("+4930123456")
	if m.Channel != "sms" {
		t.Errorf("it went by %q", m.Channel)
	}
	fields["code"] = s.MailedCode("+4930123456")
	if res, err = s.submit(f, c, fields); err != nil || res.Identity == nil {
		t.Fatalf("%+v %v", res, err)
	}
	s.requestCode(c, "+49 30 12-34-56")
	if n := len(s.Mails("+4930123456")); n != 2 {
		t.Errorf("%d messages went there, want another one to sign in", n)
	}
}

// TestNobodyIsFloodedWithSignInCodes: the answer stays the same, and the last code good.
func TestNobodyIsFloodedWithSignInCodes(t *testing.T) {
	s := newStage(t, byCode)
	s.Env.SignUp(ada)
	c := s.browser()
	before := len(s.Mails(ada))
	var asked []*flow.Flow
	for range 10 {
		asked = append(asked, s.requestCode(c, ada))
	}
	sent := len(s.Mails(ada)) - before
	if sent == 0 || sent > 5 {
		t.Fatalf("%d codes were sent within a minute", sent)
	}
	if res, err := s.enter(asked[sent-1], c, s.MailedCode(ada)); err != nil || res.Session == nil {
		t.Errorf("the last that was sent: %+v %v", res, err)
	}
}
