package httpapi_test

import (
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/gatehouse-id/gatehouse/core/config"
	"github.com/gatehouse-id/gatehouse/internal/gateway"
	"github.com/gatehouse-id/gatehouse/internal/testenv"
)

// inSteps asks who somebody is before it asks how they sign in or up.
func inSteps(c *config.Config, o *gateway.Options) {
	byCode(c, o)
	c.SelfService.Flows.Login.Style, c.SelfService.Flows.Registration.Style = "identifier_first", "profile_first"
}

// fields lists what a form has to fill in or press, apart from the hidden ones.
func fields(f *testenv.Answer) []string {
	var out []string
	nodes, _ := f.At("ui", "nodes").([]any)
	for _, n := range nodes {
		at, _ := n.(map[string]any)["attributes"].(map[string]any)
		if name, _ := at["name"].(string); at["type"] == "submit" {
			out = append(out, name+"="+at["value"].(string))
		} else if at["type"] != "hidden" {
			out = append(out, name)
		}
	}
	return out
}

func wantFields(t *testing.T, f *testenv.Answer, want ...string) {
	t.Helper()
	if got := fields(f); !slices.Equal(got, want) {
		t.Fatalf("the form has %v, want %v", got, want)
	}
}

// chosen takes the first step of a registration.
func chosen(t *testing.T, c *testenv.Client, traits testenv.Fields) *testenv.Answer {
	t.Helper()
	f := c.Start("registration", "")
	wantFields(t, f, "traits.email", "traits.nick", "traits.tags", "traits.age", "traits.news", "method=profile")
	traits["method"] = "profile"
	return next(t, c, "registration", c.Submit("registration", f, traits))
}

// entered is a profile with a list, which forms and JSON spell in different ways.
func entered(client, email string) testenv.Fields {
	if client == "browser" {
		return testenv.Fields{"traits.email": email, "traits.age": 36, "traits.tags": "maths"}
	}
	return testenv.Fields{"traits": map[string]any{"email": email, "age": 36, "tags": []string{"maths"}}}
}

func TestEveryClientSignsUpInTwoSteps(t *testing.T) {
	e := testenv.New(t, inSteps)
	for name, c := range clients(e, "") {
		email := name + "@example.org"
		f := chosen(t, c, entered(name, email))
		wantFields(t, f, "password", "screen=previous", "method=code", "method=password")
		if !slices.Equal(f.MessageIDs(), []int{1040009}) || f.Text("state") != "choose_method" || f.Value("traits.email") != email {
			t.Errorf("%s: the second step is %s", name, f.Body)
		}
		// A browser hands in the hidden fields; an app need not repeat what it has said.
		second := testenv.Fields{"method": "password", "password": testenv.Password}
		if name != "app" {
			second["traits.email"], second["traits.age"] = email, 36
		}
		wantSignedUp(t, c, c.Submit("registration", f, second), email)
	}
}

// wantSignedUp checks that an account was made of all that was entered.
func wantSignedUp(t *testing.T, c *testenv.Client, a *testenv.Answer, email string) {
	t.Helper()
	who := wantSignedIn(t, c, a, email)
	if who.At("identity", "traits", "age") != 36.0 || who.Text("identity", "traits", "tags", 0) != "maths" {
		t.Errorf("the account has %v", who.At("identity", "traits"))
	}
}

func TestTheSecondStepCanBeACode(t *testing.T) {
	e := testenv.New(t, inSteps)
	for name, c := range clients(e, "") {
		email := name + "@example.org"
		f := chosen(t, c, entered(name, email))
		f = next(t, c, "registration", c.Submit("registration", f, testenv.Fields{"method": "code", "traits.email": email, "traits.age": 36}))
		wantSent(t, f, 1040005)
		wantSignedUp(t, c, c.Submit("registration", f, testenv.Fields{
			"method": "code", "traits.email": email, "traits.age": 36, "code": e.MailedCode(email),
		}), email)
	}
}

// TestStepsGoBackAndForth: nothing that was entered is lost, and what is refused is shown
// where it can be changed.
func TestStepsGoBackAndForth(t *testing.T) {
	e := testenv.New(t, inSteps)
	for name, c := range clients(e, "") {
		email := name + "@example.org"
		f := chosen(t, c, testenv.Fields{"traits.email": "not an address", "traits.age": 12})
		if got := f.MessageIDs(); !slices.Equal(got, []int{4000040, 4000018}) || f.Node("password") != nil {
			t.Fatalf("%s: got %v", name, got)
		}
		f = next(t, c, "registration", c.Submit("registration", f, testenv.Fields{"method": "profile", "traits.email": email, "traits.age": 36}))
		f = next(t, c, "registration", c.Submit("registration", f, testenv.Fields{"screen": "previous"}))
		if f.Value("traits.email") != email || f.Value("traits.age") != 36.0 || len(f.MessageIDs()) != 0 {
			t.Fatalf("%s: back again the form is %s", name, f.Body)
		}
		wantFields(t, f, "traits.email", "traits.nick", "traits.tags", "traits.age", "traits.news", "method=profile")
		f = next(t, c, "registration", c.Submit("registration", f, testenv.Fields{"method": "profile", "traits.email": email, "traits.age": 40}))
		// Whoever changes a hidden field is led back to where it is visible.
		f = next(t, c, "registration", c.Submit("registration", f, testenv.Fields{"method": "password", "password": testenv.Password, "traits.age": 7}))
		if got := f.MessageIDs(); !slices.Equal(got, []int{4000018}) || f.Node("password") != nil {
			t.Fatalf("%s: got %v: %s", name, got, f.Body)
		}
		f = next(t, c, "registration", c.Submit("registration", f, testenv.Fields{"method": "profile", "traits.email": email, "traits.age": 40}))
		f = next(t, c, "registration", c.Submit("registration", f, testenv.Fields{"method": "password", "password": "short"}))
		if got := f.MessageIDs(); !slices.Equal(got, []int{4000032}) {
			t.Fatalf("%s: a short password is told with %v", name, got)
		}
		who := wantSignedIn(t, c, c.Submit("registration", f, testenv.Fields{"method": "password", "password": testenv.Password}), email)
		if who.At("identity", "traits", "age") != 40.0 {
			t.Errorf("%s: the account has %v", name, who.At("identity", "traits"))
		}
	}
}

// TestScreensOfNoFlow: names that mean nothing here are answered as any other.
func TestScreensOfNoFlow(t *testing.T) {
	e := testenv.New(t, inSteps)
	c := e.App()
	f := c.Start("registration", "")
	wantMessages(t, c.Submit("registration", f, testenv.Fields{"screen": "credential-selection"}), 4000002)
	wantMessages(t, c.Submit("registration", f, testenv.Fields{"screen": "nowhere", "traits.email": "x"}), 4000040)
	e.Config.SelfService.Flows.Registration.Style = "unified"
	f = c.Start("registration", "")
	wantMessages(t, c.Submit("registration", f, testenv.Fields{"screen": "previous"}), 4010003)
	wantMessages(t, c.Submit("registration", f, testenv.Fields{"method": "profile", "traits.email": ada}), 4010003)
	wantMessages(t, c.Submit("login", c.Start("login", "aal=aal1"), testenv.Fields{"method": "profile", "identifier": ada}), 4010002)
}

// TestTheIdentifierComesFirst, and what comes next tells nobody who has an account.
func TestTheIdentifierComesFirst(t *testing.T) {
	e := testenv.New(t, inSteps)
	e.SignUp("one@example.org")
	for name := range clients(e, "") {
		var first string
		for _, who := range []string{"one@example.org", "six@example.org"} {
			c := clients(e, "")[name]
			f := c.Start("login", "")
			wantFields(t, f, "identifier", "method=identifier_first")
			a := c.Submit("login", f, testenv.Fields{"method": "identifier_first", "identifier": who})
			f = next(t, c, "login", a)
			wantFields(t, f, "method=code", "password", "method=password")
			if f.Value("identifier") != who || f.Text("active") != "identifier_first" {
				t.Errorf("%s: the second step is %s", name, f.Body)
			}
			got := strings.ReplaceAll(mask(t, e, a)+mask(t, e, f), who, "{who}")
			if first == "" {
				first = got
			}
			if got != first {
				t.Errorf("%s: %s got\n%s\nand one@example.org\n%s", name, who, got, first)
			}
		}
		c := clients(e, "")[name]
		f := next(t, c, "login", c.Submit("login", c.Start("login", ""), testenv.Fields{"method": "identifier_first", "identifier": "one@example.org"}))
		f = next(t, c, "login", c.Submit("login", f, testenv.Credentials("one@example.org", "not-the-password")))
		wantFields(t, f, "method=code", "password", "method=password")
		f = next(t, c, "login", c.Submit("login", f, testenv.Fields{"method": "code", "identifier": "one@example.org"}))
		wantSent(t, f, 1010014)
		wantSignedIn(t, c, enter(c, "login", f, e.MailedCode("one@example.org")), "one@example.org")
		// Who is known isn't asked who they are.
		if f := c.Start("login", "refresh=true"); f.Node("password") == nil || f.Value("identifier") != "one@example.org" {
			t.Errorf("%s: the refresh asks %v", name, fields(f))
		}
	}
}

func TestTheFirstStepNeedsAnIdentifier(t *testing.T) {
	e := testenv.New(t, inSteps)
	c := e.App()
	f := c.Start("login", "")
	wantMessages(t, c.Submit("login", f, testenv.Fields{"method": "identifier_first"}), 4000002)
	wantFields(t, c.Fetch("login", f.Text("id")), "identifier", "method=identifier_first")
	e.Config.SelfService.Flows.Login.Style = "unified"
	wantMessages(t, c.Submit("login", f, testenv.Fields{"method": "identifier_first", "identifier": ada}), 4010002)
}

// TestWhatWasSentBelongsToWhatWasEntered: between the code and its answer nothing may change.
func TestWhatWasSentBelongsToWhatWasEntered(t *testing.T) {
	for name, change := range map[string]testenv.Fields{
		"address": {"traits.email": "eve@example.org"}, "other trait": {"traits.age": 99}, "more": {"traits.nick": "root"},
	} {
		e := testenv.New(t, byCode)
		c := e.App()
		sent := testenv.Fields{"method": "code", "traits.email": ada, "traits.age": 36}
		f := c.Submit("registration", c.Start("registration", ""), sent)
		sent["code"] = e.MailedCode(ada)
		for field, v := range change {
			sent[field] = v
		}
		a := c.Submit("registration", f, sent)
		wantMessages(t, a, 4000036)
		if a.Node("traits.email") == nil || a.Node("code") != nil {
			t.Errorf("%s: the form is %s", name, a.Body)
		}
	}
}

// TestATakenAddressIsToldToItsOwnerOnly: whoever can't read the mailbox sees no difference.
func TestATakenAddressIsToldToItsOwnerOnly(t *testing.T) {
	e := testenv.New(t, byCode)
	e.SignUp("one@example.org")
	var first string
	for _, who := range []string{"one@example.org", "six@example.org"} {
		c := e.App()
		a := c.Submit("registration", c.Start("registration", ""), testenv.Fields{"method": "code", "traits.email": who})
		got := strings.ReplaceAll(mask(t, e, a), who, "{who}")
		if first == "" {
			first = got
			wantMessages(t, c.Submit("registration", a, testenv.Fields{"method": "code", "traits.email": who, "code": e.MailedCode(who)}), 4000007)
		}
		if got != first {
			t.Errorf("%s got\n%s\nand one@example.org\n%s", who, got, first)
		}
	}
}

// TestOneCodeOneAccount: of many who bring the code of a registration at once, one gets the account.
func TestOneCodeOneAccount(t *testing.T) {
	e := testenv.New(t, byCode)
	e.Config.SelfService.Methods.Code.Config.MaxSubmissions = 100
	f := e.App().Submit("registration", e.App().Start("registration", ""), testenv.Fields{"method": "code", "traits.email": ada})
	made := 0
	for _, a := range atOnce(30, func(int) *testenv.Answer {
		return e.App().Submit("registration", f, testenv.Fields{"method": "code", "traits.email": ada, "code": e.MailedCode(ada)})
	}) {
		if a.Status == http.StatusOK {
			made++
		}
	}
	if made != 1 {
		t.Errorf("%d registrations succeeded, want 1", made)
	}
}
