package config

import (
	"reflect"
	"strings"
	"sync"
	"testing"
)

func TestDefaultIsValid(t *testing.T) {
	c := Default()
	if err := c.Validate(); err != nil {
		t.Fatal(err)
	}
	if got := c.SelfService.Flows.Registration.After.HooksFor("password"); len(got) != 1 || got[0].Hook != "session" {
		t.Errorf("hooks after registration: got %v, want session", got)
	}
}

func TestValidateNamesKeyAndFix(t *testing.T) {
	for name, tt := range map[string]struct {
		change func(*Config)
		want   string
	}{
		"base URL":     {func(c *Config) { c.Serve.Public.BaseURL = "id.example.org" }, "serve.public.base_url: must be a URL"},
		"return URL":   {func(c *Config) { c.SelfService.DefaultBrowserReturnURL = "" }, "selfservice.default_browser_return_url: is missing"},
		"script URL":   {func(c *Config) { c.SelfService.DefaultBrowserReturnURL = "JavaScript:alert(1)" }, "must not have the scheme"},
		"host as path": {func(c *Config) { c.SelfService.AllowedReturnURLs = []string{"//evil.example"} }, "allowed_return_urls[0]"},
		"lifespan":     {func(c *Config) { c.Session.Lifespan = 0 }, "session.lifespan: must be more than nothing"},
		"flow":         {func(c *Config) { c.SelfService.Flows.Login.Lifespan = -1 }, "selfservice.flows.login.lifespan"},
		"schema":       {func(c *Config) { c.Identity.DefaultSchemaID = "nobody" }, `identity.default_schema_id: "nobody" is not among`},
		"schema URL":   {func(c *Config) { c.Identity.Schemas[0].URL = "identity.json" }, "identity.schemas[0].url: must start with file://, http://"},
		"no schema":    {func(c *Config) { c.Identity.Schemas = nil }, "identity.schemas: is empty"},
		"same site":    {func(c *Config) { c.Cookies.SameSite = "strict" }, `cookies.same_site: "strict" is not known: write Strict, Lax, None`},
		"cookie":       {func(c *Config) { c.Secrets.Cookie = []string{"short"} }, "secrets.cookie[0]: must have at least 16"},
		"cipher":       {func(c *Config) { c.Secrets.Cipher = []string{"short"} }, "secrets.cipher[0]: must have exactly 32 characters"},
		"no cipher":    {func(c *Config) { c.Ciphers.Algorithm = "aes" }, "secrets.cipher: is empty"},
		"hasher":       {func(c *Config) { c.Hashers.Algorithm = "md5" }, "hashers.algorithm"},
		"cost":         {func(c *Config) { c.Hashers.Bcrypt.Cost = 3 }, "hashers.bcrypt: hash parameters out of bounds: bcrypt cost is 3, not 4 to 16"},
		"memory":       {func(c *Config) { c.Hashers.Argon2.Memory = 8 << 40 }, "hashers.argon2: hash parameters out of bounds: argon2 memory in KiB is"},
		"threads":      {func(c *Config) { c.Hashers.Argon2.Parallelism = 1 << 40 }, "hashers.argon2: hash parameters out of bounds: argon2 parallelism"},
		"negative":     {func(c *Config) { c.Hashers.Argon2.Iterations = -1 }, "hashers.argon2: hash parameters out of bounds: argon2 time"},
		"password":     {func(c *Config) { c.SelfService.Methods.Password.Config.MinPasswordLength = 5 }, "min_password_length"},
		"hook": {func(c *Config) { c.SelfService.Flows.Login.After.Hooks = []Hook{{Hook: "web_hok"}} },
			`flows.login.after.hooks[0].hook: there is no hook "web_hok"; did you mean "web_hook"?`},
		"cookie name": {func(c *Config) { c.Session.Cookie.Name = "a b" }, "session.cookie.name"},
		"insecure None": {func(c *Config) {
			c.Serve.Public.BaseURL, c.Session.Cookie.SameSite = "http://id.example.org/", "None"
		}, "None needs https"},
	} {
		t.Run(name, func(t *testing.T) {
			c := Default()
			tt.change(&c)
			if err := c.Validate(); err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("got %v, want %q", err, tt.want)
			}
		})
	}
}

func TestDevelopmentModeIsKnownByItsAddress(t *testing.T) {
	for base, want := range map[string]struct{ dev, secure bool }{
		"":                          {false, true},
		"https://id.example.org/":   {false, true},
		"https://localhost/":        {false, true},
		"http://id.example.org/":    {false, false},
		"http://localhost:8080/":    {true, false},
		"http://127.0.0.1:4433/":    {true, false},
		"http://[::1]:4433/":        {true, false},
		"http://127.0.0.1.nip.io/":  {false, false},
		"http://localhost.evil.io/": {false, false},
	} {
		c := Default()
		c.Serve.Public.BaseURL = base
		c.Resolve()
		if c.Dev != want.dev || c.SecureCookies() != want.secure {
			t.Errorf("%q: got dev %v, secure %v, want %+v", base, c.Dev, c.SecureCookies(), want)
		}
	}
}

func TestCheapBcryptWarnsOutsideDev(t *testing.T) {
	_, warnings := parse(t, "hashers: {algorithm: bcrypt, bcrypt: {cost: 4}}")
	if len(warnings) != 1 || warnings[0].Path != "hashers.bcrypt.cost" {
		t.Errorf("got %v, want one warning of the cost", warnings)
	}
	if _, warnings = parse(t, "dev: true\nhashers: {algorithm: bcrypt, bcrypt: {cost: 4}}"); len(warnings) != 0 {
		t.Errorf("in dev: got %v, want none", warnings)
	}
}

func TestHolderKeepsGoodConfiguration(t *testing.T) {
	var h Holder
	good, bad := Default(), Default()
	bad.Session.Lifespan = 0
	if err := h.Swap(&good); err != nil {
		t.Fatal(err)
	}
	if err := h.Swap(&bad); err == nil || h.Load() != &good {
		t.Errorf("got %v and %p, want an error and the good one", err, h.Load())
	}
}

func TestHolderIsSafeForManyReaders(t *testing.T) {
	var h Holder
	first := Default()
	if err := h.Swap(&first); err != nil {
		t.Fatal(err)
	}
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			for range 1000 {
				_ = h.Load().Session.Lifespan
				next := Default()
				_ = h.Swap(&next)
			}
		})
	}
	wg.Wait()
}

// TestKeysTableCoversConfig keeps the table honest: every field is spoken for by a row of its own or around it.
func TestKeysTableCoversConfig(t *testing.T) {
	for _, s := range envSlots(reflect.TypeFor[Config](), nil, nil) {
		path := strings.Join(s.path, ".")
		for rowAt(path) == nil {
			parent, _, ok := cutLast(path)
			if !ok || parent == "" {
				t.Errorf("%s has no row in keys", strings.Join(s.path, "."))
				break
			}
			path = parent
		}
	}
}

func TestByteSize(t *testing.T) {
	for text, want := range map[string]ByteSize{"128MB": 128e6, "64MiB": 64 << 20, "1GB": 1e9, "512": 512, "1.5kb": 1500} {
		got, err := parseByteSize(text)
		if err != nil || got != want {
			t.Errorf("parseByteSize(%q) = %v, %v, want %v", text, uint64(got), err, uint64(want))
		}
	}
	for _, text := range []string{"", "MB", "-1", "1XB", "999999999999999999TB", "1e9"} {
		if got, err := parseByteSize(text); err == nil {
			t.Errorf("parseByteSize(%q) = %v, want an error", text, got)
		}
	}
}

func TestDevelopmentIsThisMachineOnly(t *testing.T) {
	for _, c := range []struct {
		dev              bool
		configured, base string
		want             bool
	}{
		{true, "https://id.example.org", "", true},
		{false, "", "http://localhost:8080", true},
		{false, "", "http://127.0.0.1:8080", true},
		{false, "", "https://localhost", false},
		{false, "https://id.example.org", "http://localhost:8080", false},
		{false, "", "http://192.168.0.2", false},
		{false, "", "http://localhost.example.org", false},
		{false, "", "", false},
	} {
		cfg := Config{Dev: c.dev}
		cfg.Serve.Public.BaseURL = c.configured
		if got := cfg.Development(c.base); got != c.want {
			t.Errorf("%+v: got %v", c, got)
		}
	}
}
