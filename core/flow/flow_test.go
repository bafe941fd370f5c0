package flow_test

import (
	"encoding/json"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/gatehouse-id/gatehouse/core/flow"
	"github.com/gatehouse-id/gatehouse/core/ui"
)

func TestFlowExpiresAtItsEnd(t *testing.T) {
	end := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	f := flow.Flow{ExpiresAt: end}
	for _, tt := range []struct {
		now  time.Time
		want bool
	}{
		{end.Add(-time.Nanosecond), false},
		{end, true},
		{end.Add(time.Hour), true},
	} {
		if got := f.Expired(tt.now); got != tt.want {
			t.Errorf("at %v: got %v, want %v", tt.now, got, tt.want)
		}
	}
}

func TestFlowCollectsMessagesAndForgetsThem(t *testing.T) {
	var f flow.Flow
	f.SetValue("traits.email", "ada@example.org")
	f.AddField("password", ui.Missing("password"))
	f.AddField("password", ui.MsgPasswordSimilar.Message())
	f.Messages = append(f.Messages, ui.MsgCredentialsInvalid.Message())
	if got := len(f.FieldMessages["password"]); got != 2 {
		t.Errorf("got %d messages beside the password, want 2", got)
	}
	f.ClearMessages()
	if len(f.Messages) != 0 || len(f.FieldMessages) != 0 {
		t.Errorf("got %v and %v, want none", f.Messages, f.FieldMessages)
	}
	if f.Values["traits.email"] != "ada@example.org" {
		t.Error("the submitted value is gone with the messages")
	}
}

func TestSubmissionToleratesWhatAStrangerSends(t *testing.T) {
	var s flow.Submission
	if err := json.Unmarshal([]byte(`{"password": ["a"], "identifier": "ada", "traits": "none"}`), &s.Fields); err != nil {
		t.Fatal(err)
	}
	if got := s.String("password") + s.String("nothing"); got != "" {
		t.Errorf("fields that are no text: got %q, want none", got)
	}
	if s.String("identifier") != "ada" || s.Traits() != nil {
		t.Errorf("got %q and %v, want ada and no traits", s.String("identifier"), s.Traits())
	}
	if (flow.Submission{}).String("password") != "" {
		t.Error("an empty submission has a password")
	}
}

func TestDecisionStops(t *testing.T) {
	for name, tt := range map[string]struct {
		decision flow.Decision
		want     bool
	}{
		"zero value":       {flow.Decision{}, false},
		"changed identity": {flow.Decision{IdentityChanged: true, IssueSession: true}, false},
		"message":          {flow.Decision{Messages: []flow.PointedMessage{{}}}, true},
		"redirect":         {flow.Decision{RedirectTo: "https://example.org"}, true},
		"denied":           {flow.Decision{Denied: true}, true},
	} {
		if got := tt.decision.Stops(); got != tt.want {
			t.Errorf("%s: got %v, want %v", name, got, tt.want)
		}
	}
}

func TestRecordSurvivesJSON(t *testing.T) {
	want := flow.Record{
		ID: "c7f2f8c4-6c0b-4d8a-9a8e-1f0b5a4d3c2b", ReturnTo: "https://app.example.org/",
		ExpiresAt: time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC), Active: "password", Completed: true,
		Values:        map[string]any{"traits.email": "ada@example.org"},
		Messages:      []ui.Message{ui.MsgCredentialsInvalid.Message()},
		FieldMessages: map[string][]ui.Message{"traits.email": {ui.Missing("email")}},
	}
	raw, err := json.Marshal(want)
	if err != nil {
		t.Fatal(err)
	}
	var got flow.Record
	if err := json.Unmarshal(raw, &got); err != nil {
		t.Fatal(err)
	}
	again, err := json.Marshal(got)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(raw), string(again)); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}
