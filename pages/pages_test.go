package pages

import (
	"bytes"
	"encoding/json"
	"flag"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/gatehouse-id/gatehouse/core/ui"
)

var assetHash = regexp.MustCompile(`pages-[0-9a-f]{12}\.`)

var update = flag.Bool("update", false, "rewrite the golden files")

// loadForm reads a form as the API sends it.
func loadForm(t *testing.T, name string) *ui.Container {
	t.Helper()
	data, err := os.ReadFile(filepath.Join("testdata", name+".json"))
	if err != nil {
		t.Fatal(err)
	}
	var c ui.Container
	if err := json.Unmarshal(data, &c); err != nil {
		t.Fatalf("reading form %s: %v", name, err)
	}
	return &c
}

func newRenderer(t *testing.T, o Options) *Renderer {
	t.Helper()
	r, err := New(o)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func render(t *testing.T, p Page) string {
	t.Helper()
	var b bytes.Buffer
	if err := newRenderer(t, Options{}).Render(&b, p); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

var allLinks = Links{
	Login:        "/self-service/login/browser",
	Registration: "/self-service/registration/browser",
	Recovery:     "/self-service/recovery/browser",
	Verification: "/self-service/verification/browser",
	Settings:     "/self-service/settings/browser",
	Logout:       "/self-service/logout?token=t0ken",
	Sessions:     "/auth/sessions",
	Home:         "/auth/welcome",
}

var signedIn = &SessionView{
	IdentityID: "0a7f4a52-6b2e-4d0c-9b55-3f4e6c0f9d11",
	AAL:        "aal1",
	Traits: map[string]any{
		"email":      "ada@example.org",
		"name":       map[string]any{"first": "Ada", "last": "Lovelace"},
		"age":        36.0,
		"newsletter": true,
		"languages":  []any{"en", "fr"},
	},
	AuthenticatedAt: time.Date(2026, 3, 4, 5, 6, 7, 0, time.UTC),
	ExpiresAt:       time.Date(2026, 3, 5, 5, 6, 7, 0, time.UTC),
	LogoutURL:       "/self-service/logout?token=ory_lo_123",
}

var notFound = &ErrorView{ID: "9f86d081-884c-4d65-9a2f-eaa0c55ad015", Code: 404, Status: "Not Found",
	Message: "There is no such record", Reason: "The requested flow does not exist."}

var devices = &DevicesView{
	Action: "https://id.example/auth/sessions", CSRF: "c3JmLXRva2Vu",
	Here: Device{SessionID: "1", UserAgent: "Mozilla/5.0 (X11; Linux x86_64; rv:130.0) Gecko/20100101 Firefox/130.0", IPAddress: "192.0.2.7"},
	Others: []Device{{
		SessionID: "2", UserAgent: "<b>curl</b>", IPAddress: "2001:db8::1", AuthenticatedAt: time.Date(2026, 3, 4, 5, 6, 7, 0, time.UTC),
	}},
}

// examples are pages as people meet them, by the name of their golden file.
func examples(t *testing.T) map[string]Page {
	form := func(kind Kind, name string) Page {
		return Page{Kind: kind, UI: loadForm(t, name), Links: allLinks, ReturnTo: "https://app.example/inbox?a=b&c"}
	}
	refresh := form(Login, "login-refresh")
	refresh.Refresh = true
	second := form(Login, "login-aal2")
	second.RequestedAAL = "aal2"
	noFactor := form(Login, "login-aal2-none")
	noFactor.RequestedAAL = "aal2"
	secondByCode, secondSent := form(Login, "login-aal2-code"), form(Login, "login-aal2-code-sent")
	secondByCode.RequestedAAL, secondSent.RequestedAAL = "aal2", "aal2"
	return map[string]Page{
		"login":                     form(Login, "login"),
		"login-wrong":               form(Login, "login-wrong"),
		"login-methods":             form(Login, "login-methods"),
		"login-refresh":             refresh,
		"login-aal2":                second,
		"login-aal2-none":           noFactor,
		"login-aal2-code":           secondByCode,
		"login-aal2-code-sent":      secondSent,
		"login-codes":               form(Login, "login-codes"),
		"login-code":                form(Login, "login-code"),
		"login-code-wrong":          form(Login, "login-code-wrong"),
		"login-steps":               form(Login, "login-steps"),
		"login-steps-second":        form(Login, "login-steps-second"),
		"registration-code":         form(Registration, "registration-code"),
		"registration-steps":        form(Registration, "registration-steps"),
		"registration-steps-second": form(Registration, "registration-steps-second"),
		"registration":              form(Registration, "registration"),
		"registration-error":        form(Registration, "registration-error"),
		"login-unverified":          form(Login, "login-unverified"),
		"recovery":                  form(Recovery, "recovery"),
		"recovery-no-address":       form(Recovery, "recovery-no-address"),
		"recovery-link-sent":        form(Recovery, "recovery-link-sent"),
		"recovery-code":             form(Recovery, "recovery-code"),
		"recovery-code-wrong":       form(Recovery, "recovery-code-wrong"),
		"verification-code":         form(Verification, "verification-code"),
		"verification-done":         form(Verification, "verification-done"),
		"settings":                  form(Settings, "settings"),
		"sessions":                  {Kind: Sessions, Devices: devices, Links: allLinks},
		"sessions-alone":            {Kind: Sessions, Devices: &DevicesView{Action: devices.Action, Here: devices.Here}, Links: allLinks},
		"error":                     {Kind: Error, Error: notFound, Links: allLinks},
		"welcome":                   {Kind: Welcome, Session: signedIn, Links: allLinks},
		"welcome-signed-out":        {Kind: Welcome, Links: allLinks},
	}
}

func TestPagesMatchGoldenFiles(t *testing.T) {
	for name, page := range examples(t) {
		t.Run(name, func(t *testing.T) {
			// A change of the stylesheet is no change of every page.
			got := assetHash.ReplaceAllString(render(t, page), "pages-hash.")
			path := filepath.Join("testdata", name+".golden.html")
			if *update {
				if err := os.WriteFile(path, []byte(got), 0o600); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			if got != string(want) {
				t.Errorf("page %s differs from %s; run go test ./pages -update and read the change.\ngot:\n%s", name, path, got)
			}
		})
	}
}

func TestRenderWritesNothingWhenItFails(t *testing.T) {
	pages := map[string]Page{
		"unknown kind":      {Kind: "inbox"},
		"no form":           {Kind: Login},
		"no error":          {Kind: Error},
		"no devices":        {Kind: Sessions},
		"script as action":  {Kind: Login, UI: ui.NewContainer("javascript:alert(1)")},
		"action elsewhere":  {Kind: Login, UI: ui.NewContainer("//evil.example/x")},
		"action is missing": {Kind: Login, UI: ui.NewContainer("")},
	}
	for name, page := range pages {
		var b bytes.Buffer
		if err := newRenderer(t, Options{}).Render(&b, page); err == nil || b.Len() > 0 {
			t.Errorf("%s: got error %v and %d bytes, want an error and none", name, err, b.Len())
		}
	}
}

func TestNewRefusesUnusableOptions(t *testing.T) {
	for _, o := range []Options{
		{Accent: "red"}, {Accent: "#12345"}, {Accent: "#fff;}body{display:none"}, {Accent: "#ggg"},
		{Logo: "javascript:alert(1)"}, {Logo: "https://tracker.example/logo.png"}, {Logo: "//tracker.example/l.png"},
		{Logo: "data:image/svg+xml;base64,AAAA"}, {Logo: "data:text/html;base64,AAAA"},
		{AssetPath: "assets/"}, {AssetPath: "/assets"}, {AssetPath: "//cdn.example/"}, {AssetPath: "javascript:/"},
	} {
		if _, err := New(o); err == nil {
			t.Errorf("New(%+v) took the option", o)
		}
	}
}

func TestBrandingIsShown(t *testing.T) {
	r := newRenderer(t, Options{Name: "Acme & Sons", Logo: "/logo.png", Accent: "#fc0"})
	var b bytes.Buffer
	if err := r.Render(&b, Page{Kind: Welcome}); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{`<img src="/logo.png" alt="Acme &amp; Sons" height="32">`, "Welcome – Acme &amp; Sons"} {
		if !strings.Contains(b.String(), want) {
			t.Errorf("page lacks %s", want)
		}
	}
	_, css, _ := r.Asset(r.stylesheet)
	if !bytes.Contains(css, []byte("@media (prefers-color-scheme:dark){:root{--accent:#ffcc00;--on-accent:#000000}}")) {
		t.Error("stylesheet lacks the accent")
	}
}

func TestAccentCanBeReadWhateverItIs(t *testing.T) {
	for _, hex := range []string{"#000", "#fff", "#ff0000", "#ffee00", "#777", "#00f", "#0f0", "#123456"} {
		c, err := parseColour(hex)
		if err != nil {
			t.Fatal(err)
		}
		light, dark := readable(c, lightSurface, black), readable(c, darkSurface, white)
		if got := contrast(light, lightSurface); got < minContrast {
			t.Errorf("%s on light: contrast %.2f, want at least %v", hex, got, minContrast)
		}
		if got := contrast(dark, darkSurface); got < minContrast {
			t.Errorf("%s on dark: contrast %.2f, want at least %v", hex, got, minContrast)
		}
	}
}

var cssColour = regexp.MustCompile(`--([a-z-]+): (#[0-9a-f]{3,6});`)

// palettes reads the colours of the light and the dark scheme out of the stylesheet.
func palettes(t *testing.T) map[string]map[string]colour {
	t.Helper()
	css, err := staticFiles.ReadFile("static/pages.css")
	if err != nil {
		t.Fatal(err)
	}
	light, dark, _ := strings.Cut(string(css), "prefers-color-scheme: dark")
	found := map[string]map[string]colour{}
	for scheme, rules := range map[string]string{"light": light, "dark": dark} {
		found[scheme] = map[string]colour{}
		for _, match := range cssColour.FindAllStringSubmatch(rules, -1) {
			if found[scheme][match[1]], err = parseColour(match[2]); err != nil {
				t.Fatal(err)
			}
		}
	}
	return found
}

func TestColoursCanBeReadInBothSchemes(t *testing.T) {
	pairs := []struct {
		front, back string
		least       float64
	}{
		{"text", "page", 4.5}, {"text", "surface", 4.5}, {"text", "raised", 4.5},
		{"muted", "page", 4.5}, {"muted", "surface", 4.5}, {"muted", "raised", 4.5}, {"muted", "line", 4.5},
		{"accent", "page", 4.5}, {"accent", "surface", 4.5}, {"on-accent", "accent", 4.5},
		{"error", "page", 4.5}, {"error", "surface", 4.5}, {"error", "error-tint", 4.5},
		{"info", "info-tint", 4.5}, {"success", "success-tint", 4.5}, {"success", "page", 4.5}, {"success", "surface", 4.5},
		{"control", "page", 3}, {"control", "surface", 3},
	}
	for scheme, palette := range palettes(t) {
		for _, p := range pairs {
			if got := contrast(palette[p.front], palette[p.back]); got < p.least {
				t.Errorf("%s: %s on %s has contrast %.2f, want at least %v", scheme, p.front, p.back, got, p.least)
			}
		}
		surface := map[string]colour{"light": lightSurface, "dark": darkSurface}[scheme]
		back := map[string]string{"light": "page", "dark": "surface"}[scheme]
		if got := palette[back].String(); got != surface.String() {
			t.Errorf("%s: theme.go takes %s for --%s, the stylesheet has %s", scheme, surface, back, got)
		}
	}
}

func TestAssetsAreNamedByTheirContent(t *testing.T) {
	plain, green := newRenderer(t, Options{}), newRenderer(t, Options{Accent: "#080"})
	if plain.stylesheet == green.stylesheet {
		t.Errorf("two stylesheets share the name %s", plain.stylesheet)
	}
	for _, name := range plain.Assets() {
		contentType, body, ok := plain.Asset(name)
		if !ok || len(body) == 0 || !strings.Contains(contentType, "charset=utf-8") {
			t.Errorf("Asset(%q) = %q, %d bytes, %v", name, contentType, len(body), ok)
		}
	}
	if _, _, ok := plain.Asset("../pages.go"); ok {
		t.Error("Asset serves a name that is none")
	}
}

func TestPolicyAllowsOnlyOrigins(t *testing.T) {
	got := CSP("https://app.example/welcome?x=1", "http://127.0.0.1:4455", "https://*.example.org", "https:",
		"javascript:alert(1)", "https://x.example; script-src *", "https://a b", "*", "", "https://u:p@[::1]:8443/")
	want := "form-action 'self' https://app.example http://127.0.0.1:4455 https://*.example.org https: https://[::1]:8443;"
	if !strings.Contains(got, want) {
		t.Errorf("CSP = %q, want it to contain %q", got, want)
	}
	for _, word := range []string{"unsafe-inline", "unsafe-eval", "script-src *"} {
		if strings.Contains(got, word) {
			t.Errorf("CSP = %q contains %s", got, word)
		}
	}
}
