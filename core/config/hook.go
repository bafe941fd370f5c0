package config

import (
	"encoding/json"
	"fmt"
	"slices"
)

// Hook is one configured hook: its name and what is passed to it unread.
type Hook struct {
	// Hook is the name, such as "session" or "web_hook".
	Hook string `json:"hook"`
	// Config is the hook's own configuration as JSON.
	Config json.RawMessage `json:"config,omitempty"`
}

// Before holds the hooks that run when a flow starts.
type Before struct {
	Hooks []Hook `json:"hooks,omitempty"`
}

// AfterMethod holds what happens after a flow that was completed with one method.
type AfterMethod struct {
	DefaultBrowserReturnURL string `json:"default_browser_return_url,omitempty"`
	Hooks                   []Hook `json:"hooks,omitempty"`
}

// After holds what happens after a flow: in general, and for single methods. In the document the methods stand beside
// the general keys: {"hooks": [...], "password": {"hooks": [...]}}.
type After struct {
	AfterMethod
	// Methods is keyed by method name, such as "password" or "oidc".
	Methods map[string]AfterMethod `json:"-" inline:"methods"`
}

// HookLists are all lists of hooks by their place in the document, such as "registration.after.password.hooks".
func (f *Flows) HookLists() map[string][]Hook {
	lists := map[string][]Hook{}
	add := func(flow string, before Before, after After) {
		lists[flow+".before.hooks"], lists[flow+".after.hooks"] = before.Hooks, after.Hooks
		for method, m := range after.Methods {
			lists[flow+".after."+method+".hooks"] = m.Hooks
		}
	}
	add("login", f.Login.Before, f.Login.After)
	add("registration", f.Registration.Before, f.Registration.After)
	add("settings", f.Settings.Before, f.Settings.After)
	add("recovery", f.Recovery.Before, f.Recovery.After)
	add("verification", f.Verification.Before, f.Verification.After)
	return lists
}

// afterMethods are the methods a document may name below "after".
var afterMethods = []string{
	"code", "link", "lookup_secret", "oidc", "passkey", "password", "profile", "saml", "totp", "webauthn",
}

// ReturnURL is where a browser goes after completing the flow with method: the method's own URL or the general one. An
// empty result means that the caller's next fallback counts, which for login and registration is
// SelfService.DefaultBrowserReturnURL.
func (a After) ReturnURL(method string) string {
	if u := a.Methods[method].DefaultBrowserReturnURL; u != "" {
		return u
	}
	return a.DefaultBrowserReturnURL
}

// HooksFor lists the hooks that run after completing the flow with method. A method's own hooks replace the general ones;
// the two lists are never merged.
func (a After) HooksFor(method string) []Hook {
	if hooks := a.Methods[method].Hooks; len(hooks) > 0 {
		return hooks
	}
	return a.Hooks
}

// IsZero lets encoding/json leave out an After that says nothing.
func (a After) IsZero() bool {
	return a.DefaultBrowserReturnURL == "" && len(a.Hooks) == 0 && len(a.Methods) == 0
}

// MarshalJSON writes the methods beside the general keys, as the document has them.
func (a After) MarshalJSON() ([]byte, error) {
	doc := make(map[string]any, len(a.Methods)+2)
	for name, m := range a.Methods {
		doc[name] = m
	}
	if a.DefaultBrowserReturnURL != "" {
		doc["default_browser_return_url"] = a.DefaultBrowserReturnURL
	}
	if len(a.Hooks) > 0 {
		doc["hooks"] = a.Hooks
	}
	return json.Marshal(doc)
}

// UnmarshalJSON is the reverse of MarshalJSON.
func (a *After) UnmarshalJSON(data []byte) error {
	var general AfterMethod
	if err := json.Unmarshal(data, &general); err != nil {
		return err
	}
	var doc map[string]json.RawMessage
	if err := json.Unmarshal(data, &doc); err != nil {
		return err
	}
	methods := make(map[string]AfterMethod)
	for name, raw := range doc {
		if !slices.Contains(afterMethods, name) {
			continue
		}
		var m AfterMethod
		if err := json.Unmarshal(raw, &m); err != nil {
			return fmt.Errorf("reading after.%s: %w", name, err)
		}
		methods[name] = m
	}
	*a = After{AfterMethod: general, Methods: methods}
	return nil
}
