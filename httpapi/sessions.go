package httpapi

import (
	"crypto/subtle"
	"errors"
	"fmt"
	"math/big"
	"net/http"
	"net/url"
	"strconv"
	"time"

	"github.com/gatehouse-id/gatehouse/core/apierror"
	"github.com/gatehouse-id/gatehouse/core/flow"
	"github.com/gatehouse-id/gatehouse/core/selfservice"
	"github.com/gatehouse-id/gatehouse/core/session"
)

// whoami serves /sessions/whoami for every method.
func (c *call) whoami() error {
	f, err := c.mySession()
	if err != nil {
		return err
	}
	c.s.Slider.Seen(f)
	c.cacheFor(f.Session)
	c.w.Header().Set("X-Kratos-Authenticated-Identity-Id", f.Identity.ID)
	return c.json(http.StatusOK, c.m.dialect.session(c, f.Session, f.Identity))
}

// cacheFor tells how many seconds the answer may be cached, where the configuration
// gives up prompt revocation for that.
func (c *call) cacheFor(s *session.Session) {
	flags := c.s.Config().FeatureFlags
	if !flags.CacheableSessions {
		return
	}
	d := s.ExpiresAt.Sub(c.s.Now())
	if most := time.Duration(flags.CacheableSessionsMaxAge); most > 0 {
		d = min(d, most)
	}
	c.w.Header().Set("Ory-Session-Cache-For", strconv.FormatInt(int64(d.Seconds()), 10))
}

// logoutToken is derived from the session's id, so that nothing more has to be stored.
func (c *call) logoutToken(s *session.Session) string {
	const alphabet = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
	n := new(big.Int).SetBytes(c.s.Keys.MAC("logout token", []byte(s.ID))[:24])
	out, digit, base := make([]byte, 32), new(big.Int), big.NewInt(int64(len(alphabet)))
	for i := range out {
		n.DivMod(n, base, digit)
		out[i] = alphabet[digit.Int64()]
	}
	return "ory_lo_" + string(out)
}

// logoutURL serves GET /self-service/logout/browser.
func (c *call) logoutURL() error {
	f, _, err := c.facts()
	if err != nil {
		return err
	}
	if f == nil {
		return apierror.SessionInactive()
	}
	q := url.Values{"token": {c.logoutToken(f.Session)}}
	if to := c.r.URL.Query().Get("return_to"); to != "" {
		if _, err := c.s.Engine.ReturnTo(to, c.base()); err != nil {
			return err
		}
		q.Set("return_to", to)
	}
	return c.json(http.StatusOK, map[string]any{
		"logout_token": q.Get("token"), "logout_url": c.base() + "/self-service/logout?" + q.Encode(),
	})
}

// logout serves GET /self-service/logout?token=.
func (c *call) logout() error {
	asJSON := wantsJSON(c.r)
	if err := c.signOut(); err != nil {
		return c.failPage(err, asJSON)
	}
	to, err := c.s.Engine.ReturnTo(c.r.URL.Query().Get("return_to"), c.base())
	if err != nil {
		return c.failPage(err, asJSON)
	}
	c.clearSession()
	c.renewCSRF()
	if asJSON {
		return c.noContent()
	}
	if to == "" {
		to = c.s.Engine.DefaultReturnURL(c.s.Config().SelfService.Flows.Logout.After.DefaultBrowserReturnURL, c.base())
	}
	c.redirect(to)
	return nil
}

// Errors of the logout link.
var (
	errNoLogoutToken = apierror.BadRequest("The logout link has no token. Please use the link that the logout URL endpoint gives out.")
	errLogoutToken   = apierror.Forbidden("The token of this logout link belongs to another session.")
)

// signOut ends the session of the request. The token in the query proves that
// the person's own page made the link.
func (c *call) signOut() error {
	token := c.r.URL.Query().Get("token")
	if token == "" {
		return errNoLogoutToken
	}
	f, _, err := c.facts()
	if err != nil {
		return err
	}
	if f == nil {
		return apierror.SessionInactive()
	}
	if subtle.ConstantTimeCompare([]byte(token), []byte(c.logoutToken(f.Session))) != 1 {
		return errLogoutToken
	}
	return c.revoke(f.Session, "logout")
}

// revoke ends a session everywhere; it returns after the commit. action is what the log
// calls it.
func (c *call) revoke(s *session.Session, action string) error {
	if err := c.s.Sessions.Revoke(c.r.Context(), s.ID); err != nil {
		return apierror.Unavailable(fmt.Errorf("revoking session %s: %w", s.ID, err), "The session could not be ended. Please try again.")
	}
	c.s.Checker.Forget(s.ID) // this node refuses at once, without waiting for the watch
	c.log(event{action: action, result: accepted, identity: s.IdentityID, session: s.ID})
	return nil
}

// forget makes this node read anew what a flow has changed: the session after
// another sign-in, the identity and the sessions that its new password ended.
func (c *call) forget(res *selfservice.Result) {
	if res.Session != nil {
		c.s.Checker.Forget(res.Session.ID)
	}
	if res.Identity != nil && res.Flow.Kind != flow.Login && res.Flow.Kind != flow.Registration {
		c.s.Checker.ForgetIdentity(res.Identity.ID)
	}
}

// logoutAPI serves DELETE /self-service/logout/api.
func (c *call) logoutAPI() error {
	_, v, err := c.readJSON()
	if err != nil {
		return err
	}
	body, _ := v.(map[string]any)
	token, ok := body["session_token"].(string)
	if !ok && body["session_token"] != nil || body == nil {
		return apierror.BadRequest("The request body must be a JSON object with the string session_token.")
	}
	f, err := c.s.Sessions.ByToken(c.r.Context(), session.HashToken(token))
	if errors.Is(err, session.ErrNotFound) {
		return apierror.Forbidden("No session has this token.")
	}
	if err != nil {
		return apierror.Unavailable(err, "The session store can't be reached.")
	}
	if err := c.revoke(f.Session, "logout"); err != nil {
		return err
	}
	return c.noContent()
}
