package storage

import (
	"encoding/json"
	"errors"
	"reflect"
	"strings"
	"testing"

	"github.com/gatehouse-id/gatehouse/core/flow"
	"github.com/gatehouse-id/gatehouse/core/identity"
	"github.com/gatehouse-id/gatehouse/core/session"
)

// newerIdentity is an identity as a later version of this program may write it.
const newerIdentity = `{"v":1,"op":"theirs","id":"i1","schema_id":"default","state":"active",
	"state_changed_at":"2026-01-02T03:04:05Z","created_at":"2026-01-02T03:04:05Z","updated_at":"2026-01-02T03:04:05Z",
	"traits":{"email":"ann@example.org"},"organization":{"id":"o1"},
	"credentials":{"password":{"type":"password","identifiers":["ann@example.org"],"version":0,"pepper":7},
		"face":{"type":"face","identifiers":[],"depth":3}},
	"verifiable_addresses":[
		{"id":"gone","value":"old@example.org","via":"email","status":"pending","score":1},
		{"id":"a1","value":"ann@example.org","via":"email","status":"pending","score":2}]}`

func TestFieldsOfNewerProgramsSurviveAChange(t *testing.T) {
	var i identity.Identity
	if err := decode("k", []byte(newerIdentity), &i); err != nil {
		t.Fatal(err)
	}
	i.State = identity.Inactive
	i.Verifiable = append(i.Verifiable[1:], identity.VerifiableAddress{ID: "a2", Value: "b@example.org"})
	i.Verifiable[0].Status = identity.StatusCompleted
	delete(i.Credentials, "face")
	stored, err := encode(&i, "ours", []byte(newerIdentity))
	if err != nil {
		t.Fatal(err)
	}
	for path, want := range map[string]string{
		"v": "1", "op": `"ours"`, "state": `"inactive"`,
		"organization.id":               `"o1"`,
		"credentials.password.pepper":   "7",
		"credentials.face":              "",
		"verifiable_addresses.0.id":     `"a1"`,
		"verifiable_addresses.0.score":  "2",
		"verifiable_addresses.0.status": `"completed"`,
		"verifiable_addresses.1.id":     `"a2"`,
		"verifiable_addresses.1.score":  "",
	} {
		if got := at(t, stored, path); got != want {
			t.Errorf("%s: got %s, want %s in %s", path, got, want, stored)
		}
	}
}

// at returns the JSON at a path of names and places, or "" when there is none.
func at(t *testing.T, value json.RawMessage, path string) string {
	t.Helper()
	for name := range strings.SplitSeq(path, ".") {
		if list := []json.RawMessage(nil); json.Unmarshal(value, &list) == nil {
			value = list[name[0]-'0']
			continue
		}
		fields := map[string]json.RawMessage{}
		if err := json.Unmarshal(value, &fields); err != nil {
			t.Fatalf("%s: %v", path, err)
		}
		value = fields[name]
	}
	return string(value)
}

func TestClearedFieldsDoNotComeBack(t *testing.T) {
	old, err := encode(&flow.Record{ID: "f1", Active: identity.Password, Values: map[string]any{"traits.email": "a"}}, "1", nil)
	if err != nil {
		t.Fatal(err)
	}
	stored, err := encode(&flow.Record{ID: "f1", Completed: true}, "2", old)
	if err != nil {
		t.Fatal(err)
	}
	var r flow.Record
	if err := decode("k", stored, &r); err != nil {
		t.Fatal(err)
	}
	if want := (flow.Record{ID: "f1", Completed: true}); !reflect.DeepEqual(r, want) {
		t.Errorf("got %+v, want %+v", r, want)
	}
}

func TestDamagedRecordsAreRefused(t *testing.T) {
	for name, stored := range map[string]string{
		"empty":            ``,
		"not JSON":         `secret`,
		"no version":       `{"id":"s1"}`,
		"newer version":    `{"v":2,"id":"s1"}`,
		"wrong type":       `{"v":1,"id":7}`,
		"short token hash": `{"v":1,"id":"s1","token_hash":"secret"}`,
		"null":             `null`,
		"list":             `[]`,
		"cut":              `{"v":1,"id":"s1"`,
		"trailing":         `{"v":1,"id":"s1"}{}`,
	} {
		var s session.Session
		err := decode("k", []byte(stored), &s)
		if !errors.Is(err, ErrDamaged) {
			t.Errorf("%s: got %v, want ErrDamaged", name, err)
			continue
		}
		if strings.Contains(err.Error(), "secret") {
			t.Errorf("%s: the error quotes the record: %v", name, err)
		}
	}
}

func TestDamagedRecordIsNotOverwritten(t *testing.T) {
	for _, old := range []string{`{`, `[]`, `"text"`} {
		if out, err := encode(&flow.Record{ID: "f1"}, "op", []byte(old)); !errors.Is(err, ErrDamaged) {
			t.Errorf("over %s: got %s, %v, want ErrDamaged", old, out, err)
		}
	}
}

// FuzzCodec feeds stored bytes to every record: reading never panics, and what
// could be read can be written over itself and is the same then.
func FuzzCodec(f *testing.F) {
	f.Add([]byte(newerIdentity))
	f.Add([]byte(`{"v":1,"id":"s1","identity_id":"i1","devices":[{"id":"d1","x":1},{"id":"d1"}],"amr":null}`))
	f.Add([]byte(`{"v":1,"id":"f1","values":{"a":[1,{"b":null}]},"messages":[{"id":4000001,"x":1}]}`))
	f.Add([]byte(`{"v":1,"session_id":"s","identity_id":"i","epoch":3}`))
	f.Add([]byte(`{"v":1,"credentials":{"password":null},"verifiable_addresses":null}`))
	f.Fuzz(func(t *testing.T, stored []byte) {
		for _, fresh := range []func() any{
			func() any { return &identity.Identity{} }, func() any { return &session.Session{} },
			func() any { return &flow.Record{} }, func() any { return &flow.StoredError{} },
			func() any { return &tokenRecord{} }, func() any { return &grantRecord{} },
			func() any { return &epochRecord{} }, func() any { return &indexRecord{} },
		} {
			roundTrip(t, stored, fresh)
		}
	})
}

func roundTrip(t *testing.T, stored []byte, fresh func() any) {
	t.Helper()
	read := fresh()
	if decode("k", stored, read) != nil {
		return
	}
	once, err := encode(read, "op", stored)
	if err != nil {
		return // a time that JSON cannot write, a key in a spelling of its own
	}
	again := fresh()
	if err := decode("k", once, again); err != nil {
		t.Fatalf("%T: wrote %s, which cannot be read: %v", read, once, err)
	}
	twice, err := encode(again, "op", once)
	if err != nil || !sameJSON(once, twice) {
		t.Fatalf("%T: wrote %s, then %s (%v)", read, once, twice, err)
	}
}

func sameJSON(a, b []byte) bool {
	var x, y any
	return json.Unmarshal(a, &x) == nil && json.Unmarshal(b, &y) == nil && reflect.DeepEqual(x, y)
}
