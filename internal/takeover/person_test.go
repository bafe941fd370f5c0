package takeover

import (
	"encoding/json"
	"strings"
	"testing"
)

// kratosPerson is somebody as a Kratos of today shows them.
const kratosPerson = `{
	"id":"9f425a8d-7efc-4768-8f23-7647a74fdf13","schema_id":"default","schema_url":"http://kratos/schemas/ZGVmYXVsdA","state":"inactive",
	"state_changed_at":"2021-01-01T00:00:00Z","traits":{"email":"ann@example.org"},"metadata_public":null,"metadata_admin":{"crm":7},
	"external_id":"crm-7","organization_id":null,"created_at":"2020-01-01T00:00:00Z","updated_at":"2022-01-01T00:00:00Z",
	"verifiable_addresses":[
		{"id":"a","value":"ann@example.org","verified":true,"via":"email","status":"completed","verified_at":"2020-01-02T00:00:00Z","created_at":"2020-01-01T00:00:00Z"},
		{"id":"b","value":"+4930123","verified":false,"via":"phone","status":"sent"},{"id":"c","value":"x@example.org","verified":false,"via":"email","status":"pending"}],
	"recovery_addresses":[{"id":"d","value":"ann@example.org","via":"email"}],
	"credentials":{
		"password":{"type":"password","identifiers":["ann@example.org"],"config":{"hashed_password":"$2a$10$abc"},"version":0},
		"oidc":{"config":{"providers":[{"subject":"s1","provider":"acme","initial_id_token":"t1","initial_access_token":"t2","initial_refresh_token":"t3","organization":""}]}},
		"totp":{"config":{"totp_url":"otpauth://totp/a?secret=JBSWY3DPEHPK3PXP"}},
		"lookup_secret":{"config":{"recovery_codes":[{"code":"abcdefgh","used_at":"0001-01-01T00:00:00Z"},{"code":"ijklmnop","used_at":"2021-05-05T00:00:00Z"},{"code":"qrstuvwx","used_at":null}]}},
		"webauthn":{"config":{"credentials":[{"id":"AQ=="}],"user_handle":"Ag=="}},
		"passkey":{"config":{"credentials":[],"user_handle":"Ag=="}},
		"code":{"config":{"addresses":[{"channel":"email","address":"ann@example.org"}]}},
		"saml":{"config":{}}, "link_recovery":{}}}`

func TestKratosPersonIsReadWhole(t *testing.T) {
	c, warnings, err := read([]byte(kratosPerson))
	if err != nil || len(warnings) > 0 {
		t.Fatalf("got %v and the warnings %q", err, warnings)
	}
	raw, err := json.Marshal(c)
	if err != nil {
		t.Fatal(err)
	}
	const want = `{"id":"9f425a8d-7efc-4768-8f23-7647a74fdf13","created_at":"2020-01-01T00:00:00Z","schema_id":"default","external_id":"crm-7","state":"inactive",` +
		`"traits":{"email":"ann@example.org"},"metadata_public":null,"metadata_admin":{"crm":7},"credentials":{` +
		`"lookup_secret":{"config":{"codes":[{"code":"abcdefgh"},{"code":"ijklmnop","used_at":"2021-05-05T00:00:00Z"},{"code":"qrstuvwx"}]}},` +
		`"oidc":{"config":{"providers":[{"provider":"acme","subject":"s1"}]}},` +
		`"password":{"config":{"hashed_password":"$2a$10$abc"}},` +
		`"totp":{"config":{"totp_url":"otpauth://totp/a?secret=JBSWY3DPEHPK3PXP"}},` +
		`"webauthn":{"config":{"credentials":[{"id":"AQ=="}],"user_handle":"Ag=="}}},` +
		`"verifiable_addresses":[{"value":"ann@example.org","via":"email","verified":true,"verified_at":"2020-01-02T00:00:00Z","status":"completed"},` +
		`{"value":"+4930123","via":"sms","verified":false,"status":"sent"}]}`
	if string(raw) != want {
		t.Errorf("got\n%s\nwant\n%s", raw, want)
	}
}

func TestWhatCanNotBeReadIsTold(t *testing.T) {
	for raw, want := range map[string]string{
		`7`: "no identity", `{}`: "no id", `{"id":7}`: "no identity", `{"id":"a","credentials":{"oidc":{"config":7}}}`: `"oidc"`,
		`{"id":"a","credentials":{"lookup_secret":{"config":{"codes":{}}}}}`: `"lookup_secret"`,
	} {
		if _, _, err := read([]byte(raw)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: got %v, want it to say %q", raw, err, want)
		}
	}
}

// FuzzRead: whatever a server shows becomes something that can be sent, or an error.
func FuzzRead(f *testing.F) {
	f.Add([]byte(kratosPerson))
	f.Add([]byte(`{"id":"a","credentials":{"totp":{"config":{"sealed":"AA=="}},"x":{"config":{"y":1}}}}`))
	f.Fuzz(func(t *testing.T, raw []byte) {
		c, _, err := read(raw)
		if err != nil {
			return
		}
		out, err := json.Marshal(c)
		if err != nil {
			t.Fatalf("%q can't be sent: %v", raw, err)
		}
		if again, _, err := read(out); err != nil || again.ID != c.ID {
			t.Errorf("%q is sent as %s, which is read as %v %v", raw, out, again, err)
		}
	})
}
