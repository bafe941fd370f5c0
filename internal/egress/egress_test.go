package egress_test

import (
	"context"
	"encoding/base64"
	"errors"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/gatehouse-id/gatehouse/internal/egress"
)

func TestPublicKnowsTheInsideOfTheHouse(t *testing.T) {
	for _, inside := range []string{
		"127.0.0.1", "127.8.9.10", "::1", "0.0.0.0", "::", "10.1.2.3", "172.16.0.1", "172.31.255.255", "192.168.0.1",
		"169.254.169.254", "fe80::1", "fe80::1%eth0", "224.0.0.1", "239.1.1.1", "ff02::1", "fc00::1", "fd12::1", "100.64.0.1",
		"100.100.100.200", "255.255.255.255", "240.0.0.1", "198.18.0.1", "192.0.2.1", "::ffff:127.0.0.1", "::ffff:10.0.0.1",
		"64:ff9b::7f00:1", "64:ff9b:1::a00:1", "2002:7f00:1::", "2001:0:4136:e378:8000:63bf:3fff:fdd2", "fec0::1", "::7f00:1",
		"2001:db8::1", "fd00:ec2::254",
	} {
		if egress.Public(netip.MustParseAddr(inside)) {
			t.Errorf("%s: got public, want refused", inside)
		}
	}
	for _, outside := range []string{"1.1.1.1", "8.8.8.8", "172.32.0.1", "100.128.0.1", "2606:4700::1111", "2a00:1450::1", "::ffff:8.8.8.8"} {
		if !egress.Public(netip.MustParseAddr(outside)) {
			t.Errorf("%s: got refused, want public", outside)
		}
	}
	if egress.Public(netip.Addr{}) {
		t.Error("no address at all is public")
	}
}

func server(t *testing.T, h http.HandlerFunc) *httptest.Server {
	t.Helper()
	s := httptest.NewServer(h)
	t.Cleanup(s.Close)
	return s
}

func hello(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte("hello")) }

func get(t *testing.T, o egress.Options, from string) (string, error) {
	t.Helper()
	c := egress.Client(o)
	t.Cleanup(c.CloseIdleConnections)
	body, err := egress.Get(t.Context(), c, from, 1<<10)
	return string(body), err
}

func TestLoopbackIsRefusedUnlessAllowed(t *testing.T) {
	s := server(t, hello)
	_, port, err := net.SplitHostPort(s.Listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	// localhost is a name that resolves to a private address.
	for _, from := range []string{s.URL, "http://localhost:" + port, "http://[::ffff:127.0.0.1]:" + port, "http://2130706433:" + port} {
		if body, err := get(t, egress.Options{}, from); err == nil {
			t.Errorf("%s: got %q, want it refused", from, body)
		}
	}
	if _, err := get(t, egress.Options{}, s.URL); !errors.Is(err, egress.ErrPrivate) {
		t.Errorf("got %v, want ErrPrivate", err)
	}
	if body, err := get(t, egress.Options{AllowPrivate: true}, s.URL); body != "hello" {
		t.Errorf("allowed: got %q, %v", body, err)
	}
}

func TestExceptionsNameOriginAndPath(t *testing.T) {
	s := server(t, hello)
	for _, tt := range []struct {
		exception, path string
		ok              bool
	}{
		{"/hook", "/hook", true},
		{"/hook", "/hook?x=1", true},
		{"/hook", "/hook2", false},
		{"/hook", "/", false},
		{"", "", true},
		{"", "/hook", false},
		{"/*", "/any/thing", true},
		{"/hooks/*", "/hooks/a/b", true},
		{"/hooks/*", "/hooks/../admin", false},
		{"/hooks/*", "/hooks/%2e%2e/admin", false},
		{"/hooks/*/end", "/hooks/a/end", true},
		{"/hooks/*/end", "/hooks/a/start", false},
		{"/a*b*c", "/a-b-c", true},
		{"/a*b*c", "/a-c", false},
	} {
		_, err := get(t, egress.Options{Exceptions: []string{s.URL + tt.exception}}, s.URL+tt.path)
		if (err == nil) != tt.ok {
			t.Errorf("exception %q, path %q: got %v, want ok %v", tt.exception, tt.path, err, tt.ok)
		}
	}
	for _, foreign := range []string{"https" + strings.TrimPrefix(s.URL, "http") + "/*", "http://127.0.0.1:1/*", "http://127.0.0.1/*", "*", "::", ""} {
		if _, err := get(t, egress.Options{Exceptions: []string{foreign}}, s.URL); err == nil {
			t.Errorf("the exception %q let %s through", foreign, s.URL)
		}
	}
}

func TestRedirectsStayOnTheHost(t *testing.T) {
	inside := server(t, hello)
	s := server(t, func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/near":
			http.Redirect(w, r, "/end", http.StatusFound)
		case "/far":
			http.Redirect(w, r, inside.URL, http.StatusFound)
		case "/round":
			http.Redirect(w, r, "/round", http.StatusFound)
		default:
			hello(w, r)
		}
	})
	o := egress.Options{AllowPrivate: true}
	if body, err := get(t, o, s.URL+"/near"); body != "hello" {
		t.Errorf("on the same host: got %q, %v", body, err)
	}
	for _, path := range []string{"/far", "/round"} {
		if _, err := get(t, o, s.URL+path); err == nil || strings.Contains(err.Error(), "127.0.0.1") {
			t.Errorf("%s: got %v, want an error without the URL", path, err)
		}
	}
}

// TestRedirectBehindAnExceptionIsCheckedAgain: the exception is for a path, not for where it leads.
func TestRedirectBehindAnExceptionIsCheckedAgain(t *testing.T) {
	s := server(t, func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/hook" {
			http.Redirect(w, r, "/admin", http.StatusTemporaryRedirect)
			return
		}
		hello(w, r)
	})
	if _, err := get(t, egress.Options{Exceptions: []string{s.URL + "/hook"}}, s.URL+"/hook"); !errors.Is(err, egress.ErrPrivate) {
		t.Errorf("got %v, want ErrPrivate", err)
	}
}

func TestProxiesOfTheEnvironmentAreNotUsed(t *testing.T) {
	proxied := false
	proxy := server(t, func(w http.ResponseWriter, r *http.Request) { proxied = true; hello(w, r) })
	t.Setenv("HTTP_PROXY", proxy.URL)
	ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
	defer cancel()
	// An address of TEST-NET-1: nobody answers, and the guard refuses it anyway.
	if _, err := egress.Get(ctx, egress.Client(egress.Options{}), "http://192.0.2.1/", 10); err == nil || proxied {
		t.Errorf("got %v, proxied %v", err, proxied)
	}
}

func TestCertificatesAreVerified(t *testing.T) {
	s := httptest.NewUnstartedServer(http.HandlerFunc(hello))
	s.Config.ErrorLog = log.New(io.Discard, "", 0)
	s.StartTLS()
	defer s.Close()
	if _, err := get(t, egress.Options{AllowPrivate: true}, s.URL); err == nil || !strings.Contains(err.Error(), "certificate") {
		t.Errorf("got %v, want the certificate refused", err)
	}
}

func TestSourceReadsWhatAConfigurationPointsTo(t *testing.T) {
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "a b.txt"), []byte("from a file"), 0o600); err != nil {
		t.Fatal(err)
	}
	s := server(t, func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/missing" {
			http.NotFound(w, r)
			return
		}
		hello(w, r)
	})
	source := egress.Source{Client: egress.Client(egress.Options{AllowPrivate: true}), BaseDir: dir, Limit: 20}
	for from, want := range map[string]string{
		"file://./a%20b.txt":                                              "from a file",
		"file://" + filepath.Join(dir, "a b.txt"):                         "from a file",
		"base64://" + base64.RawURLEncoding.EncodeToString([]byte("x?>")): "x?>",
		s.URL: "hello",
	} {
		if got, err := source.Read(t.Context(), from); string(got) != want {
			t.Errorf("%s: got %q, %v", from, got, err)
		}
	}
	for _, from := range []string{"", "plain.txt", "file://./missing", "file://.", "ftp://x/", "base64://%%%", s.URL + "/missing",
		"base64://" + strings.Repeat("eHh4", 9), "http://[::1", "https://secret@127.0.0.1:1/token"} {
		got, err := source.Read(t.Context(), from)
		if err == nil || strings.Contains(err.Error(), "token") {
			t.Errorf("%s: got %q, %v, want an error without the URL", from, got, err)
		}
	}
}
