package contract

import (
	"net/http"
	"net/url"

	"github.com/ory/client-go"
)

const byBrowser = "a third party, to which the browser has to go"

// thirdParty is a browser that is sent to a provider by each form, and an app whose person goes there.
func (c goCalls) thirdParty() {
	browser, ctx := sdk(c.T, c.stage.main).FrontendAPI, c.Context()
	login, res, err := browser.CreateBrowserLoginFlow(ctx).Execute()
	c.went(res, err)
	c.refused(422, byBrowser)(browser.UpdateLoginFlow(ctx).Flow(login.Id).UpdateLoginFlowBody(atAcme(csrf(c.T, login.Ui))).Execute())

	up, res, err := browser.CreateBrowserRegistrationFlow(ctx).Execute()
	c.went(res, err)
	body := client.NewUpdateRegistrationFlowWithOidcMethod("oidc", "acme")
	body.CsrfToken = new(csrf(c.T, up.Ui))
	c.refused(422, byBrowser)(browser.UpdateRegistrationFlow(ctx).Flow(up.Id).
		UpdateRegistrationFlowBody(client.UpdateRegistrationFlowWithOidcMethodAsUpdateRegistrationFlowBody(body)).Execute())

	ann := c.signedInBrowser()
	settings, res, err := ann.CreateBrowserSettingsFlow(ctx).Execute()
	c.went(res, err)
	link := client.NewUpdateSettingsFlowWithOidcMethod("oidc")
	link.Link, link.AdditionalProperties = new("acme"), map[string]any{"csrf_token": csrf(c.T, settings.Ui)}
	c.refused(422, byBrowser)(ann.UpdateSettingsFlow(ctx).Flow(settings.Id).
		UpdateSettingsFlowBody(client.UpdateSettingsFlowWithOidcMethodAsUpdateSettingsFlowBody(link)).Execute())
	c.exchange()
}

// exchange is an app that gets its session by two codes.
func (c goCalls) exchange() {
	app, ctx := c.native().FrontendAPI, c.Context()
	flow, res, err := app.CreateNativeLoginFlow(ctx).ReturnSessionTokenExchangeCode(true).ReturnTo("https://app.example/in").Execute()
	c.went(res, err)
	_, res, err = app.UpdateLoginFlow(ctx).Flow(flow.Id).UpdateLoginFlowBody(atAcme("")).Execute()
	c.refused(422, byBrowser)(res, err)
	to := refused[client.ErrorBrowserLocationChangeRequired](c.T, "choosing a provider", res, err, 422)
	code := c.goTo(to.GetRedirectBrowserTo())

	exchange := app.ExchangeSessionToken(ctx).InitCode(flow.GetSessionTokenExchangeCode())
	c.refused(404, "codes that open nothing")(exchange.ReturnToCode("another").Execute())
	got, res, err := exchange.ReturnToCode(code).Execute()
	c.went(res, err)
	if who, res, err := app.ToSession(ctx).XSessionToken(got.GetSessionToken()).Execute(); err != nil || who.Id != got.Session.Id {
		c.Errorf("the session: got %v %v, want %s", res, err, got.Session.Id)
	}
}

func atAcme(csrf string) client.UpdateLoginFlowBody {
	body := client.NewUpdateLoginFlowWithOidcMethod("oidc", "acme")
	if csrf != "" {
		body.CsrfToken = &csrf
	}
	return client.UpdateLoginFlowWithOidcMethodAsUpdateLoginFlowBody(body)
}

// goTo is a browser that goes to the provider, and comes back to an app with a code.
func (c goCalls) goTo(place string) (code string) {
	c.Helper()
	var browser http.Client
	browser.CheckRedirect = func(r *http.Request, _ []*http.Request) error {
		if r.URL.Host == "app.example" {
			return http.ErrUseLastResponse
		}
		return nil
	}
	req, err := http.NewRequestWithContext(c.Context(), http.MethodGet, place, nil)
	if err != nil {
		c.Fatal(err)
	}
	req.Header.Set("Accept", "text/html")
	res, err := browser.Do(req)
	if err != nil {
		c.Fatal(err)
	}
	res.Body.Close()
	at, err := url.Parse(res.Header.Get("Location"))
	if err != nil || at.Query().Get("code") == "" {
		c.Fatalf("the browser ends at %q, want the app with a code", at)
	}
	return at.Query().Get("code")
}
