package httpapi

import (
	"encoding/json"
	"net/http"
	"time"

	"github.com/google/uuid"

	"github.com/gatehouse-id/gatehouse/core/apierror"
	"github.com/gatehouse-id/gatehouse/core/project"
)

// projectsMount is where the project API is (cloud-projects.md 1).
const projectsMount = "/backoffice/public"

// projectRoutes is the table of the project API, below its prefix. What stands after the blank
// line is ours: the published API has no operation for it.
var projectRoutes = []route{
	{"GET /console/projects/active", csrfNone, (*call).activeProject},
	{"PUT /console/projects/active", csrfNone, (*call).setActiveProject},
	{"GET /projects", csrfNone, (*call).listProjects},
	{"POST /projects", csrfNone, (*call).createProject},
	{"GET /projects/{id}", csrfNone, (*call).getProject},
	{"PUT /projects/{id}", csrfNone, (*call).updateProject},
	{"DELETE /projects/{id}", csrfNone, (*call).purgeProject},
	{"PUT /projects/{id}/configs", csrfNone, (*call).updateProjectConfig},
	{"GET /projects/{id}/members", csrfNone, (*call).projectMembers},
	{"DELETE /projects/{id}/members/{member}", csrfNone, (*call).removeProjectMember},

	{"POST /projects/{id}/members", csrfNone, (*call).addProjectMember},
	{"PUT /projects/{id}/current-revision", csrfNone, (*call).rollBackProject},
	{"POST /projects/{id}/tokens", csrfNone, (*call).createProjectToken},
}

// genericError is an error as the project API shows it: flat, and without an envelope (cloud-projects.md 8).
type genericError struct {
	ID               string `json:"id,omitempty"`
	Code             int    `json:"code"`
	Status           string `json:"status"`
	StatusCode       int    `json:"status_code"`
	Request          string `json:"request"`
	Reason           string `json:"reason,omitempty"`
	Message          string `json:"message"`
	Error            string `json:"error"`
	ErrorDescription string `json:"error_description,omitempty"`
}

// flatError is the body of an error in the project API.
func flatError(e *apierror.Error, requestID string) genericError {
	p := e.Payload(requestID)
	if p.Request == "" {
		p.Request = uuid.NewString()
	}
	return genericError{
		ID: p.ID, Code: p.Code, Status: p.Status, StatusCode: p.Code, Request: p.Request, Reason: p.Reason,
		Message: p.Message, Error: p.Message, ErrorDescription: p.Reason,
	}
}

// principal is who asks the project API.
func (c *call) principal() project.Principal {
	if c.token == nil {
		return project.Principal{} // a listener that somebody keeps closed: whoever is in there is the operator
	}
	return project.Principal{IdentityID: c.token.IdentityID, TokenID: c.token.ID}
}

// projectView is a project as the API shows it.
type projectView struct {
	ID        string              `json:"id"`
	Slug      string              `json:"slug"`
	Hosts     []string            `json:"hosts"`
	State     project.State       `json:"state"`
	Current   *project.Revision   `json:"current_revision"`
	Revisions []*project.Revision `json:"revisions"`
	CreatedAt time.Time           `json:"created_at"`
	UpdatedAt time.Time           `json:"updated_at"`
	// Warnings are not in the published shape, which has them for configuration documents only.
	Warnings []project.Warning `json:"warnings,omitempty"`
}

// viewProject shows a project with its history, secrets covered; without history, the current revision is all of it.
func (c *call) viewProject(p *project.Project, history []*project.Revision) projectView {
	if history == nil {
		history = []*project.Revision{p.Current}
	}
	v := projectView{
		ID: p.ID, Slug: p.Slug, Hosts: c.s.Office.Stage.Hosts(p), State: p.State, Current: p.Current.Redacted(),
		Revisions: []*project.Revision{}, CreatedAt: p.CreatedAt, UpdatedAt: p.UpdatedAt,
	}
	for _, r := range history {
		v.Revisions = append(v.Revisions, r.Redacted())
	}
	return v
}

// showProject answers with a project, its history, and what in its revision has no effect.
func (c *call) showProject(status int, p *project.Project) error {
	history, err := c.s.Office.History(c.r.Context(), p)
	if err != nil {
		return err
	}
	v := c.viewProject(p, history)
	v.Warnings = p.Current.Warnings()
	return c.json(status, v)
}

// listProjects serves GET /projects. Histories are shown by getProject only.
func (c *call) listProjects() error {
	all, err := c.s.Office.List(c.r.Context(), c.principal())
	if err != nil {
		return err
	}
	out := []projectView{}
	for _, p := range all {
		out = append(out, c.viewProject(p, nil))
	}
	return c.json(http.StatusOK, out)
}

// readRevision reads a revision, and beside it the names that a client may ask for.
func (c *call) readRevision() (*project.Revision, project.Names, error) {
	var names project.Names
	raw, _, err := c.readJSON()
	if err != nil {
		return nil, names, err
	}
	var fields map[string]json.RawMessage
	if err := json.Unmarshal(raw, &fields); err != nil {
		return nil, names, apierror.BadRequest("The request body has to be a JSON object: a revision of a project, which has a name at least.")
	}
	for key, into := range map[string]any{"slug": &names.Slug, "hosts": &names.Hosts} {
		if value, ok := fields[key]; ok {
			if err := json.Unmarshal(value, into); err != nil {
				return nil, names, apierror.BadRequest("%s: it has another type here: slug is a text, hosts is a list of texts.", key)
			}
			delete(fields, key)
		}
	}
	if raw, err = json.Marshal(fields); err != nil {
		return nil, names, err
	}
	r, err := project.ParseRevision(raw)
	return r, names, err
}

// createProject serves POST /projects.
func (c *call) createProject() error {
	r, names, err := c.readRevision()
	if err != nil {
		return err
	}
	p, err := c.s.Office.Create(c.r.Context(), c.principal(), r, names)
	if err != nil {
		return err
	}
	c.projectEvent("project.create", p.ID)
	return c.showProject(http.StatusCreated, p)
}

// getProject serves GET /projects/{id}.
func (c *call) getProject() error {
	p, err := c.s.Office.Get(c.r.Context(), c.principal(), c.r.PathValue("id"))
	if err != nil {
		return err
	}
	return c.showProject(http.StatusOK, p)
}

// updateProject serves PUT /projects/{id}.
func (c *call) updateProject() error {
	r, names, err := c.readRevision()
	if err != nil {
		return err
	}
	p, err := c.s.Office.Update(c.r.Context(), c.principal(), c.r.PathValue("id"), r, names)
	if err != nil {
		return err
	}
	c.projectEvent("project.update", p.ID)
	return c.showProject(http.StatusOK, p)
}

// updateProjectConfig serves PUT /projects/{id}/configs.
func (c *call) updateProjectConfig() error {
	var body struct {
		Identity json.RawMessage `json:"identity"`
	}
	if err := c.decodeStrict(&body); err != nil {
		return err
	}
	if len(body.Identity) == 0 {
		return apierror.BadRequest(`identity: is missing: send {"identity": {…}} with a Kratos configuration.`)
	}
	p, warnings, err := c.s.Office.Configure(c.r.Context(), c.principal(), c.r.PathValue("id"), body.Identity)
	if err != nil {
		return err
	}
	c.projectEvent("project.update", p.ID)
	history, err := c.s.Office.History(c.r.Context(), p)
	if err != nil {
		return err
	}
	if warnings == nil {
		warnings = []project.Warning{}
	}
	return c.json(http.StatusOK, map[string]any{"project": c.viewProject(p, history), "warnings": warnings})
}

// rollBackProject serves PUT /projects/{id}/current-revision.
func (c *call) rollBackProject() error {
	var body struct {
		RevisionID string `json:"revision_id"`
	}
	if err := c.decodeStrict(&body); err != nil {
		return err
	}
	p, err := c.s.Office.Rollback(c.r.Context(), c.principal(), c.r.PathValue("id"), body.RevisionID)
	if err != nil {
		return err
	}
	c.projectEvent("project.rollback", p.ID)
	return c.showProject(http.StatusOK, p)
}

// purgeProject serves DELETE /projects/{id}.
func (c *call) purgeProject() error {
	id := c.r.PathValue("id")
	if err := c.s.Office.Purge(c.r.Context(), c.principal(), id); err != nil {
		return err
	}
	c.projectEvent("project.purge", id)
	return c.noContent()
}

// activeProject serves GET /console/projects/active.
func (c *call) activeProject() error {
	id, err := c.s.Office.Active(c.r.Context(), c.principal())
	if err != nil {
		return err
	}
	return c.json(http.StatusOK, struct {
		ProjectID string `json:"project_id,omitempty"`
	}{id})
}

// setActiveProject serves PUT /console/projects/active.
func (c *call) setActiveProject() error {
	var body struct {
		ProjectID string `json:"project_id"`
	}
	if err := c.decodeStrict(&body); err != nil {
		return err
	}
	if err := c.s.Office.SetActive(c.r.Context(), c.principal(), body.ProjectID); err != nil {
		return err
	}
	return c.noContent()
}

// projectMembers serves GET /projects/{id}/members.
func (c *call) projectMembers() error {
	all, err := c.s.Office.Members(c.r.Context(), c.principal(), c.r.PathValue("id"))
	if err != nil {
		return err
	}
	return c.json(http.StatusOK, all)
}

// addProjectMember serves POST /projects/{id}/members.
func (c *call) addProjectMember() error {
	var body struct {
		IdentityID string       `json:"identity_id"`
		Role       project.Role `json:"role"`
	}
	if err := c.decodeStrict(&body); err != nil {
		return err
	}
	id := c.r.PathValue("id")
	person, err := c.s.Office.AddMember(c.r.Context(), c.principal(), id, body.IdentityID, body.Role)
	if err != nil {
		return err
	}
	c.projectEvent("project.member", id)
	return c.json(http.StatusCreated, person)
}

// removeProjectMember serves DELETE /projects/{id}/members/{member}.
func (c *call) removeProjectMember() error {
	id := c.r.PathValue("id")
	if err := c.s.Office.RemoveMember(c.r.Context(), c.principal(), id, c.r.PathValue("member")); err != nil {
		return err
	}
	c.projectEvent("project.member", id)
	return c.noContent()
}

// createProjectToken serves POST /projects/{id}/tokens: a token for the project's own admin API.
func (c *call) createProjectToken() error {
	b, expires, err := c.readToken()
	if err != nil {
		return err
	}
	id := c.r.PathValue("id")
	made, t, err := c.s.Office.NewToken(c.r.Context(), c.principal(), id, b.Name, b.Scopes, expires)
	if err != nil {
		return err
	}
	c.projectEvent("project.token", id)
	v := viewToken(t)
	v.Value = made
	return c.json(http.StatusCreated, v)
}

func (c *call) projectEvent(action, id string) {
	c.log(event{action: action, result: accepted, project: id})
}
