package selfservice

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"regexp"
	"time"

	jsonpatch "github.com/evanphx/json-patch/v5"

	"github.com/gatehouse-id/gatehouse/core/apierror"
	"github.com/gatehouse-id/gatehouse/core/identity"
)

// Limits of a JSON Patch. A patch that copies into its own result grows with every step.
const (
	maxPatchSteps  = 100
	maxPatchCopies = 256 << 10 // bytes
	maxPatched     = 512 << 10
)

// patchable is the document that a JSON Patch is applied to: what may be changed, and nothing else. So no path leads to an
// id or a credential, neither to change it nor to copy it to where it can be read.
type patchable struct {
	SchemaID       string           `json:"schema_id"`
	ExternalID     string           `json:"external_id"`
	State          identity.State   `json:"state"`
	Traits         json.RawMessage  `json:"traits"`
	MetadataPublic json.RawMessage  `json:"metadata_public"`
	MetadataAdmin  json.RawMessage  `json:"metadata_admin"`
	Verifiable     []patchableProof `json:"verifiable_addresses"`
}

// patchableProof is an address. Which ones there are is for the traits to say.
type patchableProof struct {
	Value      string     `json:"value"`
	Via        string     `json:"via"`
	Verified   bool       `json:"verified"`
	VerifiedAt *time.Time `json:"verified_at,omitempty"`
	Status     string     `json:"status"`
}

// patchablePath are the places that a patch may name. Of addresses only what is known about them can be changed.
var patchablePath = regexp.MustCompile(
	`^/(schema_id|external_id|state|(traits|metadata_public|metadata_admin)(/.*)?|verifiable_addresses/[0-9]{1,3}/(verified|verified_at|status))$`)

// ParsePatch reads a JSON Patch and refuses what it must not touch.
func ParsePatch(raw []byte) (jsonpatch.Patch, error) {
	p, err := jsonpatch.DecodePatch(raw)
	if err != nil || p == nil { // null
		return nil, apierror.BadRequest("The request body is no JSON Patch.")
	}
	if len(p) > maxPatchSteps {
		return nil, apierror.BadRequest("The JSON Patch has more than %d steps.", maxPatchSteps)
	}
	for _, step := range p {
		if err := checkStep(step); err != nil {
			return nil, err
		}
	}
	return p, nil
}

func checkStep(step jsonpatch.Operation) error {
	path, err := step.Path()
	if err != nil {
		return apierror.BadRequest("A step of the JSON Patch has no path.")
	}
	paths := []string{path}
	switch kind := step.Kind(); kind {
	case "add", "replace", "remove", "test":
	case "move", "copy":
		from, err := step.From()
		if err != nil {
			return apierror.BadRequest("A step of the JSON Patch has no from.")
		}
		paths = append(paths, from)
	default:
		return apierror.BadRequest("The JSON Patch has a step of the kind %q. Those there are: add, remove, replace, move, copy, test.", shorten(kind))
	}
	for _, p := range paths {
		if !patchablePath.MatchString(p) {
			return apierror.BadRequest("The JSON Patch names the path %q, which can't be patched.", shorten(p))
		}
	}
	return nil
}

// Patch applies a JSON Patch to an identity.
func (a *Accounts) Patch(ctx context.Context, id string, p jsonpatch.Patch, match Match) (*identity.Identity, error) {
	return a.change(ctx, id, match, func(i *identity.Identity) error {
		n, err := patched(i, p)
		if err != nil {
			return err
		}
		return a.fill(i, n)
	})
}

// patched is what a patch makes of an identity.
func patched(i *identity.Identity, p jsonpatch.Patch) (Account, error) {
	before := patchable{
		SchemaID: i.SchemaID, ExternalID: i.ExternalID, State: i.State, Traits: i.Traits,
		MetadataPublic: i.MetadataPublic, MetadataAdmin: i.MetadataAdmin,
	}
	for _, v := range i.Verifiable {
		before.Verifiable = append(before.Verifiable, patchableProof{v.Value, v.Via, v.Verified, v.VerifiedAt, v.Status})
	}
	doc, err := json.Marshal(before)
	if err != nil {
		return Account{}, fmt.Errorf("encoding identity %s: %w", i.ID, err)
	}
	doc, err = apply(p, doc)
	if err != nil {
		return Account{}, err
	}
	var after patchable
	d := json.NewDecoder(bytes.NewReader(doc))
	d.DisallowUnknownFields()
	if err := d.Decode(&after); err != nil {
		return Account{}, apierror.BadRequest("The JSON Patch makes something that is no identity: %s.", err)
	}
	return after.account(before), nil
}

func apply(p jsonpatch.Patch, doc []byte) ([]byte, error) {
	o := jsonpatch.NewApplyOptions()
	o.AccumulatedCopySizeLimit = maxPatchCopies
	o.SupportNegativeIndices = false
	doc, err := p.ApplyWithOptions(doc, o)
	var copies *jsonpatch.AccumulatedCopySizeError
	switch {
	case errors.As(err, &copies), len(doc) > maxPatched:
		return nil, apierror.TooLarge("The JSON Patch makes the identity too large.")
	case errors.Is(err, jsonpatch.ErrTestFailed):
		return nil, apierror.BadRequest("A test in the JSON Patch failed: the identity is not as it expects.")
	case err != nil:
		return nil, apierror.BadRequest("The JSON Patch doesn't fit the identity: a path leads nowhere.")
	}
	return doc, nil
}

// account is the patched document as an administrator would have sent it. Addresses that the traits lost are left out, so
// that only what was patched about the others counts.
func (p patchable) account(before patchable) Account {
	n := Account{
		SchemaID: p.SchemaID, ExternalID: p.ExternalID, State: string(p.State), Traits: p.Traits,
		MetadataPublic: p.MetadataPublic, MetadataAdmin: p.MetadataAdmin,
	}
	for k, v := range p.Verifiable {
		was := before.Verifiable[k] // no step adds or removes one
		if !v.says(was) {
			n.Verifiable = append(n.Verifiable, AddressProof{Via: v.Via, Value: v.Value, Verified: v.Verified, VerifiedAt: v.VerifiedAt, Status: v.changedStatus(was)})
		}
	}
	return n
}

// says tells whether the same is known as before.
func (p patchableProof) says(was patchableProof) bool {
	at, then := p.VerifiedAt, was.VerifiedAt
	sameTime := at == then || at != nil && then != nil && at.Equal(*then)
	return p.Verified == was.Verified && p.Status == was.Status && sameTime
}

// changedStatus is the status if it was patched. One that wasn't follows from the proof.
func (p patchableProof) changedStatus(was patchableProof) string {
	if p.Status == was.Status {
		return ""
	}
	return p.Status
}
