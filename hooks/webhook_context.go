package hooks

import (
	"encoding/json"
	"time"

	"github.com/gatehouse-id/gatehouse/core/flow"
	"github.com/gatehouse-id/gatehouse/core/identity"
	"github.com/gatehouse-id/gatehouse/core/session"
)

// told is what a body template is given as "ctx". The keys are Kratos'. Nothing
// in it is a secret: no credentials, tokens or cookies, and no form, whose values
// may be anything somebody typed. request_cookies is there, and always empty, so
// that templates that look into it go on working.
type told struct {
	Flow           toldFlow            `json:"flow"`
	Identity       *toldIdentity       `json:"identity"`
	Session        *toldSession        `json:"session"`
	RequestHeaders map[string][]string `json:"request_headers"`
	RequestMethod  string              `json:"request_method"`
	RequestURL     string              `json:"request_url"`
	RequestCookies map[string]string   `json:"request_cookies"`
}

type toldFlow struct {
	ID               string                  `json:"id"`
	Type             flow.Type               `json:"type"`
	IssuedAt         time.Time               `json:"issued_at"`
	ExpiresAt        time.Time               `json:"expires_at"`
	RequestURL       string                  `json:"request_url"`
	ReturnTo         string                  `json:"return_to,omitempty"`
	Active           identity.CredentialType `json:"active,omitempty"`
	State            string                  `json:"state,omitempty"`
	Refresh          bool                    `json:"refresh"`
	RequestedAAL     session.AAL             `json:"requested_aal,omitempty"`
	TransientPayload json.RawMessage         `json:"transient_payload"`
}

type toldIdentity struct {
	ID             string                       `json:"id"`
	SchemaID       string                       `json:"schema_id"`
	State          identity.State               `json:"state"`
	StateChangedAt time.Time                    `json:"state_changed_at"`
	Traits         json.RawMessage              `json:"traits"`
	Verifiable     []identity.VerifiableAddress `json:"verifiable_addresses"`
	Recovery       []identity.RecoveryAddress   `json:"recovery_addresses"`
	MetadataPublic json.RawMessage              `json:"metadata_public"`
	MetadataAdmin  json.RawMessage              `json:"metadata_admin"`
	CreatedAt      time.Time                    `json:"created_at"`
	UpdatedAt      time.Time                    `json:"updated_at"`
}

type toldSession struct {
	ID              string                         `json:"id"`
	Active          bool                           `json:"active"`
	IssuedAt        time.Time                      `json:"issued_at"`
	AuthenticatedAt time.Time                      `json:"authenticated_at"`
	ExpiresAt       time.Time                      `json:"expires_at"`
	AAL             session.AAL                    `json:"authenticator_assurance_level"`
	Methods         []session.AuthenticationMethod `json:"authentication_methods"`
	Devices         []session.Device               `json:"devices"`
	Identity        *toldIdentity                  `json:"identity"`
}

// document is what a template is told of a submission, as JSON.
func document(in *flow.HookInput) json.RawMessage {
	f, who := in.Flow, tellIdentity(in.Identity)
	t := told{
		Flow: toldFlow{
			ID: f.ID, Type: f.Type, IssuedAt: f.IssuedAt, ExpiresAt: f.ExpiresAt, RequestURL: f.RequestURL, ReturnTo: f.ReturnTo,
			Active: in.Method, State: f.State, Refresh: f.Refresh, RequestedAAL: f.RequestedAAL, TransientPayload: object(in.Payload),
		},
		Identity: who, Session: tellSession(in.Session, who),
		RequestHeaders: in.Request.Headers, RequestMethod: in.Request.Method, RequestURL: in.Request.URL,
		RequestCookies: map[string]string{},
	}
	if t.RequestHeaders == nil {
		t.RequestHeaders = map[string][]string{}
	}
	return asJSON(t)
}

func tellIdentity(i *identity.Identity) *toldIdentity {
	if i == nil {
		return nil
	}
	return &toldIdentity{
		ID: i.ID, SchemaID: i.SchemaID, State: i.State, StateChangedAt: i.StateChangedAt, Traits: object(i.Traits),
		Verifiable: i.Verifiable, Recovery: i.Recovery, MetadataPublic: null(i.MetadataPublic), MetadataAdmin: null(i.MetadataAdmin),
		CreatedAt: i.CreatedAt, UpdatedAt: i.UpdatedAt,
	}
}

func tellSession(s *session.Session, who *toldIdentity) *toldSession {
	if s == nil {
		return nil
	}
	return &toldSession{
		ID: s.ID, Active: true, IssuedAt: s.IssuedAt, AuthenticatedAt: s.AuthenticatedAt, ExpiresAt: s.ExpiresAt, AAL: s.AAL(),
		Methods: s.Methods, Devices: s.Devices, Identity: who,
	}
}

// null and object stand in for JSON that is not there.
func null(raw json.RawMessage) json.RawMessage   { return orElse(raw, "null") }
func object(raw json.RawMessage) json.RawMessage { return orElse(raw, "{}") }

func orElse(raw json.RawMessage, text string) json.RawMessage {
	if len(raw) == 0 {
		return json.RawMessage(text)
	}
	return raw
}
