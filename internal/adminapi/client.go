// Package adminapi is a client of the admin API that Kratos and Gatehouse have in common.
package adminapi

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"
)

// Client talks to one admin API. HTTP and Base must be set.
type Client struct {
	HTTP *http.Client
	// Base is the URL that the paths are below, for example "http://127.0.0.1:4434/admin".
	Base string
	// Token is a personal access token, or empty.
	Token string
	// Project is the slug or id of a project of a Gatehouse, or empty.
	Project string
}

// ProjectHeader names the project that a request is about, where the host doesn't.
const ProjectHeader = "Gatehouse-Project"

// timeout is how long an answer may take. A batch with passwords in clear text has to be hashed.
const timeout = 2 * time.Minute

// maxAnswer bounds an answer: a page of 500 identities has room for 128 KiB each.
const maxAnswer = 64 << 20

// New is a client of the API below a URL. It follows no redirect: the token is for nobody else.
func New(base, token string) *Client {
	return &Client{Base: strings.TrimSuffix(base, "/"), Token: token, HTTP: NewHTTP(nil)}
}

// NewHTTP makes what a Client sends its requests with. nil is the usual transport, with more connections kept.
func NewHTTP(transport *http.Transport) *http.Client {
	if transport == nil {
		transport = http.DefaultTransport.(*http.Transport).Clone()
	}
	transport.MaxIdleConnsPerHost = 32
	return &http.Client{
		Timeout: timeout, Transport: transport,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
}

// Refusal is an answer that says no.
type Refusal struct {
	Status int
	Reason string // what the API says, for people
	Body   []byte
}

// Error implements error.
func (r *Refusal) Error() string {
	return fmt.Sprintf("%d %s: %s", r.Status, http.StatusText(r.Status), r.Reason)
}

// StatusOf is the status of a refusal; 0 when the error is another one.
func StatusOf(err error) int {
	var r *Refusal
	if errors.As(err, &r) {
		return r.Status
	}
	return 0
}

// Call sends a request for a path such as "/tokens". The answer is read into out, unless that is nil; every status from 300
// on is a *Refusal.
func (c *Client) Call(ctx context.Context, method, path string, in, out any) (http.Header, error) {
	res, err := c.send(ctx, method, path, in)
	if err != nil {
		return nil, err
	}
	defer res.Body.Close()
	raw, err := io.ReadAll(io.LimitReader(res.Body, maxAnswer))
	if err != nil {
		return nil, fmt.Errorf("reading the answer: %w", err)
	}
	if res.StatusCode >= http.StatusMultipleChoices {
		return nil, &Refusal{Status: res.StatusCode, Reason: reason(raw), Body: raw}
	}
	if out == nil {
		return res.Header, nil
	}
	if err := json.Unmarshal(raw, out); err != nil {
		return nil, fmt.Errorf("reading the answer: %w", err)
	}
	return res.Header, nil
}

func (c *Client) send(ctx context.Context, method, path string, in any) (*http.Response, error) {
	var body io.Reader
	if in != nil {
		raw, err := json.Marshal(in)
		if err != nil {
			return nil, fmt.Errorf("encoding the request: %w", err)
		}
		body = bytes.NewReader(raw)
	}
	req, err := http.NewRequestWithContext(ctx, method, c.Base+path, body)
	if err != nil {
		return nil, err
	}
	req.Header.Set("Accept", "application/json")
	if in != nil {
		req.Header.Set("Content-Type", "application/json")
	}
	if c.Project != "" {
		req.Header.Set(ProjectHeader, c.Project)
	}
	if c.Token != "" {
		req.Header.Set("Authorization", "Bearer "+c.Token)
	}
	return c.HTTP.Do(req)
}

// reason is what an error says: that of the API, or of Caddy's own endpoint.
func reason(raw []byte) string {
	var body struct {
		Error  json.RawMessage `json:"error"`
		Reason string          `json:"reason"` // of the project API, whose errors are flat
	}
	var known struct{ Message, Reason string }
	var text string
	switch {
	case json.Unmarshal(raw, &body) != nil:
		return "it is no Kratos that answers"
	case body.Reason != "":
		return body.Reason
	case json.Unmarshal(body.Error, &known) == nil:
		return strings.Trim(strings.TrimSuffix(known.Message, ".")+". "+known.Reason, ". ")
	case json.Unmarshal(body.Error, &text) == nil:
		return text
	}
	return ""
}

// Next is the query of the page that comes after an answer, as its Link header has it; "" on the last page. The URL's host
// doesn't count: servers behind others tell a name that may not lead to them from here.
func Next(h http.Header) string {
	for _, link := range strings.Split(strings.Join(h.Values("Link"), ","), ",") {
		target, params, _ := strings.Cut(strings.TrimSpace(link), ">")
		if !strings.Contains(strings.ReplaceAll(params, `"`, ""), "rel=next") {
			continue
		}
		if u, err := url.Parse(strings.TrimPrefix(target, "<")); err == nil {
			return u.Query().Encode()
		}
	}
	return ""
}

// Find is a client of the admin API of a server. Those of the first versions have it at the root; a URL with a path says
// where it is.
func Find(ctx context.Context, server, token string) (*Client, error) {
	u, err := url.Parse(server)
	if err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" {
		return nil, fmt.Errorf("%q is no URL such as http://kratos:4434", server)
	}
	c := New(server, token)
	if strings.Trim(u.Path, "/") != "" {
		return c, nil
	}
	root := c.Base
	c.Base += "/admin"
	_, err = c.Call(ctx, http.MethodGet, "/identities?page_size=1&per_page=1", nil, nil)
	if StatusOf(err) == http.StatusNotFound {
		c.Base = root
		_, err = c.Call(ctx, http.MethodGet, "/identities?per_page=1", nil, nil)
	}
	if err != nil {
		return nil, fmt.Errorf("asking %s for its identities: %w", server, err)
	}
	return c, nil
}
