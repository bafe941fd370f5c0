package hooks

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/google/uuid"

	"github.com/gatehouse-id/gatehouse/core/config"
	"github.com/gatehouse-id/gatehouse/core/flow"
	"github.com/gatehouse-id/gatehouse/core/identity"
	"github.com/gatehouse-id/gatehouse/hooks/abi"
)

// reply is what of an answer counts. Other keys are the service's own business: many echo the whole identity.
type reply struct {
	Identity *identityReply      `json:"identity"`
	Messages []abi.FieldMessages `json:"messages"`
}

type identityReply struct {
	SchemaID       string          `json:"schema_id"`
	State          string          `json:"state"`
	Traits         json.RawMessage `json:"traits"`
	MetadataPublic json.RawMessage `json:"metadata_public"`
	MetadataAdmin  json.RawMessage `json:"metadata_admin"`
	Verifiable     []addressReply  `json:"verifiable_addresses"`
}

type addressReply struct {
	Value      string     `json:"value"`
	Via        string     `json:"via"`
	Verified   bool       `json:"verified"`
	VerifiedAt *time.Time `json:"verified_at"`
	Status     string     `json:"status"`
}

const (
	maxMessages    = 50
	maxMessageText = 1000
)

// decision turns an answer into what becomes of the flow. Everything that is neither a success nor a readable refusal fails.
func (a *answer) decision(conf *config.WebHook, in *flow.HookInput) (flow.Decision, error) {
	switch failure := a.success(); {
	case failure == nil:
		if !conf.Response.Parse || !abi.Event(in.Point).ChangesIdentity() || len(bytes.TrimSpace(a.body)) == 0 {
			return flow.Decision{}, nil
		}
		r, err := readReply(a.body)
		if err != nil || r.Identity == nil {
			return flow.Decision{}, err
		}
		return flow.Decision{IdentityChanged: true}, r.Identity.apply(in.Identity)
	case a.status < 400 || !conf.Decides():
		return flow.Decision{}, failure
	default:
		r, err := readReply(a.body)
		if err != nil {
			return flow.Decision{}, fmt.Errorf("%w: %w", failure, err)
		}
		if len(r.Messages) == 0 {
			return flow.Decision{}, fmt.Errorf("%w and no messages", failure)
		}
		return flow.Decision{Messages: messages(r.Messages)}, nil
	}
}

// readReply reads an answer and refuses what could not be shown.
func readReply(body []byte) (*reply, error) {
	if !utf8.Valid(body) {
		return nil, errors.New("the answer is not UTF-8")
	}
	var r reply
	if err := json.Unmarshal(body, &r); err != nil {
		return nil, errors.New("the answer is not JSON of the right shape") // without quoting it
	}
	return &r, r.check()
}

func (r *reply) check() error {
	count := 0
	for i, f := range r.Messages {
		if len(f.Messages) == 0 {
			return fmt.Errorf("messages[%d] has no messages", i)
		}
		for n := range f.Messages {
			m := &f.Messages[n]
			if m.Type == "" {
				m.Type = "error"
			}
			if count++; count > maxMessages || len(m.Text) > maxMessageText {
				return fmt.Errorf("there are more than %d messages, or one has more than %d bytes", maxMessages, maxMessageText)
			}
			if m.ID < 0 || m.Text == "" || !slices.Contains([]string{"error", "info", "success"}, m.Type) {
				return fmt.Errorf("messages[%d].messages[%d] needs a text, and error, info or success as its type", i, n)
			}
		}
	}
	return nil
}

// apply changes an identity that is not stored yet, all of it or nothing. The traits are validated by the schema later, like
// any other input, and addresses follow from them: an answer can only say that one of them is verified.
func (r *identityReply) apply(i *identity.Identity) error {
	state := identity.State(r.State)
	switch {
	case r.SchemaID != "" && r.SchemaID != i.SchemaID:
		return errors.New("the answer has another schema_id, and an identity keeps its schema here")
	case r.State != "" && state != identity.Active && state != identity.Inactive:
		return errors.New("the answer's state is neither active nor inactive")
	case hasValue(r.Traits) && bytes.TrimSpace(r.Traits)[0] != '{':
		return errors.New("the answer's traits are not an object")
	}
	now := i.UpdatedAt
	addresses := slices.Clone(i.Verifiable)
	for _, a := range r.Verifiable {
		addresses = a.apply(addresses, hasValue(r.Traits), now)
	}
	i.Verifiable = addresses
	if hasValue(r.Traits) {
		i.Traits = r.Traits
	}
	replace(&i.MetadataPublic, r.MetadataPublic)
	replace(&i.MetadataAdmin, r.MetadataAdmin)
	if r.State != "" && state != i.State {
		i.State, i.StateChangedAt = state, now
	}
	return nil
}

func hasValue(raw json.RawMessage) bool { return len(raw) > 0 && string(raw) != "null" }

// apply notes in a list of addresses whether this one is verified. One that is not in the list is added only when new traits
// may bring it: it is dropped again when they don't.
func (a addressReply) apply(all []identity.VerifiableAddress, mayBeNew bool, now time.Time) []identity.VerifiableAddress {
	value := strings.TrimSpace(a.Value)
	if a.Via == identity.ViaEmail {
		value = strings.ToLower(value)
	}
	at := slices.IndexFunc(all, func(v identity.VerifiableAddress) bool { return v.Via == a.Via && v.Value == value })
	if at < 0 {
		if !mayBeNew {
			return all
		}
		all, at = append(all, identity.VerifiableAddress{ID: uuid.NewString(), Value: value, Via: a.Via, CreatedAt: now, UpdatedAt: now}), len(all)
	}
	v := &all[at]
	v.Verified, v.VerifiedAt, v.Status, v.UpdatedAt = a.Verified, nil, identity.StatusPending, now
	if !a.Verified {
		if a.Status == identity.StatusSent {
			v.Status = identity.StatusSent
		}
		return all
	}
	v.Status, v.VerifiedAt = identity.StatusCompleted, &now
	if a.VerifiedAt != nil {
		v.VerifiedAt = a.VerifiedAt
	}
	return all
}
