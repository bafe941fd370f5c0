package selfservice

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"time"

	"github.com/gatehouse-id/gatehouse/core/apierror"
	"github.com/gatehouse-id/gatehouse/core/identity"
)

// receiptLifespan is how long a creation can be repeated.
const receiptLifespan = 24 * time.Hour

const receiptPurpose = "idempotent request"

// Once identifies a request that a client repeats when it doesn't know whether it came through.
type Once struct {
	Key     string // made up by the client
	Request []byte // the whole request, which must be the same
}

// CreateOnce is Create, save that the same request makes one identity however often it comes. repeated tells that it was
// made before. What becomes of a request that failed is not remembered: it can be corrected and sent again.
func (a *Accounts) CreateOnce(ctx context.Context, n Account, once Once) (i *identity.Identity, repeated bool, err error) {
	name := sha256.Sum256([]byte(once.Key))
	r := &identity.Receipt{
		Key: hex.EncodeToString(name[:]), Digest: a.Keys.MAC(receiptPurpose, once.Request), ExpiresAt: a.Now().Add(receiptLifespan).UTC(),
	}
	if i, err = a.made(ctx, r.Key, once.Request); !errors.Is(err, identity.ErrNotFound) {
		return i, err == nil, err
	}
	if i, err = a.prepare(ctx, n); err != nil {
		return nil, false, err
	}
	r.IdentityID = i.ID
	err = a.Identities.CreateOnce(ctx, i, r)
	if errors.Is(err, identity.ErrRepeated) {
		i, err = a.made(ctx, r.Key, once.Request)
		return i, err == nil, err
	}
	return i, false, a.stored(err)
}

// made finds what a request has made before; identity.ErrNotFound when it is the first one.
func (a *Accounts) made(ctx context.Context, key string, request []byte) (*identity.Identity, error) {
	r, err := a.Identities.Receipt(ctx, key)
	if err != nil {
		return nil, err
	}
	if !a.Keys.Verify(receiptPurpose, request, r.Digest) {
		return nil, apierror.Unprocessable("The Idempotency-Key was used for another request. Please make up a new one.")
	}
	i, err := a.Identities.Identity(ctx, r.IdentityID)
	if errors.Is(err, identity.ErrNotFound) {
		return nil, apierror.Conflict("The identity that was made with this Idempotency-Key has been deleted.")
	}
	return i, err
}
