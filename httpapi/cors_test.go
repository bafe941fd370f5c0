package httpapi_test

import (
	"net/http"
	"testing"

	"github.com/gatehouse-id/gatehouse/core/config"
	"github.com/gatehouse-id/gatehouse/internal/gateway"
	"github.com/gatehouse-id/gatehouse/internal/testenv"
)

func withOrigins(credentials bool, origins ...string) testenv.Option {
	return func(c *config.Config, _ *gateway.Options) {
		c.Serve.Public.CORS.Enabled, c.Serve.Public.CORS.AllowCredentials = true, credentials
		c.Serve.Public.CORS.AllowedOrigins = origins
	}
}

func TestOnlyAllowedOriginsReadAnswers(t *testing.T) {
	e := testenv.New(t, withOrigins(true, "https://app.example", "https://*.sub.example", "*"))
	for origin, want := range map[string]bool{
		"https://app.example": true, "https://a.sub.example": true, "https://a.b.sub.example": true,
		"": false, "null": false, "http://app.example": false, "https://app.example:8443": false, "https://app.example.evil.example": false,
		"https://sub.example": false, "https://evilsub.example": false, "https://a.sub.example:8443": false, "https://x@a.sub.example": false,
		"https://evil.example/.sub.example": false, "https://evil.example": false,
	} {
		c := e.App()
		c.Header.Set("Origin", origin)
		a := c.Get("/sessions/whoami")
		c.Header.Set("Access-Control-Request-Method", "POST")
		p := c.Do(http.MethodOptions, "/self-service/login", "", nil)
		for what, got := range map[string]*testenv.Answer{"answer": a, "preflight": p} {
			if granted := got.Header.Get("Access-Control-Allow-Origin") != ""; granted != want {
				t.Errorf("%s for %q: granted is %v, want %v", what, origin, granted, want)
			}
			if got.Header.Get("Access-Control-Allow-Origin") == "*" {
				t.Errorf("%s for %q: a star together with credentials", what, origin)
			}
		}
	}
}

func TestPreflightOfOtherMethodsAndHeaders(t *testing.T) {
	e := testenv.New(t, withOrigins(true, "https://app.example"))
	for _, ask := range []struct {
		method, headers string
		want            bool
	}{
		{"POST", "content-type, x-session-token", true}, {"POST", "", true}, {"TRACE", "", false}, {"POST", "x-evil", false}, {"POST", "content-type,x-evil", false},
	} {
		c := e.App()
		c.Header.Set("Origin", "https://app.example")
		c.Header.Set("Access-Control-Request-Method", ask.method)
		c.Header.Set("Access-Control-Request-Headers", ask.headers)
		a := c.Do(http.MethodOptions, "/self-service/login", "", nil)
		if granted := a.Header.Get("Access-Control-Allow-Methods") != ""; a.Status != 204 || granted != ask.want {
			t.Errorf("%s with %q: got %d, granted is %v, want %v", ask.method, ask.headers, a.Status, granted, ask.want)
		}
	}
}

func TestCORSIsOffByDefault(t *testing.T) {
	e := testenv.New(t)
	c := e.App()
	c.Header.Set("Origin", "https://app.example")
	if a := c.Get("/sessions/whoami"); a.Header.Get("Access-Control-Allow-Origin") != "" {
		t.Errorf("granted to %q", a.Header.Get("Access-Control-Allow-Origin"))
	}
}
