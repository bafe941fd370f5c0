package selfservice

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/gatehouse-id/gatehouse/core/apierror"
	"github.com/gatehouse-id/gatehouse/core/identity"
)

// FuzzPatch: whatever is accepted as a patch stays within what may be changed, and ends in an account or in an error that
// the administrator can read.
func FuzzPatch(f *testing.F) {
	for _, seed := range []string{
		`[{"op":"add","path":"/traits/email","value":"x@example.org"}]`,
		`[{"op":"copy","from":"/traits","path":"/metadata_admin/a"},{"op":"remove","path":"/traits/list/0"}]`,
		`[{"op":"move","from":"/verifiable_addresses/0/verified","path":"/metadata_public"}]`,
		`[{"op":"test","path":"/traits/a~1b~0","value":null},{"op":"replace","path":"/metadata_admin","value":1e400}]`,
		`[{"op":"copy","from":"/credentials/password","path":"/traits/x"}]`, `null`, `[null]`, `[{"op":null}]`,
	} {
		f.Add([]byte(seed))
	}
	now := time.Unix(1764000000, 0)
	i := identity.New("default", now)
	i.Traits, i.MetadataAdmin = json.RawMessage(`{"email":"ann@example.org","a/b~":1,"list":[1,2]}`), json.RawMessage(`{}`)
	i.Verifiable = []identity.VerifiableAddress{{Via: "email", Value: "ann@example.org"}}
	i.SetPassword("secret-hash", now)
	before, _ := json.Marshal(i)
	f.Fuzz(func(t *testing.T, patch []byte) {
		p, err := ParsePatch(patch)
		if err == nil {
			var n Account
			n, err = patched(i, p)
			if raw, _ := json.Marshal(n); strings.Contains(string(raw), "secret-hash") && !strings.Contains(string(patch), "secret-hash") {
				t.Errorf("%s: a credential got out: %s", patch, raw)
			}
			if len(n.Verifiable) > len(i.Verifiable) {
				t.Errorf("%s: got %d addresses, want no more than there are", patch, len(n.Verifiable))
			}
		}
		var ae *apierror.Error
		if err != nil && (!errors.As(err, &ae) || ae.Status() >= 500) {
			t.Errorf("%s: the administrator is told of %v", patch, err)
		}
		if after, _ := json.Marshal(i); string(after) != string(before) {
			t.Fatalf("%s: the identity itself was changed: %s", patch, after)
		}
	})
}
