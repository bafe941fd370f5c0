package identity

import (
	"context"
	"slices"
	"strings"
	"time"
)

// Term is the value of a trait that administrators can search by.
type Term struct {
	Trait string `json:"trait"` // dotted, for example "name.last"
	Value string `json:"value"` // normalised as identifiers are
}

// Query asks for the identities with a value of a trait.
type Query struct {
	Term
	Prefix bool   // values that begin with it count too
	After  string // where the page before ended, or empty
	Limit  int    // 1..500
}

// Answers tells whether the identity is one that a query asks for.
func (i *Identity) Answers(q Query) bool {
	return slices.ContainsFunc(i.Search, func(t Term) bool {
		return t == q.Term || q.Prefix && t.Trait == q.Trait && strings.HasPrefix(t.Value, q.Value)
	})
}

// Receipt says what was made with an idempotency key, for a client that doesn't know whether its request came through.
type Receipt struct {
	Key        string    `json:"key"`    // a hash of what the client sent
	Digest     []byte    `json:"digest"` // keyed, of the request: another request with the same key is a mistake
	IdentityID string    `json:"identity_id"`
	ExpiresAt  time.Time `json:"expires_at"`
}

// Directory is a Store that administrators look things up in. No answer takes longer because there are more identities.
type Directory interface {
	Store
	// IdentitiesFrom lists in id order from a position on, and tells how many identities there are.
	IdentitiesFrom(ctx context.Context, offset, limit int) ([]*Identity, int, error)
	// Among reads the identities that exist of those asked for, in id order.
	Among(ctx context.Context, ids []string) ([]*Identity, error)
	// Identified finds the identities that have a credential of one of the types with the normalised identifier.
	Identified(ctx context.Context, types []CredentialType, identifier string) ([]*Identity, error)
	// ByExternalID finds the identity with an external id; ErrNotFound.
	ByExternalID(ctx context.Context, id string) (*Identity, error)
	// Search finds identities by a trait. The token of the next page is empty on the last one. ErrToken refuses a query
	// whose After is of another query.
	Search(ctx context.Context, q Query) (found []*Identity, next string, err error)
	// DeleteUnchanged is Delete of what was read; ErrChanged when it isn't the newest any more.
	DeleteUnchanged(ctx context.Context, i *Identity) error
	// CreateOnce is Create with a receipt; ErrRepeated when a valid one with its key exists.
	CreateOnce(ctx context.Context, i *Identity, r *Receipt) error
	// Receipt finds a valid receipt; ErrNotFound.
	Receipt(ctx context.Context, key string) (*Receipt, error)
}
