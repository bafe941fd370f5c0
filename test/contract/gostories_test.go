package contract

import (
	"net/http"

	"github.com/google/uuid"
	"github.com/ory/client-go"
)

func (c goCalls) nobody() {
	app, ctx := c.native(), c.Context()
	c.went(app.FrontendAPI.GetWebAuthnJavaScript(ctx).Execute())
	c.went(app.MetadataAPI.GetVersion(ctx).Execute())
	c.went(app.IdentityAPI.ListIdentitySchemas(ctx).Execute())
	c.went(app.IdentityAPI.GetIdentitySchema(ctx, "default").Execute())
	c.refused(404, "a schema that does not exist")(app.IdentityAPI.GetIdentitySchema(ctx, "unknown").Execute())
	c.went(app.FrontendAPI.GetFlowError(ctx).Id("stub:500").Execute())
	c.refused(404, "an error that nobody met")(app.FrontendAPI.GetFlowError(ctx).Id(unknown).Execute())
}

func (c goCalls) login() {
	app, browser, ctx := c.native().FrontendAPI, sdk(c.T, c.stage.main).FrontendAPI, c.Context()
	ann := c.signUp(c.native())
	completed, _ := c.signIn(ann.email)
	c.refused(400, "somebody who is signed in")(app.CreateNativeLoginFlow(ctx).XSessionToken(ann.token).Execute())
	own, res, err := browser.CreateBrowserLoginFlow(ctx).Execute()
	c.went(res, err)
	c.refused(400, "a return_to on a site that is not allowed")(browser.CreateBrowserLoginFlow(ctx).ReturnTo(foreign).Execute())
	c.went(browser.GetLoginFlow(ctx).Id(own.Id).Execute())
	c.refused(403, "the flow of another browser")(app.GetLoginFlow(ctx).Id(own.Id).Execute())
	c.refused(404, "a flow that does not exist")(app.GetLoginFlow(ctx).Id(unknown).Execute())
	c.refused(410, "a flow that is completed")(app.GetLoginFlow(ctx).Id(completed).Execute())
	wrong := login(ann.email, "another one", csrf(c.T, own.Ui))
	c.refused(400, "a wrong password")(browser.UpdateLoginFlow(ctx).Flow(own.Id).UpdateLoginFlowBody(wrong).Execute())
	c.refused(410, "a flow that is completed")(app.UpdateLoginFlow(ctx).Flow(completed).UpdateLoginFlowBody(login(ann.email, password, "")).Execute())
}

func (c goCalls) registration() {
	app, browser, ctx := c.native().FrontendAPI, sdk(c.T, c.stage.main).FrontendAPI, c.Context()
	ann := c.signUp(c.native())
	own, res, err := browser.CreateBrowserRegistrationFlow(ctx).Execute()
	c.went(res, err)
	c.refused(400, "somebody who is signed in")(c.bearer(ann.token).FrontendAPI.CreateNativeRegistrationFlow(ctx).Execute())
	c.went(browser.GetRegistrationFlow(ctx).Id(own.Id).Execute())
	c.refused(403, "the flow of another browser")(app.GetRegistrationFlow(ctx).Id(own.Id).Execute())
	c.refused(404, "a flow that does not exist")(app.GetRegistrationFlow(ctx).Id(unknown).Execute())
	again := registration(ann.email, csrf(c.T, own.Ui))
	c.refused(400, "an address that has an account")(browser.UpdateRegistrationFlow(ctx).Flow(own.Id).UpdateRegistrationFlowBody(again).Execute())
	c.refused(410, "a flow that is completed")(app.GetRegistrationFlow(ctx).Id(ann.flow).Execute())
	c.refused(410, "a flow that is completed")(app.UpdateRegistrationFlow(ctx).Flow(ann.flow).UpdateRegistrationFlowBody(registration("b@example.org", "")).Execute())
}

func (c goCalls) logout() {
	app, browser, ctx := c.native().FrontendAPI, c.signedInBrowser(), c.Context()
	ann := c.signUp(c.native())
	c.went(app.PerformNativeLogout(ctx).PerformNativeLogoutBody(client.PerformNativeLogoutBody{SessionToken: ann.token}).Execute())
	nonsense := client.PerformNativeLogoutBody{AdditionalProperties: map[string]any{"session_token": 42}}
	c.refused(400, "a token that is no string")(app.PerformNativeLogout(ctx).PerformNativeLogoutBody(nonsense).Execute())
	c.refused(401, "nobody is signed in")(app.CreateBrowserLogoutFlow(ctx).Execute())
	c.refused(400, "a return_to on a site that is not allowed")(browser.CreateBrowserLogoutFlow(ctx).ReturnTo(foreign).Execute())
	out, res, err := browser.CreateBrowserLogoutFlow(ctx).Execute()
	c.went(res, err)
	c.went(browser.UpdateLogoutFlow(ctx).Token(out.LogoutToken).Execute())
}

// newPassword is the submission of a settings form.
func newPassword(text string) client.UpdateSettingsFlowBody {
	return client.UpdateSettingsFlowWithPasswordMethodAsUpdateSettingsFlowBody(client.NewUpdateSettingsFlowWithPasswordMethod("password", text))
}

func (c goCalls) settings() {
	app, browser, ctx := c.native().FrontendAPI, c.signedInBrowser(), c.Context()
	ann, ben := c.signUp(c.native()), c.signUp(c.native())
	c.went(browser.CreateBrowserSettingsFlow(ctx).Execute())
	c.refused(400, "a return_to on a site that is not allowed")(browser.CreateBrowserSettingsFlow(ctx).ReturnTo(foreign).Execute())
	c.refused(401, "nobody is signed in")(app.CreateBrowserSettingsFlow(ctx).Execute())
	flow, res, err := app.CreateNativeSettingsFlow(ctx).XSessionToken(ann.token).Execute()
	c.went(res, err)
	elsewhere := c.native()
	elsewhere.GetConfig().HTTPClient.Transport = asking{"return_to=" + foreign, recorder{c}}
	c.refused(400, "a return_to on a site that is not allowed")(elsewhere.FrontendAPI.CreateNativeSettingsFlow(ctx).XSessionToken(ann.token).Execute())

	get := app.GetSettingsFlow(ctx).Id(flow.Id)
	c.went(get.XSessionToken(ann.token).Execute())
	c.refused(401, "nobody is signed in")(get.Execute())
	c.refused(403, "the flow of somebody else")(get.XSessionToken(ben.token).Execute())
	c.refused(404, "a flow that does not exist")(app.GetSettingsFlow(ctx).Id(unknown).XSessionToken(ann.token).Execute())
	submit := app.UpdateSettingsFlow(ctx).Flow(flow.Id)
	c.went(submit.XSessionToken(ann.token).UpdateSettingsFlowBody(newPassword("another-battery-staple")).Execute())
	c.refused(400, "a short password")(submit.XSessionToken(ann.token).UpdateSettingsFlowBody(newPassword("1")).Execute())
	c.refused(401, "nobody is signed in")(submit.UpdateSettingsFlowBody(newPassword(password)).Execute())
}

func (c goCalls) settingsLeftOpen() {
	app, ctx := c.hasty().FrontendAPI, c.Context()
	ann := c.signUp(c.hasty())
	start := func() string {
		flow, res, err := app.CreateNativeSettingsFlow(ctx).XSessionToken(ann.token).Execute()
		c.went(res, err)
		return flow.Id
	}
	change := func(flow string) client.FrontendAPIUpdateSettingsFlowRequest {
		return app.UpdateSettingsFlow(ctx).Flow(flow).XSessionToken(ann.token).UpdateSettingsFlowBody(newPassword(uuid.NewString()))
	}
	flow := start()
	c.refusedInTime(410, "a flow that has expired", func() (*http.Response, error) {
		_, res, err := app.GetSettingsFlow(ctx).Id(flow).XSessionToken(ann.token).Execute()
		return res, err
	})
	c.refused(410, "a flow that has expired")(change(flow).Execute())
	c.refusedInTime(403, "a new password long after the sign-in", func() (*http.Response, error) {
		_, res, err := change(start()).Execute()
		return res, err
	})
}

// recovering is the submission of a recovery form.
func recovering(fields client.UpdateRecoveryFlowWithCodeMethod) client.UpdateRecoveryFlowBody {
	fields.Method = "code"
	return client.UpdateRecoveryFlowWithCodeMethodAsUpdateRecoveryFlowBody(&fields)
}

func (c goCalls) recovery() {
	app, browser, ctx := c.native().FrontendAPI, sdk(c.T, c.stage.main).FrontendAPI, c.Context()
	ann := c.signUp(c.native())
	c.went(app.CreateNativeRecoveryFlow(ctx).Execute())
	c.refused(400, "somebody who is signed in")(c.bearer(ann.token).FrontendAPI.CreateNativeRecoveryFlow(ctx).Execute())
	c.refused(400, "a return_to on a site that is not allowed")(app.CreateBrowserRecoveryFlow(ctx).ReturnTo(foreign).Execute())
	own, res, err := browser.CreateBrowserRecoveryFlow(ctx).Execute()
	c.went(res, err)
	c.went(browser.GetRecoveryFlow(ctx).Id(own.Id).Execute())
	c.refused(404, "a flow that does not exist")(app.GetRecoveryFlow(ctx).Id(unknown).Execute())

	submit, token := browser.UpdateRecoveryFlow(ctx).Flow(own.Id), csrf(c.T, own.Ui)
	nowhere := recovering(client.UpdateRecoveryFlowWithCodeMethod{Email: new("nowhere"), CsrfToken: &token})
	c.refused(400, "an address that is none")(submit.UpdateRecoveryFlowBody(nowhere).Execute())
	sent, res, err := submit.UpdateRecoveryFlowBody(recovering(client.UpdateRecoveryFlowWithCodeMethod{Email: &ann.email, CsrfToken: &token})).Execute()
	c.went(res, err)
	code, token := c.mailedCode(ann.email), csrf(c.T, sent.Ui)
	c.refused(422, "the code from the mail, after which the browser has to go to the settings")(
		submit.UpdateRecoveryFlowBody(recovering(client.UpdateRecoveryFlowWithCodeMethod{Code: &code, CsrfToken: &token})).Execute())
}

// verifying is the submission of a verification form.
func verifying(email string) client.UpdateVerificationFlowBody {
	return client.UpdateVerificationFlowWithCodeMethodAsUpdateVerificationFlowBody(
		&client.UpdateVerificationFlowWithCodeMethod{Method: "code", Email: &email})
}

func (c goCalls) verification() {
	app, browser, ctx := c.native().FrontendAPI, sdk(c.T, c.stage.main).FrontendAPI, c.Context()
	ann := c.signUp(c.native())
	own, res, err := browser.CreateBrowserVerificationFlow(ctx).Execute()
	c.went(res, err)
	flow, res, err := app.CreateNativeVerificationFlow(ctx).Execute()
	c.went(res, err)
	c.refused(400, "a return_to on a site that is not allowed")(app.CreateNativeVerificationFlow(ctx).ReturnTo(foreign).Execute())
	c.went(browser.GetVerificationFlow(ctx).Id(own.Id).Execute())
	c.refused(403, "the flow of another browser")(app.GetVerificationFlow(ctx).Id(own.Id).Execute())
	c.refused(404, "a flow that does not exist")(app.GetVerificationFlow(ctx).Id(unknown).Execute())
	submit := app.UpdateVerificationFlow(ctx).Flow(flow.Id)
	c.refused(400, "an address that is none")(submit.UpdateVerificationFlowBody(verifying("nowhere")).Execute())
	c.went(submit.UpdateVerificationFlowBody(verifying(ann.email)).Execute())
}

// leftOpen comes back to forms of recovery and verification when they have expired.
func (c goCalls) leftOpen() {
	app, ctx := c.hasty().FrontendAPI, c.Context()
	email := "ann@example.org"
	flow, res, err := app.CreateNativeRecoveryFlow(ctx).Execute()
	c.went(res, err)
	c.refusedInTime(410, "a flow that has expired", func() (*http.Response, error) {
		_, res, err := app.GetRecoveryFlow(ctx).Id(flow.Id).Execute()
		return res, err
	})
	c.refused(410, "a flow that has expired")(app.UpdateRecoveryFlow(ctx).Flow(flow.Id).
		UpdateRecoveryFlowBody(recovering(client.UpdateRecoveryFlowWithCodeMethod{Email: &email})).Execute())
	verification, res, err := app.CreateNativeVerificationFlow(ctx).Execute()
	c.went(res, err)
	c.refusedInTime(410, "a flow that has expired", func() (*http.Response, error) {
		_, res, err := app.UpdateVerificationFlow(ctx).Flow(verification.Id).UpdateVerificationFlowBody(verifying(email)).Execute()
		return res, err
	})
}

func (c goCalls) sessions() {
	app, ctx := c.native().FrontendAPI, c.Context()
	ann := c.signUp(c.native())
	_, other := c.signIn(ann.email)
	c.went(app.ToSession(ctx).XSessionToken(ann.token).Execute())
	c.refused(401, "nobody is signed in")(app.ToSession(ctx).Execute())
	others, res, err := app.ListMySessions(ctx).XSessionToken(ann.token).Execute()
	c.went(res, err)
	if len(others) != 1 || others[0].Id != other {
		c.Errorf("the other sessions: got %v, want %s", others, other)
	}
	c.refused(401, "nobody is signed in")(app.ListMySessions(ctx).Execute())
	c.went(app.DisableMySession(ctx, other).XSessionToken(ann.token).Execute())
	c.refused(400, "the session of the request itself")(app.DisableMySession(ctx, ann.session).XSessionToken(ann.token).Execute())
	c.refused(401, "nobody is signed in")(app.DisableMySession(ctx, ann.session).Execute())
	c.went(app.DisableMyOtherSessions(ctx).XSessionToken(ann.token).Execute())
	c.refused(401, "nobody is signed in")(app.DisableMyOtherSessions(ctx).Execute())
}

func (c goCalls) identities() {
	admin, ctx := c.native().IdentityAPI, c.Context()
	body := client.CreateIdentityBody{SchemaId: "default", Traits: map[string]any{"email": uuid.NewString() + "@example.org"}}
	made, res, err := admin.CreateIdentity(ctx).CreateIdentityBody(body).Execute()
	c.went(res, err)
	nameless := client.CreateIdentityBody{SchemaId: "default", Traits: map[string]any{}}
	c.refused(400, "traits that break the schema")(admin.CreateIdentity(ctx).CreateIdentityBody(nameless).Execute())
	c.refused(409, "an address that has an account")(admin.CreateIdentity(ctx).CreateIdentityBody(body).Execute())
	c.went(admin.ListIdentities(ctx).Execute())
	c.went(admin.GetIdentity(ctx, made.Id).Execute())

	other := client.CreateIdentityBody{SchemaId: "default", Traits: map[string]any{"email": uuid.NewString() + "@example.org"}}
	c.went(admin.CreateIdentity(ctx).CreateIdentityBody(other).Execute())
	change := client.UpdateIdentityBody{SchemaId: "default", State: "active", Traits: map[string]any{"email": uuid.NewString() + "@example.org"}}
	c.went(admin.UpdateIdentity(ctx, made.Id).UpdateIdentityBody(change).Execute())
	c.refused(404, "an identity that does not exist")(admin.UpdateIdentity(ctx, uuid.NewString()).UpdateIdentityBody(change).Execute())
	change.Traits = other.Traits
	c.refused(409, "an address that has an account")(admin.UpdateIdentity(ctx, made.Id).UpdateIdentityBody(change).Execute())
	change.Traits = map[string]any{}
	c.refused(400, "traits that break the schema")(admin.UpdateIdentity(ctx, made.Id).UpdateIdentityBody(change).Execute())

	link := client.CreateRecoveryLinkForIdentityBody{IdentityId: made.Id}
	c.went(admin.CreateRecoveryLinkForIdentity(ctx).CreateRecoveryLinkForIdentityBody(link).Execute())
	c.refused(404, "links are switched off")(c.hasty().IdentityAPI.CreateRecoveryLinkForIdentity(ctx).CreateRecoveryLinkForIdentityBody(link).Execute())
	link.ExpiresIn = new("soon")
	c.refused(400, "a lifetime that is no duration")(admin.CreateRecoveryLinkForIdentity(ctx).CreateRecoveryLinkForIdentityBody(link).Execute())

	c.went(admin.DeleteIdentity(ctx, made.Id).Execute())
	c.refused(404, "an identity that does not exist")(admin.GetIdentity(ctx, made.Id).Execute())
	c.refused(404, "an identity that does not exist")(admin.DeleteIdentity(ctx, made.Id).Execute())
}

func (c goCalls) identitySessions() {
	admin, ctx := c.native().IdentityAPI, c.Context()
	ann := c.signUp(c.native())
	c.went(admin.ListIdentitySessions(ctx, ann.id).Execute())
	c.refused(400, "an id that is no UUID")(admin.ListIdentitySessions(ctx, "nobody").Execute())
	c.went(admin.DeleteIdentitySessions(ctx, ann.id).Execute())
	c.refused(400, "an id that is no UUID")(admin.DeleteIdentitySessions(ctx, "nobody").Execute())
	c.refused(404, "an identity without sessions")(admin.DeleteIdentitySessions(ctx, ann.id).Execute())
}
