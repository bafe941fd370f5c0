package httpapi

import (
	"net/http"

	"github.com/google/uuid"

	"github.com/gatehouse-id/gatehouse/core/apierror"
	"github.com/gatehouse-id/gatehouse/core/session"
)

// mySession finds the session of the request, for the operations on one's own sessions.
// One that lacks a second factor is good for none of them: to ask in another place must
// not help anybody.
func (c *call) mySession() (*session.Facts, error) {
	f, _, err := c.facts()
	switch {
	case err != nil:
		return nil, err
	case f == nil:
		return nil, apierror.Unauthorized(c.m.dialect.noSession).WithID(apierror.IDSessionInactive)
	case c.lacksFactor(f):
		return nil, apierror.AAL2Required(c.base() + "/self-service/login/browser?aal=aal2")
	}
	return f, nil
}

// lacksFactor tells whether a session has not been confirmed as whoami asks for it.
func (c *call) lacksFactor(f *session.Facts) bool {
	return !c.s.Engine.Reaches(c.s.Config().Session.Whoami.RequiredAAL, f.Session, f.Identity)
}

// listMySessions serves GET /sessions: where else the person is signed in.
func (c *call) listMySessions() error {
	f, err := c.mySession()
	if err != nil {
		return err
	}
	others, err := c.s.Engine.OtherSessions(c.r.Context(), f.Identity.ID, f.Session.ID)
	if err != nil {
		return err
	}
	return c.sessionList(others, func(s *session.Session) map[string]any { return c.m.dialect.session(c, s, f.Identity) })
}

// sessionList answers with a page of sessions. The seed's day knew no headers for it.
func (c *call) sessionList(all []*session.Session, present func(*session.Session) map[string]any) error {
	w := c.window(len(all))
	if !c.m.dialect.extras {
		c.w.Header().Del("X-Total-Count")
		c.w.Header().Del("Link")
	}
	out := []map[string]any{}
	for _, s := range all[w.from:w.to] {
		out = append(out, present(s))
	}
	return c.json(http.StatusOK, out)
}

// revokeMySessions serves DELETE /sessions: the person signs out everywhere else.
// The count is that of all other sessions that are remembered, as clients know it.
func (c *call) revokeMySessions() error {
	f, err := c.mySession()
	if err != nil {
		return err
	}
	all, err := c.s.Sessions.Sessions(c.r.Context(), f.Identity.ID)
	if err != nil {
		return err
	}
	if err := c.revokeOthers(f); err != nil {
		return err
	}
	return c.json(http.StatusOK, map[string]any{"count": max(0, len(all)-1)})
}

func (c *call) revokeOthers(f *session.Facts) error {
	ended, err := c.s.Engine.RevokeOthers(c.r.Context(), f.Identity.ID, f.Session.ID)
	for _, s := range ended {
		c.s.Checker.Forget(s.ID)
		c.log(event{action: "revoke", result: accepted, identity: s.IdentityID, session: s.ID})
	}
	if err != nil {
		return apierror.Unavailable(err, "The sessions could not be ended. Please try again.")
	}
	return nil
}

// revokeMySession serves DELETE /sessions/{id}. A session of somebody else is as
// unknown as one that does not exist: nothing happens, and nothing tells them apart.
func (c *call) revokeMySession() error {
	f, err := c.mySession()
	if err != nil {
		return err
	}
	id, err := c.uuidInPath()
	if err != nil {
		return err
	}
	if id == f.Session.ID {
		return apierror.BadRequest("The session of this request can't be revoked here. Please sign out.")
	}
	if err := c.revokeOwn(f, id); err != nil {
		return err
	}
	return c.noContent()
}

// revokeOwn ends a session if it belongs to the identity of f.
func (c *call) revokeOwn(f *session.Facts, id string) error {
	others, err := c.s.Engine.OtherSessions(c.r.Context(), f.Identity.ID, f.Session.ID)
	if err != nil {
		return err
	}
	for _, s := range others {
		if s.ID == id {
			return c.revoke(s, "revoke")
		}
	}
	return nil
}

// uuidInPath reads the id in the path. On the paths of sessions a malformed one is a
// bad request, elsewhere it is an unknown one.
func (c *call) uuidInPath() (string, error) {
	id, err := uuid.Parse(c.r.PathValue("id"))
	if err != nil {
		return "", apierror.BadRequest("The id in the path is no UUID.")
	}
	return id.String(), nil
}
