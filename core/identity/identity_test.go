package identity_test

import (
	"encoding/json"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"

	"github.com/gatehouse-id/gatehouse/core/identity"
)

var (
	born  = time.Date(2026, 3, 1, 12, 0, 0, 0, time.FixedZone("CET", 3600))
	later = born.Add(time.Hour)
)

const traits = `{"email":"ada@example.org"}`

// ada is somebody who signs in with an e-mail address and a password.
func ada() (*identity.Identity, identity.Derived) {
	i := identity.New("default", born)
	d := identity.Derived{
		Identifiers: map[identity.CredentialType][]string{identity.Password: {"ada@example.org"}},
		Verifiable:  []identity.Address{{Via: identity.ViaEmail, Value: "ada@example.org"}},
		Recovery:    []identity.Address{{Via: identity.ViaEmail, Value: "ada@example.org"}},
	}
	i.Apply(json.RawMessage(traits), d, born)
	return i, d
}

func TestNewIdentityIsActiveAndEmpty(t *testing.T) {
	i := identity.New("customer", born)
	if id, err := uuid.Parse(i.ID); err != nil || id.Version() != 4 || id.String() != i.ID {
		t.Errorf("id: got %q, want a UUID v4 in lower case", i.ID)
	}
	if i.State != identity.Active || i.SchemaID != "customer" || string(i.Traits) != "{}" || i.PasswordHash() != "" || i.Revision != 0 {
		t.Errorf("got %+v", i)
	}
	for _, at := range []time.Time{i.CreatedAt, i.UpdatedAt, i.StateChangedAt} {
		if !at.Equal(born) || at.Location() != time.UTC {
			t.Errorf("got %v, want %v in UTC", at, born)
		}
	}
	if other := identity.New("customer", born); other.ID == i.ID {
		t.Error("two identities have one id")
	}
}

func TestApplyDerivesCredentialsAndAddresses(t *testing.T) {
	i, _ := ada()
	c := i.Credentials[identity.Password]
	if diff := cmp.Diff([]string{"ada@example.org"}, c.Identifiers); diff != "" || c.Type != identity.Password {
		t.Errorf("password credential: %+v", c)
	}
	if len(c.Config) != 0 || i.PasswordHash() != "" {
		t.Error("the identifier is reserved, but nobody may sign in without a password")
	}
	if len(i.Verifiable) != 1 || len(i.Recovery) != 1 {
		t.Fatalf("got %+v and %+v, want one address each", i.Verifiable, i.Recovery)
	}
	v := i.Verifiable[0]
	if v.Verified || v.Status != identity.StatusPending || v.VerifiedAt != nil || v.ID == i.Recovery[0].ID {
		t.Errorf("got %+v, want a pending address with its own id", v)
	}
}

func TestApplyKeepsWhatStays(t *testing.T) {
	i, d := ada()
	i.SetPassword("a hash", born)
	verifiedAt := born.UTC()
	i.Verifiable[0].Verified, i.Verifiable[0].VerifiedAt, i.Verifiable[0].Status = true, &verifiedAt, identity.StatusCompleted
	before, wasPassword := i.Verifiable[0], i.Credentials[identity.Password]
	recovery := i.Recovery[0]

	d.Verifiable = append([]identity.Address{{Via: identity.ViaSMS, Value: "+49301234567"}}, d.Verifiable...)
	i.Apply(json.RawMessage(`{"email":"ada@example.org","phone":"+49301234567"}`), d, later)

	if diff := cmp.Diff(before, i.Verifiable[1]); diff != "" {
		t.Errorf("the verified address changed (-before +after):\n%s", diff)
	}
	if diff := cmp.Diff(recovery, i.Recovery[0]); diff != "" {
		t.Errorf("the recovery address changed (-before +after):\n%s", diff)
	}
	if diff := cmp.Diff(wasPassword, i.Credentials[identity.Password]); diff != "" {
		t.Errorf("the credential changed (-before +after):\n%s", diff)
	}
	if got := i.Verifiable[0]; got.Verified || !got.CreatedAt.Equal(later) {
		t.Errorf("the new address: got %+v, want a pending one", got)
	}
	if !i.UpdatedAt.Equal(later) || !i.CreatedAt.Equal(born) {
		t.Errorf("created %v, updated %v", i.CreatedAt, i.UpdatedAt)
	}
}

// TestANewAddressIsNeverVerified: moving to somebody else's address, or to another channel, must not bring the proof along.
func TestANewAddressIsNeverVerified(t *testing.T) {
	for name, next := range map[string]identity.Address{
		"another value":   {Via: identity.ViaEmail, Value: "grace@example.org"},
		"another channel": {Via: identity.ViaSMS, Value: "ada@example.org"},
	} {
		i, d := ada()
		i.Verifiable[0].Verified = true
		d.Verifiable = []identity.Address{next}
		i.Apply(json.RawMessage(traits), d, later)
		if len(i.Verifiable) != 1 || i.Verifiable[0].Verified {
			t.Errorf("%s: got %+v, want one address that is not verified", name, i.Verifiable)
		}
	}
}

func TestApplyDropsWhatIsGone(t *testing.T) {
	i, _ := ada()
	i.SetPassword("a hash", born)
	i.Credentials[identity.OIDC] = identity.Credential{Type: identity.OIDC, Identifiers: []string{"google:123"}}
	i.Apply(json.RawMessage(`{}`), identity.Derived{}, later)

	if got := i.Credentials[identity.Password]; len(got.Identifiers) != 0 || i.PasswordHash() != "a hash" {
		t.Errorf("got %+v, want the hash kept and nothing that finds it", got)
	}
	if got := i.Credentials[identity.OIDC].Identifiers; len(got) != 1 {
		t.Errorf("identifiers that a provider gave: got %v, want them kept", got)
	}
	if len(i.Verifiable) != 0 || len(i.Recovery) != 0 {
		t.Errorf("addresses: got %v and %v, want none", i.Verifiable, i.Recovery)
	}
}

func TestSetPasswordKeepsIdentifiers(t *testing.T) {
	i, _ := ada()
	i.SetPassword("first", born)
	i.SetPassword("second", later)
	c := i.Credentials[identity.Password]
	if i.PasswordHash() != "second" || len(c.Identifiers) != 1 || !c.CreatedAt.Equal(born) || !c.UpdatedAt.Equal(later) {
		t.Errorf("got %+v", c)
	}
	var bare identity.Identity
	bare.SetPassword("a hash", born)
	if got := bare.PasswordHash(); got != "a hash" {
		t.Errorf("on the zero value: got %q", got)
	}
}

func TestPasswordHashOfDamagedCredentialIsNone(t *testing.T) {
	for _, config := range []string{"", "{", "[]", `{"hashed_password":7}`, `{}`} {
		i, _ := ada()
		c := i.Credentials[identity.Password]
		c.Config = json.RawMessage(config)
		i.Credentials[identity.Password] = c
		if got := i.PasswordHash(); got != "" {
			t.Errorf("%q: got %q, want none", config, got)
		}
	}
}

// TestRecordSurvivesJSON: the tags are those of the stored record, and the revision is the store's own.
func TestRecordSurvivesJSON(t *testing.T) {
	want, _ := ada()
	want.SetPassword("a hash", born)
	want.MetadataAdmin = json.RawMessage(`{"note":1}`)
	want.Revision = 7
	raw, err := json.Marshal(want)
	if err != nil {
		t.Fatal(err)
	}
	got := new(identity.Identity)
	if err := json.Unmarshal(raw, got); err != nil {
		t.Fatal(err)
	}
	want.Revision = 0
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}
