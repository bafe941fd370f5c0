package httpapi_test

import (
	"encoding/json"
	"io"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/gatehouse-id/gatehouse/core/config"
	"github.com/gatehouse-id/gatehouse/core/flow"
	"github.com/gatehouse-id/gatehouse/hooks/abi"
	"github.com/gatehouse-id/gatehouse/internal/gateway"
	"github.com/gatehouse-id/gatehouse/internal/testenv"
)

// ledger is a service that writes down what its hooks are told.
type ledger struct {
	mu   sync.Mutex
	told []string // guarded by mu
}

func (l *ledger) write(_ http.ResponseWriter, r *http.Request) {
	raw, _ := io.ReadAll(r.Body)
	l.mu.Lock()
	defer l.mu.Unlock()
	l.told = append(l.told, string(raw))
}

// read waits for a number of calls and returns what they told, in the order of the flow's states.
func (l *ledger) read(t *testing.T, want int) (all []map[string]any) {
	t.Helper()
	for end := time.Now().Add(10 * time.Second); l.count() < want && time.Now().Before(end); {
		time.Sleep(5 * time.Millisecond)
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(l.told) != want {
		t.Fatalf("the hooks were called %d times, want %d", len(l.told), want)
	}
	for _, raw := range l.told {
		var doc map[string]any
		if err := json.Unmarshal([]byte(raw), &doc); err != nil {
			t.Fatalf("a hook was told %q: %v", raw, err)
		}
		all = append(all, doc)
	}
	l.told = nil
	slices.SortFunc(all, func(a, b map[string]any) int { return strings.Compare(state(a), state(b)) })
	return all
}

func (l *ledger) count() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return len(l.told)
}

func state(doc map[string]any) string {
	f, _ := doc["flow"].(map[string]any)
	s, _ := f["state"].(string)
	return s
}

// aroundBoth sets the same hook before and after recovery and verification.
func aroundBoth(h config.Hook) testenv.Option {
	return func(c *config.Config, _ *gateway.Options) {
		list := []config.Hook{h}
		after := config.After{Methods: map[string]config.AfterMethod{"code": {Hooks: list}, "link": {Hooks: list}}}
		f := &c.SelfService.Flows
		f.Recovery.Before.Hooks, f.Recovery.After = list, after
		f.Verification.Before.Hooks, f.Verification.After = list, after
	}
}

// TestWebHooksHearOfRecoveryAndVerification: of the address that somebody names they hear nothing, so that they can't tell
// who has an account; of the one who has proven it they hear all but the proof.
func TestWebHooksHearOfRecoveryAndVerification(t *testing.T) {
	for _, ignored := range []bool{false, true} {
		var l ledger
		h, allow := webHook(t, map[string]any{"response": map[string]any{"ignore": ignored}}, l.write)
		e := testenv.New(t, allow, aroundBoth(h))
		e.SignUp(ada)
		for kind, signsIn := range map[string]bool{"recovery": true, "verification": false} {
			ask(t, e.SPA(), kind, "", "nobody@example.org")
			c := e.SPA()
			f := ask(t, c, kind, "", ada)
			code := e.MailedCode(ada)
			enter(c, kind, f, code)
			told := l.read(t, 3)
			for i, wantIdentity := range []bool{false, false, true} {
				doc := told[i]
				if got := doc["identity"] != nil; got != wantIdentity {
					t.Errorf("%s, call %d: identity %v, want %v", kind, i, got, wantIdentity)
				}
				if got := doc["session"] != nil; got != (wantIdentity && signsIn) {
					t.Errorf("%s, call %d: session %v, want %v", kind, i, got, wantIdentity && signsIn)
				}
				if raw, _ := json.Marshal(doc); strings.Contains(string(raw), code) || !wantIdentity && strings.Contains(string(raw), ada) {
					t.Errorf("%s, call %d: the hook was told too much: %s", kind, i, raw)
				}
			}
		}
	}
}

// TestHooksRefuseRecoveryAndVerification: what a rule forbids does not happen, and a letter that was sent stays good.
func TestHooksRefuseRecoveryAndVerification(t *testing.T) {
	for kind, points := range map[string][]flow.Point{
		"recovery":     {flow.BeforeRecovery, flow.AfterRecovery},
		"verification": {flow.BeforeVerification, flow.AfterVerification},
	} {
		var closed flow.Point
		rule := func(ev abi.Event, _ *abi.Context) (abi.Output, error) {
			if flow.Point(ev) == closed {
				return refusal("#/"), nil
			}
			return abi.Output{Action: abi.Continue}, nil
		}
		e := testenv.New(t, withHook(points[0], rule), withHook(points[1], rule))
		e.SignUp(ada)
		written := len(e.Mails(ada))

		closed = points[0]
		c := e.SPA()
		f := c.Start(kind, "")
		refused := c.Submit(kind, f, testenv.Fields{"method": "code", "email": ada})
		wantStatus(t, refused, http.StatusBadRequest)
		if got := len(e.Mails(ada)) - written; got != 0 {
			t.Errorf("%s: %d letters were sent against the rule", kind, got)
		}

		closed = points[1]
		f = ask(t, c, kind, "", ada)
		code := e.MailedCode(ada)
		refused = enter(c, kind, f, code)
		wantStatus(t, refused, http.StatusBadRequest)
		if sessionCookie(refused) != nil || refused.Text("state") != "sent_email" {
			t.Errorf("%s: got %s, want nothing changed", kind, refused.Body)
		}

		closed = ""
		if a := enter(c, kind, f, code); kind == "recovery" {
			settingsOf(t, c, a)
		} else if a.Text("state") != "passed_challenge" {
			t.Errorf("%s: the code is no good any more: %d %s", kind, a.Status, a.Body)
		}
	}
}
