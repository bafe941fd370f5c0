package contract

import (
	"errors"
	"net/http"
	"regexp"
	"slices"
	"testing"

	"github.com/google/uuid"
	"github.com/ory/client-go"

	"github.com/gatehouse-id/gatehouse/test/harness"
)

const (
	unknown = "0e6b3b9a-5b1f-4a7c-9b1e-0a1b2c3d4e5f" // the id of nothing
	foreign = "https://evil.example/"                // where nobody may be sent to
)

// goCalls writes down what the Go client calls. The results of calls are given to
// its methods as they are, whether there is a value before the response or not.
type goCalls struct {
	*testing.T
	stage  *stage
	client *sdkClient
}

func runGo(t *testing.T, s *stage, c *sdkClient) {
	stories := map[string]func(goCalls){
		"nobody": goCalls.nobody, "login": goCalls.login, "registration": goCalls.registration, "logout": goCalls.logout,
		"settings": goCalls.settings, "settings left open": goCalls.settingsLeftOpen,
		"recovery": goCalls.recovery, "verification": goCalls.verification, "flows left open": goCalls.leftOpen,
		"third party": goCalls.thirdParty,
		"sessions":    goCalls.sessions, "identities": goCalls.identities, "sessions of an identity": goCalls.identitySessions,
	}
	for name, story := range stories {
		t.Run(name, func(t *testing.T) { story(goCalls{t, s, c}) })
	}
}

// went expects that a call went well.
func (c goCalls) went(results ...any) {
	c.Helper()
	res, err := answerTo(results)
	if err != nil {
		c.Fatalf("%v %s", err, body(err))
	}
	c.stage.calls.add(occasion{c.client, today(res.Request), res.StatusCode}, "success")
}

// refused expects an answer that the client reads as the document says.
func (c goCalls) refused(status int, how string) func(results ...any) {
	return func(results ...any) {
		c.Helper()
		res, err := answerTo(results)
		var e *client.GenericOpenAPIError
		if !errors.As(err, &e) || res.StatusCode != status || e.Model() == nil {
			c.Fatalf("%s: got %v %s, want status %d", how, err, body(err), status)
		}
		c.stage.calls.add(occasion{c.client, today(res.Request), status}, how)
	}
}

// refusedInTime tries until a call is answered with a status, because time has to pass before.
func (c goCalls) refusedInTime(status int, how string, try func() (*http.Response, error)) {
	c.Helper()
	var res *http.Response
	var err error
	harness.Eventually(c, how, func() bool {
		res, err = try()
		return res != nil && res.StatusCode == status
	})
	c.refused(status, how)(res, err)
}

func answerTo(results []any) (*http.Response, error) {
	last := len(results) - 1
	err, _ := results[last].(error)
	return results[last-1].(*http.Response), err
}

// today is the operation that a request is for.
func today(r *http.Request) string {
	i := slices.IndexFunc(operations, func(o operation) bool { return o.method == r.Method && matches(o.root(), r.URL.Path) })
	if i < 0 {
		return ""
	}
	return operations[i].today
}

func (c goCalls) native() *client.APIClient { return native(c, c.stage.main) }
func (c goCalls) hasty() *client.APIClient  { return native(c, c.stage.hasty) }

// bearer is a client that sends a session token with every request.
func (c goCalls) bearer(token string) *client.APIClient {
	app := c.native()
	app.GetConfig().AddDefaultHeader("X-Session-Token", token)
	return app
}

// person is somebody who has registered.
type person struct{ email, id, flow, token, session string }

// signUp registers somebody.
func (c goCalls) signUp(app *client.APIClient) (who person) {
	c.Helper()
	who.email = uuid.NewString() + "@example.org"
	flow, res, err := app.FrontendAPI.CreateNativeRegistrationFlow(c.Context()).Execute()
	c.went(res, err)
	done, res, err := app.FrontendAPI.UpdateRegistrationFlow(c.Context()).Flow(flow.Id).UpdateRegistrationFlowBody(registration(who.email, "")).Execute()
	c.went(res, err)
	who.id, who.flow, who.token, who.session = done.Identity.Id, flow.Id, done.GetSessionToken(), done.Session.Id
	return who
}

// signIn makes another session.
func (c goCalls) signIn(email string) (flow, session string) {
	c.Helper()
	app := c.native().FrontendAPI
	f, res, err := app.CreateNativeLoginFlow(c.Context()).Execute()
	c.went(res, err)
	in, res, err := app.UpdateLoginFlow(c.Context()).Flow(f.Id).UpdateLoginFlowBody(login(email, password, "")).Execute()
	c.went(res, err)
	return f.Id, in.Session.Id
}

// signedInBrowser is a browser that has just registered.
func (c goCalls) signedInBrowser() client.FrontendAPI {
	c.Helper()
	browser := sdk(c.T, c.stage.main).FrontendAPI
	flow, res, err := browser.CreateBrowserRegistrationFlow(c.Context()).Execute()
	c.went(res, err)
	c.went(browser.UpdateRegistrationFlow(c.Context()).Flow(flow.Id).
		UpdateRegistrationFlowBody(registration(uuid.NewString()+"@example.org", csrf(c.T, flow.Ui))).Execute())
	return browser
}

// mailedCode reads the code in the newest mail to an address.
func (c goCalls) mailedCode(recipient string) string {
	c.Helper()
	courier := c.native().CourierAPI
	list, res, err := courier.ListCourierMessages(c.Context()).Recipient(recipient).Execute()
	check(c.T, "listing mails", res, err, 200)
	mail, res, err := courier.GetCourierMessage(c.Context(), list[0].Id).Execute()
	check(c.T, "reading a mail", res, err, 200)
	return regexp.MustCompile(`\b\d{6}\b`).FindString(mail.Body)
}

// asking adds a query to every request, because the client has no parameter for it.
type asking struct {
	query string
	http.RoundTripper
}

// RoundTrip implements http.RoundTripper.
func (a asking) RoundTrip(r *http.Request) (*http.Response, error) {
	r = r.Clone(r.Context())
	r.URL.RawQuery = a.query
	return a.RoundTripper.RoundTrip(r)
}
