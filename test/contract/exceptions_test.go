package contract

import (
	"errors"
	"fmt"
	"slices"
	"sync"
)

// exception is an answer of ours that breaks a published document on purpose.
type exception struct {
	document   string   // "seed" or "latest"
	operations []string // none: all of them
	at         string   // as in problem
	why        string
}

var exceptions = []exception{
	{"latest", nil, "/components/schemas/genericError/properties/details/additionalProperties", "every Kratos sends details, the schema forbids all of them"},
	{"seed", nil, "/components/schemas/genericError/properties/details/additionalProperties", "every Kratos sends details, the schema forbids all of them"},
	{"seed", []string{"getWebAuthnJavaScript"}, "content type", "a script is not JSON"},
	{"latest", []string{"updateLoginFlow"}, "/components/schemas/identity/type", "null while a second factor is due, as recorded from Kratos"},
	{"seed", []string{"submitSelfServiceLoginFlow"}, "/components/schemas/identity/type", "null while a second factor is due, as recorded from Kratos"},
	{"seed", []string{"submitSelfServiceLoginFlow"}, "/components/schemas/sessionAuthenticationMethod/properties/method/enum", "it forgot lookup_secret"},
	{"seed", nil, "/components/schemas/uiNodeAttributes/oneOf", "a script fits the schemas of two kinds of node"},
	{"latest", []string{"getWebAuthnJavaScript"}, "content type", "a script is not JSON"},
	{"latest", []string{"listSessions"}, "/components/schemas/identity/type", "Kratos sends null unless the identity was asked for"},
	{"latest", []string{"updateLoginFlow", "updateRegistrationFlow", "updateSettingsFlow", "updateRecoveryFlow"}, "/components/schemas/errorGeneric/required", "the schema of 422 has the key error in the key error, no Kratos has"},
	{
		"seed", []string{"submitSelfServiceLoginFlow", "submitSelfServiceRegistrationFlow", "submitSelfServiceSettingsFlow"},
		"/components/schemas/selfServiceBrowserLocationChangeRequiredError/required", "every Kratos sends the message in the key error, as elsewhere",
	},
	{"latest", []string{"GET /self-service/methods/oidc/callback/acme"}, "path", "providers send browsers there, no client calls it"},
	{"latest", nil, "/components/schemas/successfulNativeLogin/properties/continue_with/type", "Kratos sends null when there is nothing to continue with"},
}

// needed remembers which exceptions were.
var needed struct {
	mu   sync.Mutex // guards seen
	seen [64]bool
}

func excepted(p problem) bool {
	i := slices.IndexFunc(exceptions, func(e exception) bool {
		return e.document == p.document && e.at == p.at && (e.operations == nil || slices.Contains(e.operations, p.operation))
	})
	if i < 0 {
		return false
	}
	needed.mu.Lock()
	defer needed.mu.Unlock()
	needed.seen[i] = true
	return true
}

// unneeded fails when there are exceptions that no answer needed.
func unneeded() error {
	docs, err := published()
	if docs == nil {
		return err
	}
	needed.mu.Lock()
	defer needed.mu.Unlock()
	for i, e := range exceptions {
		if !needed.seen[i] {
			err = errors.Join(err, fmt.Errorf("no answer needs the exception of %v at %q in the %s document: delete it", e.operations, e.at, e.document))
		}
	}
	return err
}
