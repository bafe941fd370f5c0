package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
)

// Policy says what groups mean. It is the plugin's configuration.
type Policy struct {
	Claim string            `json:"claim"` // that lists the groups; default groups
	Roles map[string]string `json:"roles"` // by group
}

var errRoles = errors.New(`the config key "roles" has to name a role for each group that may sign in, such as {"staff": "member"}`)

func parsePolicy(text string) (*Policy, error) {
	p := Policy{Claim: "groups"}
	d := json.NewDecoder(strings.NewReader(text))
	d.DisallowUnknownFields()
	if err := d.Decode(&p); err != nil {
		return nil, fmt.Errorf("reading the config: %w", err)
	}
	if len(p.Roles) == 0 || p.Claim == "" {
		return nil, errRoles
	}
	for group, role := range p.Roles {
		if group == "" || role == "" {
			return nil, errRoles
		}
	}
	return &p, nil
}

// context is what the plugin reads of an event.
type context struct {
	Provider string `json:"provider"`
	Claims   struct {
		Email         string                     `json:"email"`
		EmailVerified bool                       `json:"email_verified"`
		GivenName     string                     `json:"given_name"`
		FamilyName    string                     `json:"family_name"`
		Raw           map[string]json.RawMessage `json:"raw_claims"`
	} `json:"claims"`
}

// decide is the whole policy: whoever is in one of the groups gets its role.
func (p *Policy) decide(event []byte) (string, error) {
	var c context
	if err := json.Unmarshal(event, &c); err != nil {
		return "", errors.New("the claims have other types than OpenID Connect says")
	}
	roles := p.rolesOf(c.Claims.Raw[p.Claim])
	if len(roles) == 0 {
		return answer(object{"action": "reject", "messages": []object{{"instance_ptr": "#/", "messages": []object{{
			"id": 4000001, "type": "error", "text": "Your account is in none of the groups that may sign in here.",
		}}}}})
	}
	identity := object{"traits": traits(&c), "metadata_admin": object{"roles": roles}}
	if c.Claims.EmailVerified {
		identity["verified_addresses"] = []object{{"via": "email", "value": c.Claims.Email}}
	}
	return answer(object{"action": "continue", "identity_merge": identity})
}

// rolesOf reads a list of groups, or the single one that some providers send as a text. Each role comes once.
func (p *Policy) rolesOf(claim json.RawMessage) []string {
	var roles []string
	for _, g := range groupsOf(claim) {
		if role := p.Roles[g]; role != "" {
			roles = append(roles, role)
		}
	}
	slices.Sort(roles)
	return slices.Compact(roles)
}

func groupsOf(claim json.RawMessage) []string {
	var groups []string
	var one string
	switch {
	case json.Unmarshal(claim, &groups) == nil:
		return groups
	case json.Unmarshal(claim, &one) == nil:
		return []string{one}
	}
	return nil
}

// traits holds what the provider tells: what is missing there, and needed here, the person is asked for.
func traits(c *context) object {
	out, name := object{}, object{}
	if c.Claims.GivenName != "" {
		name["first"] = c.Claims.GivenName
	}
	if c.Claims.FamilyName != "" {
		name["last"] = c.Claims.FamilyName
	}
	if len(name) > 0 {
		out["name"] = name
	}
	if c.Claims.Email != "" {
		out["email"] = c.Claims.Email
	}
	return out
}

type object map[string]any

func answer(o object) (string, error) {
	raw, err := json.Marshal(o)
	return string(raw), err
}
