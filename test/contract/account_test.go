package contract

import (
	"testing"

	"github.com/ory/client-go"

	"github.com/gatehouse-id/gatehouse/test/harness"
)

// signInNative makes another session and returns its token and id.
func signInNative(t *testing.T, c *client.APIClient, email string) (token, id string) {
	t.Helper()
	flow, res, err := c.FrontendAPI.CreateNativeLoginFlow(t.Context()).Execute()
	check(t, "starting a login", res, err, 200)
	in, res, err := c.FrontendAPI.UpdateLoginFlow(t.Context()).Flow(flow.Id).UpdateLoginFlowBody(login(email, password, "")).Execute()
	check(t, "logging in", res, err, 200)
	return in.GetSessionToken(), in.Session.Id
}

func TestSettingsClient(t *testing.T) {
	gw := harness.Start(t, harness.Options{Adapter: "kratos"})
	c, ctx := native(t, gw.URL), t.Context()
	signUp(t, c, "ann@example.org")
	token, _ := signInNative(t, c, "ann@example.org")

	_, res, err := c.FrontendAPI.CreateNativeSettingsFlow(ctx).Execute()
	wantError(t, "settings of nobody", refused[client.ErrorGeneric](t, "settings of nobody", res, err, 401), "session_inactive")

	flow, res, err := c.FrontendAPI.CreateNativeSettingsFlow(ctx).XSessionToken(token).Execute()
	check(t, "starting settings", res, err, 200)
	again, res, err := c.FrontendAPI.GetSettingsFlow(ctx).Id(flow.Id).XSessionToken(token).Execute()
	check(t, "fetching settings", res, err, 200)
	if again.Identity.Id != flow.Identity.Id || again.State != "show_form" {
		t.Errorf("fetched: identity %s in state %v, want %s", again.Identity.Id, again.State, flow.Identity.Id)
	}
	body := client.UpdateSettingsFlowWithPasswordMethodAsUpdateSettingsFlowBody(
		client.NewUpdateSettingsFlowWithPasswordMethod("password", "another-battery-staple"))
	saved, res, err := c.FrontendAPI.UpdateSettingsFlow(ctx).Flow(flow.Id).XSessionToken(token).UpdateSettingsFlowBody(body).Execute()
	check(t, "changing the password", res, err, 200)
	if saved.State != "success" {
		t.Errorf("state: got %v, want success", saved.State)
	}
	short := client.UpdateSettingsFlowWithPasswordMethodAsUpdateSettingsFlowBody(client.NewUpdateSettingsFlowWithPasswordMethod("password", "1"))
	_, res, err = c.FrontendAPI.UpdateSettingsFlow(ctx).Flow(flow.Id).XSessionToken(token).UpdateSettingsFlowBody(short).Execute()
	if f := refused[client.SettingsFlow](t, "a short password", res, err, 400); f.Id != flow.Id {
		t.Errorf("the answer to a short password shows flow %q", f.Id)
	}
}

func TestSessionsClient(t *testing.T) {
	gw := harness.Start(t, harness.Options{Adapter: "kratos"})
	c, ctx := native(t, gw.URL), t.Context()
	_, identity := signUp(t, c, "ann@example.org")
	here, _ := signInNative(t, c, "ann@example.org")
	there, other := signInNative(t, c, "ann@example.org")

	mine, res, err := c.FrontendAPI.ListMySessions(ctx).XSessionToken(here).Execute()
	check(t, "listing sessions", res, err, 200)
	if len(mine) == 0 || mine[0].Id != other {
		t.Errorf("sessions: got %d, the newest should be %s", len(mine), other)
	}
	res, err = c.FrontendAPI.DisableMySession(ctx, other).XSessionToken(here).Execute()
	check(t, "ending a session", res, err, 204)
	_, res, err = c.FrontendAPI.ToSession(ctx).XSessionToken(there).Execute()
	wantError(t, "whoami of an ended session", refused[client.ErrorGeneric](t, "whoami", res, err, 401), "session_inactive")
	count, res, err := c.FrontendAPI.DisableMyOtherSessions(ctx).XSessionToken(here).Execute()
	check(t, "ending all other sessions", res, err, 200)
	if count.GetCount() < 1 {
		t.Errorf("count: got %d", count.GetCount())
	}

	admin := native(t, gw.Admin)
	all, res, err := admin.IdentityAPI.ListIdentitySessions(ctx, identity).Execute()
	check(t, "listing the sessions of an identity", res, err, 200)
	if len(all) < 2 {
		t.Errorf("got %d sessions, the ended ones among them", len(all))
	}
	one, res, err := admin.IdentityAPI.GetSession(ctx, other).Expand([]string{"identity", "devices"}).Execute()
	check(t, "reading a session", res, err, 200)
	if one.GetActive() || one.Identity.GetId() != identity {
		t.Errorf("got active %v of %s", one.GetActive(), one.Identity.GetId())
	}
	active, res, err := admin.IdentityAPI.ListSessions(ctx).Active(true).Execute()
	check(t, "listing all sessions", res, err, 200)
	if len(active) != 1 {
		t.Errorf("got %d active sessions, want the one of the requests", len(active))
	}
	_, res, err = admin.IdentityAPI.ExtendSession(ctx, other).Execute()
	check(t, "extending a session", res, err, 200)
	res, err = admin.IdentityAPI.DisableSession(ctx, other).Execute()
	check(t, "ending a session twice", res, err, 204)
	res, err = admin.IdentityAPI.DeleteIdentitySessions(ctx, identity).Execute()
	check(t, "deleting the sessions of an identity", res, err, 204)
	_, res, err = c.FrontendAPI.ToSession(ctx).XSessionToken(here).Execute()
	wantError(t, "whoami afterwards", refused[client.ErrorGeneric](t, "whoami", res, err, 401), "session_inactive")
}
