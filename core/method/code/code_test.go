package code_test

import (
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/gatehouse-id/gatehouse/core/flow"
	"github.com/gatehouse-id/gatehouse/core/identity"
	"github.com/gatehouse-id/gatehouse/core/method/code"
	"github.com/gatehouse-id/gatehouse/core/onetime"
	"github.com/gatehouse-id/gatehouse/core/session"
	"github.com/gatehouse-id/gatehouse/core/ui"
)

const mount = "https://id.example"

func yes() bool { return true }

func quarter() time.Duration { return 15 * time.Minute }

var byCode = &code.Code{On: yes, Lifespan: quarter, SignsIn: yes, SignsUp: yes, SecondFactor: yes, FallsBack: yes, Now: time.Now}

func byLink(base string) *code.Link {
	return &code.Link{On: yes, Lifespan: quarter, Mount: func() string { return base }}
}

// names lists the fields of a form.
func names(nodes ui.Nodes) []string {
	var out []string
	for _, n := range nodes {
		out = append(out, n.Input().Name+":"+string(n.Input().Type))
	}
	return out
}

func TestFormsFollowTheFlow(t *testing.T) {
	address := []string{"email:email", "method:submit"}
	named := map[string]any{flow.AddressField: "ada@example.org"}
	for name, tt := range map[string]struct {
		method flow.ChallengeMethod
		f      flow.Flow
		want   []string
	}{
		"code, at first":      {byCode, flow.Flow{State: flow.StateChooseMethod}, address},
		"code, sent":          {byCode, flow.Flow{State: flow.StateSentEmail, Values: named}, []string{"code:text", "method:hidden", "method:submit", "email:submit"}},
		"code, handed over":   {byCode, flow.Flow{State: flow.StateSentEmail}, []string{"code:text", "method:submit"}},
		"link, at first":      {byLink(""), flow.Flow{State: flow.StateChooseMethod}, address},
		"link, sent, to mend": {byLink(""), flow.Flow{State: flow.StateSentEmail, Values: named}, address},
	} {
		tt.f.Kind = flow.Recovery
		if got := names(tt.method.ChallengeForm(&tt.f)); !slices.Equal(got, tt.want) {
			t.Errorf("%s: got %v, want %v", name, got, tt.want)
		}
	}
}

func TestLinksLeadToTheirFlow(t *testing.T) {
	for base, want := range map[string]string{"": mount, "https://mail.example/id": "https://mail.example/id"} {
		for _, kind := range []flow.Kind{flow.Recovery, flow.Verification} {
			ch := byLink(base).NewChallenge(&flow.Flow{ID: "f1", Kind: kind}, mount)
			link := ch.Data.RecoveryURL + ch.Data.VerificationURL // one of them
			u, err := url.Parse(link)
			if err != nil || !strings.HasPrefix(link, want+"/self-service/"+string(kind)+"?") {
				t.Fatalf("%s: the link is %q: %v", kind, link, err)
			}
			if u.Query().Get("flow") != "f1" || u.Query().Get("token") != ch.Secret || ch.Data.ExpiresInMinutes != 15 {
				t.Errorf("%s: got %v and the secret %q, %d minutes", kind, u.Query(), ch.Secret, ch.Data.ExpiresInMinutes)
			}
		}
	}
}

// TestCodesTellNoMoreThanTheyMust: a mail for one thing has nothing for another.
func TestCodesTellNoMoreThanTheyMust(t *testing.T) {
	recover := byCode.NewChallenge(&flow.Flow{Kind: flow.Recovery}, mount)
	verify := byCode.NewChallenge(&flow.Flow{Kind: flow.Verification}, mount)
	if recover.Data.RecoveryCode != recover.Secret || recover.Data.VerificationCode != "" || recover.Data.RecoveryURL != "" {
		t.Errorf("a recovery says %+v", recover.Data)
	}
	if verify.Data.VerificationCode != verify.Secret || verify.Data.RecoveryCode != "" || verify.Data.VerificationURL != "" {
		t.Errorf("a verification says %+v", verify.Data)
	}
}

func TestAnswersAreReadAsTheyAreTyped(t *testing.T) {
	token := string(onetime.NewToken())
	for _, tt := range []struct {
		method      flow.ChallengeMethod
		field, sent string
		want        string
	}{
		{byCode, "code", "123 456", "123456"}, {byCode, "code", "12345", ""}, {byCode, "code", "", ""},
		{byLink(""), "token", token, token}, {byLink(""), "token", token[:42], ""}, {byLink(""), "token", "", ""},
	} {
		got, _ := tt.method.Answer(flow.Submission{Fields: map[string]any{tt.field: tt.sent}})
		if got != tt.want {
			t.Errorf("%s %q: got %q, want %q", tt.method.Name(), tt.sent, got, tt.want)
		}
	}
}

func TestFormsOfSigningInAndUp(t *testing.T) {
	who := &identity.Identity{Credentials: map[identity.CredentialType]identity.Credential{
		identity.Code: {Identifiers: []string{"ada@example.org", "+4930123456"}},
	}}
	second := &flow.Flow{Kind: flow.Login, RequestedAAL: session.AAL2}
	for name, tt := range map[string]struct {
		got  ui.Nodes
		want []string
	}{
		"anybody":           {byCode.LoginForm(&flow.Flow{Kind: flow.Login}, nil), []string{"method:submit"}},
		"refresh":           {byCode.LoginForm(&flow.Flow{Kind: flow.Login}, who), []string{"method:submit"}},
		"refresh, nowhere":  {byCode.LoginForm(&flow.Flow{Kind: flow.Login}, &identity.Identity{}), nil},
		"second":            {byCode.LoginForm(second, who), []string{"address:submit", "address:submit"}},
		"second, nowhere":   {byCode.LoginForm(second, &identity.Identity{}), nil},
		"second of nobody":  {byCode.LoginForm(second, nil), nil},
		"registration":      {byCode.RegistrationForm(&flow.Flow{}), []string{"method:submit"}},
		"code of a login":   {byCode.ChallengeForm(&flow.Flow{Kind: flow.Login, State: flow.StateSentEmail}), []string{"code:text", "method:hidden", "method:submit", "resend:submit"}},
		"of a registration": {byCode.ChallengeForm(&flow.Flow{Kind: flow.Registration, State: flow.StateSentEmail}), []string{"code:text", "method:hidden", "method:submit", "resend:submit"}},
	} {
		if got := names(tt.got); !slices.Equal(got, tt.want) {
			t.Errorf("%s: got %v, want %v", name, got, tt.want)
		}
	}
}

// TestCodesServeWhatTheyAreSwitchedOnFor: recovery and verification in any case.
func TestCodesServeWhatTheyAreSwitchedOnFor(t *testing.T) {
	no := func() bool { return false }
	for name, tt := range map[string]struct {
		in, up, second func() bool
		want           []flow.Kind
	}{
		"nothing else":  {no, no, no, []flow.Kind{flow.Recovery, flow.Verification}},
		"second factor": {no, no, yes, []flow.Kind{flow.Recovery, flow.Verification, flow.Login}},
		"fallback":      {yes, no, no, []flow.Kind{flow.Recovery, flow.Verification, flow.Login}},
		"passwordless":  {yes, yes, no, []flow.Kind{flow.Recovery, flow.Verification, flow.Login, flow.Registration}},
	} {
		m := &code.Code{On: yes, SignsIn: tt.in, SignsUp: tt.up, SecondFactor: tt.second}
		var got []flow.Kind
		for _, k := range []flow.Kind{flow.Recovery, flow.Verification, flow.Login, flow.Registration} {
			if m.Serves(k) {
				got = append(got, k)
			}
		}
		if !slices.Equal(got, tt.want) || m.Proves(session.AAL1) != tt.in() || m.Proves(session.AAL2) != tt.second() {
			t.Errorf("%s: it serves %v, want %v", name, got, tt.want)
		}
	}
}

// TestEveryKindHasItsWords: one that is missing would be an empty page.
func TestEveryKindHasItsWords(t *testing.T) {
	for _, m := range []flow.ChallengeMethod{byCode, byLink("")} {
		for _, k := range []flow.Kind{flow.Recovery, flow.Verification, flow.Login, flow.Registration} {
			if _, signsIn := m.(flow.LoginMethod); !signsIn && k != flow.Recovery && k != flow.Verification {
				continue // a link is for neither
			}
			w := m.Words(&flow.Flow{Kind: k})
			if w.Sent.Text == "" || w.Wrong.Text == "" || w.Valid == "" || w.Invalid == "" || k == flow.Recovery && w.AMR == "" {
				t.Errorf("%s, %s: %+v", m.Name(), k, w)
			}
		}
	}
}
