package oidc

import (
	"crypto/ecdsa"
	"crypto/rand"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"net/url"
	"slices"
	"time"

	"github.com/gatehouse-id/gatehouse/core/config"
)

// apple has client secrets that are signed for a few minutes, and answers by a POST when
// it is asked for the name or the address.
var apple = &kind{
	issuer: "https://appleid.apple.com",
	places: places{authorize: "/auth/authorize", token: "/auth/token", keys: "/auth/keys"},
	scopes: []string{"openid"},
	secret: appleSecret,
	formPost: func(c *config.OIDCProvider) bool {
		return slices.Contains(c.Scope, "email") || slices.Contains(c.Scope, "name")
	},
	answered: appleName,
	style:    inParams,
	check: func(c *config.OIDCProvider) error {
		switch {
		case c.TeamID == "":
			return errors.New("apple_team_id: is missing: it has ten characters and stands on the membership page at Apple")
		case c.PrivateKeyID == "":
			return errors.New("apple_private_key_id: is missing: it stands beside the key at Apple")
		}
		if _, err := appleKey(c); err != nil {
			return fmt.Errorf("apple_private_key: %w", err)
		}
		return nil
	},
}

// secretLife is how long a client secret counts.
const secretLife = 5 * time.Minute

// appleSecret is a JWT by which the client proves that it has the team's key.
func appleSecret(c *config.OIDCProvider, now time.Time) (string, error) {
	key, err := appleKey(c)
	if err != nil {
		return "", err
	}
	head, err := json.Marshal(map[string]any{"alg": "ES256", "kid": c.PrivateKeyID})
	if err != nil {
		return "", err
	}
	body, err := json.Marshal(map[string]any{
		"iss": c.TeamID, "sub": c.ClientID, "aud": "https://appleid.apple.com", "iat": now.Unix(), "exp": now.Add(secretLife).Unix(),
	})
	if err != nil {
		return "", err
	}
	text := base64.RawURLEncoding.EncodeToString(head) + "." + base64.RawURLEncoding.EncodeToString(body)
	digest := sha256.Sum256([]byte(text))
	r, s, err := ecdsa.Sign(rand.Reader, key, digest[:])
	if err != nil {
		return "", err
	}
	signature := append(r.FillBytes(make([]byte, 32)), s.FillBytes(make([]byte, 32))...)
	return text + "." + base64.RawURLEncoding.EncodeToString(signature), nil
}

func appleKey(c *config.OIDCProvider) (*ecdsa.PrivateKey, error) {
	block, _ := pem.Decode([]byte(c.PrivateKey))
	if block == nil {
		return nil, errors.New("it is no PEM: put the whole .p8 file there, with its first and last line")
	}
	key, err := x509.ParsePKCS8PrivateKey(block.Bytes)
	if err != nil {
		return nil, errors.New("it is no PKCS#8 key")
	}
	ec, ok := key.(*ecdsa.PrivateKey)
	if !ok || ec.Params().BitSize != 256 {
		return nil, errors.New("it is no EC key of 256 bits")
	}
	return ec, nil
}

// appleName reads the name that comes beside the code, at the first sign-in and never
// again. The browser could have changed it, as it could a field of a form.
func appleName(answer url.Values, c Claims) {
	var user struct {
		Name struct{ FirstName, LastName string }
	}
	if len(answer.Get("user")) > 1<<10 || json.Unmarshal([]byte(answer.Get("user")), &user) != nil {
		return
	}
	if user.Name.FirstName != "" {
		c["given_name"] = user.Name.FirstName
	}
	if user.Name.LastName != "" {
		c["family_name"], c["last_name"] = user.Name.LastName, user.Name.LastName
	}
}
