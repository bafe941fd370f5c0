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

// place is where a revision has a secret.
type place struct {
	path string // that of the API, such as kratos_secrets_default[0]
	// use is what the secret is for and where it is sent. A cover holds for that alone: who may change a project
	// could otherwise have its secrets sent to a server of their own, and read them there.
	use string
}

// use names a use so that no two have the same name.
func use(parts ...string) string { return fmt.Sprintf("%q", parts) }

// cover is what a client sees of the secret at a path.
func (r *Revision) cover(path string) string { return covered + r.mark() + ":" + path }

// mark is enough of the id to tell revisions of one project apart.
func (r *Revision) mark() string { return r.ID[:min(8, len(r.ID))] }

// Redacted is the revision as clients may see it.
func (r *Revision) Redacted() *Revision {
	out := r.copied()
	_ = out.eachSecret(func(at place, _ string) (string, error) { return r.cover(at.path), nil })
	return out
}

// Restore puts the secrets back that a client has seen covered and sent back so, and those lists of
// secrets that it has left out. Errors are for the client.
func (r *Revision) Restore(previous *Revision) error {
	secrets, size := previous.uncovered(), 0
	r.Settings = maps.Clone(r.Settings)
	err := r.eachSecret(func(at place, given string) (string, error) {
		if !strings.HasPrefix(given, covered) {
			return given, nil
		}
		old, ok := secrets[given]
		switch {
		case !ok:
			return "", apierror.BadRequest("%s: %q stands for a secret of another revision. Read the project again, or send the secret itself.", at.path, cut(given))
		case old.use != at.use:
			return "", apierror.BadRequest("%s: what is covered goes only where it went before, and this is another place or address. Send the secret itself.", at.path)
		}
		if size += len(old.secret); size > MaxRevision { // one long secret, and a cover of it in each of a thousand hooks
			return "", errTooLarge
		}
		return old.secret, nil
	})
	if err != nil {
		return err
	}
	return r.keepLists(previous)
}

// known is a secret and its use.
type known struct{ secret, use string }

// uncovered are the secrets of a revision by their covers.
func (r *Revision) uncovered() map[string]known {
	out := map[string]known{}
	_ = r.copied().eachSecret(func(at place, secret string) (string, error) {
		out[r.cover(at.path)] = known{secret, at.use}
		return secret, nil
	})
	return out
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

// keepBehind puts secrets that are in force behind those of r: what was signed and sealed with them stays good.
func (r *Revision) keepBehind(inForce *Revision) {
	r.Settings = maps.Clone(r.Settings)
	for _, key := range secretLists {
		list := get[[]string](r, key)
		if len(list) == 0 {
			continue // Restore takes the whole list
		}
		for _, secret := range get[[]string](inForce, key) {
			if !slices.Contains(list, secret) {
				list = append(list, secret)
			}
		}
		r.set(key, list)
	}
}

// eachSecret replaces every secret by what replace makes of it.
func (r *Revision) eachSecret(replace func(at place, secret string) (string, error)) error {
	v := &visit{r: r, replace: replace}
	for _, key := range secretLists {
		visitList(v, key, func(n int, s *string) {
			v.secret(s, place{fmt.Sprintf("%s[%d]", key, n), use(key)})
		})
	}
	visitList(v, keyProviders, v.provider)
	visitList(v, keyHooks, v.hook)
	v.headers(v.smtp())
	return v.err
}

// visit is one walk over the secrets of a revision.
type visit struct {
	r       *Revision
	replace func(at place, secret string) (string, error)
	err     error
}

// secret replaces one secret.
func (v *visit) secret(secret *string, at place) {
	if *secret == "" || v.err != nil {
		return
	}
	out, err := v.replace(at, *secret)
	if err != nil {
		v.err = err
		return
	}
	*secret = out
}

func (v *visit) store(key string, value any) {
	raw, err := json.Marshal(value)
	if err != nil {
		v.err = err
	}
	if v.err == nil {
		v.r.Settings[key] = raw
	}
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

func (v *visit) provider(n int, p *providerRow) {
	at := fmt.Sprintf("%s[%d].", keyProviders, n)
	to := use(p.Provider, p.IssuerURL, p.AuthURL, p.TokenURL, p.Tenant)
	v.secret(&p.Secret, place{at + "client_secret", use("client_secret", to)})
	v.secret(&p.AppleKey, place{at + "apple_private_key", use("apple_private_key", to)})
}

func (v *visit) hook(n int, h *hookRow) {
	at := fmt.Sprintf("%s[%d].", keyHooks, n)
	v.secret(&h.Password, place{at + "web_hook_config_auth_basic_auth_password", use("password", h.URL)})
	v.secret(&h.KeyValue, place{at + "web_hook_config_auth_api_key_value", use("api_key", h.URL)})
}

// smtp visits the password in the URI of the mail server, and returns the rest of it.
func (v *visit) smtp() (server string) {
	uri := get[string](v.r, keySMTP)
	u, err := url.Parse(uri)
	if err != nil || strings.HasPrefix(uri, covered) { // it can't be used, and may hold a password all the same
		v.secret(&uri, place{keySMTP, use(keySMTP)})
		v.store(keySMTP, uri)
		return ""
	}
	password, ok := u.User.Password()
	if !ok {
		return uri
	}
	name := u.User.Username()
	u.User = url.User(name)
	server = u.String()
	v.secret(&password, place{keySMTP, use(keySMTP, server)})
	u.User = url.UserPassword(name, password)
	v.store(keySMTP, u.String())
	return server
}

// telling are parts of the names of headers whose values are secrets.
var telling = []string{"auth", "cookie", "cred", "key", "pass", "secret", "token"}

func isTelling(header string) bool {
	header = strings.ToLower(header)
	return slices.ContainsFunc(telling, func(part string) bool { return strings.Contains(header, part) })
}

// headers visits the headers that are sent to a mail server.
func (v *visit) headers(server string) {
	all := get[map[string]string](v.r, keyHeaders)
	if all == nil {
		return
	}
	for name, value := range all {
		if isTelling(name) || strings.HasPrefix(value, covered) {
			v.secret(&value, place{keyHeaders + "." + name, use(keyHeaders, name, server)})
			all[name] = value
		}
	}
	v.store(keyHeaders, all)
}
