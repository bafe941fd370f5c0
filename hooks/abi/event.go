package abi

import "slices"

// Event names a moment at which hooks run, for example "registration.pre_persist".
type Event string

// Events a plugin can be bound to.
const (
	RegistrationBefore      Event = "registration.before"
	RegistrationPrePersist  Event = "registration.pre_persist"
	RegistrationPostPersist Event = "registration.post_persist"
	LoginBefore             Event = "login.before"
	LoginAfter              Event = "login.after"
	SettingsBefore          Event = "settings.before"
	SettingsPrePersist      Event = "settings.pre_persist"
	SettingsPostPersist     Event = "settings.post_persist"
	RecoveryBefore          Event = "recovery.before"
	RecoveryAfter           Event = "recovery.after"
	VerificationBefore      Event = "verification.before"
	VerificationAfter       Event = "verification.after"
	OIDCClaims              Event = "oidc.claims"
	Request                 Event = "request"
)

// Action is what a plugin decides.
type Action string

// Actions. Which of them an event allows is in the event table.
const (
	Continue Action = "continue" // go on, perhaps with changes
	Reject   Action = "reject"   // show Messages on the form
	Redirect Action = "redirect" // send the browser to RedirectTo
	Deny     Action = "deny"     // answer with Status and Body
)

// spec says what a plugin may do at an event.
type spec struct {
	event    Event
	export   string
	actions  []Action
	identity bool // identity and identity_merge are honoured: only before the identity is stored, or made
	headers  bool // claims, headers and response_headers are honoured: only at request time
}

var gate = []Action{Continue, Reject, Redirect, Deny}

// events is the one table of events. An event after the fact (post_persist) can only be watched.
var events = []spec{
	{RegistrationBefore, "on_registration_before", gate, false, false},
	{RegistrationPrePersist, "on_registration_pre_persist", []Action{Continue, Reject}, true, false},
	{RegistrationPostPersist, "on_registration_post_persist", []Action{Continue}, false, false},
	{LoginBefore, "on_login_before", gate, false, false},
	{LoginAfter, "on_login_after", gate, false, false},
	{SettingsBefore, "on_settings_before", gate, false, false},
	{SettingsPrePersist, "on_settings_pre_persist", []Action{Continue, Reject}, true, false},
	{SettingsPostPersist, "on_settings_post_persist", []Action{Continue}, false, false},
	{RecoveryBefore, "on_recovery_before", gate, false, false},
	{RecoveryAfter, "on_recovery_after", gate, false, false},
	{VerificationBefore, "on_verification_before", gate, false, false},
	{VerificationAfter, "on_verification_after", gate, false, false},
	{OIDCClaims, "on_oidc_claims", gate, true, false},
	{Request, "on_request", []Action{Continue, Redirect, Deny}, false, true},
}

func (e Event) spec() (spec, bool) {
	for _, s := range events {
		if s.event == e {
			return s, true
		}
	}
	return spec{}, false
}

// Events lists every event in the order of the flows.
func Events() []Event {
	all := make([]Event, len(events))
	for i, s := range events {
		all[i] = s.event
	}
	return all
}

// Known reports whether e is an event of this version.
func (e Event) Known() bool {
	_, ok := e.spec()
	return ok
}

// Export is the name of the function a plugin exports for e, or "" for an unknown event.
func (e Event) Export() string {
	s, _ := e.spec()
	return s.export
}

// Allows reports whether a plugin may answer e with a.
func (e Event) Allows(a Action) bool {
	s, _ := e.spec()
	return slices.Contains(s.actions, a)
}

// Decides reports whether a plugin can stop what happens at e. After the fact it can only watch.
func (e Event) Decides() bool { return e.Allows(Reject) || e.Allows(Deny) }

// ChangesIdentity reports whether a plugin may change the identity at e.
func (e Event) ChangesIdentity() bool {
	s, _ := e.spec()
	return s.identity
}
