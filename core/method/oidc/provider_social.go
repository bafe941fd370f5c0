package oidc

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"net/url"
	"strings"
)

// facebook wants each question to prove that the asker knows the client's secret.
var facebook = &kind{
	issuer: "https://www.facebook.com",
	places: places{
		authorize: "/dialog/oauth", token: "https://graph.facebook.com/oauth/access_token",
		userinfo: "https://graph.facebook.com/me?fields=id,name,first_name,last_name,middle_name,email,website,birthday,gender",
	},
	claims: func(ctx context.Context, a *api) (Claims, error) {
		mac := hmac.New(sha256.New, []byte(a.config.ClientSecret))
		mac.Write([]byte(a.token.AccessToken))
		c, err := a.get(ctx, a.places.userinfo+"&appsecret_proof="+hex.EncodeToString(mac.Sum(nil)))
		if err != nil {
			return nil, err
		}
		c.rename(map[string]string{"given_name": "first_name", "family_name": "last_name"})
		if day := strings.Split(c.text("birthday"), "/"); len(day) == 3 {
			c["birthdate"] = day[2] + "-" + day[0] + "-" + day[1]
		}
		c["sub"], c["iss"] = c.id("id"), "https://graph.facebook.com"
		return c, nil
	},
	parameters: func(q url.Values, again bool) {
		if again {
			q.Del("prompt")
			q.Set("auth_type", "reauthenticate")
		}
	},
	style: inParams,
}

// discord shows its question anew only to those who have not answered it before.
var discord = &kind{
	issuer: "https://discord.com",
	places: places{authorize: "/oauth2/authorize", token: "/api/oauth2/token", userinfo: "/api/users/@me"},
	claims: func(ctx context.Context, a *api) (Claims, error) {
		c, err := userinfoClaims(ctx, a)
		if err != nil {
			return nil, err
		}
		c.rename(map[string]string{"nickname": "username", "preferred_username": "username", "email_verified": "verified"})
		c["iss"], c["sub"] = "https://discord.com", c.id("id")
		if name := c.text("global_name"); name != "" {
			c["name"] = name
		}
		if avatar := c.text("avatar"); avatar != "" {
			c["picture"] = "https://cdn.discordapp.com/avatars/" + url.PathEscape(c.id("id")) + "/" + url.PathEscape(avatar) + ".png"
		}
		return c, nil
	},
	parameters: func(q url.Values, again bool) {
		if !again {
			q.Set("prompt", "none")
		}
	},
	confirm: "consent", allScopes: true, style: inParams,
}

// slack is its older way to sign in, which configurations name the scopes of.
var slack = &kind{
	issuer: "https://slack.com",
	places: places{authorize: "/oauth/authorize", token: "/api/oauth.access", userinfo: "/api/users.identity"},
	claims: func(ctx context.Context, a *api) (Claims, error) {
		c, err := userinfoClaims(ctx, a)
		if err != nil {
			return nil, err
		}
		if c["ok"] != true {
			return nil, errors.New("the provider's API answered with an error")
		}
		user, team := c.below("user"), c.below("team")
		out := user.rename(map[string]string{"nickname": "name", "picture": "image_512"})
		out["iss"], out["sub"], out["team"] = "https://slack.com", user.id("id"), team.id("id")
		return out, nil // whether the address is verified Slack doesn't say: a workspace's owner may have written it
	},
	separator: ",", allScopes: true, noPKCE: true, style: inParams,
}

// spotify wants the client's secret in a header.
var spotify = &kind{
	issuer: "https://accounts.spotify.com",
	places: places{authorize: "/authorize", token: "/api/token", userinfo: "https://api.spotify.com/v1/me"},
	claims: func(ctx context.Context, a *api) (Claims, error) {
		c, err := userinfoClaims(ctx, a)
		if err != nil {
			return nil, err
		}
		c.rename(map[string]string{"name": "display_name", "nickname": "display_name", "birthdate": "birthdate"})
		c["iss"], c["sub"] = "https://accounts.spotify.com", c.id("id")
		c["profile"] = c.below("external_urls").text("spotify")
		if pictures, ok := c["images"].([]any); ok && len(pictures) > 0 {
			if first, ok := pictures[0].(map[string]any); ok {
				c["picture"] = Claims(first).text("url")
			}
		}
		return c, nil
	},
	parameters: func(q url.Values, again bool) {
		if again {
			q.Del("prompt")
			q.Set("show_dialog", "true")
		}
	},
	allScopes: true, style: inHeader,
}

// vk tells the e-mail address with the token and nowhere else.
var vk = &kind{
	issuer: "https://oauth.vk.com",
	places: places{
		authorize: "/authorize", token: "/access_token",
		userinfo: "https://api.vk.com/method/users.get?fields=photo_200,nickname,bdate,sex&v=5.199",
	},
	claims: func(ctx context.Context, a *api) (Claims, error) {
		all, err := a.get(ctx, a.places.userinfo+"&access_token="+url.QueryEscape(a.token.AccessToken))
		if err != nil {
			return nil, err
		}
		users, _ := all["response"].([]any)
		if len(users) != 1 {
			return nil, errors.New("the provider's API answered with an error")
		}
		user, _ := users[0].(map[string]any)
		c := Claims(user)
		if c == nil {
			return nil, errClaims
		}
		c.rename(map[string]string{"given_name": "first_name", "family_name": "last_name", "picture": "photo_200", "birthdate": "bdate"})
		c["iss"], c["sub"] = "https://oauth.vk.com", c.id("id")
		delete(c, "email")
		if email, ok := a.token.Extra("email").(string); ok {
			c["email"] = email
		}
		switch sex, _ := c["sex"].(json.Number); sex {
		case "1":
			c["gender"] = "female"
		case "2":
			c["gender"] = "male"
		}
		return c, nil
	},
	confirm: "", noPKCE: true, style: inParams,
	parameters: func(q url.Values, again bool) {
		if again {
			q.Del("prompt")
			q.Set("revoke", "1")
		}
	},
}
