package selfservice_test

import (
	"context"
	"errors"
	"net/url"
	"testing"
	"time"

	"github.com/gatehouse-id/gatehouse/core/config"
	"github.com/gatehouse-id/gatehouse/core/flow"
	"github.com/gatehouse-id/gatehouse/core/identity"
	"github.com/gatehouse-id/gatehouse/core/schema"
	"github.com/gatehouse-id/gatehouse/core/secret"
	"github.com/gatehouse-id/gatehouse/core/selfservice"
	"github.com/gatehouse-id/gatehouse/core/session"
	"github.com/gatehouse-id/gatehouse/core/ui"
	"github.com/gatehouse-id/gatehouse/internal/gateway"
	"github.com/gatehouse-id/gatehouse/internal/testenv"
)

const ada = "ada@example.org"

// use chooses the method of both kinds.
func (s *stage) use(method string) {
	s.Env.Config.SelfService.Methods.Link.Enabled = true
	s.Env.Config.SelfService.Flows.Recovery.Use, s.Env.Config.SelfService.Flows.Verification.Use = method, method
}

// ask names an address in a new flow.
func (s *stage) ask(k flow.Kind, c *selfservice.Client, address string) *flow.Flow {
	s.t.Helper()
	f := s.start(k, c, "")
	s.askAgain(f, c, address)
	return f
}

func (s *stage) askAgain(f *flow.Flow, c *selfservice.Client, address string) {
	s.t.Helper()
	res, err := s.submit(f, c, map[string]any{"method": string(f.Active), "email": address})
	if err != nil || !res.Stays || res.Flow.State != flow.StateSentEmail {
		s.t.Fatalf("asking for a letter: %+v %v", res, err)
	}
}

// enter brings a code.
func (s *stage) enter(f *flow.Flow, c *selfservice.Client, code string) (*selfservice.Result, error) {
	s.t.Helper()
	return s.submit(f, c, map[string]any{"method": "code", "code": code})
}

// open opens the newest link to an address.
func (s *stage) open(c *selfservice.Client, link string) (*selfservice.Result, error) {
	s.t.Helper()
	u, err := url.Parse(link)
	if err != nil || link == "" {
		s.t.Fatalf("no link %q: %v", link, err)
	}
	k := flow.Kind(u.Path[len("/self-service/"):])
	return s.Open(s.t.Context(), k, u.Query().Get("flow"), u.Query().Get("token"), c)
}

// wantSays checks that a flow goes on and says why.
func wantSays(t *testing.T, res *selfservice.Result, err error, id ui.MessageID) {
	t.Helper()
	if err != nil || !res.Stays || res.Session != nil || !res.Flow.UI.Messages.Has(id) {
		t.Errorf("got %+v and %v, want a flow that says %d", res, err, id)
	}
}

// wantReplaced checks that another flow took the place of one, and says why.
func wantReplaced(t *testing.T, err error, id ui.MessageID) *flow.Flow {
	t.Helper()
	var ex *selfservice.ExpiredError
	if !errors.As(err, &ex) {
		t.Fatalf("got %v, want another flow", err)
	}
	if got := ex.Next.Messages; len(got) != 1 || got[0].ID != id {
		t.Errorf("the new flow says %v, want %d", got, id)
	}
	return ex.Next
}

func (s *stage) account(email string) *identity.Identity {
	s.t.Helper()
	i, err := s.Identities.ByIdentifier(s.t.Context(), identity.Password, email)
	if err != nil {
		s.t.Fatal(err)
	}
	return i
}

func TestPhasesOfRecovery(t *testing.T) {
	s := newStage(t)
	s.Env.SignUp(ada)
	s.events = nil
	c := s.browser()
	f := s.ask(flow.Recovery, c, ada)
	s.wantEvents("decode", "recovery.before", "commit")
	s.events = nil
	res, err := s.enter(f, c, s.MailedCode(ada))
	if err != nil || res.Session == nil || res.Next == nil || res.Next.Kind != flow.Settings || !res.RenewCSRF {
		t.Fatalf("%+v %v", res, err)
	}
	if got := res.Session.Methods; len(got) != 1 || got[0].Method != "code_recovery" || res.Session.AAL() != session.AAL1 {
		t.Errorf("the session was made by %+v", got)
	}
	s.wantEvents("decode", "recovery.after", "commit")
}

func TestAHookStopsARecoveryAndTheCodeStaysGood(t *testing.T) {
	s := newStage(t)
	s.Env.SignUp(ada)
	c := s.browser()
	f := s.ask(flow.Recovery, c, ada)
	code := s.MailedCode(ada)
	s.hook = func(*flow.HookInput) (flow.Decision, error) { return flow.Decision{Denied: true}, nil }
	_, err := s.enter(f, c, code)
	wantAPIError(t, err, 403, "")
	s.hook = nil
	if res, err := s.enter(f, c, code); err != nil || res.Session == nil {
		t.Errorf("%+v %v", res, err)
	}
}

func TestWrongCodesAreCountedThenTheFlowIsDead(t *testing.T) {
	s := newStage(t)
	s.Env.SignUp(ada)
	for kind, want := range map[flow.Kind]struct{ wrong, failed ui.MessageID }{
		flow.Recovery:     {ui.MsgRecoveryCodeInvalid, ui.MsgRecoveryFailed},
		flow.Verification: {ui.MsgVerificationCodeInvalid, ui.MsgVerificationFailed},
	} {
		c := s.browser()
		f := s.ask(kind, c, ada)
		code := s.MailedCode(ada)
		most := s.Env.Config.SelfService.Methods.Code.Config.MaxSubmissions
		for range most {
			res, err := s.enter(f, c, other(code))
			wantSays(t, res, err, want.wrong)
		}
		_, err := s.enter(f, c, code)
		wantReplaced(t, err, want.failed)
		// Another letter in the same flow gives no more attempts.
		s.askAgain(f, c, ada)
		_, err = s.enter(f, c, s.MailedCode(ada))
		wantReplaced(t, err, want.failed)
	}
}

// other is a code, but not that one.
func other(code string) string {
	if code == "000000" {
		return "000001"
	}
	return "000000"
}

// TestOneSuccessPerCode: whoever is second is told so, and doesn't undo what the first did.
func TestOneSuccessPerCode(t *testing.T) {
	for _, second := range []string{"the same code", "a wrong code"} {
		t.Run(second, func(t *testing.T) {
			s := newStage(t)
			s.Env.SignUp(ada)
			c := s.browser()
			f := s.ask(flow.Verification, c, ada)
			code := s.MailedCode(ada)
			answer := code
			if second == "a wrong code" {
				answer = other(code)
			}
			first := true
			s.beforeCommit(func(*flow.Changes) error {
				if !first {
					return nil
				}
				first = false
				if res, err := s.enter(f, c, code); err != nil || res.Rejected {
					t.Errorf("the other tab: %+v %v", res, err)
				}
				return nil
			})
			_, err := s.enter(f, c, answer)
			wantReplaced(t, err, ui.MsgVerificationCompleted)
			if now, err := s.Get(t.Context(), flow.Verification, f.ID, c); err != nil || now.State != flow.StatePassedChallenge {
				t.Errorf("the flow was set back: %+v %v", now, err)
			}
		})
	}
}

// TestAChangeOfTheAccountMeanwhile doesn't cost the person the code.
func TestAChangeOfTheAccountMeanwhile(t *testing.T) {
	s := newStage(t)
	s.Env.SignUp(ada)
	c := s.browser()
	f := s.ask(flow.Recovery, c, ada)
	first := true
	s.beforeCommit(func(ch *flow.Changes) error {
		if ch.UpdateIdentity == nil || !first {
			return nil
		}
		first = false
		i := s.account(ada)
		i.MetadataPublic = []byte(`{"plan":"gold"}`)
		return s.Identities.Update(t.Context(), i)
	})
	if res, err := s.enter(f, c, s.MailedCode(ada)); err != nil || res.Session == nil {
		t.Fatalf("%+v %v", res, err)
	}
	if got := string(s.account(ada).MetadataPublic); got != `{"plan":"gold"}` {
		t.Errorf("the other change was lost: %s", got)
	}
}

// TestLettersEndWithTheAccessTheyAreFor: each change ends the codes and links that were sent before it.
func TestLettersEndWithTheAccessTheyAreFor(t *testing.T) {
	for name, change := range map[string]func(s *stage, i *identity.Identity){
		"another password": func(s *stage, i *identity.Identity) { i.SetPassword("$2a$04$other", s.Env.Now()) },
		"another address":  func(_ *stage, i *identity.Identity) { i.Recovery[0].Value = "countess@example.org" },
		"no address":       func(_ *stage, i *identity.Identity) { i.Recovery = nil },
		"a recovery":       func(_ *stage, i *identity.Identity) { i.Recoveries++ },
		"a suspension":     func(_ *stage, i *identity.Identity) { i.State = identity.Inactive },
	} {
		t.Run(name, func(t *testing.T) {
			s := newStage(t)
			s.Env.SignUp(ada)
			byCode, byLink := s.browser(), s.browser()
			f := s.ask(flow.Recovery, byCode, ada)
			code := s.MailedCode(ada)
			s.use("link")
			s.ask(flow.Recovery, byLink, ada)
			link := s.MailedLink(ada)

			i := s.account(ada)
			change(s, i)
			if err := s.Identities.Update(t.Context(), i); err != nil {
				t.Fatal(err)
			}
			_, err := s.open(byLink, link)
			wantReplaced(t, err, ui.MsgRecoveryTokenInvalid)
			s.use("code")
			res, err := s.enter(f, byCode, code)
			wantSays(t, res, err, ui.MsgRecoveryCodeInvalid)
		})
	}
}

func TestADeletedAccountIsNotRecovered(t *testing.T) {
	s := newStage(t)
	s.Env.SignUp(ada)
	c := s.browser()
	f := s.ask(flow.Recovery, c, ada)
	if err := s.Identities.Delete(t.Context(), s.account(ada).ID); err != nil {
		t.Fatal(err)
	}
	res, err := s.enter(f, c, s.MailedCode(ada))
	wantSays(t, res, err, ui.MsgRecoveryCodeInvalid)
}

// TestALetterIsForOneThing: foreign secrets open nothing, whatever they are put together with.
func TestALetterIsForOneThing(t *testing.T) {
	s := newStage(t)
	s.use("link")
	s.Env.SignUp(ada)
	s.Env.SignUp("eve@example.org")
	eve := s.ask(flow.Recovery, s.browser(), "eve@example.org")
	s.ask(flow.Verification, s.browser(), ada)
	verify, _ := url.Parse(s.MailedLink(ada))
	mine := s.ask(flow.Recovery, s.browser(), ada)
	token := tokenOf(t, s.MailedLink(ada))

	for name, try := range map[string]struct{ flow, token string }{
		"the flow of another":         {eve.ID, token},
		"the token of another":        {mine.ID, tokenOf(t, s.MailedLink("eve@example.org"))},
		"a token to verify":           {mine.ID, verify.Query().Get("token")},
		"a token cut short":           {mine.ID, token[:42]},
		"a token and more":            {mine.ID, token + "A"},
		"no token":                    {mine.ID, ""},
		"bytes":                       {mine.ID, "\x00\xff"},
		"a flow that knows no letter": {s.start(flow.Recovery, s.browser(), "").ID, token},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := s.Open(t.Context(), flow.Recovery, try.flow, try.token, s.browser())
			wantReplaced(t, err, ui.MsgRecoveryTokenInvalid)
		})
	}
	_, err := s.Open(t.Context(), flow.Recovery, verify.Query().Get("flow"), verify.Query().Get("token"), s.browser())
	wantAPIError(t, err, 404, "")
	// All of that has cost the person nothing.
	if res, err := s.Open(t.Context(), flow.Recovery, mine.ID, token, s.browser()); err != nil || res.Session == nil {
		t.Errorf("%+v %v", res, err)
	}
}

func tokenOf(t *testing.T, link string) string {
	t.Helper()
	u, err := url.Parse(link)
	if err != nil {
		t.Fatal(err)
	}
	return u.Query().Get("token")
}

func lettersLive(d time.Duration) testenv.Option {
	return func(c *config.Config, _ *gateway.Options) {
		c.SelfService.Methods.Code.Config.Lifespan, c.SelfService.Methods.Link.Config.Lifespan = config.Duration(d), config.Duration(d)
	}
}

func TestLettersExpire(t *testing.T) {
	s := newStage(t, lettersLive(10*time.Minute))
	s.Env.SignUp(ada)
	c := s.browser()
	f := s.ask(flow.Recovery, c, ada)
	code := s.MailedCode(ada)
	s.use("link")
	s.ask(flow.Recovery, s.browser(), ada)
	link := s.MailedLink(ada)
	s.Advance(10 * time.Minute)
	_, err := s.open(s.browser(), link)
	wantReplaced(t, err, ui.MsgRecoveryExpired)
	s.use("code")
	res, err := s.enter(f, c, code)
	wantSays(t, res, err, ui.MsgRecoveryCodeInvalid)
	s.Advance(50 * time.Minute)
	_, err = s.enter(f, c, code)
	wantReplaced(t, err, ui.MsgRecoveryExpired)
}

// TestTheFlowsEndEndsItsLink, however long links live.
func TestTheFlowsEndEndsItsLink(t *testing.T) {
	s := newStage(t, lettersLive(48*time.Hour))
	s.Env.SignUp(ada)
	s.use("link")
	s.ask(flow.Recovery, s.browser(), ada)
	s.Advance(lifespan)
	_, err := s.open(s.browser(), s.MailedLink(ada))
	wantReplaced(t, err, ui.MsgRecoveryExpired)
}

// TestTheLatestLetterCounts: one that was sent before it may have been read by somebody else.
func TestTheLatestLetterCounts(t *testing.T) {
	s := newStage(t)
	s.Env.SignUp(ada)
	s.use("link")
	c := s.browser()
	f := s.ask(flow.Verification, c, ada)
	older := s.MailedLink(ada)
	s.askAgain(f, c, ada)
	_, err := s.open(s.browser(), older)
	wantReplaced(t, err, ui.MsgVerificationTokenInvalid)
	res, err := s.open(s.browser(), s.MailedLink(ada))
	wantSays(t, res, err, ui.MsgVerified)
}

// TestNobodyIsFloodedWithLetters: the answer doesn't say that nothing was sent.
func TestNobodyIsFloodedWithLetters(t *testing.T) {
	s := newStage(t)
	s.Env.SignUp(ada)
	for range 20 {
		s.ask(flow.Recovery, s.browser(), ada)
		s.ask(flow.Recovery, s.browser(), "nobody@example.org")
	}
	if n := len(s.Mails(ada)); n != 5 {
		t.Errorf("%d letters in an hour, want 5", n)
	}
	s.Advance(time.Hour)
	s.ask(flow.Recovery, s.browser(), ada)
	if n := len(s.Mails(ada)); n != 6 {
		t.Errorf("%d letters, want one more an hour later", n)
	}
}

// TestAnAddressThatMailDoesNotKnow is the person's mistake and no failure, whoever they are.
func TestAnAddressThatMailDoesNotKnow(t *testing.T) {
	s := newStage(t)
	c := s.browser()
	f := s.start(flow.Recovery, c, "")
	for _, address := range []string{
		"", "ada", "ada@", "@example.org", "a:b@example.org", "ada@[192.0.2.1", "ada@[IPv6:2001:db8::1]", "a..b@example.org", "ada@example.org, eve@example.org",
		"ada@example.org\r\nBcc: eve@example.org", "\"ada lovelace\"@example.org", "ada@exa mple.org", "ada@\xff.org", ".@x",
	} {
		res, err := s.submit(f, c, map[string]any{"method": "code", "email": address})
		if err != nil || !res.Rejected && !res.Stays {
			t.Errorf("%q: got %+v and %v", address, res, err)
		}
		if res != nil && res.Rejected && len(res.Flow.FieldMessages["email"]) == 0 {
			t.Errorf("%q: nothing is said at the field", address)
		}
	}
}

// TestAddressesAreAnsweredInStep: however long the work took, no answer leaves between two steps, and
// nobody waits on for a client that has gone.
func TestAddressesAreAnsweredInStep(t *testing.T) {
	s := newStage(t)
	s.Env.SignUp(ada)
	s.AnswerStep = 50 * time.Millisecond
	for _, who := range []string{ada, "nobody@example.org"} {
		begin := time.Now()
		s.ask(flow.Recovery, s.browser(), who)
		if took := time.Since(begin); took < s.AnswerStep {
			t.Errorf("%s is answered after %v", who, took)
		}
	}
	s.AnswerStep = time.Hour
	ctx, hangUp := context.WithCancel(t.Context())
	hangUp()
	c := s.browser()
	f := s.start(flow.Recovery, c, "")
	_, err := s.Submit(ctx, flow.Recovery, f.ID, c, func(*schema.Schema) (flow.Submission, error) {
		return flow.Submission{Method: "code", CSRFToken: secret.MaskCSRF(c.CSRF), Fields: map[string]any{"email": ada}}, nil
	})
	if err != nil && !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
}
