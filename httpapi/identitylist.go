package httpapi

import (
	"encoding/base64"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"strings"

	"github.com/google/uuid"

	"github.com/gatehouse-id/gatehouse/core/apierror"
	"github.com/gatehouse-id/gatehouse/core/identity"
	"github.com/gatehouse-id/gatehouse/core/schema"
)

// identityFilters are the parameters that select identities. Only one can be used at a time.
var identityFilters = map[string]func(c *call) ([]*identity.Identity, error){
	"ids":                    (*call).identitiesByID,
	"credentials_identifier": (*call).identitiesByIdentifier,
	"trait":                  (*call).identitiesByTrait,
	"organization_id":        func(*call) ([]*identity.Identity, error) { return nil, nil }, // there are none here
	"preview_credentials_identifier_similar": func(*call) ([]*identity.Identity, error) {
		return nil, apierror.BadRequest("Identifiers are not searched by similarity: mark a trait for search, and use the parameters trait and starts_with.")
	},
}

// listIdentities serves GET /identities of the admin API.
func (c *call) listIdentities() error {
	included, err := c.included()
	if err != nil {
		return err
	}
	list, err := c.identityFilter()
	if err != nil {
		return err
	}
	all, err := list(c)
	if err != nil {
		return err
	}
	out := make([]map[string]any, 0, len(all))
	for _, i := range all {
		v := c.m.dialect.identity(c, i, true)
		delete(v, "credentials") // not asked for
		if len(included) > 0 {
			v["credentials"] = closedViews(i, included)
		}
		out = append(out, v)
	}
	return c.json(http.StatusOK, out)
}

// identityFilter is the way to list that the query asks for.
func (c *call) identityFilter() (func(*call) ([]*identity.Identity, error), error) {
	q := c.r.URL.Query()
	list := (*call).identitiesByKey
	if q.Has("page") || q.Has("per_page") || c.m.dialect == seed && !q.Has("page_size") && !q.Has("page_token") {
		list = (*call).identitiesByPage
	}
	used := 0
	for name, filter := range identityFilters {
		if q.Get(name) != "" {
			list = filter
			used++
		}
	}
	if used > 1 {
		return nil, apierror.BadRequest("Identities can be listed by one of these at a time: ids, credentials_identifier, trait.")
	}
	return list, nil
}

// identitiesByPage lists by position, as the first clients do.
func (c *call) identitiesByPage() ([]*identity.Identity, error) {
	p := c.position()
	all, total, err := c.s.Identities.IdentitiesFrom(c.r.Context(), p.n*p.per, p.per)
	if err != nil {
		return nil, fmt.Errorf("listing identities: %w", err)
	}
	c.linkPositions(p, total)
	return all, nil
}

// maxIdentities is the largest page by token, and the most ids that can be asked for.
const maxIdentities = 500

var errPageToken = apierror.BadRequest("The page_token is none that was given out here.")

// identitiesByKey lists from the id on where the page before ended.
func (c *call) identitiesByKey() ([]*identity.Identity, error) {
	q := c.r.URL.Query()
	after := ""
	if token := q.Get("page_token"); token != "" {
		id, err := uuid.Parse(token)
		if err != nil {
			return nil, errPageToken
		}
		after = id.String()
	}
	size := c.identityPageSize()
	all, err := c.s.Identities.Identities(c.r.Context(), identity.Page{After: after, Limit: size + 1})
	if err != nil {
		return nil, fmt.Errorf("listing identities: %w", err)
	}
	next := ""
	if len(all) > size {
		all = all[:size]
		next = all[size-1].ID
	}
	c.linkNext(size, next, "include_credential")
	return all, nil
}

func (c *call) identityPageSize() int {
	return clamp(c.r.URL.Query().Get("page_size"), 250, 1, maxIdentities)
}

// linkNext tells where the first and the next page are, with the parameters that are to be kept.
func (c *call) linkNext(size int, next string, kept ...string) {
	var links []string
	link := func(rel, token string) {
		q := url.Values{"page_size": {strconv.Itoa(size)}}
		for _, name := range kept {
			if values, there := c.r.URL.Query()[name]; there {
				q[name] = values
			}
		}
		if token != "" {
			q.Set("page_token", token)
		}
		links = append(links, fmt.Sprintf("<%s?%s>; rel=%q", c.self(), q.Encode(), rel))
	}
	link("first", "")
	if next != "" {
		link("next", next)
	}
	c.w.Header().Set("Link", strings.Join(links, ","))
}

func (c *call) identitiesByID() ([]*identity.Identity, error) {
	var ids []string
	for _, text := range c.r.URL.Query()["ids"] {
		id, err := uuid.Parse(text)
		if err != nil {
			return nil, apierror.BadRequest("The parameter ids must be UUIDs.")
		}
		ids = append(ids, id.String())
	}
	if len(ids) > maxIdentities {
		return nil, apierror.BadRequest("No more than %d ids can be asked for at a time.", maxIdentities)
	}
	c.linkNext(maxIdentities, "", "ids", "include_credential")
	return c.s.Identities.Among(c.r.Context(), ids)
}

// identifiable are the credentials that have identifiers by which people are known.
var identifiable = []identity.CredentialType{
	identity.Password, identity.OIDC, identity.Code, identity.WebAuthn, identity.Passkey,
}

func (c *call) identitiesByIdentifier() ([]*identity.Identity, error) {
	sent := c.r.URL.Query().Get("credentials_identifier")
	c.linkNext(maxIdentities, "", "credentials_identifier", "include_credential")
	found, err := c.s.Identities.Identified(c.r.Context(), identifiable, schema.Normalize(sent))
	if err != nil || len(found) > 0 {
		return found, err
	}
	// What a provider calls somebody is not normalised.
	return c.s.Identities.Identified(c.r.Context(), identifiable, sent)
}

// identitiesByTrait lists by the value of a trait that a schema marks for search: trait=name.last with equals=Smith, or
// with starts_with=smi.
func (c *call) identitiesByTrait() ([]*identity.Identity, error) {
	q, err := c.traitQuery()
	if err != nil {
		return nil, err
	}
	found, next, err := c.s.Identities.Search(c.r.Context(), q)
	if errors.Is(err, identity.ErrToken) {
		return nil, errPageToken
	}
	if err != nil {
		return nil, err
	}
	if next != "" {
		next = base64.RawURLEncoding.EncodeToString([]byte(next))
	}
	c.linkNext(q.Limit, next, "trait", "equals", "starts_with", "include_credential")
	return found, nil
}

func (c *call) traitQuery() (q identity.Query, err error) {
	sent := c.r.URL.Query()
	q.Trait, q.Limit, q.Prefix = sent.Get("trait"), c.identityPageSize(), sent.Has("starts_with")
	if q.Prefix == sent.Has("equals") {
		return q, apierror.BadRequest("A search by trait needs either equals or starts_with.")
	}
	q.Value = schema.Normalize(first(sent.Get("equals"), sent.Get("starts_with")))
	if q.Value == "" {
		return q, apierror.BadRequest("A search by trait needs a value to look for.")
	}
	if !c.searchable(q.Trait) {
		return q, apierror.BadRequest(`No schema marks the trait %.64q for search. Put "gatehouse": {"search": true} beside its type.`, q.Trait)
	}
	after, err := base64.RawURLEncoding.Strict().DecodeString(sent.Get("page_token"))
	if err != nil {
		return q, errPageToken
	}
	q.After = string(after)
	return q, nil
}

// searchable tells whether any schema marks the trait for search.
func (c *call) searchable(trait string) bool {
	for _, s := range c.s.Schemas().All() {
		if s.Searchable(trait) {
			return true
		}
	}
	return false
}
