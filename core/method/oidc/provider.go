package oidc

import (
	"context"
	"fmt"
	"net/url"
	"slices"
	"strings"
	"time"

	"golang.org/x/oauth2"

	"github.com/gatehouse-id/gatehouse/core/config"
)

// kind is how one kind of provider is spoken to. Each stands in a file of its own.
type kind struct {
	// issuer is who the provider is. "" means the issuer_url of the configuration, which also
	// counts where people run a provider of the kind themselves.
	issuer     string
	selfHosted bool
	// places are the fixed endpoints: absolute, or paths below the issuer. A kind without
	// them is asked for its endpoints (discovery).
	places places
	// style is how the token endpoint wants the client's secret, when it is not discovered.
	style oauth2.AuthStyle
	// scopes are asked for whatever the configuration says.
	scopes []string
	// separator of scopes when it isn't a space.
	separator string
	// claims reads who the person is with an access token. nil means that the ID token says it.
	claims func(ctx context.Context, a *api) (Claims, error)
	// secret makes the client's secret, where it is no fixed text.
	secret func(c *config.OIDCProvider, now time.Time) (string, error)
	// connect completes places that depend on the configuration.
	connect func(c *config.OIDCProvider, p *places) error
	// issuedBy tells whether the ID token, whose signature is right, is the provider's, where one
	// provider has many issuers. nil means the one issuer.
	issuedBy func(c *config.OIDCProvider, claims Claims) bool
	// subject corrects claims of the ID token.
	subject func(ctx context.Context, a *api, c Claims) error
	// answered adds to the claims what came beside the code.
	answered func(answer url.Values, c Claims)
	// formPost tells whether the answer has to come as a form.
	formPost func(c *config.OIDCProvider) bool
	// parameters changes the query of the address that people are sent to; again means
	// that they are to sign in there once more.
	parameters func(q url.Values, again bool)
	// confirm is the value of "prompt" that has people sign in again. "" means login.
	confirm string
	// allScopes says that a person who takes one of the scopes away has not agreed.
	allScopes bool
	// noPKCE says that the provider refuses code verifiers.
	noPKCE bool
	// check finds what is wrong in the configuration.
	check func(c *config.OIDCProvider) error
}

// places are where a provider does what.
type places struct{ authorize, token, userinfo, keys string }

// kinds is the table of providers by the name that configurations have for them.
var kinds = map[string]*kind{
	"apple": apple, "auth0": auth0, "discord": discord, "facebook": facebook, "generic": generic, "github": github,
	"github-app": githubApp, "gitlab": gitlab, "google": google, "linkedin": linkedin, "linkedin_v2": linkedin, "microsoft": microsoft,
	"slack": slack, "spotify": spotify, "vk": vk, "yandex": yandex,
}

// Kinds lists the kinds of provider.
func Kinds() []string {
	var names []string
	for name := range kinds {
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}

// kindOf finds the kind of a configured provider.
func kindOf(c *config.OIDCProvider) (*kind, error) {
	k := kinds[c.Provider]
	if k == nil {
		return nil, fmt.Errorf("provider: the kind %q is not known: use one of %s", c.Provider, strings.Join(Kinds(), ", "))
	}
	return k, nil
}

// validate finds what is wrong with a configured provider, beginning with the key.
func validate(c *config.OIDCProvider) error {
	k, err := kindOf(c)
	if err != nil {
		return err
	}
	if strings.Contains(c.ID, ":") {
		return fmt.Errorf("id: %q has a colon, which stands between the id and the subject in stored identifiers", c.ID)
	}
	if k.connect == nil && !absolute(k.issuerFor(c)) {
		return fmt.Errorf("issuer_url: name the provider, such as https://accounts.example.org (now %q)", c.IssuerURL)
	}
	if k.secret == nil && c.ClientSecret == "" && c.PKCE == never {
		return fmt.Errorf("pkce: a client without a secret needs it")
	}
	if !slices.Contains([]string{"", "auto", force, never}, c.PKCE) {
		return fmt.Errorf("pkce: %q is not one of auto, force, never", c.PKCE)
	}
	if !slices.Contains([]string{"", "id_token", userinfo}, c.ClaimsSource) {
		return fmt.Errorf("claims_source: %q is not one of id_token, userinfo", c.ClaimsSource)
	}
	if !slices.Contains([]string{"", never, automatic}, c.UpdateIdentityOnLogin) {
		return fmt.Errorf("update_identity_on_login: %q is not one of never, automatic", c.UpdateIdentityOnLogin)
	}
	if len(c.RequestedClaims) > 0 {
		if _, err := parseClaims(c.RequestedClaims); err != nil {
			return fmt.Errorf("requested_claims: %w", err)
		}
	}
	if k.check != nil {
		return k.check(c)
	}
	return nil
}

// issuerFor is who a configured provider says it is.
func (k *kind) issuerFor(c *config.OIDCProvider) string {
	if k.issuer == "" || k.selfHosted && c.IssuerURL != "" {
		return c.IssuerURL
	}
	return k.issuer
}

// Values of configuration keys.
const (
	force     = "force"
	never     = "never"
	automatic = "automatic"
	userinfo  = "userinfo"
)

// absolute tells whether the text is the URL of a site.
func absolute(text string) bool {
	u, err := url.Parse(text)
	return err == nil && (u.Scheme == "https" || u.Scheme == "http") && u.Host != "" && u.RawQuery == "" && u.Fragment == "" && u.User == nil
}

// label is what people call a provider.
func label(c *config.OIDCProvider) string {
	if c.Label != "" {
		return c.Label
	}
	return c.ID
}

// scopesOf are the configured scopes with those that the kind can't do without.
func scopesOf(k *kind, c *config.OIDCProvider) []string {
	all := slices.Clone(c.Scope)
	for _, s := range k.scopes {
		if !slices.Contains(all, s) {
			all = append(all, s)
		}
	}
	return all
}
