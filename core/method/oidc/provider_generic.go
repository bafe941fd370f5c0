package oidc

import (
	"context"
	"net/url"
	"slices"
	"strings"
	"time"
)

// generic is any provider that speaks OpenID Connect and can be discovered.
var generic = &kind{scopes: []string{"openid"}}

// google can be discovered like any other. What others have a scope for, refresh tokens,
// it has a parameter for.
var google = &kind{
	issuer: "https://accounts.google.com", scopes: []string{"openid"},
	parameters: func(q url.Values, _ bool) {
		all := strings.Fields(q.Get("scope"))
		if n := slices.Index(all, "offline_access"); n >= 0 {
			q.Set("scope", strings.Join(slices.Delete(all, n, n+1), " "))
			q.Set("access_type", "offline")
		}
	},
}

// auth0 is asked for the person at its userinfo endpoint, whose answer has all claims. It
// writes a time as text where the standard has a number.
var auth0 = &kind{
	places: places{authorize: "/authorize", token: "/oauth/token", userinfo: "/userinfo"},
	claims: func(ctx context.Context, a *api) (Claims, error) {
		c, err := userinfoClaims(ctx, a)
		if err != nil {
			return nil, err
		}
		if at, err := time.Parse(time.RFC3339, c.text("updated_at")); err == nil {
			c["updated_at"] = at.Unix()
		}
		return c, nil
	},
}

// gitlab is gitlab.com, or an installation of one's own.
var gitlab = &kind{
	issuer: "https://gitlab.com", selfHosted: true,
	places: places{authorize: "/oauth/authorize", token: "/oauth/token", userinfo: "/oauth/userinfo"},
	claims: userinfoClaims,
}

// linkedin sends ID tokens without the nonce that it was given, and refuses code
// verifiers from clients that have a secret.
var linkedin = &kind{
	issuer: "https://www.linkedin.com",
	places: places{authorize: "/oauth/v2/authorization", token: "/oauth/v2/accessToken", userinfo: "https://api.linkedin.com/v2/userinfo"},
	scopes: []string{"openid"}, claims: userinfoClaims, noPKCE: true, style: inParams,
}

// yandex says OAuth where others say Bearer.
var yandex = &kind{
	issuer: "https://oauth.yandex.com",
	places: places{authorize: "/authorize", token: "/token", userinfo: "https://login.yandex.ru/info?format=json"},
	claims: func(ctx context.Context, a *api) (Claims, error) {
		a.scheme = "OAuth"
		c, err := userinfoClaims(ctx, a)
		if err != nil {
			return nil, err
		}
		c.rename(map[string]string{
			"given_name": "first_name", "family_name": "last_name", "name": "real_name", "nickname": "login",
			"email": "default_email", "gender": "sex", "birthdate": "birthday",
		})
		c["sub"] = c.id("id")
		if avatar := c.text("default_avatar_id"); avatar != "" && c["is_avatar_empty"] != true {
			c["picture"] = "https://avatars.yandex.net/get-yapic/" + avatar + "/islands-200"
		}
		return c, nil
	},
	confirm: "force_confirm", style: inParams,
}
