package testenv

import (
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"strings"
)

// Password is the password of everybody who is signed up with SignUp.
const Password = "correct-horse-battery"

// Fields are the fields of a submission by their names in the form, for example
// "traits.email".
type Fields map[string]any

// Credentials are the fields of a login with a password.
func Credentials(identifier, password string) Fields {
	return Fields{"method": "password", "identifier": identifier, "password": password}
}

// NewAccount are the fields of a registration with a password.
func NewAccount(email string) Fields {
	return Fields{"method": "password", "password": Password, "traits.email": email}
}

// Start begins a flow of a kind the way the client does it, and returns the flow.
// The query may be empty.
func (c *Client) Start(kind, query string) *Answer {
	c.T.Helper()
	a := c.Init(kind, query)
	if loc := a.Location(); a.Status == http.StatusSeeOther {
		return c.Fetch(kind, FlowID(loc))
	}
	if a.Status != http.StatusOK {
		c.T.Fatalf("starting a %s flow: %d %s", kind, a.Status, a.Body)
	}
	return a
}

// Init is the request that begins a flow.
func (c *Client) Init(kind, query string) *Answer {
	c.T.Helper()
	path := c.Mount + "/self-service/" + kind + "/browser"
	if c.native {
		path = c.Mount + "/self-service/" + kind + "/api"
	}
	if query != "" {
		path += "?" + query
	}
	return c.Get(path)
}

// Fetch reads a flow.
func (c *Client) Fetch(kind, id string) *Answer {
	c.T.Helper()
	return c.Get(c.Mount + "/self-service/" + kind + "/flows?id=" + url.QueryEscape(id))
}

// FlowID finds the id of a flow in a URL.
func FlowID(location string) string {
	u, err := url.Parse(location)
	if err != nil {
		return ""
	}
	return u.Query().Get("flow")
}

// Submit sends fields to a flow, with the CSRF token of its form unless the fields
// have their own: as a form when the client is a plain browser, else as JSON.
func (c *Client) Submit(kind string, f *Answer, fields Fields) *Answer {
	c.T.Helper()
	fields = maps.Clone(fields)
	if _, own := fields["csrf_token"]; !own && !c.native {
		fields["csrf_token"] = f.CSRF()
	}
	path := c.Mount + "/self-service/" + kind + "?flow=" + f.Text("id")
	if !strings.Contains(c.Header.Get("Accept"), "json") {
		form := url.Values{}
		for k, v := range fields {
			form.Set(k, fmt.Sprint(v))
		}
		return c.PostForm(path, form)
	}
	return c.PostJSON(path, fields)
}

// SignUp registers somebody by a native client and returns the answer.
func (e *Env) SignUp(email string) *Answer {
	e.T.Helper()
	c := e.App()
	a := c.Submit("registration", c.Start("registration", ""), NewAccount(email))
	if a.Status != http.StatusOK {
		e.T.Fatalf("signing up %s: %d %s", email, a.Status, a.Body)
	}
	return a
}

// SignIn signs the client in with Password; a native client sends its session
// token from then on.
func (c *Client) SignIn(email string) *Answer {
	c.T.Helper()
	a := c.Submit("login", c.Start("login", ""), Credentials(email, Password))
	if a.Status != http.StatusOK && a.Status != http.StatusSeeOther {
		c.T.Fatalf("signing in %s: %d %s", email, a.Status, a.Body)
	}
	if c.native {
		c.Header.Set("X-Session-Token", a.Text("session_token"))
	}
	return a
}
