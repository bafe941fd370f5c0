package httpapi_test

import (
	"encoding/base64"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/gatehouse-id/gatehouse/core/config"
	"github.com/gatehouse-id/gatehouse/internal/gateway"
	"github.com/gatehouse-id/gatehouse/internal/testenv"
)

// mobile is the number of somebody, and typed is how they write it.
const (
	mobile = "+4930123456"
	typed  = "+49 30 12-34-56"
)

// text is a short message as the provider is told of it.
type text struct {
	Recipient string `json:"recipient"`
	Body      string `json:"body"`
	Template  string `json:"template_type"`
}

// phones is a provider of short messages.
type phones chan text

func startPhones(t *testing.T) (phones, string) {
	t.Helper()
	p := make(phones, 64)
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		raw, err := io.ReadAll(r.Body)
		var m text
		if err != nil || json.Unmarshal(raw, &m) != nil {
			w.WriteHeader(http.StatusBadRequest)
			return
		}
		p <- m
	}))
	t.Cleanup(s.Close)
	return p, s.URL
}

var sentCode = regexp.MustCompile(`\b\d{6}\b`)

// code waits for a message to the number and returns its code.
func (p phones) code(t *testing.T, template string) string {
	t.Helper()
	select {
	case m := <-p:
		if m.Recipient != mobile || m.Template != template || !sentCode.MatchString(m.Body) {
			t.Fatalf("got %+v, want a code in a %s to %s", m, template, mobile)
		}
		return sentCode.FindString(m.Body)
	case <-time.After(10 * time.Second):
		t.Fatalf("no %s has come", template)
		return ""
	}
}

// byPhone has people sign in with a number. via is what the schema calls the channel.
func byPhone(via, provider string) testenv.Option {
	return func(c *config.Config, o *gateway.Options) {
		byCode(c, o)
		schema := `{"$schema":"http://json-schema.org/draft-07/schema#","type":"object","properties":{"traits":{"type":"object","properties":{
"phone":{"type":"string","format":"tel","ory.sh/kratos":{"credentials":{"password":{"identifier":true},"code":{"identifier":true,"via":"VIA"}},"verification":{"via":"VIA"}}}},
"required":["phone"],"additionalProperties":false}}}`
		c.Identity.Schemas[0].URL = "base64://" + base64.StdEncoding.EncodeToString([]byte(strings.ReplaceAll(schema, "VIA", via)))
		c.SelfService.Flows.Registration.After.Methods["password"] = config.AfterMethod{Hooks: []config.Hook{{Hook: "session"}, {Hook: "show_verification_ui"}}}
		if provider != "" {
			c.Clients.HTTP.PrivateIPExceptionURLs = []string{provider + "/*"}
			c.Courier.Channels = []config.Channel{{ID: "sms", RequestConfig: []byte(`{"url":"` + provider + `"}`)}}
		}
	}
}

// phoneOf is the first verifiable address of who is signed in.
func phoneOf(c *testenv.Client) string {
	a := c.Get("/sessions/whoami")
	raw, _ := json.Marshal(a.At("identity", "verifiable_addresses", 0, "verified"))
	return a.Text("identity", "verifiable_addresses", 0, "via") + " " + a.Text("identity", "verifiable_addresses", 0, "value") + " " + string(raw)
}

// TestCodesReachPhones: from the form to the provider and back, whatever the schema calls the channel.
func TestCodesReachPhones(t *testing.T) {
	for _, via := range []string{"sms", "phone"} {
		t.Run(via, func(t *testing.T) {
			p, provider := startPhones(t)
			e := testenv.New(t, byPhone(via, provider))
			c := e.App()
			f := c.Start("registration", "")
			wantStatus(t, c.Submit("registration", f, testenv.Fields{"method": "code", "traits.phone": typed}), http.StatusBadRequest)
			a := c.Submit("registration", f, testenv.Fields{"method": "code", "traits.phone": typed, "code": p.code(t, "registration_code_valid")})
			wantStatus(t, a, http.StatusOK)
			c.Header.Set("X-Session-Token", a.Text("session_token"))
			if got := phoneOf(c); got != "sms "+mobile+" true" {
				t.Errorf("the number is %q, want it verified", got)
			}

			again := e.App()
			f = requestCode(t, again, "", typed)
			wantStatus(t, again.Submit("login", f, testenv.Fields{"method": "code", "identifier": typed, "code": p.code(t, "login_code_valid")}), http.StatusOK)
		})
	}
}

// TestNumbersAreVerified after a sign-up with a password.
func TestNumbersAreVerified(t *testing.T) {
	for _, via := range []string{"sms", "phone"} {
		t.Run(via, func(t *testing.T) {
			p, provider := startPhones(t)
			e := testenv.New(t, byPhone(via, provider))
			c := e.App()
			a := c.Submit("registration", c.Start("registration", ""), testenv.Fields{"method": "password", "password": testenv.Password, "traits.phone": typed})
			wantStatus(t, a, http.StatusOK)
			c.Header.Set("X-Session-Token", a.Text("session_token"))
			p.code(t, "verification_code_valid")
			f := c.Fetch("verification", a.Text("continue_with", 1, "flow", "id"))
			wantStatus(t, f, http.StatusOK)
			if got := says(c, "verification", c.Submit("verification", f, testenv.Fields{"method": "code", "email": mobile})); !slices.Equal(got, []int{1080004}) {
				t.Errorf("asking for another code is answered with %v", got)
			}
			code := p.code(t, "verification_code_valid")
			if got := says(c, "verification", enter(c, "verification", f, code)); !slices.Equal(got, []int{1080005}) {
				t.Errorf("the right code is told with %v", got)
			}
			if got := phoneOf(c); got != "sms "+mobile+" true" {
				t.Errorf("the number is %q, want it verified", got)
			}
		})
	}
}

// TestSignInByCodeTellsNoNumbersApart: as with addresses of mail.
func TestSignInByCodeTellsNoNumbersApart(t *testing.T) {
	e := testenv.New(t, byPhone("sms", ""))
	register(e, testenv.Fields{"method": "password", "password": testenv.Password, "traits.phone": mobile})
	var first string
	for _, number := range []string{mobile, "+4930999999"} {
		c := e.App()
		f := c.Start("login", "")
		got := mask(t, e, c.Submit("login", f, testenv.Fields{"method": "code", "identifier": number})) + mask(t, e, enter(c, "login", f, "000000"))
		got = strings.ReplaceAll(got, number, "{who}")
		if first == "" {
			first = got
		}
		if got != first {
			t.Errorf("a number that nobody has got\n%s\nand one that somebody has\n%s", got, first)
		}
	}
}

// TestNumbersAreImportedVerified under both names of the channel.
func TestNumbersAreImportedVerified(t *testing.T) {
	for _, via := range []string{"sms", "phone"} {
		e := testenv.New(t, byPhone("phone", ""))
		a := e.App().PostJSON(e.Admin+"/admin/identities", map[string]any{
			"schema_id": "default", "traits": map[string]any{"phone": typed},
			"verifiable_addresses": []any{map[string]any{"via": via, "value": typed, "verified": true, "status": "completed"}},
		})
		wantStatus(t, a, http.StatusCreated)
		if verified, _ := a.At("verifiable_addresses", 0, "verified").(bool); !verified || a.Text("verifiable_addresses", 0, "via") != "sms" {
			t.Errorf("%s: got %s", via, a.Body)
		}
	}
}
