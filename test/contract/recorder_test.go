package contract

import (
	"bytes"
	"cmp"
	"io"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"sync/atomic"
	"testing"

	"github.com/gatehouse-id/gatehouse/test/harness"
)

// recorder is what clients send their requests through: it compares every answer with the published documents.
type recorder struct{ t testing.TB }

// RoundTrip implements http.RoundTripper.
func (r recorder) RoundTrip(req *http.Request) (*http.Response, error) {
	res, err := http.DefaultTransport.RoundTrip(req)
	if err != nil {
		return nil, err
	}
	body, err := io.ReadAll(res.Body)
	res.Body.Close()
	if err != nil {
		return nil, err
	}
	res.Body = io.NopCloser(bytes.NewReader(body))
	checkAnswer(r.t, answer{req.Method, req.URL.Path, res.StatusCode, res.Header, body})
	return res, nil
}

// answer is what the documents have something to say about.
type answer struct {
	method string
	path   string
	status int
	header http.Header
	body   []byte
}

// front is an address that forwards to a gateway, for clients that are processes
// of their own. Answers to them are checked as those to Go clients are.
type front struct {
	URL     string
	gateway atomic.Pointer[url.URL]
}

// newFront makes one. It has an address before its gateway, which can then be told that this is its own.
func newFront(t testing.TB) *front {
	f := &front{}
	server := httptest.NewServer(&httputil.ReverseProxy{
		// The host of the request stays that of the front, as behind any reverse proxy.
		Rewrite: func(r *httputil.ProxyRequest) {
			r.Out.URL.Scheme, r.Out.URL.Host = f.gateway.Load().Scheme, f.gateway.Load().Host
		},
		Transport: recorder{t},
	})
	t.Cleanup(server.Close)
	f.URL = server.URL
	return f
}

// start runs a gateway behind the front, which serves both APIs unless the options say otherwise.
func (f *front) start(t testing.TB, o harness.Options) *harness.Process {
	t.Helper()
	o.Caddyfile = cmp.Or(o.Caddyfile, one)
	o.Kratos = "serve: {public: {base_url: " + f.URL + "}}\n" + cmp.Or(o.Kratos, harness.Kratos)
	gw := harness.Start(t, o)
	gateway, err := url.Parse(gw.URL)
	if err != nil {
		t.Fatal(err)
	}
	f.gateway.Store(gateway)
	return gw
}
