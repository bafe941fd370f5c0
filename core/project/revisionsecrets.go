package project

import (
	"encoding/json"
	"fmt"
	"maps"
	"net/url"
	"slices"
	"strings"

	"github.com/gatehouse-id/gatehouse/core/apierror"
)

// covered begins what stands in the place of a secret: "redacted:<revision>:<path>". It says which
// secret of which revision is meant, so that a client that sends it back keeps that secret, and it
// tells nothing about the secret.
const covered = "redacted:"

// secretLists are the keys whose items are secrets.
var secretLists = []string{keyDefaultSecrets, keyCookieSecrets, keyCipherSecrets}

const (
	keySMTP    = "kratos_courier_smtp_connection_uri"
	keyHeaders = "kratos_courier_smtp_headers"
)

// cover is what a client sees of the secret at a path.
func (r *Revision) cover(path string) string { return covered + r.mark() + ":" + path }

// mark is enough of the id to tell revisions of one project apart.
func (r *Revision) mark() string { return r.ID[:min(8, len(r.ID))] }

// Redacted is the revision as clients may see it.
func (r *Revision) Redacted() *Revision {
	out := *r
	out.Settings = maps.Clone(r.Settings)
	_ = out.eachSecret(func(path, secret string) (string, error) { return r.cover(path), nil })
	return &out
}

// Restore puts the secrets back that a client has seen covered and sent back so, and those lists of
// secrets that it has left out. Errors are for the client.
func (r *Revision) Restore(previous *Revision) error {
	known := map[string]string{}
	_ = previous.copied().eachSecret(func(path, secret string) (string, error) {
		known[previous.cover(path)] = secret
		return secret, nil
	})
	r.Settings = maps.Clone(r.Settings)
	err := r.eachSecret(func(path, given string) (string, error) {
		if !strings.HasPrefix(given, covered) {
			return given, nil
		}
		secret, ok := known[given]
		if !ok {
			return "", apierror.BadRequest("%s: %q stands for a secret of another revision. Read the project again, or send the secret itself.", path, cut(given))
		}
		return secret, nil
	})
	if err != nil {
		return err
	}
	return r.keepLists(previous)
}

// keepLists keeps lists of secrets that were left out. To empty one would sign everybody out, or lock their second factors away.
func (r *Revision) keepLists(previous *Revision) error {
	for _, key := range secretLists {
		old, had := previous.Settings[key]
		_, given := r.Settings[key]
		switch {
		case given && r.lacks(key) && had && !previous.lacks(key):
			return apierror.BadRequest("%s: is empty: a project keeps at least one secret. Leave the key out to keep those that there are.", key)
		case !given && had:
			if r.Settings == nil {
				r.Settings = map[string]json.RawMessage{}
			}
			r.Settings[key] = old
		}
	}
	return nil
}

func (r *Revision) copied() *Revision {
	out := *r
	out.Settings = maps.Clone(r.Settings)
	return &out
}

// eachSecret replaces every secret by what replace makes of it. Paths are those of the API, such as
// kratos_secrets_default[0].
func (r *Revision) eachSecret(replace func(path, secret string) (string, error)) error {
	v := &visit{r: r, replace: replace}
	for _, key := range secretLists {
		visitList(v, key, func(n int, s *string) {
			*s = v.secret(fmt.Sprintf("%s[%d]", key, n), *s)
		})
	}
	visitList(v, keyProviders, func(n int, p *providerRow) {
		p.Secret = v.secret(fmt.Sprintf("%s[%d].client_secret", keyProviders, n), p.Secret)
		p.AppleKey = v.secret(fmt.Sprintf("%s[%d].apple_private_key", keyProviders, n), p.AppleKey)
	})
	visitList(v, keyHooks, func(n int, h *hookRow) {
		h.Password = v.secret(fmt.Sprintf("%s[%d].web_hook_config_auth_basic_auth_password", keyHooks, n), h.Password)
		h.KeyValue = v.secret(fmt.Sprintf("%s[%d].web_hook_config_auth_api_key_value", keyHooks, n), h.KeyValue)
	})
	v.smtp()
	v.headers()
	return v.err
}

// visit is one walk over the secrets of a revision.
type visit struct {
	r       *Revision
	replace func(path, secret string) (string, error)
	err     error
}

func (v *visit) secret(path, secret string) string {
	if secret == "" || v.err != nil {
		return secret
	}
	out, err := v.replace(path, secret)
	if err != nil {
		v.err = err
	}
	return out
}

func (v *visit) store(key string, value any) {
	raw, err := json.Marshal(value)
	if err != nil {
		v.err = err
		return
	}
	v.r.Settings[key] = raw
}

// visitList visits the items of a list that is set.
func visitList[T any](v *visit, key string, item func(n int, it *T)) {
	if _, ok := v.r.Settings[key]; !ok || v.err != nil {
		return
	}
	list := get[[]T](v.r, key)
	for n := range list {
		item(n, &list[n])
	}
	v.store(key, list)
}

// smtp visits the password in the URI of the mail server.
func (v *visit) smtp() {
	u, err := url.Parse(get[string](v.r, keySMTP))
	if err != nil || u.User == nil {
		if err != nil { // it can't be used either, and may hold a password all the same
			v.store(keySMTP, v.secret(keySMTP, get[string](v.r, keySMTP)))
		}
		return
	}
	if password, ok := u.User.Password(); ok {
		u.User = url.UserPassword(u.User.Username(), v.secret(keySMTP, password))
		v.store(keySMTP, u.String())
	}
}

// telling are parts of the names of headers whose values are secrets.
var telling = []string{"auth", "key", "token", "secret", "password"}

func (v *visit) headers() {
	all := get[map[string]string](v.r, keyHeaders)
	if all == nil {
		return
	}
	for name, value := range all {
		if slices.ContainsFunc(telling, func(part string) bool { return strings.Contains(strings.ToLower(name), part) }) {
			all[name] = v.secret(keyHeaders+"."+name, value)
		}
	}
	v.store(keyHeaders, all)
}
