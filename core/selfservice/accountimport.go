package selfservice

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"

	"github.com/gatehouse-id/gatehouse/core/apierror"
	"github.com/gatehouse-id/gatehouse/core/flow"
	"github.com/gatehouse-id/gatehouse/core/hash"
	"github.com/gatehouse-id/gatehouse/core/identity"
)

// importedPassword is how a password comes from another system. Of both, the hash counts.
type importedPassword struct {
	Password       string `json:"password"`
	HashedPassword string `json:"hashed_password"`
	// UseHook asks for a hook that compares the password at the first sign-in. There is none.
	UseHook bool `json:"use_password_migration_hook"`
}

// importedLinks are social sign-ins that come from another system.
type importedLinks struct {
	Providers []struct {
		Provider string `json:"provider"`
		Subject  string `json:"subject"`
		// Organization and UseAutoLink belong to what there is in Ory's network only.
		Organization json.RawMessage `json:"organization"`
		UseAutoLink  bool            `json:"use_auto_link"`
	} `json:"providers"`
}

// importAll adds credentials to an identity.
func (a *Accounts) importAll(ctx context.Context, i *identity.Identity, configs map[identity.CredentialType]json.RawMessage) error {
	for _, t := range slices.Sorted(maps.Keys(configs)) {
		if err := a.importOne(ctx, i, t, configs[t]); err != nil {
			return err
		}
	}
	return nil
}

func (a *Accounts) importOne(ctx context.Context, i *identity.Identity, t identity.CredentialType, config json.RawMessage) error {
	switch t {
	case identity.Password:
		return a.importPassword(ctx, i, config)
	case identity.OIDC:
		return a.importLinks(i, config)
	case identity.TOTP, identity.LookupSecret:
		if there, err := a.unpack(i, t, config); there || err != nil {
			return err
		}
	}
	for _, m := range a.Methods {
		if im, ok := m.(flow.ImportMethod); ok && m.Name() == t {
			return im.Import(i, config)
		}
	}
	return apierror.BadRequest("Credentials of the type %q can't be imported.", shorten(string(t)))
}

func (a *Accounts) importPassword(ctx context.Context, i *identity.Identity, config json.RawMessage) error {
	p, err := a.hashed(ctx, config)
	if err != nil || p == "" {
		return err
	}
	i.SetPassword(p, a.Now())
	return nil
}

// hashed reads an imported password and makes a hash of it, if it is none; "" when there is no password.
func (a *Accounts) hashed(ctx context.Context, config json.RawMessage) (string, error) {
	var p importedPassword
	if err := strictly(identity.Password, config, &p); err != nil {
		return "", err
	}
	switch {
	case p.UseHook:
		return "", apierror.BadRequest("There is no hook to migrate passwords: import the hashed_password instead.")
	case p.HashedPassword != "":
		if err := a.Known(p.HashedPassword); err != nil {
			return "", apierror.BadRequest("The hashed_password can't be imported: %s.", err)
		}
		return p.HashedPassword, nil
	case p.Password == "":
		return "", nil
	}
	h, err := a.Hash(ctx, p.Password)
	switch {
	case errors.Is(err, hash.ErrBusy):
		return "", apierror.TooManyRequests("Too many passwords are being hashed. Please try again shortly.").WithCause(err)
	case errors.Is(err, hash.ErrTooLong):
		return "", apierror.BadRequest("The password can't be hashed: %s.", err)
	case err != nil:
		return "", fmt.Errorf("hashing a password: %w", err)
	}
	return h, nil
}

// hashFirst replaces a clear-text password by its hash, for changes that may have to be made again.
func (a *Accounts) hashFirst(ctx context.Context, configs map[identity.CredentialType]json.RawMessage) (map[identity.CredentialType]json.RawMessage, error) {
	config, there := configs[identity.Password]
	if !there {
		return configs, nil
	}
	h, err := a.hashed(ctx, config)
	if err != nil {
		return nil, err
	}
	out := maps.Clone(configs)
	out[identity.Password], err = json.Marshal(importedPassword{HashedPassword: h})
	return out, err
}

func (a *Accounts) importLinks(i *identity.Identity, config json.RawMessage) error {
	var links importedLinks
	if err := strictly(identity.OIDC, config, &links); err != nil {
		return err
	}
	for _, l := range links.Providers {
		if l.Provider == "" || l.Subject == "" {
			return apierror.BadRequest("A link of the type oidc needs both a provider and a subject.")
		}
		if l.UseAutoLink {
			return apierror.BadRequest("Links are not made on their own at the first sign-in: leave use_auto_link out.")
		}
		if err := i.Link(l.Provider, l.Subject, a.Now()); err != nil {
			return fmt.Errorf("linking identity %s: %w", i.ID, err)
		}
	}
	return nil
}

// strictly decodes a credential that was handed over. Keys that nobody reads are refused.
func strictly(t identity.CredentialType, config json.RawMessage, into any) error {
	if len(config) == 0 {
		return nil
	}
	d := json.NewDecoder(bytes.NewReader(config))
	d.DisallowUnknownFields()
	if err := d.Decode(into); err != nil {
		return apierror.BadRequest("The credentials of the type %s can't be read: %s.", t, err)
	}
	return nil
}
