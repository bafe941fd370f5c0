package caddymodule

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync"
	"sync/atomic"

	"github.com/caddyserver/caddy/v2"

	"github.com/gatehouse-id/gatehouse/core/session"
)

// principal is who a request is from, in the forms that handlers and upstreams read.
// It is made once for the facts of a session and shared by its requests.
type principal struct {
	facts   *session.Facts
	aal     session.AAL
	factors session.Factors // the second ones that the person could show
	headers []identityValue
	// placeholder answers for {http.auth.user.*}. It is a field so that the method
	// value is not made for every request.
	placeholder caddy.ReplacerFunc

	decode   sync.Once // fills the fields below, which few sites ever ask for
	traits   any
	metadata any // metadata_public
}

// identityValue is a header as the upstream gets it.
type identityValue struct{ name, value string }

// userPlaceholders is what the names of the placeholders start with.
const userPlaceholders = "http.auth.user."

// identityFact names one fact about a principal and finds it; false when there is none.
type identityFact func(*principal) (string, bool)

// identityFacts are the facts with a name of their own.
var identityFacts = map[string]identityFact{
	"id":         func(p *principal) (string, bool) { return p.facts.Identity.ID, true },
	"session.id": func(p *principal) (string, bool) { return p.facts.Session.ID, true },
	"aal":        func(p *principal) (string, bool) { return string(p.aal), true },
}

// parseFact finds the fact that a configuration names.
func parseFact(path string) (identityFact, error) {
	if f, ok := identityFacts[path]; ok {
		return f, nil
	}
	if trait, ok := strings.CutPrefix(path, "identity.traits."); ok && trait != "" {
		return func(p *principal) (string, bool) { return p.trait(trait) }, nil
	}
	if key, ok := strings.CutPrefix(path, "identity.metadata_public."); ok && key != "" {
		return func(p *principal) (string, bool) { return p.publicMetadata(key) }, nil
	}
	return nil, fmt.Errorf("unknown fact %q: use id, session.id, aal, identity.traits.<path> or identity.metadata_public.<path>", path)
}

// newPrincipal prepares what the guard's configuration asks for.
func newPrincipal(f *session.Facts, wanted []headerFact) *principal {
	p := &principal{
		facts: f, aal: f.Session.AAL(), factors: f.Session.SecondFactors(f.Identity),
	}
	p.placeholder = p.replace
	p.headers = make([]identityValue, 1, 1+len(wanted))
	p.headers[0] = identityValue{identityHeader, f.Identity.ID}
	for _, w := range wanted {
		text, ok := w.fact(p)
		if !ok {
			continue
		}
		if value, ok := headerValue(text); ok {
			p.headers = append(p.headers, identityValue{w.name, value})
		}
	}
	return p
}

// setHeaders tells the upstream who the request is from. The values need slices of
// their own, because handlers after the guard may change them in place.
func (p *principal) setHeaders(h http.Header) {
	values := make([]string, len(p.headers))
	for n, v := range p.headers {
		values[n] = v.value
		h[v.name] = values[n : n+1 : n+1]
	}
}

// replace answers for a placeholder. Its values are never replaced again.
func (p *principal) replace(key string) (any, bool) {
	name, ok := strings.CutPrefix(key, userPlaceholders)
	if !ok {
		return nil, false
	}
	switch name {
	case "id":
		return p.facts.Identity.ID, true
	case "session_id":
		return p.facts.Session.ID, true
	case "aal":
		return string(p.aal), true
	}
	// Returning p.trait's results as they are would make a known placeholder of "".
	value, ok := p.named(name)
	if !ok {
		return nil, false
	}
	return value, true
}

// named finds a trait or metadata by the name of a placeholder; the short form, without
// "traits.", is for the traits whose name is nothing else's.
func (p *principal) named(name string) (string, bool) {
	if trait, ok := strings.CutPrefix(name, "traits."); ok {
		return p.trait(trait)
	}
	if key, ok := strings.CutPrefix(name, "metadata_public."); ok {
		return p.publicMetadata(key)
	}
	return p.trait(name)
}

func (p *principal) trait(path string) (string, bool) {
	p.decode.Do(p.decodeAll)
	return textAt(p.traits, path)
}

func (p *principal) publicMetadata(path string) (string, bool) {
	p.decode.Do(p.decodeAll)
	return textAt(p.metadata, path)
}

func (p *principal) decodeAll() {
	p.traits = decodeJSON(p.facts.Identity.Traits)
	p.metadata = decodeJSON(p.facts.Identity.MetadataPublic)
}

// decodeJSON keeps numbers as they were written; what is no JSON has no facts.
func decodeJSON(raw json.RawMessage) any {
	d := json.NewDecoder(bytes.NewReader(raw))
	d.UseNumber()
	var v any
	if d.Decode(&v) != nil {
		return nil
	}
	return v
}

// textAt follows a dotted path into decoded JSON. Lists and objects are returned as
// JSON; null counts as absent.
func textAt(v any, path string) (string, bool) {
	for key := range strings.SplitSeq(path, ".") {
		object, ok := v.(map[string]any)
		if !ok {
			return "", false
		}
		v = object[key]
	}
	switch v := v.(type) {
	case nil:
		return "", false
	case string:
		return v, true
	}
	var text bytes.Buffer
	e := json.NewEncoder(&text)
	e.SetEscapeHTML(false)
	if e.Encode(v) != nil {
		return "", false
	}
	return strings.TrimSuffix(text.String(), "\n"), true
}

// maxHeaderValue keeps one trait from filling the header block of the upstream, which
// would refuse the request as a whole.
const maxHeaderValue = 4096

// headerValue makes a header value of a text. Printable ASCII goes as it is. Other text,
// blanks at the ends and what looks encoded already become one encoded word (RFC 2047).
// There is no value for an empty text, one with control characters or one that is too long.
func headerValue(text string) (string, bool) {
	if text == "" || strings.ContainsFunc(text, isControl) {
		return "", false
	}
	value := text
	if strings.ContainsFunc(text, notASCII) || strings.Trim(text, " ") != text || strings.Contains(text, "=?") {
		value = "=?utf-8?b?" + base64.StdEncoding.EncodeToString([]byte(text)) + "?="
	}
	return value, len(value) <= maxHeaderValue
}

// isControl is about C0, DEL and C1.
func isControl(r rune) bool { return r < ' ' || 0x7f <= r && r < 0xa0 }

func notASCII(r rune) bool { return r > '~' }

// principals remembers the principals of recent requests in a fixed number of places.
// Two sessions that share a place only cost the work of newPrincipal.
type principals struct {
	wanted []headerFact
	places [1024]atomic.Pointer[principal]
}

// headerFact is a configured header.
type headerFact struct {
	name string // canonical
	fact identityFact
}

// of returns the principal of facts that have just been checked; nil for none. Facts
// never change, new ones of the same session are others.
func (p *principals) of(h *session.TokenHash, f *session.Facts) *principal {
	place := &p.places[(int(h[0])|int(h[1])<<8)%len(p.places)]
	if known := place.Load(); known != nil && known.facts == f {
		return known
	}
	made := newPrincipal(f, p.wanted)
	place.Store(made)
	return made
}

// parseHeaders checks the configured headers and sorts them by name.
func parseHeaders(configured map[string]string) ([]headerFact, error) {
	var wanted []headerFact
	folded := map[string]string{}
	for name, path := range configured {
		if err := checkHeaderName(name); err != nil {
			return nil, err
		}
		if other, ok := folded[foldHeader(name)]; ok {
			return nil, fmt.Errorf("headers %s and %s are the same", min(name, other), max(name, other))
		}
		folded[foldHeader(name)] = name
		fact, err := parseFact(path)
		if err != nil {
			return nil, fmt.Errorf("header %s: %w", name, err)
		}
		wanted = append(wanted, headerFact{name: http.CanonicalHeaderKey(name), fact: fact})
	}
	slices.SortFunc(wanted, func(a, b headerFact) int { return strings.Compare(a.name, b.name) })
	return wanted, nil
}

// transportHeaders say how a message is sent, not who sent it. A guard that deletes
// what the client says there would break every request.
var transportHeaders = []string{
	"accept", "authorization", "connection", "content-encoding", "content-length", "content-type", "cookie", "expect", "host",
	"keep-alive", "origin", "proxy-authorization", "range", "te", "trailer", "transfer-encoding", "upgrade",
	"x-session-cookie", "x-session-token",
}

// checkHeaderName allows letters, digits and hyphens: any other name has a second spelling.
func checkHeaderName(name string) error {
	if name == "" || strings.ContainsFunc(name, func(r rune) bool { return r > 'z' || foldByte(byte(r)) == '-' && r != '-' }) {
		return fmt.Errorf("header name %q: use letters, digits and hyphens only", name)
	}
	if folded := foldHeader(name); slices.Contains(transportHeaders, folded) || folded == foldedIdentityHeader {
		return fmt.Errorf("header name %q has a meaning of its own: choose another, for example X-User-Email", name)
	}
	return nil
}
