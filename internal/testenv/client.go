package testenv

import (
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"strings"
)

// Client is one browser or app.
type Client struct {
	*Env
	HTTP   *http.Client
	Header http.Header // sent with every request
	// Mount is where the client finds the API, for example "/api/kratos/public".
	Mount  string
	native bool
}

// On lets the client use another mount.
func (c *Client) On(mount string) *Client {
	c.Mount = mount
	return c
}

// Browser is a client with a cookie jar of its own that does not follow redirects.
func (e *Env) Browser() *Client {
	jar, _ := cookiejar.New(nil) // never fails without options
	return &Client{Env: e, Header: http.Header{"Accept": {"text/html"}}, HTTP: &http.Client{Jar: jar, CheckRedirect: stay, Transport: e.Transport}}
}

// SPA is a browser client that reads JSON.
func (e *Env) SPA() *Client {
	c := e.Browser()
	c.Header.Set("Accept", "application/json")
	return c
}

// App is a native client: JSON, no cookies.
func (e *Env) App() *Client {
	return &Client{Env: e, native: true, Header: http.Header{"Accept": {"application/json"}}, HTTP: &http.Client{CheckRedirect: stay, Transport: e.Transport}}
}

func stay(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }

// Get requests a path of the public API.
func (c *Client) Get(path string) *Answer { return c.Do(http.MethodGet, path, "", nil) }

// PostJSON sends v as JSON.
func (c *Client) PostJSON(path string, v any) *Answer {
	c.T.Helper()
	b, err := json.Marshal(v)
	if err != nil {
		c.T.Fatal(err)
	}
	return c.Do(http.MethodPost, path, "application/json", b)
}

// PostForm sends a form.
func (c *Client) PostForm(path string, v url.Values) *Answer {
	return c.Do(http.MethodPost, path, "application/x-www-form-urlencoded", []byte(v.Encode()))
}

// Do sends a request; a path goes to the public API, a URL anywhere.
func (c *Client) Do(method, path, contentType string, body []byte) *Answer {
	c.T.Helper()
	if strings.HasPrefix(path, "/") {
		path = c.URL + path
	}
	req, err := http.NewRequestWithContext(c.T.Context(), method, path, bytes.NewReader(body))
	if err != nil {
		c.T.Fatal(err)
	}
	for k, v := range c.Header {
		req.Header[k] = v
	}
	if contentType != "" {
		req.Header.Set("Content-Type", contentType)
	}
	res, err := c.HTTP.Do(req)
	if err != nil {
		c.T.Fatalf("%s %s: %v", method, path, err)
	}
	defer res.Body.Close()
	a := &Answer{Status: res.StatusCode, Header: res.Header}
	if a.Body, err = io.ReadAll(res.Body); err != nil {
		c.T.Fatal(err)
	}
	_ = json.Unmarshal(a.Body, &a.JSON)
	return a
}
