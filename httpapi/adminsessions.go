package httpapi

import (
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"time"

	"github.com/google/uuid"

	"github.com/gatehouse-id/gatehouse/core/apierror"
	"github.com/gatehouse-id/gatehouse/core/identity"
	"github.com/gatehouse-id/gatehouse/core/session"
)

// listIdentitySessions serves GET /identities/{id}/sessions of the admin API. An
// unknown identity has no sessions.
func (c *call) listIdentitySessions() error {
	id, err := c.uuidInPath()
	if err != nil {
		return err
	}
	wanted, err := c.activeFilter()
	if err != nil {
		return err
	}
	all, err := c.s.Sessions.Sessions(c.r.Context(), id)
	if err != nil {
		return err
	}
	i, err := c.s.Identities.Identity(c.r.Context(), id)
	if errors.Is(err, identity.ErrNotFound) {
		all, i, err = nil, nil, nil
	}
	if err != nil {
		return err
	}
	all = slices.DeleteFunc(all, func(s *session.Session) bool { return !wanted(s) })
	return c.sessionList(all, func(s *session.Session) map[string]any { return c.withIdentity(s, i) })
}

// activeFilter reads the parameter active: true, false, or absent for all.
func (c *call) activeFilter() (func(*session.Session) bool, error) {
	raw := c.r.URL.Query().Get("active")
	if raw == "" {
		return func(*session.Session) bool { return true }, nil
	}
	active, err := strconv.ParseBool(raw)
	if err != nil {
		return nil, apierror.BadRequest("The parameter active must be true or false.")
	}
	now := c.s.Now()
	return func(s *session.Session) bool { return s.Active(now) == active }, nil
}

// deleteIdentitySessions serves DELETE /identities/{id}/sessions of the admin API.
func (c *call) deleteIdentitySessions() error {
	id, err := c.uuidInPath()
	if err != nil {
		return err
	}
	n, err := c.s.Sessions.Erase(c.r.Context(), id)
	c.s.Checker.ForgetIdentity(id)
	if err != nil {
		return apierror.Unavailable(fmt.Errorf("erasing the sessions of %s: %w", id, err), "The sessions could not be ended. Please try again.")
	}
	if n == 0 {
		return apierror.NoRecord()
	}
	c.log(event{action: "revoke", result: accepted, identity: id})
	return c.noContent()
}

// expansion says what of a session an administrator wants to see.
type expansion struct{ identity, devices bool }

func (c *call) expansion() (x expansion, err error) {
	for _, v := range c.r.URL.Query()["expand"] {
		switch v {
		case "identity", "Identity":
			x.identity = true
		case "devices", "Devices":
			x.devices = true
		default:
			return x, apierror.BadRequest("The parameter expand can be identity or devices.")
		}
	}
	return x, nil
}

// adminSession presents a session with what was asked for.
func (c *call) adminSession(s *session.Session, x expansion) (map[string]any, error) {
	var i *identity.Identity
	if x.identity {
		var err error
		i, err = c.s.Identities.Identity(c.r.Context(), s.IdentityID)
		if err != nil && !errors.Is(err, identity.ErrNotFound) {
			return nil, err
		}
	}
	v := c.withIdentity(s, i)
	if _, there := v["devices"]; there && !x.devices {
		v["devices"] = []session.Device{}
	}
	return v, nil
}

// withIdentity presents a session with what an administrator may see of its identity.
func (c *call) withIdentity(s *session.Session, i *identity.Identity) map[string]any {
	v := c.m.dialect.session(c, s, nil)
	v["identity"] = nil
	if i != nil {
		shown := c.m.dialect.identity(c, i, c.m.dialect.extras)
		delete(shown, "credentials")
		v["identity"] = shown
	}
	return v
}

// listSessions serves GET /sessions of the admin API, page by page in the order of ids.
func (c *call) listSessions() error {
	x, err := c.expansion()
	if err != nil {
		return err
	}
	wanted, err := c.activeFilter()
	if err != nil {
		return err
	}
	page, err := c.sessionPage()
	if err != nil {
		return err
	}
	all, more, err := c.s.Sessions.AllSessions(c.r.Context(), page)
	if err != nil {
		return err
	}
	c.linkPages(page, all, more)
	out := []map[string]any{}
	for _, s := range all {
		if !wanted(s) {
			continue
		}
		v, err := c.adminSession(s, x)
		if err != nil {
			return err
		}
		out = append(out, v)
	}
	return c.json(http.StatusOK, out)
}

func (c *call) sessionPage() (session.Page, error) {
	q := c.r.URL.Query()
	p := session.Page{After: q.Get("page_token"), Limit: clamp(q.Get("page_size"), 250, 1, 1000)}
	if _, err := uuid.Parse(p.After); p.After != "" && err != nil {
		return p, apierror.BadRequest("The page_token is none that was given out here.")
	}
	return p, nil
}

// linkPages tells where the first and the next page are. The next one is told even
// when a filter leaves nothing of this one.
func (c *call) linkPages(p session.Page, all []*session.Session, more bool) {
	q := c.r.URL.Query()
	link := func(rel, token string) {
		q := url.Values{"page_size": {strconv.Itoa(p.Limit)}, "active": q["active"], "expand": q["expand"]}
		if token != "" {
			q.Set("page_token", token)
		}
		c.w.Header().Add("Link", fmt.Sprintf("<%s?%s>; rel=%q", c.self(), q.Encode(), rel))
	}
	link("first", "")
	if more && len(all) > 0 {
		link("next", all[len(all)-1].ID)
	}
}

// getSession serves GET /sessions/{id} of the admin API.
func (c *call) getSession() error {
	s, err := c.findSession()
	if err != nil {
		return err
	}
	x, err := c.expansion()
	if err != nil {
		return err
	}
	v, err := c.adminSession(s, x)
	if err != nil {
		return err
	}
	return c.json(http.StatusOK, v)
}

func (c *call) findSession() (*session.Session, error) {
	id, err := c.uuidInPath()
	if err != nil {
		return nil, err
	}
	s, err := c.s.Sessions.Session(c.r.Context(), id)
	if errors.Is(err, session.ErrNotFound) {
		return nil, apierror.NoRecord()
	}
	return s, err
}

// disableSession serves DELETE /sessions/{id} of the admin API.
func (c *call) disableSession() error {
	s, err := c.findSession()
	if err != nil {
		return err
	}
	if err := c.revoke(s, "revoke"); err != nil {
		return err
	}
	return c.noContent()
}

// extendAttempts bounds how often an extension is tried again that another change of the session overtook.
const extendAttempts = 3

// extendSession serves PATCH /sessions/{id}/extend of the admin API. A session that
// may not be extended yet, or has ended, is shown as it is.
func (c *call) extendSession() error {
	for range extendAttempts {
		s, err := c.findSession()
		if err != nil {
			return err
		}
		cfg, now := c.s.Config().Session, c.s.Now().UTC().Round(0)
		if s.Extendable(now, time.Duration(cfg.EarliestPossibleExtend)) {
			err = c.extend(s, now, time.Duration(cfg.Lifespan))
		}
		if errors.Is(err, session.ErrChanged) {
			continue
		}
		if err != nil {
			return err
		}
		v, err := c.adminSession(s, expansion{identity: true})
		if err != nil {
			return err
		}
		return c.json(http.StatusOK, v)
	}
	return apierror.Conflict("The session is being changed by others at this moment. Please try again.")
}

func (c *call) extend(s *session.Session, now time.Time, lifespan time.Duration) error {
	s.Extend(now, lifespan)
	err := c.s.Sessions.Extend(c.r.Context(), s)
	c.s.Checker.Forget(s.ID)
	if err == nil {
		c.log(event{action: "session.extend", result: accepted, identity: s.IdentityID, session: s.ID})
	}
	return err
}
