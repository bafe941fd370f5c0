package project_test

import (
	"encoding/base64"
	"encoding/json"
	"maps"
	"os"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/gatehouse-id/gatehouse/core/apierror"
	"github.com/gatehouse-id/gatehouse/core/config"
	"github.com/gatehouse-id/gatehouse/core/project"
)

// full is a body with every key that a revision can have.
func full(t testing.TB) []byte {
	t.Helper()
	raw, err := os.ReadFile("testdata/full.json")
	if err != nil {
		t.Fatal(err)
	}
	return raw
}

func parse(t testing.TB, body string) *project.Revision {
	t.Helper()
	r, err := project.ParseRevision([]byte(body))
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// effects says where each key of full.json shows in the configuration. A key that has no effect is answered with a warning.
var effects = map[string]func(*config.Config) (got, want any){
	"kratos_cookies_same_site": func(c *config.Config) (any, any) { return c.Cookies.SameSite, "Strict" },
	"kratos_courier_smtp_connection_uri": func(c *config.Config) (any, any) {
		return c.Courier.SMTP.ConnectionURI, "smtps://mailer:p4ss-smtp@mail.example:465/"
	},
	"kratos_courier_smtp_from_address": func(c *config.Config) (any, any) { return c.Courier.SMTP.FromAddress, "hello@shop.example" },
	"kratos_courier_smtp_from_name":    func(c *config.Config) (any, any) { return c.Courier.SMTP.FromName, "Shop" },
	"kratos_courier_smtp_headers":      func(c *config.Config) (any, any) { return c.Courier.SMTP.Headers["X-Api-Key"], "k3y-header" },
	"kratos_identity_schemas": func(c *config.Config) (any, any) {
		return c.Identity.DefaultSchemaID + " " + c.Identity.Schemas[1].URL, "person preset://username"
	},
	"kratos_secrets_cipher":  func(c *config.Config) (any, any) { return c.Secrets.Cipher[0], "cipher-secret-of-32-characters--" },
	"kratos_secrets_cookie":  func(c *config.Config) (any, any) { return c.Secrets.Cookie[0], "cookie-secret-0123456789" },
	"kratos_secrets_default": func(c *config.Config) (any, any) { return c.Secrets.Default[0], "default-secret-0123456789" },
	"kratos_selfservice_allowed_return_urls": func(c *config.Config) (any, any) {
		return c.SelfService.AllowedReturnURLs[0], "https://shop.example/back"
	},
	"kratos_selfservice_default_browser_return_url": func(c *config.Config) (any, any) {
		return c.SelfService.DefaultBrowserReturnURL, "https://shop.example/"
	},
	"kratos_selfservice_flows_error_ui_url": func(c *config.Config) (any, any) {
		return c.SelfService.Flows.Error.UIURL, "https://shop.example/error"
	},
	"kratos_selfservice_flows_hooks": func(c *config.Config) (any, any) {
		return c.SelfService.Flows.HookLists()["registration.after.password.hooks"][1].Hook, "session"
	},
	"kratos_selfservice_flows_login_after_default_browser_return_url": func(c *config.Config) (any, any) {
		return c.SelfService.Flows.Login.After.DefaultBrowserReturnURL, "https://shop.example/l"
	},
	"kratos_selfservice_flows_login_after_oidc_default_browser_return_url": func(c *config.Config) (any, any) {
		return c.SelfService.Flows.Login.After.Methods["oidc"].DefaultBrowserReturnURL, "https://shop.example/lo"
	},
	"kratos_selfservice_flows_login_after_password_default_browser_return_url": func(c *config.Config) (any, any) {
		return c.SelfService.Flows.Login.After.Methods["password"].DefaultBrowserReturnURL, "https://shop.example/lp"
	},
	"kratos_selfservice_flows_login_lifespan": func(c *config.Config) (any, any) { return c.SelfService.Flows.Login.Lifespan.String(), "11m0s" },
	"kratos_selfservice_flows_login_ui_url": func(c *config.Config) (any, any) {
		return c.SelfService.Flows.Login.UIURL, "https://shop.example/login"
	},
	"kratos_selfservice_flows_logout_after_default_browser_return_url": func(c *config.Config) (any, any) {
		return c.SelfService.Flows.Logout.After.DefaultBrowserReturnURL, "https://shop.example/out"
	},
	"kratos_selfservice_flows_recovery_after_default_browser_return_url": func(c *config.Config) (any, any) {
		return c.SelfService.Flows.Recovery.After.DefaultBrowserReturnURL, "https://shop.example/r"
	},
	"kratos_selfservice_flows_recovery_enabled":  func(c *config.Config) (any, any) { return c.SelfService.Flows.Recovery.Enabled, true },
	"kratos_selfservice_flows_recovery_lifespan": func(c *config.Config) (any, any) { return c.SelfService.Flows.Recovery.Lifespan.String(), "12m0s" },
	"kratos_selfservice_flows_recovery_ui_url": func(c *config.Config) (any, any) {
		return c.SelfService.Flows.Recovery.UIURL, "https://shop.example/recovery"
	},
	"kratos_selfservice_flows_registration_after_default_browser_return_url": func(c *config.Config) (any, any) {
		return c.SelfService.Flows.Registration.After.DefaultBrowserReturnURL, "https://shop.example/g"
	},
	"kratos_selfservice_flows_registration_after_oidc_default_browser_return_url": func(c *config.Config) (any, any) {
		return c.SelfService.Flows.Registration.After.Methods["oidc"].DefaultBrowserReturnURL, "https://shop.example/go"
	},
	"kratos_selfservice_flows_registration_after_password_default_browser_return_url": func(c *config.Config) (any, any) {
		return c.SelfService.Flows.Registration.After.Methods["password"].DefaultBrowserReturnURL, "https://shop.example/gp"
	},
	"kratos_selfservice_flows_registration_lifespan": func(c *config.Config) (any, any) { return c.SelfService.Flows.Registration.Lifespan.String(), "13m0s" },
	"kratos_selfservice_flows_registration_ui_url": func(c *config.Config) (any, any) {
		return c.SelfService.Flows.Registration.UIURL, "https://shop.example/registration"
	},
	"kratos_selfservice_flows_settings_after_default_browser_return_url": func(c *config.Config) (any, any) {
		return c.SelfService.Flows.Settings.After.DefaultBrowserReturnURL, "https://shop.example/s"
	},
	"kratos_selfservice_flows_settings_after_password_default_browser_return_url": func(c *config.Config) (any, any) {
		return c.SelfService.Flows.Settings.After.Methods["password"].DefaultBrowserReturnURL, "https://shop.example/sp"
	},
	"kratos_selfservice_flows_settings_after_profile_default_browser_return_url": func(c *config.Config) (any, any) {
		return c.SelfService.Flows.Settings.After.Methods["profile"].DefaultBrowserReturnURL, "https://shop.example/sf"
	},
	"kratos_selfservice_flows_settings_lifespan": func(c *config.Config) (any, any) { return c.SelfService.Flows.Settings.Lifespan.String(), "14m0s" },
	"kratos_selfservice_flows_settings_privileged_session_max_age": func(c *config.Config) (any, any) {
		return c.SelfService.Flows.Settings.PrivilegedSessionMaxAge.String(), "15m0s"
	},
	"kratos_selfservice_flows_settings_required_aal": func(c *config.Config) (any, any) { return c.SelfService.Flows.Settings.RequiredAAL, "aal1" },
	"kratos_selfservice_flows_settings_ui_url": func(c *config.Config) (any, any) {
		return c.SelfService.Flows.Settings.UIURL, "https://shop.example/settings"
	},
	"kratos_selfservice_flows_verification_after_default_browser_return_url": func(c *config.Config) (any, any) {
		return c.SelfService.Flows.Verification.After.DefaultBrowserReturnURL, "https://shop.example/v"
	},
	"kratos_selfservice_flows_verification_enabled":  func(c *config.Config) (any, any) { return c.SelfService.Flows.Verification.Enabled, true },
	"kratos_selfservice_flows_verification_lifespan": func(c *config.Config) (any, any) { return c.SelfService.Flows.Verification.Lifespan.String(), "16m0s" },
	"kratos_selfservice_flows_verification_ui_url": func(c *config.Config) (any, any) {
		return c.SelfService.Flows.Verification.UIURL, "https://shop.example/verification"
	},
	"kratos_selfservice_methods_link_config_base_url": func(c *config.Config) (any, any) {
		return c.SelfService.Methods.Link.Config.BaseURL, "https://links.shop.example"
	},
	"kratos_selfservice_methods_link_config_lifespan":  func(c *config.Config) (any, any) { return c.SelfService.Methods.Link.Config.Lifespan.String(), "17m0s" },
	"kratos_selfservice_methods_link_enabled":          func(c *config.Config) (any, any) { return c.SelfService.Methods.Link.Enabled, false },
	"kratos_selfservice_methods_lookup_secret_enabled": func(c *config.Config) (any, any) { return c.SelfService.Methods.LookupSecret.Enabled, true },
	"kratos_selfservice_methods_oidc_config_providers": func(c *config.Config) (any, any) {
		p := c.SelfService.Methods.OIDC.Config.Providers
		return p[0].ClientSecret + " " + p[1].TeamID + " " + p[1].PrivateKey, "s3cret-client TEAM k3y-apple"
	},
	"kratos_selfservice_methods_oidc_enabled": func(c *config.Config) (any, any) { return c.SelfService.Methods.OIDC.Enabled, true },
	"kratos_selfservice_methods_password_config_haveibeenpwned_enabled": func(c *config.Config) (any, any) {
		return c.SelfService.Methods.Password.Config.HaveIBeenPwnedEnabled, false
	},
	"kratos_selfservice_methods_password_config_ignore_network_errors": func(c *config.Config) (any, any) {
		return c.SelfService.Methods.Password.Config.IgnoreNetworkErrors, false
	},
	"kratos_selfservice_methods_password_config_max_breaches": func(c *config.Config) (any, any) { return c.SelfService.Methods.Password.Config.MaxBreaches, 7 },
	"kratos_selfservice_methods_password_enabled":             func(c *config.Config) (any, any) { return c.SelfService.Methods.Password.Enabled, false },
	"kratos_selfservice_methods_profile_enabled":              func(c *config.Config) (any, any) { return c.SelfService.Methods.Profile.Enabled, false },
	"kratos_selfservice_methods_totp_config_issuer":           func(c *config.Config) (any, any) { return c.SelfService.Methods.TOTP.Config.Issuer, "Shop" },
	"kratos_selfservice_methods_totp_enabled":                 func(c *config.Config) (any, any) { return c.SelfService.Methods.TOTP.Enabled, true },
	"kratos_selfservice_methods_webauthn_config_rp_display_name": func(c *config.Config) (any, any) {
		return c.SelfService.Methods.WebAuthn.Config.RP.DisplayName, "Shop keys"
	},
	"kratos_selfservice_methods_webauthn_config_rp_icon": func(c *config.Config) (any, any) {
		return c.SelfService.Methods.WebAuthn.Config.RP.Icon, "https://shop.example/icon.png"
	},
	"kratos_selfservice_methods_webauthn_config_rp_id": func(c *config.Config) (any, any) { return c.SelfService.Methods.WebAuthn.Config.RP.ID, "shop.example" },
	"kratos_selfservice_methods_webauthn_config_rp_origin": func(c *config.Config) (any, any) {
		return c.SelfService.Methods.WebAuthn.Config.RP.Origin, "https://shop.example"
	},
	"kratos_selfservice_methods_webauthn_enabled": func(c *config.Config) (any, any) { return c.SelfService.Methods.WebAuthn.Enabled, true },
	"kratos_session_cookie_persistent":            func(c *config.Config) (any, any) { return c.Session.Cookie.Persistent, false },
	"kratos_session_cookie_same_site":             func(c *config.Config) (any, any) { return c.Session.Cookie.SameSite, "Lax" },
	"kratos_session_lifespan":                     func(c *config.Config) (any, any) { return c.Session.Lifespan.String(), "36h0m0s" },
	"kratos_session_whoami_required_aal":          func(c *config.Config) (any, any) { return c.Session.Whoami.RequiredAAL, "aal1" },
}

// keysOfRevisions is how many kratos_* keys the published projectRevision has.
const keysOfRevisions = 61

func TestEveryKeyOfARevisionTakesEffect(t *testing.T) {
	r := parse(t, string(full(t)))
	if len(r.Settings) != keysOfRevisions || len(effects) != keysOfRevisions {
		t.Fatalf("%d keys were read and %d are looked for, there are %d", len(r.Settings), len(effects), keysOfRevisions)
	}
	document := r.Document()
	c, _, err := config.Parse("", document)
	if err != nil {
		t.Fatalf("%v in %s", err, document)
	}
	for _, key := range slices.Sorted(maps.Keys(r.Settings)) {
		if effects[key] == nil {
			t.Errorf("%s: nothing tells where it shows", key)
			continue
		}
		if got, want := effects[key](c); !reflect.DeepEqual(got, want) {
			t.Errorf("%s: the configuration has %v, want %v", key, got, want)
		}
	}
}

func TestRevisionSurvivesTheWayToADocumentAndBack(t *testing.T) {
	r := parse(t, string(full(t)))
	document := r.Document()
	settings, warnings, err := project.FromDocument(document)
	if err != nil {
		t.Fatal(err)
	}
	for _, w := range warnings {
		if w.Code != project.WarnNoEffect {
			t.Errorf("warning about what came from a revision: %+v", w)
		}
	}
	for key, want := range r.Settings {
		if got := settings[key]; !sameJSON(t, got, want) {
			t.Errorf("%s: got %s, want %s", key, got, want)
		}
	}
}

func sameJSON(t *testing.T, a, b json.RawMessage) bool {
	t.Helper()
	var x, y any
	if len(a) == 0 || json.Unmarshal(a, &x) != nil || json.Unmarshal(b, &y) != nil {
		return false
	}
	return reflect.DeepEqual(x, y)
}

func TestRevisionIsReadAsItIsWritten(t *testing.T) {
	r := parse(t, string(full(t)))
	r.ID, r.ProjectID = "1f6e2a44-0000-4000-8000-000000000001", "1f6e2a44-0000-4000-8000-000000000002"
	raw, err := json.Marshal(r)
	if err != nil {
		t.Fatal(err)
	}
	var again project.Revision
	if err := json.Unmarshal(raw, &again); err != nil || !reflect.DeepEqual(*r, again) {
		t.Errorf("got %v %+v, want %+v", err, again, *r)
	}
	if sent := parse(t, string(raw)); !reflect.DeepEqual(sent.Settings, r.Settings) {
		t.Errorf("sent back as it was read: got %v, want %v", sent.Settings, r.Settings)
	}
}

func TestDocumentThatARevisionCantHoldIsWarnedOf(t *testing.T) {
	settings, warnings, err := project.FromDocument([]byte(`{
		"version": "v1.3.0", "dsn": "memory", "serve": {"public": {"port": 1}}, "log": {"level": "debug"},
		"identity": {"schemas": [{"id": "p", "url": "preset://email"}]},
		"session": {"lifespan": "1h", "cookie": {"name": "x"}},
		"selfservice": {"whitelisted_return_urls": ["https://a.example"],
			"flows": {"login": {"after": {"hooks": [{"hook": "web_hook", "config": {"url": "https://h.example", "method": "POST", "response": {"ignore": true}}}]}}}}
	}`))
	if err != nil {
		t.Fatal(err)
	}
	codes := map[string]int64{}
	for _, w := range warnings {
		path, _, _ := strings.Cut(w.Message, " ")
		codes[path] = w.Code
	}
	want := map[string]int64{
		"dsn": project.WarnOperational, "serve.public.port": project.WarnOperational, "log.level": project.WarnOperational,
		"session.cookie.name": project.WarnNotHeld, "selfservice.flows.login.after.hooks[0].config.response": project.WarnNotHeld,
	}
	if !reflect.DeepEqual(codes, want) {
		t.Errorf("got %v, want %v", codes, want)
	}
	if got := string(settings["kratos_selfservice_allowed_return_urls"]); got != `["https://a.example"]` {
		t.Errorf("the old name of allowed_return_urls: got %s", got)
	}
	if _, _, err := project.FromDocument([]byte(`{"session": {"lifespann": "1h"}}`)); !apierror.IsKind(err, apierror.KindBadRequest) || !strings.Contains(err.Error(), "session.lifespann") {
		t.Errorf("an unknown key: got %v", err)
	}
}

func TestWhatIsWrongWithARevisionIsToldByItsKey(t *testing.T) {
	schema := "base64://" + base64.StdEncoding.EncodeToString([]byte("{}"))
	for body, want := range map[string]string{
		`[]`:                                "JSON object",
		`{"kratos_session_lifespan": "1h"}`: "name:",
		`{"name": ""}`:                      "name:",
		`{"name": "x", "kratos_sesion": 1}`: "kratos_sesion: a revision has no such key",
		`{"name": "x", "kratos_session_lifespan": 5}`:                                                                                                                      "kratos_session_lifespan: has to be a text",
		`{"name": "x", "kratos_selfservice_methods_totp_enabled": "yes"}`:                                                                                                  "kratos_selfservice_methods_totp_enabled: has to be true or false",
		`{"name": "x", "kratos_selfservice_methods_password_config_max_breaches": 1.5}`:                                                                                    "has to be a whole number",
		`{"name": "x", "kratos_secrets_default": "one"}`:                                                                                                                   "kratos_secrets_default: has to be a list of texts",
		`{"name": "x", "kratos_identity_schemas": [{"import_id": "a", "import_url": "file:///etc/passwd"}]}`:                                                               "kratos_identity_schemas[0].import_url: has to be base64://",
		`{"name": "x", "kratos_identity_schemas": [{"import_id": "a", "import_url": "base64://e3"}]}`:                                                                      "isn't standard base64",
		`{"name": "x", "kratos_identity_schemas": [{"import_id": "a", "import_url": "base64://eA=="}]}`:                                                                    "isn't JSON",
		`{"name": "x", "kratos_identity_schemas": [{"import_url": "` + schema + `"}]}`:                                                                                     "kratos_identity_schemas[0].import_id: is missing",
		`{"name": "x", "kratos_identity_schemas": [{"import_id": "a", "preset": "email"}, {"import_id": "a", "preset": "email"}]}`:                                         "kratos_identity_schemas[1].import_id",
		`{"name": "x", "kratos_identity_schemas": [{"import_id": "a", "preset": "email", "is_default": true}, {"import_id": "b", "preset": "email", "is_default": true}]}`: "kratos_identity_schemas[1].is_default",
		`{"name": "x", "kratos_selfservice_flows_hooks": [{"config_key": "nowhere", "hook": "session"}]}`:                                                                  "kratos_selfservice_flows_hooks[0].config_key",
		`{"name": "x", "kratos_selfservice_flows_hooks": [{"config_key": "selfservice.flows.login.after.hooks", "hook": "rm"}]}`:                                           "kratos_selfservice_flows_hooks[0].hook",
		`{"name": "x", "kratos_selfservice_flows_hooks": [{"config_key": "selfservice.flows.login.after.hooks", "hook": "web_hook"}]}`:                                     "[0].web_hook_config_url",
		`{"name": "x", "kratos_selfservice_methods_oidc_config_providers": [{"provider": "google"}]}`:                                                                      "[0].provider_id",
		`{"name": "x", "kratos_selfservice_methods_oidc_config_providers": [{"provider_id": "g", "provider": "google", "mapper_url": "file:///etc/passwd"}]}`:              "[0].mapper_url",
		`{"name": "x", "kratos_selfservice_methods_oidc_config_providers": [{"provider_id": "g", "provider": "google", "secret": "s"}]}`:                                   "unknown field",
	} {
		_, err := project.ParseRevision([]byte(body))
		if !apierror.IsKind(err, apierror.KindBadRequest) || !strings.Contains(err.Error(), want) {
			t.Errorf("%s\n\tgot %v, want 400 with %q", body, err, want)
		}
	}
	huge := `{"name": "x", "kratos_session_lifespan": "` + strings.Repeat("h", 10<<20) + `"}`
	if _, err := project.ParseRevision([]byte(huge)); !apierror.IsKind(err, apierror.KindTooLarge) {
		t.Errorf("ten megabytes: got %v, want 413", err)
	}
}

func FuzzParseRevision(f *testing.F) {
	f.Add(full(f))
	f.Add([]byte(`{"name":"x","kratos_secrets_default":[""],"kratos_courier_smtp_connection_uri":"smtp://a:b@c"}`))
	f.Fuzz(func(t *testing.T, body []byte) {
		r, err := project.ParseRevision(body)
		if err != nil {
			return
		}
		if _, err := json.Marshal(r.Redacted()); err != nil {
			t.Errorf("it was read and can't be written: %v", err)
		}
		document := r.Document()
		if !json.Valid(document) {
			t.Errorf("the document is no JSON: %s", document)
		}
	})
}

func FuzzFromDocument(f *testing.F) {
	document := parse(f, string(full(f))).Document()
	f.Add([]byte(document))
	f.Fuzz(func(t *testing.T, document []byte) {
		settings, _, err := project.FromDocument(document)
		if err != nil {
			return
		}
		again := (&project.Revision{Settings: settings}).Document()
		back, _, err := project.FromDocument(again)
		if err != nil {
			t.Fatalf("what came from a document makes none: %v", err)
		}
		for key, want := range settings {
			if !sameJSON(t, back[key], want) {
				t.Errorf("%s: %s became %s", key, want, back[key])
			}
		}
	})
}
