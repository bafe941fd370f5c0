package gateway

import (
	"errors"
	"fmt"
	"slices"

	"github.com/gatehouse-id/gatehouse/core/ceremony"
	"github.com/gatehouse-id/gatehouse/core/config"
	"github.com/gatehouse-id/gatehouse/core/identity"
	"github.com/gatehouse-id/gatehouse/core/method/passkey"
	"github.com/gatehouse-id/gatehouse/core/method/webauthn"
)

// webauthn makes the method of security keys.
func (g *Gateway) webauthn(o Options) (*webauthn.Method, error) {
	c := o.Config.SelfService.Methods.WebAuthn
	party, err := o.webauthnParty()
	if err != nil {
		return nil, err
	}
	return &webauthn.Method{
		Party: party, Passwordless: func() bool { return c.Config.Passwordless }, Identities: g.Store, WaysIn: g.waysIn,
		Account: g.displayName, Logger: o.Logger, Now: o.Now,
	}, nil
}

// passkey makes the method of passkeys.
func (g *Gateway) passkey(o Options) (*passkey.Method, error) {
	party, err := o.passkeyParty()
	if err != nil {
		return nil, err
	}
	return &passkey.Method{
		Party: party, Identities: g.Store, WaysIn: g.waysIn, Account: g.displayName,
		NameField: func() string { return g.displayField(o) }, Logger: o.Logger, Now: o.Now,
	}, nil
}

func (o Options) webauthnParty() (*ceremony.Party, error) {
	c := o.Config.SelfService.Methods.WebAuthn
	return o.party("webauthn", c.Enabled, c.Config.RP, ceremony.Settings{Verification: ceremony.Verification(c.Config.UserVerification)})
}

func (o Options) passkeyParty() (*ceremony.Party, error) {
	c := o.Config.SelfService.Methods.Passkey
	s := ceremony.Settings{Discoverable: true, Verification: ceremony.Verification(c.Config.UserVerification)}
	return o.party("passkey", c.Enabled, c.Config.RP, s)
}

// checkParties finds what is wrong with the sites that keys are made for.
func (o Options) checkParties() error {
	_, one := o.webauthnParty()
	_, other := o.passkeyParty()
	return errors.Join(one, other)
}

// party is the site that keys of a method are made for; nil when the method is off, or the site
// is one that browsers make no keys for.
func (o Options) party(method string, enabled bool, rp config.RelyingParty, s ceremony.Settings) (*ceremony.Party, error) {
	if !enabled {
		return nil, nil
	}
	s.ID, s.Name, s.Origins, s.Site = rp.ID, rp.DisplayName, rp.Origins, o.PublicURL()
	if rp.Origin != "" {
		s.Origins = append(slices.Clone(rp.Origins), rp.Origin)
	}
	p, err := ceremony.NewParty(s, o.Keys)
	switch {
	case errors.Is(err, ceremony.ErrNoDomain) && rp.ID == "":
		return nil, nil // a site that is reached by its address; it is told nothing that it has asked for
	case err != nil:
		return nil, fmt.Errorf("selfservice.methods.%s.config.rp: %w", method, err)
	}
	return p, nil
}

// waysIn counts what somebody can sign in with here.
func (g *Gateway) waysIn(i *identity.Identity) int { return g.Engine.WaysIn(i) }

// displayName is what devices call an account.
func (g *Gateway) displayName(i *identity.Identity) string {
	if s := g.Schemas.Get(i.SchemaID); s != nil {
		if name, err := s.DisplayName(i.Traits); err == nil && name != "" {
			return name
		}
	}
	return i.ID
}

// displayField is the node of the trait that displayName reads when somebody registers.
func (g *Gateway) displayField(o Options) string {
	fields := g.Schemas.Get(o.Config.Identity.DefaultSchemaID).Fields()
	for _, f := range fields {
		if f.Displayed {
			return f.Path
		}
	}
	for _, f := range fields {
		if len(f.Identifies) > 0 {
			return f.Path
		}
	}
	return ""
}
