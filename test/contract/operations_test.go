package contract

import "strings"

// operation is one of those that the seed document has, or that apps can't do without, with
// the errors that the two published documents name. 500 is not among them: no call can ask for it.
type operation struct {
	seed    string // operationId in the seed document; "" when it doesn't have it
	today   string // that of today's document; "" when Kratos doesn't have it
	method  string
	path    string // at the mount of the seed
	success int
	// Statuses of the documented errors, in each of the documents.
	seedErrors  []int
	todayErrors []int
}

const (
	publicMount = "/api/kratos/public"
	adminMount  = "/api/kratos/admin"
)

// root is the path at the root mount.
func (o operation) root() string {
	if rest, ok := strings.CutPrefix(o.path, adminMount); ok {
		return "/admin" + rest
	}
	return strings.TrimPrefix(o.path, publicMount)
}

func statuses(s ...int) []int { return s }

// operations are all of the seed, and the one by which apps get the sessions of a third party. With GATEHOUSE_OPENAPI set the documents are asked whether that is true.
var operations = []operation{
	{"adminListIdentities", "listIdentities", "GET", adminMount + "/identities", 200, nil, nil},
	{"adminCreateIdentity", "createIdentity", "POST", adminMount + "/identities", 201, statuses(400, 409), statuses(400, 409)},
	{"adminDeleteIdentity", "deleteIdentity", "DELETE", adminMount + "/identities/{id}", 204, statuses(404), statuses(404)},
	{"adminGetIdentity", "getIdentity", "GET", adminMount + "/identities/{id}", 200, statuses(404), statuses(404)},
	{"adminUpdateIdentity", "updateIdentity", "PUT", adminMount + "/identities/{id}", 200, statuses(400, 404, 409), statuses(400, 404, 409)},
	{"adminDeleteIdentitySessions", "deleteIdentitySessions", "DELETE", adminMount + "/identities/{id}/sessions", 204, statuses(400, 401, 404), statuses(400, 401, 404)},
	{"adminListIdentitySessions", "listIdentitySessions", "GET", adminMount + "/identities/{id}/sessions", 200, statuses(400, 401, 404), statuses(400, 404)},
	{"adminCreateSelfServiceRecoveryLink", "createRecoveryLinkForIdentity", "POST", adminMount + "/recovery/link", 200, statuses(400, 404), statuses(400, 404)},

	{"getWebAuthnJavaScript", "getWebAuthnJavaScript", "GET", publicMount + "/.well-known/ory/webauthn.js", 200, nil, nil},
	{"isAlive", "isAlive", "GET", publicMount + "/health/alive", 200, nil, nil},
	{"isReady", "isReady", "GET", publicMount + "/health/ready", 200, statuses(503), statuses(503)},
	{"getVersion", "getVersion", "GET", publicMount + "/version", 200, nil, nil},
	{"listIdentitySchemas", "listIdentitySchemas", "GET", publicMount + "/schemas", 200, nil, nil},
	{"getJsonSchema", "getIdentitySchema", "GET", publicMount + "/schemas/{id}", 200, statuses(404), statuses(404)},
	{"getSelfServiceError", "getFlowError", "GET", publicMount + "/self-service/errors", 200, statuses(403, 404), statuses(403, 404)},

	{"initializeSelfServiceLoginFlowForBrowsers", "createBrowserLoginFlow", "GET", publicMount + "/self-service/login/browser", 200, statuses(400), statuses(400)},
	{"initializeSelfServiceLoginFlowWithoutBrowser", "createNativeLoginFlow", "GET", publicMount + "/self-service/login/api", 200, statuses(400), statuses(400)},
	{"getSelfServiceLoginFlow", "getLoginFlow", "GET", publicMount + "/self-service/login/flows", 200, statuses(403, 404, 410), statuses(403, 404, 410)},
	{"submitSelfServiceLoginFlow", "updateLoginFlow", "POST", publicMount + "/self-service/login", 200, statuses(400, 422), statuses(400, 410, 422)},

	{"initializeSelfServiceRegistrationFlowForBrowsers", "createBrowserRegistrationFlow", "GET", publicMount + "/self-service/registration/browser", 200, nil, nil},
	{"initializeSelfServiceRegistrationFlowWithoutBrowser", "createNativeRegistrationFlow", "GET", publicMount + "/self-service/registration/api", 200, statuses(400), statuses(400)},
	{"getSelfServiceRegistrationFlow", "getRegistrationFlow", "GET", publicMount + "/self-service/registration/flows", 200, statuses(403, 404, 410), statuses(403, 404, 410)},
	{"submitSelfServiceRegistrationFlow", "updateRegistrationFlow", "POST", publicMount + "/self-service/registration", 200, statuses(400, 422), statuses(400, 410, 422)},

	{"createSelfServiceLogoutFlowUrlForBrowsers", "createBrowserLogoutFlow", "GET", publicMount + "/self-service/logout/browser", 200, statuses(401), statuses(400, 401)},
	{"submitSelfServiceLogoutFlow", "updateLogoutFlow", "GET", publicMount + "/self-service/logout", 204, nil, nil},
	{"submitSelfServiceLogoutFlowWithoutBrowser", "performNativeLogout", "DELETE", publicMount + "/self-service/logout/api", 204, statuses(400), statuses(400)},

	{"initializeSelfServiceSettingsFlowForBrowsers", "createBrowserSettingsFlow", "GET", publicMount + "/self-service/settings/browser", 200, statuses(400, 401, 403), statuses(400, 401, 403)},
	{"initializeSelfServiceSettingsFlowWithoutBrowser", "createNativeSettingsFlow", "GET", publicMount + "/self-service/settings/api", 200, statuses(400), statuses(400)},
	{"getSelfServiceSettingsFlow", "getSettingsFlow", "GET", publicMount + "/self-service/settings/flows", 200, statuses(401, 403, 404, 410), statuses(401, 403, 404, 410)},
	{"submitSelfServiceSettingsFlow", "updateSettingsFlow", "POST", publicMount + "/self-service/settings", 200, statuses(400, 401, 403, 422), statuses(400, 401, 403, 410, 422)},

	{"initializeSelfServiceRecoveryFlowForBrowsers", "createBrowserRecoveryFlow", "GET", publicMount + "/self-service/recovery/browser", 200, statuses(400), statuses(400)},
	{"initializeSelfServiceRecoveryFlowWithoutBrowser", "createNativeRecoveryFlow", "GET", publicMount + "/self-service/recovery/api", 200, statuses(400), statuses(400)},
	{"getSelfServiceRecoveryFlow", "getRecoveryFlow", "GET", publicMount + "/self-service/recovery/flows", 200, statuses(404, 410), statuses(404, 410)},
	{"submitSelfServiceRecoveryFlow", "updateRecoveryFlow", "POST", publicMount + "/self-service/recovery", 200, statuses(400), statuses(400, 410, 422)},

	{"initializeSelfServiceVerificationFlowForBrowsers", "createBrowserVerificationFlow", "GET", publicMount + "/self-service/verification/browser", 200, nil, nil},
	{"initializeSelfServiceVerificationFlowWithoutBrowser", "createNativeVerificationFlow", "GET", publicMount + "/self-service/verification/api", 200, statuses(400), statuses(400)},
	{"getSelfServiceVerificationFlow", "getVerificationFlow", "GET", publicMount + "/self-service/verification/flows", 200, statuses(403, 404), statuses(403, 404)},
	{"submitSelfServiceVerificationFlow", "updateVerificationFlow", "POST", publicMount + "/self-service/verification", 200, statuses(400), statuses(400, 410)},

	{"listSessions", "listMySessions", "GET", publicMount + "/sessions", 200, statuses(400, 401, 404), statuses(400, 401)},
	{"revokeSessions", "disableMyOtherSessions", "DELETE", publicMount + "/sessions", 200, statuses(400, 401, 404), statuses(400, 401)},
	{"revokeSession", "disableMySession", "DELETE", publicMount + "/sessions/{id}", 204, statuses(400, 401), statuses(400, 401)},
	{"toSession", "toSession", "GET", publicMount + "/sessions/whoami", 200, statuses(401, 403), statuses(401, 403)},
	{"", "exchangeSessionToken", "GET", publicMount + "/sessions/token-exchange", 200, nil, statuses(403, 404, 410, 422)},

	{"getActiveProject", "", "GET", "/backoffice/public/console/projects/active", 200, statuses(401), nil},
	{"setActiveProject", "", "PUT", "/backoffice/public/console/projects/active", 204, statuses(401), nil},
	{"listProjects", "", "GET", "/backoffice/public/projects", 200, statuses(401, 403, 404), nil},
	{"createProject", "", "POST", "/backoffice/public/projects", 201, statuses(401, 403, 404), nil},
	{"purgeProject", "", "DELETE", "/backoffice/public/projects/{project_id}", 204, statuses(401, 403, 404), nil},
	{"getProject", "", "GET", "/backoffice/public/projects/{project_id}", 200, statuses(401, 403, 404), nil},
	{"updateProject", "", "PUT", "/backoffice/public/projects/{project_id}", 200, statuses(401, 403, 404), nil},
	{"updateProjectConfig", "", "PUT", "/backoffice/public/projects/{project_id}/configs", 200, statuses(400, 401, 403, 404), nil},
	{"getProjectMembers", "", "GET", "/backoffice/public/projects/{project_id}/members", 200, statuses(401, 406), nil},
	{"removeProjectMember", "", "DELETE", "/backoffice/public/projects/{project_id}/members/{member_id}", 204, statuses(400, 401, 406), nil},
}
