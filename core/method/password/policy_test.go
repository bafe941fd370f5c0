package password_test

import (
	"context"
	"errors"
	"strings"
	"testing"

	"github.com/gatehouse-id/gatehouse/core/method/password"
	"github.com/gatehouse-id/gatehouse/core/ui"
)

// verdict is the id of the message about a password, or 0 when it is good.
func verdict(t *testing.T, p password.Policy, pw string, identifiers ...string) ui.MessageID {
	t.Helper()
	m, err := p.Check(t.Context(), pw, identifiers)
	if err != nil {
		t.Fatalf("%q: %v", pw, err)
	}
	if m == nil {
		return 0
	}
	return m.ID
}

func TestPolicyLength(t *testing.T) {
	for _, tt := range []struct {
		least    int
		password string
		want     ui.MessageID
	}{
		{0, "1234567", ui.MsgPasswordTooShort},
		{0, "12345678", 0},
		{12, "elevenchars", ui.MsgPasswordTooShort},
		{12, "twelve chars", 0},
		{0, "", ui.MsgPasswordTooShort},
		{8, "äöüß", 0}, // eight bytes, which is what Kratos counts
		{0, "all lower case and no digit", 0},
		{0, strings.Repeat("long ", 20), 0},
	} {
		if got := verdict(t, password.Policy{MinLength: tt.least}, tt.password); got != tt.want {
			t.Errorf("%q with at least %d: got %d, want %d", tt.password, tt.least, got, tt.want)
		}
	}
}

func TestPolicySimilarity(t *testing.T) {
	p := password.Policy{Similar: true}
	for _, tt := range []struct {
		identifier, password string
		want                 ui.MessageID
	}{
		{"alice@example.org", "alice@example.com", ui.MsgPasswordSimilar},
		{"alice@example.org", "ALICE@EXAMPLE.ORG", ui.MsgPasswordSimilar},
		{"alice@example.org", "alice@example.org", ui.MsgPasswordSimilar},
		{"alice@example.org", "xalice@exay", ui.MsgPasswordSimilar}, // more than half of the password
		{"alice@example.org", "alice@-qwertz", 0},                   // less than half
		{"alice@example.org", "correct horse battery", 0},           //
		{"12345678", "12348765", ui.MsgPasswordSimilar},             // four changes
		{"größe@example.org", "GRÖSSE@EXAMPLE.ORG", ui.MsgPasswordSimilar},
		{"", "12345678", 0},
	} {
		if got := verdict(t, p, tt.password, "unrelated-identifier", tt.identifier); got != tt.want {
			t.Errorf("%q for %q: got %d, want %d", tt.password, tt.identifier, got, tt.want)
		}
	}
	if got := verdict(t, password.Policy{}, "alice@example.org", "alice@example.org"); got != 0 {
		t.Errorf("with the check off: got %d, want 0", got)
	}
}

// TestPolicyIsCheapForLongTexts: the comparison is quadratic, and both sides come from a stranger.
func TestPolicyIsCheapForLongTexts(t *testing.T) {
	identifier, pw := strings.Repeat("ab", 100_000), strings.Repeat("cd", 100_000)
	if got := verdict(t, password.Policy{Similar: true}, pw, identifier); got != 0 {
		t.Errorf("got %d, want 0", got)
	}
	if got := verdict(t, password.Policy{Similar: true}, identifier, identifier); got != ui.MsgPasswordSimilar {
		t.Errorf("the same long text: got %d, want %d", got, ui.MsgPasswordSimilar)
	}
}

func TestPolicyBreaches(t *testing.T) {
	found := func(n int, err error) func(context.Context, string) (int, error) {
		return func(context.Context, string) (int, error) { return n, err }
	}
	down := errors.New("the service is down")
	for name, tt := range map[string]struct {
		policy password.Policy
		want   ui.MessageID
		err    error
	}{
		"never found":        {password.Policy{Breaches: found(0, nil)}, 0, nil},
		"found once":         {password.Policy{Breaches: found(1, nil)}, ui.MsgPasswordBreached, nil},
		"as often as may be": {password.Policy{Breaches: found(3, nil), MaxBreaches: 3}, 0, nil},
		"once too often":     {password.Policy{Breaches: found(4, nil), MaxBreaches: 3}, ui.MsgPasswordBreached, nil},
		"down and ignored":   {password.Policy{Breaches: found(0, down), IgnoreErrors: true}, 0, nil},
		"down":               {password.Policy{Breaches: found(0, down)}, 0, down},
	} {
		m, err := tt.policy.Check(t.Context(), "correct horse", nil)
		if !errors.Is(err, tt.err) || (m == nil) != (tt.want == 0) || m != nil && m.ID != tt.want {
			t.Errorf("%s: got %v, %v, want %d, %v", name, m, err, tt.want, tt.err)
		}
	}
	asked := false
	p := password.Policy{Similar: true, Breaches: func(context.Context, string) (int, error) { asked = true; return 0, nil }}
	verdict(t, p, "short")
	verdict(t, p, "alice@example.org", "alice@example.org")
	if asked {
		t.Error("a password that is refused anyway was looked up")
	}
}
