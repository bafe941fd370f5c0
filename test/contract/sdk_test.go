package contract

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/ory/client-go"

	"github.com/gatehouse-id/gatehouse/test/harness"
)

// signUp registers with a native client and returns the session's token.
func signUp(t *testing.T, c *client.APIClient, email string) (token, identity string) {
	t.Helper()
	flow, res, err := c.FrontendAPI.CreateNativeRegistrationFlow(t.Context()).Execute()
	check(t, "starting a registration", res, err, 200)
	done, res, err := c.FrontendAPI.UpdateRegistrationFlow(t.Context()).Flow(flow.Id).
		UpdateRegistrationFlowBody(registration(email, "")).Execute()
	check(t, "registering", res, err, 200)
	return done.GetSessionToken(), done.Identity.Id
}

func TestNativeClient(t *testing.T) {
	gw := harness.Start(t, harness.Options{Adapter: "kratos"})
	c, ctx := native(t, gw.URL), t.Context()
	_, id := signUp(t, c, "ann@example.org")

	flow, res, err := c.FrontendAPI.CreateNativeLoginFlow(ctx).Execute()
	check(t, "starting a login", res, err, 200)
	again, res, err := c.FrontendAPI.GetLoginFlow(ctx).Id(flow.Id).Execute()
	check(t, "fetching the login flow", res, err, 200)
	if again.Id != flow.Id || again.Ui.Action != flow.Ui.Action {
		t.Errorf("the fetched flow is another one: got %s, want %s", again.Id, flow.Id)
	}
	in, res, err := c.FrontendAPI.UpdateLoginFlow(ctx).Flow(flow.Id).UpdateLoginFlowBody(login("ANN@example.org", password, "")).Execute()
	check(t, "logging in", res, err, 200)

	session, res, err := c.FrontendAPI.ToSession(ctx).XSessionToken(in.GetSessionToken()).Execute()
	check(t, "whoami", res, err, 200)
	if !session.GetActive() || session.Identity.GetId() != id || session.GetAuthenticatorAssuranceLevel() != client.AUTHENTICATORASSURANCELEVEL_AAL1 {
		t.Errorf("whoami: got active %v, identity %v, %v", session.GetActive(), session.Identity.GetId(), session.GetAuthenticatorAssuranceLevel())
	}
	if got := res.Header.Get("X-Kratos-Authenticated-Identity-Id"); got != id {
		t.Errorf("whoami's header: got %q, want %q", got, id)
	}

	out := client.PerformNativeLogoutBody{SessionToken: in.GetSessionToken()}
	res, err = c.FrontendAPI.PerformNativeLogout(ctx).PerformNativeLogoutBody(out).Execute()
	check(t, "logging out", res, err, 204)
	_, res, err = c.FrontendAPI.ToSession(ctx).XSessionToken(in.GetSessionToken()).Execute()
	e := refused[client.ErrorGeneric](t, "whoami after logout", res, err, 401)
	wantError(t, "whoami after logout", e, "session_inactive")
}

func TestBrowserClient(t *testing.T) {
	gw := harness.Start(t, harness.Options{Adapter: "kratos"})
	c, ctx := sdk(t, gw.URL), t.Context()

	reg, res, err := c.FrontendAPI.CreateBrowserRegistrationFlow(ctx).ReturnTo("https://app.example/in/side").Execute()
	check(t, "starting a registration", res, err, 200)
	signedUp, res, err := c.FrontendAPI.UpdateRegistrationFlow(ctx).Flow(reg.Id).
		UpdateRegistrationFlowBody(registration("bob@example.org", csrf(t, reg.Ui))).Execute()
	check(t, "registering", res, err, 200)
	if signedUp.SessionToken != nil {
		t.Error("a browser was told the session token")
	}
	logoutBrowser(t, c)

	flow, res, err := c.FrontendAPI.CreateBrowserLoginFlow(ctx).Execute()
	check(t, "starting a login", res, err, 200)
	in, res, err := c.FrontendAPI.UpdateLoginFlow(ctx).Flow(flow.Id).
		UpdateLoginFlowBody(login("bob@example.org", password, csrf(t, flow.Ui))).Execute()
	check(t, "logging in", res, err, 200)
	session, res, err := c.FrontendAPI.ToSession(ctx).Execute()
	check(t, "whoami with a cookie", res, err, 200)
	if session.Id != in.Session.Id || session.Identity.Id != signedUp.Identity.Id {
		t.Errorf("whoami: got session %s of %s, want %s of %s", session.Id, session.Identity.Id, in.Session.Id, signedUp.Identity.Id)
	}
	_, res, err = c.FrontendAPI.CreateBrowserLoginFlow(ctx).Execute()
	e := refused[client.ErrorGeneric](t, "login with a session", res, err, 400)
	wantError(t, "login with a session", e, "session_already_available")
	logoutBrowser(t, c)
}

func logoutBrowser(t *testing.T, c *client.APIClient) {
	t.Helper()
	out, res, err := c.FrontendAPI.CreateBrowserLogoutFlow(t.Context()).Execute()
	check(t, "starting a logout", res, err, 200)
	res, err = c.FrontendAPI.UpdateLogoutFlow(t.Context()).Token(out.LogoutToken).Execute()
	check(t, "logging out", res, err, 204)
	_, res, err = c.FrontendAPI.ToSession(t.Context()).Execute()
	refused[client.ErrorGeneric](t, "whoami after logout", res, err, 401)
}

func TestErrorsAreTyped(t *testing.T) {
	gw := harness.Start(t, harness.Options{Adapter: "kratos"})
	c, ctx := native(t, gw.URL), t.Context()
	signUp(t, c, "eve@example.org")

	t.Run("wrong password", func(t *testing.T) {
		flow, res, err := c.FrontendAPI.CreateNativeLoginFlow(ctx).Execute()
		check(t, "starting", res, err, 200)
		_, res, err = c.FrontendAPI.UpdateLoginFlow(ctx).Flow(flow.Id).UpdateLoginFlowBody(login("eve@example.org", "wrong-password", "")).Execute()
		got := refused[client.LoginFlow](t, "submitting", res, err, 400)
		wantMessage(t, "submitting", got.Ui, 4000006)
	})
	t.Run("account exists", func(t *testing.T) {
		flow, res, err := c.FrontendAPI.CreateNativeRegistrationFlow(ctx).Execute()
		check(t, "starting", res, err, 200)
		_, res, err = c.FrontendAPI.UpdateRegistrationFlow(ctx).Flow(flow.Id).UpdateRegistrationFlowBody(registration("EVE@example.org", "")).Execute()
		got := refused[client.RegistrationFlow](t, "submitting", res, err, 400)
		wantMessage(t, "submitting", got.Ui, 4000007)
	})
	t.Run("unknown flow", func(t *testing.T) {
		const unknown = "0e6b3b9a-5b1f-4a7c-9b1e-0a1b2c3d4e5f"
		_, res, err := c.FrontendAPI.GetRegistrationFlow(ctx).Id(unknown).Execute()
		refused[client.ErrorGeneric](t, "fetching", res, err, 404)
		_, res, err = c.FrontendAPI.UpdateLoginFlow(ctx).Flow(unknown).UpdateLoginFlowBody(login("eve@example.org", password, "")).Execute()
		refused[client.ErrorGeneric](t, "submitting", res, err, 404)
	})
	t.Run("no CSRF token", func(t *testing.T) {
		b := sdk(t, gw.URL)
		flow, res, err := b.FrontendAPI.CreateBrowserLoginFlow(ctx).Execute()
		check(t, "starting", res, err, 200)
		_, res, err = b.FrontendAPI.UpdateLoginFlow(ctx).Flow(flow.Id).UpdateLoginFlowBody(login("eve@example.org", password, "")).Execute()
		e := refused[client.ErrorGeneric](t, "submitting", res, err, 403)
		wantError(t, "submitting", e, "security_csrf_violation")
	})
	t.Run("foreign return_to", func(t *testing.T) {
		_, res, err := sdk(t, gw.URL).FrontendAPI.CreateBrowserLoginFlow(ctx).ReturnTo("https://evil.example/").Execute()
		e := refused[client.ErrorGeneric](t, "starting", res, err, 400)
		wantError(t, "starting", e, "self_service_flow_return_to_forbidden")
	})
	t.Run("no session", func(t *testing.T) {
		_, res, err := c.FrontendAPI.CreateBrowserLogoutFlow(ctx).Execute()
		e := refused[client.ErrorGeneric](t, "starting a logout", res, err, 401)
		wantError(t, "starting a logout", e, "session_inactive")
	})
	t.Run("unknown session token", func(t *testing.T) {
		out := client.PerformNativeLogoutBody{SessionToken: "ory_st_nobody"}
		res, err := c.FrontendAPI.PerformNativeLogout(ctx).PerformNativeLogoutBody(out).Execute()
		refused[client.ErrorGeneric](t, "logging out", res, err, 403)
	})
}

func TestExpiredFlowIsReplaced(t *testing.T) {
	short := strings.Replace(harness.Kratos, "  flows:\n", "  flows:\n    login:\n      lifespan: 1s\n", 1)
	gw := harness.Start(t, harness.Options{Adapter: "kratos", Kratos: short})
	c, ctx := native(t, gw.URL), t.Context()
	flow, res, err := c.FrontendAPI.CreateNativeLoginFlow(ctx).Execute()
	check(t, "starting a login", res, err, 200)
	harness.Eventually(t, "the flow expires", func() bool { return time.Now().After(flow.ExpiresAt) })
	_, res, err = c.FrontendAPI.GetLoginFlow(ctx).Id(flow.Id).Execute()
	e := refused[client.ErrorGeneric](t, "fetching", res, err, 410)
	wantError(t, "fetching", e, "self_service_flow_expired")
	_, res, err = c.FrontendAPI.UpdateLoginFlow(ctx).Flow(flow.Id).UpdateLoginFlowBody(login("a@example.org", password, "")).Execute()
	e = refused[client.ErrorGeneric](t, "submitting", res, err, 410)
	if next, _ := e.AdditionalProperties["use_flow_id"].(string); next == "" || next == flow.Id {
		t.Errorf("use_flow_id: got %q, want another flow", next)
	}
}

func TestAdminClient(t *testing.T) {
	gw := harness.Start(t, harness.Options{Adapter: "kratos"})
	admin, ctx := native(t, gw.Admin).IdentityAPI, t.Context()
	secret := password
	made, res, err := admin.CreateIdentity(ctx).CreateIdentityBody(client.CreateIdentityBody{
		SchemaId: "default", Traits: map[string]any{"email": "zoe@example.org"}, MetadataPublic: map[string]any{"plan": "gold"},
		Credentials: &client.IdentityWithCredentials{Password: &client.IdentityWithCredentialsPassword{
			Config: &client.IdentityWithCredentialsPasswordConfig{Password: &secret},
		}},
	}).Execute()
	check(t, "creating an identity", res, err, 201)
	got, res, err := admin.GetIdentity(ctx, made.Id).Execute()
	check(t, "getting it", res, err, 200)
	if got.MetadataPublic["plan"] != "gold" {
		t.Errorf("metadata_public: got %v, want plan gold", got.MetadataPublic)
	}
	list, res, err := admin.ListIdentities(ctx).Execute()
	check(t, "listing identities", res, err, 200)
	if len(list) != 1 || list[0].Id != made.Id {
		t.Errorf("identities: got %d, want the one made", len(list))
	}
	changesAndFinds(t, admin, made.Id)
	token := loginNative(t, native(t, gw.URL), "zoe@example.org")
	res, err = admin.DeleteIdentity(ctx, made.Id).Execute()
	check(t, "deleting it", res, err, 204)
	_, res, err = admin.GetIdentity(ctx, made.Id).Execute()
	refused[client.ErrorGeneric](t, "getting it when it is gone", res, err, 404)
	_, res, err = native(t, gw.URL).FrontendAPI.ToSession(ctx).XSessionToken(token).Execute()
	refused[client.ErrorGeneric](t, "whoami of nobody", res, err, 401)
}

// changesAndFinds makes the calls of the identity API that came after the seed.
func changesAndFinds(t *testing.T, admin client.IdentityAPI, id string) {
	t.Helper()
	ctx := t.Context()
	patch := []client.JsonPatch{
		{Op: "add", Path: "/metadata_admin", Value: map[string]any{"note": "vip"}}, {Op: "add", Path: "/external_id", Value: "crm-1"},
		{Op: "replace", Path: "/verifiable_addresses/0/verified", Value: true},
	}
	changed, res, err := admin.PatchIdentity(ctx, id).JsonPatch(patch).Execute()
	check(t, "patching it", res, err, 200)
	if !changed.VerifiableAddresses[0].Verified || changed.GetExternalId() != "crm-1" {
		t.Errorf("patched: got %+v", changed)
	}
	found, res, err := admin.GetIdentityByExternalID(ctx, "crm-1").IncludeCredential([]string{"password"}).Execute()
	check(t, "finding it by its external id", res, err, 200)
	if found.Id != id {
		t.Errorf("by its external id: got %s, want %s", found.Id, id)
	}
	batch := client.PatchIdentitiesBody{Identities: []client.IdentityPatch{
		{Create: &client.CreateIdentityBody{SchemaId: "default", Traits: map[string]any{"email": "yan@example.org"}}},
		{Create: &client.CreateIdentityBody{SchemaId: "default", Traits: map[string]any{"email": "zoe@example.org"}}},
	}}
	made, res, err := admin.BatchPatchIdentities(ctx).PatchIdentitiesBody(batch).Execute()
	check(t, "making two", res, err, 200)
	if len(made.Identities) != 2 || made.Identities[0].GetAction() != "create" || made.Identities[1].GetAction() != "error" {
		t.Errorf("two, of which one is taken: got %+v", made.Identities)
	}
	list, res, err := admin.ListIdentities(ctx).CredentialsIdentifier("yan@example.org").Execute()
	check(t, "finding by identifier", res, err, 200)
	if len(list) != 1 || list[0].Id != made.Identities[0].GetIdentity() {
		t.Errorf("by identifier: got %d identities", len(list))
	}
	res, err = admin.DeleteIdentityCredentials(ctx, list[0].Id, "totp").Execute()
	refused[client.ErrorGeneric](t, "removing an app that nobody has", res, err, 404)
}

func loginNative(t *testing.T, c *client.APIClient, email string) (token string) {
	t.Helper()
	flow, res, err := c.FrontendAPI.CreateNativeLoginFlow(t.Context()).Execute()
	check(t, "starting a login", res, err, 200)
	in, res, err := c.FrontendAPI.UpdateLoginFlow(t.Context()).Flow(flow.Id).UpdateLoginFlowBody(login(email, password, "")).Execute()
	check(t, "logging in", res, err, 200)
	return in.GetSessionToken()
}

func TestMetadataClient(t *testing.T) {
	gw := harness.Start(t, harness.Options{Adapter: "kratos"})
	for name, url := range map[string]string{"public": gw.URL, "admin": gw.Admin} {
		c, ctx := native(t, url), t.Context()
		_, res, err := c.MetadataAPI.GetVersion(ctx).Execute()
		check(t, name+" version", res, err, http.StatusOK)
	}
	list, res, err := native(t, gw.URL).IdentityAPI.ListIdentitySchemas(t.Context()).Execute()
	check(t, "listing schemas", res, err, 200)
	if len(list) != 1 || list[0].GetId() != "default" {
		t.Errorf("schemas: got %v, want default", list)
	}
	schema, res, err := native(t, gw.URL).IdentityAPI.GetIdentitySchema(t.Context(), "default").Execute()
	check(t, "getting a schema", res, err, 200)
	if schema["properties"] == nil {
		t.Errorf("schema: got %v, want one with properties", schema)
	}
}
