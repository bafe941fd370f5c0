package abi

import (
	"bytes"
	"encoding/json"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

var update = flag.Bool("update", false, "write the golden events anew")

// sample is a registration at an event, with every value a plugin can meet there.
func sample(e Event) *Context {
	c := &Context{
		ABI: Version, Event: e, Method: "password", HookID: "gate",
		Flow: &Flow{
			ID: "8d5a3c52-7a4e-4c55-9a39-3a0f4f4d2a10", Type: "browser",
			RequestURL: "http://localhost:8080/self-service/registration/browser", ReturnTo: "http://localhost:8080/welcome",
			TransientPayload: json.RawMessage(`{"campaign":"spring"}`),
		},
		Identity: &Identity{
			ID: "2f9d5c1e-5a3b-4f0e-8f56-0c6c3f3c9b21", SchemaID: "default", State: "active",
			Traits:              json.RawMessage(`{"email":"ada@example.org","name":{"first":"Ada"}}`),
			VerifiableAddresses: json.RawMessage(`[{"value":"ada@example.org","via":"email","status":"pending","verified":false}]`),
			RecoveryAddresses:   json.RawMessage(`[{"value":"ada@example.org","via":"email"}]`),
		},
		Request: &HTTP{
			Method: "POST", URL: "http://localhost:8080/self-service/registration", ClientIP: "192.0.2.7",
			Headers: map[string][]string{"User-Agent": {"Mozilla/5.0"}},
		},
	}
	if e == OIDCClaims {
		c.Method, c.Provider = "oidc", "acme"
		c.Claims = json.RawMessage(`{"sub":"5831","email":"ada@example.org","email_verified":true,"given_name":"Ada",` +
			`"raw_claims":{"sub":"5831","email":"ada@example.org","email_verified":true,"given_name":"Ada","groups":["staff"]}}`)
		c.Identity = &Identity{
			SchemaID: "default", State: "active", Traits: json.RawMessage(`{"email":"ada@example.org"}`),
			VerifiableAddresses: json.RawMessage(`[{"value":"ada@example.org","via":"email","status":"completed","verified":true}]`),
		}
		c.Request.Method, c.Request.URL = "GET", "http://localhost:8080/self-service/methods/oidc/callback/acme"
	}
	if e == RegistrationPostPersist {
		c.Identity.MetadataPublic = json.RawMessage(`{"plan":"trial"}`)
		c.Session = &Session{
			ID: "c1b7f1de-0c5e-4d1a-9b1d-0b7b5a3a7a11", AAL: "aal1",
			AuthenticationMethods: json.RawMessage(`[{"method":"password","aal":"aal1","completed_at":"2026-01-02T03:04:05Z"}]`),
		}
	}
	return c
}

// TestEventsAsPluginsSeeThem: the golden files are the JSON that plugin authors write their code for.
func TestEventsAsPluginsSeeThem(t *testing.T) {
	for _, e := range Events() {
		if !strings.HasPrefix(string(e), "registration.") && e != OIDCClaims {
			continue
		}
		got, err := json.MarshalIndent(sample(e), "", "  ")
		if err != nil {
			t.Fatal(err)
		}
		path := filepath.Join("testdata", "golden", string(e)+".json")
		if *update {
			if err := os.WriteFile(path, append(got, '\n'), 0o644); err != nil {
				t.Fatal(err)
			}
		}
		want, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(got, bytes.TrimSpace(want)) {
			t.Errorf("%s: got %s, want %s", e, got, want)
		}
	}
}

func TestField(t *testing.T) {
	c := sample(RegistrationPostPersist)
	c.Identity.Traits = json.RawMessage(`{"email":"ada\u0040example.org","a/b":{"~":1},"list":["x",{"y":true}],"empty":"","no":null," ":2}`)
	c.Provider, c.Claims = "acme", json.RawMessage(`{"groups":["staff"]}`)
	for pointer, want := range map[string]string{
		"/event":                                   "registration.post_persist",
		"/abi":                                     "1",
		"/identity/traits/email":                   "ada@example.org",
		"/identity/traits/a~1b/~0":                 "1",
		"/identity/traits/list/0":                  "x",
		"/identity/traits/list/1":                  `{"y":true}`,
		"/identity/traits/empty":                   "",
		"/identity/traits/no":                      "null",
		"/identity/traits/ ":                       "2",
		"/identity/metadata_public/plan":           "trial",
		"/identity/verifiable_addresses/0/via":     "email",
		"/flow/transient_payload/campaign":         "spring",
		"/request/headers/User-Agent/0":            "Mozilla/5.0",
		"/session/authentication_methods/0/method": "password",
		"/session/aal":                             "aal1",
		"/provider":                                "acme",
		"/claims/groups/0":                         "staff",
	} {
		if got, ok := c.Field(pointer); !ok || string(got) != want {
			t.Errorf("%s: got %q, %v, want %q", pointer, got, ok, want)
		}
	}
	for _, pointer := range []string{
		"event", "//event", "/nothing", "/identity/credentials", "/identity/traits/none", "/identity/traits/list/2", "/identity/traits/list/-1",
		"/identity/traits/list/01", "/identity/traits/list/-", "/identity/traits/list/", "/identity/traits/email/0", "/identity/traits/a~2b",
		"/identity/traits/~", "/event/0", "/host", "/identity/metadata_admin", "/Event", "/" + strings.Repeat("x", MaxPath),
	} {
		if got, ok := c.Field(pointer); ok {
			t.Errorf("%s: got %q, want nothing", pointer, got)
		}
	}
}

// lookUp applies an RFC 6901 pointer to decoded JSON; it is the slow and obvious way to do what Field does.
func lookUp(v any, tokens []string) (any, bool) {
	for _, token := range tokens {
		switch n := v.(type) {
		case map[string]any:
			value, ok := n[token]
			if !ok {
				return nil, false
			}
			v = value
		case []any:
			found := false
			for i := range n {
				index, _ := json.Marshal(i)
				if string(index) == token {
					v, found = n[i], true
					break
				}
			}
			if !found {
				return nil, false
			}
		default:
			return nil, false
		}
	}
	return v, true
}

// FuzzField compares Field with the same pointer applied to the whole document.
func FuzzField(f *testing.F) {
	for _, seed := range []string{"", "/identity/traits/email", "/a/0", "/~0~1", "/identity/traits/a/0/b", "/flow/id", "/request/headers/X/0", "/identity"} {
		f.Add(seed, []byte(`{"email":"a","a":[{"b":[1,2.50]},"\u00e9"]}`))
	}
	f.Fuzz(func(t *testing.T, pointer string, traits []byte) {
		var object map[string]json.RawMessage
		if json.Unmarshal(traits, &object) != nil || object == nil {
			return
		}
		c := sample(RegistrationPrePersist)
		c.Identity.Traits = traits
		got, ok := c.Field(pointer)
		tokens, valid := splitPointer(pointer)
		document, err := json.Marshal(c)
		if err != nil {
			t.Fatal(err)
		}
		decoder := json.NewDecoder(bytes.NewReader(document))
		decoder.UseNumber()
		var whole any
		if err := decoder.Decode(&whole); err != nil {
			t.Fatal(err)
		}
		want, found := lookUp(whole, tokens)
		if found = found && valid; found != ok {
			t.Fatalf("%q: found %v, want %v", pointer, ok, found)
		}
		if !ok {
			return
		}
		if s, isString := want.(string); isString {
			if string(got) != s {
				t.Fatalf("%q: got %q, want %q", pointer, got, s)
			}
			return
		}
		if !json.Valid(got) {
			t.Fatalf("%q: %q is not JSON", pointer, got)
		}
	})
}
