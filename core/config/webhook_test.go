package config

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
)

func TestWebHookIsRead(t *testing.T) {
	w, err := Hook{Hook: "web_hook", Config: json.RawMessage(`{
		"url": "https://hooks.example.org/in?key=1", "method": "POST", "body": "file://./body.jsonnet", "headers": {"X-Site": "a b"},
		"auth": {"type": "api_key", "config": {"in": "cookie", "name": "key", "value": "abc"}},
		"response": {"parse": true}, "can_interrupt": true, "emit_analytics_event": false, "id": "mine"}`)}.WebHook()
	if err != nil {
		t.Fatal(err)
	}
	if w.URL != "https://hooks.example.org/in?key=1" || w.Auth.Config.Name != "key" || !w.Decides() || w.Headers["X-Site"] != "a b" {
		t.Errorf("got %+v", w)
	}
}

func TestWebHookMistakesAreTold(t *testing.T) {
	const start = `{"url": "https://hooks.example.org", "method": "POST"`
	for _, tt := range []struct{ config, want string }{
		{``, "url and method"},
		{`null`, "url"},
		{`[]`, "array"},
		{`{"method": "POST"}`, "url"},
		{`{"url": "/hook", "method": "POST"}`, "url"},
		{`{"url": "ftp://tulip-9431/", "method": "POST"}`, "url"},
		{`{"url": "https://hooks.example.org"}`, "method"},
		{`{"url": "https://hooks.example.org", "method": "post"}`, "capitals"},
		{`{"url": "https://hooks.example.org", "method": "POST X"}`, "method"},
		{start + `, "can_interupt": true}`, "can_interupt"}, //nolint:misspell // the point of the case
		{start + `, "response": {"ignore": true, "parse": true}}`, "response.ignore"},
		{start + `, "response": {"ignore": true}, "can_interrupt": true}`, "response.ignore"},
		{start + `, "response": {"ignore": "tulip-9431"}}`, "response.ignore"},
		{start + `, "body": "./tulip-9431.jsonnet"}`, "file://"},
		{start + `, "headers": {"X Y": "tulip-9431"}}`, "X Y"},
		{start + `, "headers": {"Host": "tulip-9431"}}`, "Host"},
		{start + `, "headers": {"X-Y": "tulip-9431\r\nX-Z: 1"}}`, "X-Y"},
		{start + `, "auth": {"type": "bearer"}}`, "basic_auth or api_key"},
		{start + `, "auth": {"type": "basic_auth", "config": {"password": "tulip-9431"}}}`, "user"},
		{start + `, "auth": {"type": "api_key", "config": {"name": "k", "value": "tulip-9431"}}}`, "header or cookie"},
		{start + `, "auth": {"type": "api_key", "config": {"in": "header", "name": "k", "value": "tulip-9431\n"}}}`, "value of k"},
		{start + `, "auth": {"type": "api_key", "config": {"in": "cookie", "name": "k", "value": "tulip-9431;x"}}}`, "config.value"},
	} {
		c := Default()
		c.SelfService.Flows.Login.After.Hooks = []Hook{{Hook: "web_hook", Config: json.RawMessage(tt.config)}}
		err := c.Validate()
		if err == nil || !strings.Contains(err.Error(), tt.want) || !strings.Contains(err.Error(), "login.after.hooks[0].config: ") {
			t.Errorf("%s\ngot %v, want the path and %q", tt.config, err, tt.want)
		}
		if err != nil && strings.Contains(err.Error(), "tulip-9431") {
			t.Errorf("%s\nthe error shows a value: %v", tt.config, err)
		}
	}
}

func TestHooksOutOfPlaceWarn(t *testing.T) {
	for hook, path := range map[string]string{
		"revoke_active_sessions":   "selfservice.flows.registration.after.hooks",
		"require_verified_address": "selfservice.flows.login.before.hooks",
	} {
		_, warnings := parse(t, document(t, map[string]string{path: `[{"hook": "` + hook + `"}]`}))
		if len(warnings) != 1 || !strings.Contains(warnings[0].Text, "it belongs to selfservice.flows.login.after") {
			t.Errorf("%s: got %v, want one warning", hook, warnings)
		}
	}
}

func TestWebHookKeysWithoutEffectWarn(t *testing.T) {
	for config, want := range map[string]string{
		`"emit_analytics_event": true`:  "selfservice.flows.login.after.hooks[0].config.emit_analytics_event (line 1): has no effect",
		`"id": "crm"`:                   "selfservice.flows.login.after.hooks[0].config.id (line 1): has no effect",
		`"emit_analytics_event": false`: "", `"can_interrupt": true`: "",
	} {
		hook := `[{"hook": "web_hook", "config": {"url": "https://hooks.example.org/", "method": "POST", ` + config + `}}]`
		_, warnings := parse(t, document(t, map[string]string{"selfservice.flows.login.after.hooks": hook}))
		if got := fmt.Sprint(warnings); (want == "") != (len(warnings) == 0) || !strings.Contains(got, want) {
			t.Errorf("%s: got %s, want %q", config, got, want)
		}
	}
}
