package httpapi_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/uuid"

	"github.com/gatehouse-id/gatehouse/internal/testenv"
)

func TestPatchChangesOneThing(t *testing.T) {
	a := newAdmin(t)
	path, _ := a.person("ann@example.org")
	got := a.send("PATCH", path, `[{"op":"test","path":"/state","value":"active"},{"op":"replace","path":"/traits/email","value":"anna@example.org"},
		{"op":"add","path":"/traits/name","value":{"first":"Anna"}},{"op":"add","path":"/metadata_public","value":{"a~b":[1,2.50]}},
		{"op":"copy","from":"/metadata_public/a~0b","path":"/metadata_admin"},{"op":"add","path":"/external_id","value":"crm-1"}]`)
	wantStatus(t, got, 200)
	if got.Text("traits", "name", "first") != "Anna" || got.At("metadata_admin", 1) != 2.5 || got.Text("external_id") != "crm-1" {
		t.Errorf("got %s", got.Body)
	}
	if !strings.Contains(string(got.Body), "2.50") {
		t.Errorf("a number was written anew: %s", got.Body)
	}
	a.App().SignIn("anna@example.org")
	got = a.send("PATCH", path, `[{"op":"remove","path":"/metadata_public"},{"op":"move","from":"/metadata_admin/0","path":"/traits/age"}]`)
	wantError(t, got, 400, "") // nobody is one year old
	got = a.send("PATCH", path, `[{"op":"remove","path":"/traits/name"}]`)
	wantStatus(t, got, 200)
	if got.At("traits", "name") != nil || got.At("metadata_public", "a~b", 0) != 1.0 {
		t.Errorf("got %s", got.Body)
	}
}

func TestPatchVerifiesAnAddress(t *testing.T) {
	a := newAdmin(t)
	path, _ := a.person("ann@example.org")
	got := a.send("PATCH", path, `[{"op":"replace","path":"/verifiable_addresses/0/verified","value":true}]`)
	wantStatus(t, got, 200)
	if got.At("verifiable_addresses", 0, "verified") != true || got.Text("verifiable_addresses", 0, "status") != "completed" || got.Text("verifiable_addresses", 0, "verified_at") == "" {
		t.Errorf("got %s", got.Body)
	}
	// A patch of something else leaves the proof, also when the address goes.
	wantStatus(t, a.send("PATCH", path, `[{"op":"replace","path":"/traits/email","value":"new@example.org"}]`), 200)
	if got = a.get(path); got.At("verifiable_addresses", 0, "verified") != false {
		t.Errorf("a new address is verified: %s", got.Body)
	}
}

// TestPatchesReachOnlyWhatMayChange: neither can other things be changed, nor copied to where they can be read.
func TestPatchesReachOnlyWhatMayChange(t *testing.T) {
	a := newAdmin(t)
	path, _ := a.person("ann@example.org")
	before := a.get(path)
	for _, patch := range []string{
		`[{"op":"replace","path":"/id","value":"` + uuid.NewString() + `"}]`,
		`[{"op":"remove","path":"/credentials"}]`,
		`[{"op":"copy","from":"/credentials/password","path":"/traits/name"}]`,
		`[{"op":"move","from":"/credentials","path":"/metadata_public"}]`,
		`[{"op":"copy","from":"/recoveries","path":"/metadata_public"}]`,
		`[{"op":"add","path":"/state_changed_at","value":"2020-01-01T00:00:00Z"}]`,
		`[{"op":"add","path":"/stateChangedAt","value":"2020-01-01T00:00:00Z"}]`,
		`[{"op":"add","path":"/created_at","value":"2020-01-01T00:00:00Z"}]`,
		`[{"op":"add","path":"/TRAITS","value":{}}]`,
		`[{"op":"add","path":"/traits~1email","value":"x"}]`,
		`[{"op":"add","path":"/~0traits","value":"x"}]`,
		`[{"op":"add","path":"/recovery_addresses/-","value":{"via":"email","value":"eve@example.org"}}]`,
		`[{"op":"add","path":"/verifiable_addresses/-","value":{"via":"email","value":"eve@example.org"}}]`,
		`[{"op":"replace","path":"/verifiable_addresses/0/value","value":"eve@example.org"}]`,
		`[{"op":"remove","path":"/verifiable_addresses/0"}]`,
		`[{"op":"replace","path":"","value":{}}]`,
		`[{"op":"replace","path":"/","value":{}}]`,
		`[{"op":"add","path":"traits/email","value":"x"}]`,
		`[{"op":"test","path":"/credentials/password/config","value":"x"}]`,
		`[{"op":"add","path":"/organization_id","value":"x"}]`,
		`[{"op":"add","path":"/verifiable_addresses/7/verified","value":true}]`,
		`[{"op":"add","path":"/verifiable_addresses/0/verified","value":"yes"}]`,
		`[{"op":"add","path":"/verifiable_addresses/0/status","value":"maybe"}]`,
		`[{"op":"add","path":"/traits/nope/deep","value":1}]`,
		`[{"op":"add","path":"/metadata_public/-1","value":1}]`,
		`[{"op":"remove","path":"/traits"}]`,
		`[{"op":"replace","path":"/traits","value":[]}]`,
		`[{"op":"replace","path":"/state","value":"asleep"}]`,
		`[{"op":"replace","path":"/state","value":7}]`,
		`[{"op":"replace","path":"/schema_id","value":"nope"}]`,
		`[{"op":"test","path":"/state","value":"inactive"},{"op":"replace","path":"/traits/email","value":"eve@example.org"}]`,
		`[{"op":"explode","path":"/traits"}]`, `[{"path":"/traits"}]`, `[{"op":"add","value":1}]`, `[{"op":"copy","path":"/traits/name"}]`,
		`[{"op":"add","path":"/traits/email","path":"/id","value":"x"}]`,
		`{"op":"add","path":"/traits/email","value":"x"}`, `[1]`, `null`, `"x"`, `[`, ``,
		`[` + strings.Repeat(`{"op":"test","path":"/state","value":"active"},`, 100) + `{"op":"remove","path":"/external_id"}]`,
	} {
		if got := a.send("PATCH", path, patch); got.Status != 400 {
			t.Errorf("%.200s: got %d, want 400: %s", patch, got.Status, got.Body)
		}
	}
	if after := a.get(path); string(after.Body) != string(before.Body) {
		t.Errorf("a refused patch left %s, before %s", after.Body, before.Body)
	}
	wantError(t, a.send("PATCH", "/identities/"+uuid.NewString(), `[]`), 404, "")
	wantError(t, a.send("PATCH", "/identities/x", `[]`), 404, "")
}

// TestPatchesThatGrow: a short patch can make a large document by copying it into itself.
func TestPatchesThatGrow(t *testing.T) {
	a := newAdmin(t)
	path, _ := a.person("ann@example.org")
	steps := []string{`{"op":"add","path":"/metadata_admin","value":{"x":"` + strings.Repeat("x", 100) + `"}}`}
	for n := range 20 {
		steps = append(steps, fmt.Sprintf(`{"op":"copy","from":"/metadata_admin","path":"/metadata_admin/a%d"}`, n))
	}
	wantStatus(t, a.send("PATCH", path, "["+strings.Join(steps, ",")+"]"), 413)
	large := strings.Repeat("x", 300<<10)
	wantStatus(t, a.send("PATCH", path, `[{"op":"add","path":"/metadata_admin","value":"`+large+`"},{"op":"add","path":"/metadata_public","value":"`+large+`"}]`), 413)
	wantStatus(t, a.send("PATCH", path, `[{"op":"add","path":"/metadata_admin","value":"`+strings.Repeat("x", 2<<20)+`"}]`), 413)
}

// TestPatchesOfManyAreAllMade: without If-Match each is applied to what the one before has left.
func TestPatchesOfManyAreAllMade(t *testing.T) {
	a := newAdmin(t)
	path, _ := a.person("ann@example.org")
	wantStatus(t, a.send("PATCH", path, `[{"op":"add","path":"/metadata_admin","value":[]}]`), 200)
	const many = 3
	answers := make(chan *testenv.Answer, many)
	for n := range many {
		go func() {
			answers <- a.send("PATCH", path, fmt.Sprintf(`[{"op":"add","path":"/metadata_admin/-","value":%d}]`, n))
		}()
	}
	for range many {
		wantStatus(t, <-answers, 200)
	}
	if list, _ := a.get(path).At("metadata_admin").([]any); len(list) != many {
		t.Errorf("got %v, want what all have added", list)
	}
}
