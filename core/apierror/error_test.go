package apierror_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"
	"time"

	"github.com/gatehouse-id/gatehouse/core/apierror"
)

func TestBodyHasTheShapeClientsRead(t *testing.T) {
	expired := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	tests := []struct {
		name      string
		err       *apierror.Error
		requestID string
		want      string
	}{
		{
			"reason and request", apierror.BadRequest("The id %q is malformed.", "x"), "r-1",
			`{"error":{"code":400,"status":"Bad Request","request":"r-1","reason":"The id \"x\" is malformed.",` +
				`"message":"The server could not make sense of the request"}}`,
		},
		{
			"missing record has no reason", apierror.NoRecord(), "",
			`{"error":{"code":404,"status":"Not Found","message":"There is no such record"}}`,
		},
		{
			"cause stays inside", apierror.Internal(errors.New("dial tcp 10.0.0.1")), "",
			`{"error":{"code":500,"status":"Internal Server Error",` +
				`"message":"Something went wrong on the server. Its operator finds the reason in the log"}}`,
		},
		{
			"extra keys stand beside error", apierror.RefreshRequired("https://id.example/login"), "",
			`{"error":{"id":"session_refresh_required","code":403,"status":"Forbidden",` +
				`"reason":"The session is too old to change these fields. Please sign in again.",` +
				`"message":"This is not allowed"},"redirect_browser_to":"https://id.example/login"}`,
		},
		{
			"expired flow", apierror.FlowExpired(expired, expired.Add(90*time.Second), "new-id"), "",
			`{"error":{"id":"self_service_flow_expired","code":410,"status":"Gone",` +
				`"reason":"The flow expired 1.50 minutes ago. Please continue with the new one.",` +
				`"message":"The flow has expired"},` +
				`"expired_at":"2026-03-01T12:00:00Z","since":90000000000,"use_flow_id":"new-id"}`,
		},
		{
			"details", apierror.Gone("It ended.").WithDetail("redirect_to", "/again"), "",
			`{"error":{"code":410,"status":"Gone","reason":"It ended.","details":{"redirect_to":"/again"},` +
				`"message":"What the request is about has ended"}}`,
		},
		{
			"extra can't replace the error", apierror.Forbidden("no").WithExtra("error", "forged"), "",
			`{"error":{"code":403,"status":"Forbidden","reason":"no","message":"This is not allowed"}}`,
		},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			got, err := json.Marshal(test.err.Body(test.requestID))
			if err != nil {
				t.Fatal(err)
			}
			if string(got) != test.want {
				t.Errorf("got  %s\nwant %s", got, test.want)
			}
		})
	}
}

func TestNamedCasesHaveTheirIDAndStatus(t *testing.T) {
	tests := []struct {
		err    *apierror.Error
		id     string
		status int
	}{
		{apierror.SessionInactive(), "session_inactive", 401},
		{apierror.SessionAlreadyAvailable("login"), "session_already_available", 400},
		{apierror.SessionAlreadyAvailable("registration"), "session_already_available", 400},
		{apierror.AAL1Required(), "session_aal1_required", 401},
		{apierror.AAL2Required("/x"), "session_aal2_required", 403},
		{apierror.RefreshRequired("/x"), "session_refresh_required", 403},
		{apierror.FlowExpired(time.Time{}, time.Time{}, ""), "self_service_flow_expired", 410},
		{apierror.BrowserLocationChange("/x"), "browser_location_change_required", 422},
		{apierror.CSRF("no cookie"), "security_csrf_violation", 403},
		{apierror.ReturnToForbidden("//evil"), "self_service_flow_return_to_forbidden", 400},
		{apierror.FlowDisabled("registration"), "self_service_flow_disabled", 400},
		{apierror.IdentityMismatch(), "security_identity_mismatch", 403},
	}
	for _, test := range tests {
		if test.err.ID != test.id || test.err.Status() != test.status {
			t.Errorf("got %s %d, want %s %d", test.err.ID, test.err.Status(), test.id, test.status)
		}
		if test.err.Reason == "" {
			t.Errorf("%s has no reason", test.id)
		}
	}
}

func TestEveryKindHasStatusTextAndMessage(t *testing.T) {
	for k := apierror.KindInternal; k <= apierror.KindUnavailable; k++ {
		if k.Status() < 400 || k.StatusText() == "" || k.Message() == "" {
			t.Errorf("kind %d is incomplete: %d %q %q", k, k.Status(), k.StatusText(), k.Message())
		}
	}
	if got := apierror.Kind(200).Status(); got != 500 {
		t.Errorf("unknown kind: got %d, want 500", got)
	}
}

func TestWithLeavesTheOriginalAlone(t *testing.T) {
	base := apierror.Forbidden("no").WithDetail("a", 1).WithExtra("b", 2)
	_ = base.WithID("x").WithReason("y").WithMessage("z").WithDetail("a", 3).WithExtra("b", 4).WithCause(io.EOF)
	if base.ID != "" || base.Reason != "no" || base.Message != "" || base.Err != nil ||
		base.Details["a"] != 1 || base.Extra["b"] != 2 {
		t.Errorf("the original changed: %+v", base)
	}
}

func TestFromHidesWhatIsNoError(t *testing.T) {
	public := apierror.NotFound("There is no such flow.")
	if got := apierror.From(fmt.Errorf("loading: %w", public)); got != public {
		t.Errorf("wrapped Error: got %v, want %v", got, public)
	}
	got := apierror.From(io.ErrUnexpectedEOF)
	if got.Kind != apierror.KindInternal || got.Payload("").Reason != "" || !errors.Is(got, io.ErrUnexpectedEOF) {
		t.Errorf("other error: got %+v", got)
	}
	if apierror.From(nil) != nil {
		t.Error("From(nil) is not nil")
	}
}

func TestErrorTellsTheLogEverything(t *testing.T) {
	err := apierror.Unavailable(io.EOF, "The store does not answer.").WithID("some_id")
	for _, part := range []string{"service unavailable", "some_id", "The store does not answer.", "EOF"} {
		if !strings.Contains(err.Error(), part) {
			t.Errorf("%q does not mention %q", err.Error(), part)
		}
	}
}

func TestIsFindsIDAndKindInTheChain(t *testing.T) {
	err := fmt.Errorf("checking: %w", apierror.SessionInactive())
	if !apierror.Is(err, apierror.IDSessionInactive) || apierror.Is(err, apierror.IDFlowExpired) || apierror.Is(io.EOF, "") {
		t.Error("Is does not go by the id")
	}
	if !apierror.IsKind(err, apierror.KindUnauthorized) || apierror.IsKind(io.EOF, apierror.KindInternal) {
		t.Error("IsKind does not go by the kind")
	}
}

func TestReasonWithoutArgumentsKeepsPercentSigns(t *testing.T) {
	const reason = "See https://id.example/?a=%20b"
	if got := apierror.BadRequest(reason).Reason; got != reason {
		t.Errorf("got %q, want %q", got, reason)
	}
}
