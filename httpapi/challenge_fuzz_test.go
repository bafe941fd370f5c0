package httpapi_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/gatehouse-id/gatehouse/internal/testenv"
)

// FuzzLinkQuery: whatever stands behind the question mark of a link, the answer leads
// to a page of ours, lets nobody in and repeats nothing.
func FuzzLinkQuery(f *testing.F) {
	e := testenv.New(f, byLink)
	e.SignUp(ada)
	flow := asked(e.SPA(), "recovery", ada).Text("id")
	good, _ := url.Parse(e.MailedLink(ada))
	token := good.Query().Get("token")
	for _, q := range []string{
		"", "flow=" + flow, "flow=" + flow + "&token=" + token[:42], "flow=&token=" + token, "flow=" + flow + "&token=%00",
		"flow=" + flow + "&flow=x&token=" + strings.Repeat("A", 43), "token=" + strings.Repeat("_", 9000), "flow=%ff%fe&token=a;b", "%zz&flow=//evil.example",
	} {
		f.Add(q)
	}
	c := e.Browser()
	f.Fuzz(func(t *testing.T, query string) {
		e.T = t // the clients speak for this try now
		if strings.Contains(query, token) || strings.ContainsFunc(query, func(r rune) bool { return r <= ' ' || r == '#' || r == 0x7f }) {
			return // the right one, or no request that a client can send
		}
		for _, kind := range []string{"recovery", "verification"} {
			a := c.Get("/self-service/" + kind + "?" + query)
			if sessionCookie(a) != nil || a.Status != http.StatusSeeOther || !strings.HasPrefix(a.Location(), e.URL+"/") {
				t.Fatalf("%s?%q: got %d to %q", kind, query, a.Status, a.Location())
			}
		}
	})
}

// FuzzAddress: any text is taken for an address or told to be none.
func FuzzAddress(f *testing.F) {
	e := testenv.New(f)
	c := e.App()
	flow := c.Start("recovery", "")
	for _, s := range []string{"", ada, "ada@[IPv6:::1]", "a@b\r\nBcc: c@d.org", "\x00", "é@ü.example", strings.Repeat("a", 400) + "@b.org", `"a b"@c.org`, "<script>@x"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, address string) {
		e.T = t // the clients speak for this try now
		a := c.Submit("recovery", flow, testenv.Fields{"method": "code", "email": address})
		if a.Status != http.StatusOK && a.Status != http.StatusBadRequest {
			t.Fatalf("%q: got %d %s", address, a.Status, a.Body)
		}
	})
}

// FuzzCode: nothing but the code opens the flow.
func FuzzCode(f *testing.F) {
	e := testenv.New(f)
	e.SignUp(ada)
	e.Config.SelfService.Methods.Code.Config.MaxSubmissions = 1 << 30
	c := e.App()
	flow := asked(c, "recovery", ada)
	code := e.MailedCode(ada)
	for _, s := range []string{"", code[:5], code + "0", "-" + code[1:], "0x" + code[:4], "１２３４５６", strings.Repeat("9", 4000), "null", "000000\x00"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, text string) {
		e.T = t // the clients speak for this try now
		if strings.Contains(strings.NewReplacer(" ", "", "-", "", "\u00a0", "", "\t", "").Replace(text), code) {
			return
		}
		a := enter(c, "recovery", flow, text)
		if a.Status != http.StatusOK && a.Status != http.StatusBadRequest || strings.Contains(string(a.Body), "ory_st_") {
			t.Fatalf("%q: got %d %s", text, a.Status, a.Body)
		}
	})
}

// FuzzSignInByCode: whatever is entered where a code goes to, where it comes back and which
// screen is asked for, nobody is signed in or up, and nothing breaks.
func FuzzSignInByCode(f *testing.F) {
	e := testenv.New(f, inSteps)
	e.SignUp(ada)
	c := e.App()
	login, registration := c.Start("login", ""), c.Start("registration", "")
	for _, s := range [][3]string{
		{ada, "", ""}, {ada, "000000", "code"}, {"+49 30 1234", "1", "previous"}, {"a@b\r\nBcc: c@d.org", "\x00", "credential-selection"},
		{"\xc3\x28", "１２３４５６", "../x"}, {strings.Repeat("a", 400), "123456", "\""}, {"<script>@x", "", "code"},
	} {
		f.Add(s[0], s[1], s[2])
	}
	f.Fuzz(func(t *testing.T, address, code, button string) {
		e.T = t // the clients speak for this try now
		for _, a := range []*testenv.Answer{
			c.Submit("login", login, testenv.Fields{"method": "code", "identifier": address, "code": code, "resend": button}),
			c.Submit("login", login, testenv.Fields{"method": "identifier_first", "identifier": address}),
			c.Submit("registration", registration, testenv.Fields{"traits.email": address, "code": code, "screen": button}),
			c.Submit("registration", registration, testenv.Fields{"method": "code", "traits.email": address, "code": code, "resend": button}),
		} {
			switch {
			case a.Status == http.StatusGone: // five wrong codes
				login, registration = c.Start("login", ""), c.Start("registration", "")
			case a.Status != http.StatusBadRequest || a.Text("session_token") != "":
				t.Fatalf("%q %q %q: got %d %s", address, code, button, a.Status, a.Body)
			}
		}
	})
}
