package abi

import (
	"encoding/json"
	"fmt"
	"reflect"
	"strconv"
	"strings"
	"testing"
)

func TestOutputAllowed(t *testing.T) {
	for _, test := range []struct {
		event    Event
		document string
		want     Action
	}{
		{RegistrationPrePersist, ` {"action":"continue"} `, Continue},
		{RegistrationPrePersist, `{"action":"continue","identity":{"traits":{},"metadata_public":null,"state":"inactive"}}`, Continue},
		{RegistrationPrePersist, `{"action":"continue","identity_merge":{"metadata_admin":{"risk":0.2}}}`, Continue},
		{RegistrationPrePersist, `{"action":"reject","messages":[{"instance_ptr":"#/","messages":[{"id":1,"text":"No."}]}]}`, Reject},
		{RegistrationPostPersist, `{"action":"continue"}`, Continue},
		{OIDCClaims, continued(`"identity":{"traits":{},"verified_addresses":[{"via":"email","value":"a@b"},{"via":"sms","value":"+491234"}]}`), Continue},
		{OIDCClaims, continued(`"identity_merge":{"metadata_admin":{"roles":[]},"verified_addresses":[]}`), Continue},
		{OIDCClaims, `{"action":"reject","messages":[{"instance_ptr":"#/","messages":[{"id":1,"text":"No."}]}]}`, Reject},
		{LoginBefore, `{"action":"redirect","redirect_to":"https://example.org/x?y#z","status":303}`, Redirect},
		{LoginBefore, `{"action":"redirect","redirect_to":"/x"}`, Redirect},
		{RegistrationBefore, `{"action":"deny","status":403,"body":"no","headers":{"X-Why":"rule"}}`, Deny},
		{Request, `{"action":"continue","claims":{"tenant":"a"},"headers":{"X-Tenant":"a"},"response_headers":{"X-A":"b"}}`, Continue},
	} {
		got, err := DecodeOutput(test.event, []byte(test.document))
		if err != nil || got.Action != test.want {
			t.Errorf("%s %s: got %q, %v", test.event, test.document, got.Action, err)
		}
	}
}

// continued is an output with something more in it.
func continued(more string) string { return `{"action":"continue",` + more + `}` }

func TestOutputRefused(t *testing.T) {
	for _, test := range []struct {
		event    Event
		document string
		why      string
	}{
		{RegistrationPrePersist, ``, "not an object"},
		{RegistrationPrePersist, `null`, "not an object"},
		{RegistrationPrePersist, `[]`, "not an object"},
		{RegistrationPrePersist, `{}`, "is not one of"},
		{RegistrationPrePersist, `{"action":"continue"}{}`, "data after"},
		{RegistrationPrePersist, `{"action":"continue"`, "EOF"},
		{RegistrationPrePersist, "{\"action\":\"continue\",\"claims\":{\"a\":\"\xff\"}}", "UTF-8"},
		{RegistrationPrePersist, `{"action":"reject","action":"continue"}`, "comes twice"},
		{RegistrationPrePersist, continued(`"identity":{"traits":{"a":1,"a":2}}`), "comes twice"},
		{RegistrationPrePersist, continued(`"identity":{"traits":{"a":1,"\u0061":2}}`), "comes twice"},
		{RegistrationPrePersist, `{"ACTION":"continue"}`, `unknown key "ACTION"`},
		{RegistrationPrePersist, continued(`"identity_merg":{}`), "unknown key"},
		{RegistrationPrePersist, continued(`"identity":{"credentials":{}}`), "unknown key"},
		{RegistrationPrePersist, continued(`"identity":{"traits":[]}`), "traits is not an object"},
		{RegistrationPrePersist, continued(`"identity":{"traits":null}`), "traits is not an object"},
		{RegistrationPrePersist, continued(`"identity":{"state":"root"}`), "neither active nor inactive"},
		{RegistrationPrePersist, continued(`"identity":[]`), "an object is needed"},
		{RegistrationPrePersist, continued(`"messages":[]`), "is not allowed with action"},
		{RegistrationPrePersist, continued(`"headers":{"X-A":"b"}`), "is not allowed with action"},
		{RegistrationPrePersist, `{"action":"redirect","redirect_to":"/"}`, "is not one of"},
		{RegistrationPrePersist, `{"action":"reject"}`, "messages for 0 fields"},
		{RegistrationPrePersist, `{"action":"explode"}`, "is not one of"},
		{RegistrationPostPersist, `{"action":"reject","messages":[{"instance_ptr":"#/","messages":[{"id":1,"text":"No."}]}]}`, "is not one of"},
		{RegistrationPostPersist, continued(`"identity":{"state":"active"}`), "is not allowed with action"},
		{RegistrationBefore, continued(`"identity_merge":{"traits":{}}`), "is not allowed with action"},
		{RegistrationPrePersist, continued(`"identity":{"verified_addresses":[{"via":"email","value":"a@b"}]}`), "is for oidc.claims only"},
		{OIDCClaims, continued(`"identity":{"state":"active"}`), "there is no identity yet"},
		{OIDCClaims, continued(`"identity":{"verified_addresses":[{"via":"fax","value":"a@b"}]}`), "neither email nor sms"},
		{OIDCClaims, continued(`"identity":{"verified_addresses":[{"via":"email","value":" "}]}`), "value is no address"},
		{OIDCClaims, continued(`"identity":{"verified_addresses":[{"via":"email","value":"a\u0000@b"}]}`), "value is no address"},
		{OIDCClaims, continued(`"identity":{"verified_addresses":[{"via":"email","value":"a@b","verified":true}]}`), "unknown key"},
		{LoginBefore, `{"action":"redirect","redirect_to":"javascript:alert(1)"}`, "neither an http URL nor a path"},
		{LoginBefore, `{"action":"redirect","redirect_to":"//evil.test"}`, "neither an http URL nor a path"},
		{LoginBefore, `{"action":"redirect","redirect_to":"/\\evil.test"}`, "not a URL"},
		{LoginBefore, `{"action":"redirect","redirect_to":"https://a@evil.test"}`, "neither an http URL nor a path"},
		{LoginBefore, `{"action":"redirect","redirect_to":"/","status":200}`, "status 200"},
		{LoginBefore, `{"action":"deny","status":200}`, "status 200"},
		{LoginBefore, `{"action":"deny","headers":{"Set-Cookie":"a=b"}}`, "cannot be set"},
		{LoginBefore, `{"action":"deny","headers":{"X-A\r\nX-B":"b"}}`, "not a token"},
		{LoginBefore, `{"action":"deny","headers":{"X-A":"b\r\nX-B: c"}}`, "invalid value"},
		{"login.never", `{"action":"continue"}`, "unknown event"},
	} {
		_, err := DecodeOutput(test.event, []byte(test.document))
		if err == nil || !strings.Contains(err.Error(), test.why) {
			t.Errorf("%s %s: got %v, want %q", test.event, test.document, err, test.why)
		}
	}
}

// TestOutputAtItsLimits holds every limit at n and at n+1.
func TestOutputAtItsLimits(t *testing.T) {
	size := func(n int) string {
		const shell = `{"action":"continue"}`
		return shell + strings.Repeat(" ", n-len(shell))
	}
	depth := func(n int) string { // the document, identity and traits are three levels
		return continued(`"identity":{"traits":` + strings.Repeat(`{"a":`, n-2) + "1" + strings.Repeat("}", n-2) + `}`)
	}
	message := func(text string) string { return `{"id":4000001,"text":"` + text + `"}` }
	many := func(n int, item string) string { return strings.TrimSuffix(strings.Repeat(item+",", n), ",") }
	field := func(pointer, messages string) string {
		return `{"instance_ptr":"` + pointer + `","messages":[` + messages + `]}`
	}
	reject := func(fields string) string { return `{"action":"reject","messages":[` + fields + `]}` }
	deny := func(headers int, value int) string {
		var members []string
		for i := range headers {
			members = append(members, fmt.Sprintf(`"X-%d":%q`, i, strings.Repeat("v", value)))
		}
		return `{"action":"deny","headers":{` + strings.Join(members, ",") + `}}`
	}
	for name, limit := range map[string]struct {
		n        int
		document func(n int) string
	}{
		"bytes":          {MaxOutput, size},
		"depth":          {MaxDepth, depth},
		"fields":         {maxFields, func(n int) string { return reject(many(n, field("#/", message("No.")))) }},
		"messages":       {maxMessages, func(n int) string { return reject(field("#/", many(n, message("No.")))) }},
		"text":           {maxMessageText, func(n int) string { return reject(field("#/", message(strings.Repeat("x", n)))) }},
		"instance_ptr":   {maxInstancePtr, func(n int) string { return reject(field("#/"+strings.Repeat("x", n-2), message("No."))) }},
		"redirect_to":    {maxRedirect, func(n int) string { return `{"action":"redirect","redirect_to":"/` + strings.Repeat("x", n-1) + `"}` }},
		"headers":        {maxHeaders, func(n int) string { return deny(n, 1) }},
		"header value":   {maxHeaderValue, func(n int) string { return deny(1, n) }},
		"message number": {1 << 53, func(n int) string { return reject(field("#/", `{"id":`+strconv.Itoa(n)+`,"text":"No."}`)) }},
		"addresses": {maxAddresses, func(n int) string {
			return continued(`"identity":{"verified_addresses":[` + many(n, `{"via":"email","value":"a@b"}`) + `]}`)
		}},
		"address": {maxAddress, func(n int) string {
			return continued(`"identity":{"verified_addresses":[{"via":"email","value":"` + strings.Repeat("a", n) + `"}]}`)
		}},
		"status": {599, func(n int) string { return `{"action":"deny","status":` + strconv.Itoa(n) + `}` }},
	} {
		event := RegistrationBefore
		switch name {
		case "depth":
			event = RegistrationPrePersist
		case "addresses", "address":
			event = OIDCClaims
		}
		if _, err := DecodeOutput(event, []byte(limit.document(limit.n))); err != nil {
			t.Errorf("%s: %d: %v", name, limit.n, err)
		}
		if _, err := DecodeOutput(event, []byte(limit.document(limit.n+1))); err == nil {
			t.Errorf("%s: %d is over the limit and was taken", name, limit.n+1)
		}
	}
}

// FuzzOutput: what is accepted reads the same when it is written again, and never says more than its event allows.
func FuzzOutput(f *testing.F) {
	for _, seed := range []string{
		`{"action":"continue"}`, continued(`"identity":{"traits":{"a":[1,{"b":null}]},"state":"active"}`), continued(`"identity":{"verified_addresses":[{"via":"email","value":"a@b"}]}`), `{"action":"deny","status":403,"body":"no"}`,
		continued(`"identity_merge":{"metadata_public":{"plan":"trial"}}`), `{"action":"redirect","redirect_to":"https://a.test/","status":303}`,
		`{"action":"reject","messages":[{"instance_ptr":"#/traits/email","messages":[{"id":4000001,"text":"No.","type":"error","context":{}}]}]}`,
		continued(`"claims":{"a":1},"headers":{"X-A":"b"}`), `{"action":"continue","action":"deny"}`, "\xff", `[[[[`,
	} {
		for i := range events {
			f.Add(byte(i), []byte(seed))
		}
	}
	f.Fuzz(func(t *testing.T, event byte, document []byte) {
		e := events[int(event)%len(events)].event
		out, err := DecodeOutput(e, document)
		if err != nil {
			return
		}
		if !e.Allows(out.Action) {
			t.Fatalf("%s allowed the action %q", e, out.Action)
		}
		if (out.Identity != nil || out.IdentityMerge != nil) && !e.ChangesIdentity() {
			t.Fatalf("%s allowed a change of the identity", e)
		}
		written, err := json.Marshal(out)
		if err != nil {
			t.Fatal(err)
		}
		if len(written) > MaxOutput {
			return // escapes such as \u003c make it longer
		}
		again, err := DecodeOutput(e, written)
		if err != nil {
			t.Fatalf("written again as %s: %v", written, err)
		}
		rewritten, err := json.Marshal(again)
		if err != nil || !reflect.DeepEqual(rewritten, written) {
			t.Fatalf("got %s and then %s", written, rewritten)
		}
	})
}
