package httpapi_test

import (
	"encoding/json"
	"net/http"
	"sync"
	"testing"

	"github.com/gatehouse-id/gatehouse/core/flow"
	"github.com/gatehouse-id/gatehouse/hooks/abi"
	"github.com/gatehouse-id/gatehouse/internal/testenv"
)

func TestHooksSeeAndChangeSettings(t *testing.T) {
	var mu sync.Mutex
	var seen []string // guarded by mu
	note := func(e abi.Event, in *abi.Context) {
		mu.Lock()
		defer mu.Unlock()
		var traits struct {
			Age int `json:"age"`
		}
		_ = json.Unmarshal(in.Identity.Traits, &traits)
		if in.Session == nil || in.Method != "profile" {
			t.Errorf("%s: session %v, method %q", e, in.Session, in.Method)
		}
		seen = append(seen, string(e), string(rune('0'+traits.Age%10)))
	}
	watch := func(e abi.Event, in *abi.Context) (abi.Output, error) {
		note(e, in)
		return abi.Output{Action: abi.Continue}, nil
	}
	e := testenv.New(t,
		withHook(flow.BeforeSettings, watch),
		withHook(flow.PrePersistSettings, func(e abi.Event, in *abi.Context) (abi.Output, error) {
			note(e, in)
			return abi.Output{Action: abi.Continue, IdentityMerge: &abi.IdentityChange{Traits: json.RawMessage(`{"age":42}`)}}, nil
		}),
		withHook(flow.PostPersistSettings, watch),
	)
	c := appOf(e, "", "ada@example.org")
	f := c.Start("settings", "")
	a := wantSaved(t, c, f, c.Submit("settings", f, profileOf("ada@example.org", testenv.Fields{"traits.age": 41})))
	if a.At("identity", "traits", "age") != 42.0 || a.Value("traits.age") != 42.0 {
		t.Errorf("the hook's change is not there: %s", a.Body)
	}
	mu.Lock()
	defer mu.Unlock()
	want := []string{"settings.before", "0", "settings.pre_persist", "1", "settings.post_persist", "2"}
	if len(seen) != len(want) {
		t.Fatalf("got %v, want %v", seen, want)
	}
	for n := range want {
		if seen[n] != want[n] {
			t.Errorf("got %v, want %v", seen, want)
			break
		}
	}
}

func TestHooksRefuseSettings(t *testing.T) {
	for name, tt := range map[string]struct {
		point  flow.Point
		answer abi.Output
		want   int
	}{
		"denied":          {flow.BeforeSettings, abi.Output{Action: abi.Deny}, http.StatusForbidden},
		"rejected before": {flow.BeforeSettings, refusal("#/traits/age"), http.StatusBadRequest},
		"rejected late":   {flow.PrePersistSettings, refusal("#/traits/age"), http.StatusBadRequest},
	} {
		t.Run(name, func(t *testing.T) {
			e := testenv.New(t, withHook(tt.point, func(abi.Event, *abi.Context) (abi.Output, error) { return tt.answer, nil }))
			c := appOf(e, "", "ada@example.org")
			a := c.Submit("settings", c.Start("settings", ""), profileOf("ada@example.org", testenv.Fields{"traits.age": 41}))
			wantStatus(t, a, tt.want)
			if got := c.Get("/sessions/whoami").At("identity", "traits", "age"); got != nil {
				t.Errorf("the change was stored: %v", got)
			}
		})
	}
}

// refusal is the answer of a plugin that puts a message beside a field.
func refusal(pointer string) abi.Output {
	return abi.Output{Action: abi.Reject, Messages: []abi.FieldMessages{{
		InstancePtr: pointer, Messages: []abi.Message{{ID: 1234, Text: "Not this one.", Type: "error"}},
	}}}
}
