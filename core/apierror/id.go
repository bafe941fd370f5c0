package apierror

// Error ids are stable names that clients switch on. They are part of the contract and never change.
const (
	// IDSessionAlreadyAvailable (400): login or registration was started by somebody who is signed in, and neither a
	// refresh nor a higher assurance level was asked for.
	IDSessionAlreadyAvailable = "session_already_available"
	// IDSessionAAL1Required (401): a second factor was asked for without a session.
	IDSessionAAL1Required = "session_aal1_required"
	// IDSessionAAL2Required (403): the session exists, but its assurance level is too low.
	IDSessionAAL2Required = "session_aal2_required"
	// IDSessionInactive (401): there is no session, or it ended.
	IDSessionInactive = "session_inactive"
	// IDSessionRefreshRequired (403): the session is too old for a privileged change.
	IDSessionRefreshRequired = "session_refresh_required"
	// IDSessionVerifiedAddressRequired (400): signing in needs a verified address.
	IDSessionVerifiedAddressRequired = "session_verified_address_required"
	// IDCSRFViolation (403): the anti-CSRF token and cookie do not fit each other.
	IDCSRFViolation = "security_csrf_violation"
	// IDIdentityMismatch (403): the flow belongs to another identity.
	IDIdentityMismatch = "security_identity_mismatch"
	// IDFlowExpired (410): the flow is past its lifetime. The answer may name its replacement.
	IDFlowExpired = "self_service_flow_expired"
	// IDFlowReplaced (410): another flow took over from this one. Later releases; reserved.
	IDFlowReplaced = "self_service_flow_replaced"
	// IDFlowDisabled (400): the configuration switches this kind of flow off.
	IDFlowDisabled = "self_service_flow_disabled"
	// IDReturnToForbidden (400): return_to is not on the allow-list.
	IDReturnToForbidden = "self_service_flow_return_to_forbidden"
	// IDBrowserLocationChangeRequired (422): the client has to send the browser to redirect_browser_to.
	IDBrowserLocationChangeRequired = "browser_location_change_required"
	// IDIdentityDisabled (401): the identity is switched off. Later releases.
	IDIdentityDisabled = "identity_disabled"
)
