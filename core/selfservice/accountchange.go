package selfservice

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/gatehouse-id/gatehouse/core/apierror"
	"github.com/gatehouse-id/gatehouse/core/identity"
)

// Match tells whether a revision of an identity is one that an administrator has seen. nil means that any will do.
type Match func(revision int64) bool

// Replace gives an identity new traits, metadata, state and external id. Credentials are added, those it has stay.
func (a *Accounts) Replace(ctx context.Context, id string, n Account, match Match) (*identity.Identity, error) {
	creds, err := a.hashFirst(ctx, n.Credentials)
	if err != nil {
		return nil, err
	}
	return a.change(ctx, id, match, func(i *identity.Identity) error {
		if err := a.fill(i, n); err != nil {
			return err
		}
		return a.importAll(ctx, i, creds)
	})
}

// changeAttempts bounds how often a change is made again that another one overtook.
const changeAttempts = 5

// change reads an identity, changes it and stores it, again if somebody else was faster. With a Match the second attempt
// finds that the revision is another one.
func (a *Accounts) change(ctx context.Context, id string, match Match, with func(i *identity.Identity) error) (*identity.Identity, error) {
	for range changeAttempts {
		i, err := a.matched(ctx, id, match)
		if err != nil {
			return nil, err
		}
		i = i.Clone()
		if err := with(i); err != nil {
			return nil, err
		}
		i.UpdatedAt = a.Now().UTC()
		err = a.Identities.Update(ctx, i)
		if errors.Is(err, identity.ErrNotFound) {
			return nil, apierror.NoRecord()
		}
		if !errors.Is(err, identity.ErrChanged) {
			return i, a.stored(err)
		}
	}
	return nil, apierror.Conflict("The identity is being changed by others at this moment. Please try again.")
}

// matched reads the identity that is about to be changed.
func (a *Accounts) matched(ctx context.Context, id string, match Match) (*identity.Identity, error) {
	i, err := a.Identities.Identity(ctx, id)
	switch {
	case errors.Is(err, identity.ErrNotFound):
		return nil, apierror.NoRecord()
	case err != nil:
		return nil, fmt.Errorf("reading identity %s: %w", id, err)
	case match != nil && !match(i.Revision):
		return nil, errNotMatched
	}
	return i, nil
}

var errNotMatched = apierror.Precondition("The identity is not as If-Match says. Read it again, and repeat the change.")

// Delete removes an identity. Its sessions end with it or first, so that a failure in between leaves nobody signed in.
func (a *Accounts) Delete(ctx context.Context, id string, match Match) error {
	i, err := a.matched(ctx, id, match)
	if err != nil {
		return err
	}
	if match != nil {
		err = a.Identities.DeleteUnchanged(ctx, i) // ends the sessions with it
	} else {
		err = a.deleteAny(ctx, id)
	}
	switch {
	case errors.Is(err, identity.ErrNotFound):
		return apierror.NoRecord()
	case errors.Is(err, identity.ErrChanged):
		return errNotMatched
	}
	return err
}

func (a *Accounts) deleteAny(ctx context.Context, id string) error {
	if err := a.Sessions.RevokeAll(ctx, id); err != nil {
		return fmt.Errorf("ending the sessions of %s: %w", id, err)
	}
	return a.Identities.Delete(ctx, id)
}

// removable are the credentials that an administrator can take away. Those for codes and passkeys come from the traits.
var removable = []identity.CredentialType{
	identity.Password, identity.OIDC, identity.TOTP, identity.LookupSecret, identity.WebAuthn,
}

// RemoveCredential takes a credential away. Of a social sign-in the identifier says which link it is.
func (a *Accounts) RemoveCredential(ctx context.Context, id string, t identity.CredentialType, identifier string, match Match) (*identity.Identity, error) {
	if !slices.Contains(removable, t) {
		return nil, apierror.BadRequest("A credential of the type %q can't be removed.", shorten(string(t)))
	}
	if t == identity.OIDC && identifier == "" {
		return nil, apierror.BadRequest("The parameter identifier must say which link of the type oidc is to be removed.")
	}
	return a.change(ctx, id, match, func(i *identity.Identity) error {
		if t == identity.OIDC && i.Unlink(identifier, a.Now()) || i.RemoveCredential(t, a.Now()) {
			return nil
		}
		return apierror.NoRecord()
	})
}
