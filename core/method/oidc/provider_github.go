package oidc

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"

	"golang.org/x/oauth2"
)

// Where a provider wants the client's secret.
const (
	inParams = oauth2.AuthStyleInParams
	inHeader = oauth2.AuthStyleInHeader
)

var githubPlaces = places{
	authorize: "/login/oauth/authorize", token: "/login/oauth/access_token", userinfo: "https://api.github.com/user",
}

// github is a GitHub OAuth app.
var github = &kind{issuer: "https://github.com", places: githubPlaces, claims: githubClaims, style: inParams, confirm: "select_account"}

// githubApp is a GitHub app: what it may see stands in its settings there, not in scopes.
var githubApp = &kind{issuer: "https://github.com", places: githubPlaces, claims: githubClaims, style: inParams, confirm: "select_account"}

// githubClaims asks for the addresses as well: the profile shows one only if the person
// wants everybody to see it, and does not say whether it is verified.
func githubClaims(ctx context.Context, a *api) (Claims, error) {
	c, err := userinfoClaims(ctx, a)
	if err != nil {
		return nil, err
	}
	c.rename(map[string]string{"nickname": "login", "preferred_username": "login", "picture": "avatar_url", "profile": "html_url", "website": "blog"})
	delete(c, "email")
	c["iss"], c["sub"] = a.config.Provider, c.id("id")
	if a.config.Provider == "github" && !slices.Contains(a.config.Scope, "user:email") && !slices.Contains(a.config.Scope, "user") {
		return c, nil
	}
	raw, err := a.read(ctx, a.places.userinfo+"/emails")
	if err != nil {
		if a.config.Provider == "github-app" {
			return c, nil // the app was not given the permission
		}
		return nil, fmt.Errorf("asking for e-mail addresses: %w", err)
	}
	var emails []struct {
		Email             string
		Primary, Verified bool
	}
	if err := json.Unmarshal(raw, &emails); err != nil {
		return nil, fmt.Errorf("reading e-mail addresses: %w", err)
	}
	for _, e := range emails {
		if e.Primary {
			c["email"], c["email_verified"] = e.Email, e.Verified
		}
	}
	return c, nil
}
