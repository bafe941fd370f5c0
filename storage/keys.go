package storage

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/gatehouse-id/gatehouse/core/identity"
	"github.com/gatehouse-id/gatehouse/core/session"
)

// keys builds every key of a project. Nothing else in the program spells a key.
type keys struct{ prefix string }

// Root is what the keys of all projects begin with.
const Root = "p/"

func newKeys(project string) keys { return keys{Root + part(project) + "/"} }

// Families of keys below the prefix of a project.
const (
	familyIdentities       = "identities/"
	familySessions         = "sessions/"
	familyTokens           = "tokens/"
	familyGrants           = "grants/"
	familyEpochs           = "epochs/"
	familyIdentitySessions = "identity-sessions/"
	familyIdentifiers      = "identifiers/"
	familyVerifiable       = "verifiable/"
	familyRecovery         = "recovery/"
	familyExternal         = "external/"
	familyPublicKeys       = "public-keys/"
	familyFlows            = "flows/"
	familyErrors           = "errors/"
	familyMessages         = "messages/"
	familyOutbox           = "outbox/"
	familyPasses           = "passes/"
	familyMailings         = "mailings/"
	familyDecoys           = "decoys/"
	familyGuesses          = "guesses/"
	familyAccessTokens     = "access-tokens/"
	familyCounts           = "counts/"
	familySearch           = "search/"
	familyReceipts         = "receipts/"
)

func (k keys) identities() string        { return k.prefix + familyIdentities }
func (k keys) identity(id string) string { return k.prefix + familyIdentities + part(id) }
func (k keys) epoch(identityID string) string {
	return k.prefix + familyEpochs + part(identityID)
}

func (k keys) identifier(t identity.CredentialType, value string) string {
	return k.prefix + familyIdentifiers + part(string(t)) + "/" + part(value)
}

func (k keys) verifiable(via, value string) string {
	return k.prefix + familyVerifiable + part(via) + "/" + part(value)
}

func (k keys) recovery(via, value string) string {
	return k.prefix + familyRecovery + part(via) + "/" + part(value)
}

func (k keys) external(id string) string { return k.prefix + familyExternal + part(id) }

// counts has one counter of identities for each shard.
func (k keys) counts() string            { return k.prefix + familyCounts }
func (k keys) count(shard string) string { return k.prefix + familyCounts + part(shard) }

// search is where the values of a trait stand, in an order that lets them be found by their beginning.
func (k keys) search(trait string) string { return k.prefix + familySearch + part(trait) + "/" }
func (k keys) searched(trait, value string) string {
	return k.search(trait) + ordered(value)
}
func (k keys) found(trait, value, identityID string) string {
	return k.searched(trait, value) + "/" + part(identityID)
}

func (k keys) receipt(key string) string { return k.prefix + familyReceipts + part(key) }

// publicKey is of a key that an authenticator made, by the id it gave it.
func (k keys) publicKey(id []byte) string {
	return k.prefix + familyPublicKeys + part(base64.RawURLEncoding.EncodeToString(id))
}

func (k keys) sessions() string         { return k.prefix + familySessions }
func (k keys) session(id string) string { return k.prefix + familySessions + part(id) }
func (k keys) grant(id string) string   { return k.prefix + familyGrants + part(id) }
func (k keys) token(h session.TokenHash) string {
	return k.prefix + familyTokens + hex.EncodeToString(h[:])
}

func (k keys) identitySessions(identityID string) string {
	return k.prefix + familyIdentitySessions + part(identityID) + "/"
}

func (k keys) identitySession(identityID, id string) string {
	return k.identitySessions(identityID) + part(id)
}

func (k keys) flow(id string) string        { return k.prefix + familyFlows + part(id) }
func (k keys) storedError(id string) string { return k.prefix + familyErrors + part(id) }

func (k keys) messages() string         { return k.prefix + familyMessages }
func (k keys) message(id string) string { return k.prefix + familyMessages + part(id) }

// outbox is where the messages of a channel wait that a node has to look at.
func (k keys) outbox(channel string) string { return k.prefix + familyOutbox + part(channel) + "/" }

// waiting is the place of a message in the outbox. Places sort by their time.
func (k keys) waiting(channel string, due time.Time, id string) string {
	return k.outbox(channel) + fmt.Sprintf("%0*d", dueDigits, max(0, due.UnixMilli())) + "/" + part(id)
}

func (k keys) pass(flowID string) string { return k.prefix + familyPasses + part(flowID) }
func (k keys) mailing(via, address string) string {
	return k.prefix + familyMailings + part(via) + "/" + part(address)
}

// flowGuesses and identityGuesses count answers: in a flow, and to one secret of an identity.
func (k keys) flowGuesses(flowID string) string {
	return k.prefix + familyGuesses + "flows/" + part(flowID)
}

func (k keys) identityGuesses(identityID, method string) string {
	return k.prefix + familyGuesses + "identities/" + part(identityID) + "/" + part(method)
}

// sourceGuesses count those from one address apart.
func (k keys) sourceGuesses(identityID, method, source string) string {
	return k.identityGuesses(identityID, method) + "/" + part(source)
}

// decoy and decoyPlace stand for the message and the place in the outbox that there would have been.
func (k keys) decoy(id string) string      { return k.prefix + familyDecoys + part(id) }
func (k keys) decoyPlace(id string) string { return k.decoy(id) + "/place" }

func (k keys) accessTokens() string         { return k.prefix + familyAccessTokens }
func (k keys) accessToken(id string) string { return k.prefix + familyAccessTokens + part(id) }

// firstAccess is there once the first access token was made.
func (k keys) firstAccess() string { return k.prefix + "first-access" }

// dueDigits holds milliseconds until the year 33658.
const dueDigits = 15

// probe is a key that is never written: reading it tells the store's revision.
func (k keys) probe() string { return k.prefix + "probe" }

// indexes are the keys that find an identity, sorted. All but those of the search make what they hold unique.
func (k keys) indexes(i *identity.Identity) []string {
	set := map[string]struct{}{}
	for t, c := range i.Credentials {
		for _, v := range c.Identifiers {
			set[k.identifier(t, v)] = struct{}{}
		}
	}
	for _, t := range []identity.CredentialType{identity.WebAuthn, identity.Passkey} {
		for _, key := range i.KeyConfig(t).Keys {
			set[k.publicKey(key.ID)] = struct{}{}
		}
	}
	for _, a := range i.Verifiable {
		set[k.verifiable(a.Via, a.Value)] = struct{}{}
	}
	for _, a := range i.Recovery {
		set[k.recovery(a.Via, a.Value)] = struct{}{}
	}
	for _, t := range i.Search {
		set[k.found(t.Trait, t.Value, i.ID)] = struct{}{}
	}
	if i.ExternalID != "" {
		set[k.external(i.ExternalID)] = struct{}{}
	}
	return slices.Sorted(maps.Keys(set))
}

// maxPart is the longest text that is kept readable in a key.
const maxPart = 96

// part encodes one component of a key. Different texts get different parts, and
// no part contains a slash, so a text can neither reach into another component
// nor collide with another text: plain names stay as they are, anything else is
// base64url behind "b.", long texts are hashed behind "h." (a plain name has no dot).
func part(text string) string {
	switch {
	case plain(text):
		return text
	case len(text) <= maxPart:
		return "b." + base64.RawURLEncoding.EncodeToString([]byte(text))
	}
	sum := sha256.Sum256([]byte(text))
	return "h." + hex.EncodeToString(sum[:])
}

// unpart is the text that part has encoded, or the digest that stands for it.
func unpart(encoded string) string {
	if raw, ok := strings.CutPrefix(encoded, "b."); ok {
		if text, err := base64.RawURLEncoding.DecodeString(raw); err == nil {
			return string(text)
		}
	}
	return encoded
}

// maxOrdered is how much of a value its place in an order goes by.
const maxOrdered = 64

// ordered encodes the beginning of a value so that it can be found by its own beginning: each byte stands for itself, or is
// "~" and two digits. The order is that of the encoded bytes.
func ordered(value string) string {
	var b strings.Builder
	for _, c := range []byte(value[:min(len(value), maxOrdered)]) {
		if plain(string(rune(c))) {
			b.WriteByte(c)
			continue
		}
		fmt.Fprintf(&b, "~%02x", c)
	}
	return b.String()
}

// plain tells whether a text can stand in a key as it is, as a UUID can.
func plain(text string) bool {
	if text == "" || len(text) > maxPart {
		return false
	}
	return strings.IndexFunc(text, func(r rune) bool {
		return (r < 'a' || r > 'z') && (r < 'A' || r > 'Z') && (r < '0' || r > '9') && r != '-' && r != '_'
	}) < 0
}
