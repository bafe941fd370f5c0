// Package oidc is the credential method "oidc": people sign up and in with an account that they have at another site.
//
// Each kind of provider has a row in the table kinds. What they all have in common,
// the way there and back (trip.go) and what is known of a provider (connection.go),
// does not depend on any of them.
package oidc

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"sync"
	"time"

	"golang.org/x/oauth2"

	"github.com/gatehouse-id/gatehouse/core/apierror"
	"github.com/gatehouse-id/gatehouse/core/config"
	"github.com/gatehouse-id/gatehouse/core/flow"
	"github.com/gatehouse-id/gatehouse/core/identity"
	"github.com/gatehouse-id/gatehouse/core/secret"
	"github.com/gatehouse-id/gatehouse/core/session"
	"github.com/gatehouse-id/gatehouse/internal/egress"
	"github.com/gatehouse-id/gatehouse/internal/jsonnet"
)

// Method signs people in and up with accounts of other sites. All fields must be set.
type Method struct {
	Identities identity.Store
	Config     func() *config.OIDCMethod // in force
	Caller     Caller
	Source     egress.Source // of mappers
	Sandbox    *jsonnet.Sandbox
	// PluginsMap says that plugins map claims, so that a provider needs no mapper of its own.
	PluginsMap bool
	Keys       *secret.Keys // seal tokens
	Logger     *slog.Logger
	Now        func() time.Time
	// WaysIn counts what somebody can sign in with here, by whichever method.
	WaysIn func(i *identity.Identity) int

	connections connections
	mu          sync.Mutex
	mappers     map[string]Mapper // by mapper_url; guarded by mu
}

// patience is how long a person waits for a provider, over all that is asked of it.
const patience = 5 * time.Second

// Name implements flow.Method.
func (m *Method) Name() identity.CredentialType { return identity.OIDC }

// Enabled implements flow.Method.
func (m *Method) Enabled() bool { return m.Config().Enabled }

// Proves implements flow.LoginMethod: an account elsewhere is a first factor.
func (m *Method) Proves(level session.AAL) bool { return level == session.AAL1 }

// Claims implements flow.Claimer.
func (m *Method) Claims(s flow.Submission) bool {
	return s.String("provider") != "" || s.String("link") != "" || s.String("unlink") != ""
}

// Prepare reads all mappers and finds what is wrong in the configuration, without a
// question to any provider.
func (m *Method) Prepare(ctx context.Context) error {
	if !m.Enabled() {
		return nil
	}
	for n := range m.Config().Config.Providers {
		p := &m.Config().Config.Providers[n]
		where := fmt.Sprintf("selfservice.methods.oidc.config.providers[%d]", n)
		if err := validate(p); err != nil {
			return fmt.Errorf("%s.%w", where, err)
		}
		if err := m.prepareMapper(ctx, p); err != nil {
			return fmt.Errorf("%s.mapper_url: %w", where, err)
		}
	}
	return nil
}

func (m *Method) prepareMapper(ctx context.Context, p *config.OIDCProvider) error {
	if p.MapperURL == "" && m.PluginsMap {
		return nil
	}
	if p.MapperURL == "" {
		return fmt.Errorf("is missing: name the Jsonnet file that maps claims to traits, or bind a plugin to %s", flow.MapClaims)
	}
	_, err := m.mapper(ctx, p)
	return err
}

// mapper reads a provider's mapper once.
func (m *Method) mapper(ctx context.Context, p *config.OIDCProvider) (Mapper, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if found := m.mappers[p.MapperURL]; found != nil {
		return found, nil
	}
	source, err := m.Source.Read(ctx, p.MapperURL)
	if err != nil {
		return nil, fmt.Errorf("reading the claims mapper: %w", err)
	}
	program, err := jsonnet.New("mapper", string(source))
	if err != nil {
		return nil, fmt.Errorf("reading the claims mapper: %w", err)
	}
	if m.mappers == nil {
		m.mappers = map[string]Mapper{}
	}
	m.mappers[p.MapperURL] = jsonnetMapper{program, m.Sandbox}
	return m.mappers[p.MapperURL], nil
}

// provider finds a configured provider.
func (m *Method) provider(id string) (*config.OIDCProvider, error) {
	all := m.Config().Config.Providers
	n := slices.IndexFunc(all, func(p config.OIDCProvider) bool { return p.ID == id })
	if n < 0 {
		return nil, apierror.NotFound("The provider %.64q is not configured.", id)
	}
	return &all[n], nil
}

// failed logs why something can't go on, for the operator, and returns what the person is told.
func (m *Method) failed(ctx context.Context, p *config.OIDCProvider, what string, why error, told *apierror.Error) error {
	m.Logger.WarnContext(ctx, what, "provider", p.ID, "error", why)
	return told
}

// proof makes of the claims what the engine goes on with.
func (m *Method) proof(ctx context.Context, p *config.OIDCProvider, c Claims, t *oauth2.Token) (*flow.Proof, error) {
	a := Account{Subject: c.subject(), Provider: p.ID, AccessToken: t.AccessToken, RefreshToken: t.RefreshToken}
	a.IDToken, _ = t.Extra("id_token").(string)
	out := &flow.Proof{Site: p.ID, Label: label(p), Identifier: a.identifier()}
	var err error
	if out.Config, err = json.Marshal(a); err != nil {
		return nil, fmt.Errorf("encoding an account at provider %s: %w", p.ID, err)
	}
	if out.Claims, err = c.forMapper(); err != nil {
		return nil, err
	}
	if err := m.mapClaims(ctx, p, out); err != nil {
		return nil, m.failed(ctx, p, "mapping claims", err, flow.Unmappable(label(p)))
	}
	if email := c.text("email"); email != "" && c.flag("email_verified") {
		out.Address = identity.Address{Via: identity.ViaEmail, Value: email}
	}
	return out, nil
}

// mapClaims has the provider's mapper say what a new identity is to be. Without one,
// plugins say all of it.
func (m *Method) mapClaims(ctx context.Context, p *config.OIDCProvider, out *flow.Proof) error {
	out.Traits = map[string]any{}
	if p.MapperURL == "" {
		return nil
	}
	mapper, err := m.mapper(ctx, p)
	if err != nil {
		return err
	}
	raw, err := mapper.Map(ctx, out.Claims)
	if _, own := errors.AsType[*jsonnet.Error](err); own {
		// Not its text: a mapper may put any claim into an error.
		return errors.New("the mapper ended with an error of its own")
	}
	if err != nil {
		return err
	}
	made, err := parseMapped(raw)
	if err != nil {
		return err
	}
	if out.Traits, err = made.traits(); errors.Is(err, errNoTraits) {
		m.Logger.WarnContext(ctx, "mapping claims", "provider", p.ID, "error", err)
	}
	out.MetadataPublic, out.MetadataAdmin = object(made.Identity.MetadataPublic), object(made.Identity.MetadataAdmin)
	out.Verified = made.verified()
	return nil
}
