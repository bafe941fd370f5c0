package hooks

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/gatehouse-id/gatehouse/core/config"
	"github.com/gatehouse-id/gatehouse/core/flow"
	"github.com/gatehouse-id/gatehouse/core/identity"
)

func TestParsedAnswerChangesTheIdentity(t *testing.T) {
	s := newService(t, says(200, `{"id":"other","identity":{"id":"other","traits":{"email":"new@example.org"},"metadata_public":{"plan":"pro"},
		"metadata_admin":{"score":12345678901234567890},"state":"inactive","credentials":{"password":{}},
		"verifiable_addresses":[{"value":"New@Example.org ","via":"email","verified":true,"status":"completed"}]}}`))
	r, _ := caller(t, s.URL, options{"response": options{"parse": true}})
	in := asked(flow.PrePersistRegistration)
	if d := mustRun(t, r, in); !d.IdentityChanged {
		t.Errorf("got %+v", d)
	}
	i := in.Identity
	if string(i.Traits) != `{"email":"new@example.org"}` || string(i.MetadataPublic) != `{"plan":"pro"}` ||
		string(i.MetadataAdmin) != `{"score":12345678901234567890}` || i.State != identity.Inactive || i.ID != "id" || i.Credentials != nil {
		t.Errorf("got %+v", i)
	}
	if len(i.Verifiable) != 1 || i.Verifiable[0].Value != "new@example.org" || !i.Verifiable[0].Verified || i.Verifiable[0].VerifiedAt == nil {
		t.Errorf("addresses: got %+v", i.Verifiable)
	}
}

func TestParsedAnswerVerifiesOnlyWhatIsThere(t *testing.T) {
	s := newService(t, says(200, `{"identity":{"verifiable_addresses":[
		{"value":"ada@example.org","via":"email","verified":true},{"value":"eve@example.org","via":"email","verified":true}]}}`))
	r, _ := caller(t, s.URL, options{"response": options{"parse": true}})
	in := asked(flow.PrePersistRegistration)
	in.Identity.Verifiable = []identity.VerifiableAddress{{ID: "1", Value: "ada@example.org", Via: "email", Status: "pending"}}
	mustRun(t, r, in)
	if v := in.Identity.Verifiable; len(v) != 1 || v[0].ID != "1" || !v[0].Verified || v[0].Status != "completed" {
		t.Errorf("got %+v", v)
	}
}

func TestEmptyAnswersChangeNothing(t *testing.T) {
	for _, answer := range []http.HandlerFunc{says(204, ""), says(200, ""), says(200, " \n"), says(200, `{}`), says(200, `{"identity":null}`)} {
		s := newService(t, answer)
		r, _ := caller(t, s.URL, options{"response": options{"parse": true}})
		if d := mustRun(t, r, asked(flow.PrePersistRegistration)); d.IdentityChanged || d.Stops() {
			t.Errorf("got %+v", d)
		}
	}
}

const refusal = `{"messages":[{"instance_ptr":"#/traits/email","messages":[{"id":1234,"text":"Not this one.","type":"error","context":{"why":"x"}}]},
	{"instance_ptr":"","messages":[{"id":1235,"text":"Try again."}]}]}`

func TestRefusalBecomesMessages(t *testing.T) {
	s := newService(t, says(400, refusal))
	for _, p := range []flow.Point{flow.BeforeRegistration, flow.PrePersistRegistration, flow.AfterLogin} {
		r, _ := caller(t, s.URL, options{"can_interrupt": true})
		d := mustRun(t, r, asked(p))
		if len(d.Messages) != 2 || d.Messages[0].Pointer != "#/traits/email" || d.Messages[0].Message.Context["why"] != "x" ||
			d.Messages[1].Message.Type != "error" {
			t.Errorf("%s: got %+v", p, d)
		}
	}
	// Without can_interrupt, messages are nobody's business: the call failed.
	r, _ := caller(t, s.URL, nil)
	wantFailure(t, r, asked(flow.AfterLogin), "answered 400")
}

func TestBadAnswersFailClosed(t *testing.T) {
	interrupt, parse := options{"can_interrupt": true}, options{"response": options{"parse": true}}
	for name, tt := range map[string]struct {
		o      options
		answer http.HandlerFunc
		want   string
	}{
		"no messages":            {interrupt, says(400, `{}`), "no messages"},
		"empty messages":         {interrupt, says(400, `{"messages":[{"instance_ptr":"#/","messages":[]}]}`), "no messages"},
		"a refusal in HTML":      {interrupt, says(403, `<html>`), "not JSON"},
		"a message with no text": {interrupt, says(400, `{"messages":[{"messages":[{"id":1}]}]}`), "needs a text"},
		"a strange type":         {interrupt, says(400, `{"messages":[{"messages":[{"id":1,"text":"x","type":"<b>"}]}]}`), "as its type"},
		"a long text":            {interrupt, says(400, `{"messages":[{"messages":[{"id":1,"text":"`+strings.Repeat("x", 5000)+`"}]}]}`), "more than"},
		"not JSON":               {parse, says(200, `{"identity":`), "not JSON"},
		"bad UTF-8":              {parse, says(200, "{\"identity\":\"\xff\"}"), "UTF-8"},
		"traits of a wrong type": {parse, says(200, `{"identity":{"traits":[1]}}`), "not an object"},
		"a wrong state":          {parse, says(200, `{"identity":{"state":"admin"}}`), "state"},
		"another schema":         {parse, says(200, `{"identity":{"schema_id":"staff","traits":{"a":1}}}`), "schema_id"},
		"a huge answer":          {parse, says(200, `{"x":"`+strings.Repeat("x", 2<<20)+`"}`), "larger"},
		"304":                    {parse, says(304, ""), "304"},
		"a redirect elsewhere":   {parse, func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, "http://localhost:1/", 307) }, "redirects"},
	} {
		s := newService(t, tt.answer)
		r, _ := caller(t, s.URL, tt.o)
		t.Run(name, func(t *testing.T) {
			wantFailure(t, r, asked(flow.PrePersistRegistration), tt.want)
			if n := len(s.heard()); n != 1 {
				t.Errorf("asked %d times, want once: asking again can't help", n)
			}
		})
	}
}

func FuzzReply(f *testing.F) {
	for _, seed := range []string{refusal, `{"identity":{"traits":{"email":"a@b.c"},"state":"active","verifiable_addresses":[{"value":"A@b.c","via":"email","verified":true}]}}`,
		`{"identity":{"traits":[]}}`, `{"messages":[{}]}`, `[]`, `null`, "\xff", `{"identity":{"traits": 1}}`, `{"identity":{"metadata_public":null}}`} {
		f.Add(200, []byte(seed))
		f.Add(400, []byte(seed))
	}
	conf := &config.WebHook{CanInterrupt: true, Response: config.WebHookResponse{Parse: true}}
	f.Fuzz(func(t *testing.T, status int, body []byte) {
		in := asked(flow.PrePersistRegistration)
		in.Identity.Verifiable = []identity.VerifiableAddress{{ID: "1", Value: "a@b.c", Via: "email", Status: "pending"}}
		before, _ := json.Marshal(in.Identity)
		d, err := (&answer{status: status, body: body}).decision(conf, in)
		after, encoding := json.Marshal(in.Identity)
		switch {
		case encoding != nil:
			t.Fatalf("the identity is no JSON any more: %v", encoding)
		case (err != nil || !d.IdentityChanged) && !bytes.Equal(before, after):
			t.Errorf("got %v, and the identity was changed to %s", err, after)
		case d.Stops() && (status < 400 || len(d.Messages) > maxMessages):
			t.Errorf("%d: got %d messages", status, len(d.Messages))
		case in.Identity.ID != "id" || in.Identity.SchemaID != "default" || in.Identity.Credentials != nil:
			t.Errorf("got %s", fmt.Sprint(in.Identity))
		}
	})
}
