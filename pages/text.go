package pages

import (
	"slices"
	"strings"
)

// headings are the words at the top of each page.
var headings = map[Kind]string{
	Login:        "Sign in",
	Registration: "Create your account",
	Recovery:     "Recover your account",
	Verification: "Verify your address",
	Settings:     "Account settings",
	Sessions:     "Signed-in devices",
	Error:        "Something went wrong",
}

func heading(p Page) string {
	switch {
	case p.secondStep():
		return "Two-step verification"
	case p.Kind == Login && p.Refresh:
		return "Confirm it is you"
	case p.Kind == Error && p.Error != nil:
		return errorHeading(p.Error.Code)
	case p.Kind == Welcome && p.Session == nil:
		return "Welcome"
	case p.Kind == Welcome:
		return "You are signed in"
	default:
		return headings[p.Kind]
	}
}

func lead(p Page) string {
	switch {
	case p.Kind == Welcome && p.Session == nil:
		return "You are not signed in."
	case p.secondStep() && p.UI != nil && !slices.ContainsFunc(p.UI.Nodes, isButton):
		return "This page is for who has confirmed a second step. There is none on your account yet."
	case p.Kind == Login && p.laterStep() && p.identifier() != "":
		return "You are signing in as " + p.identifier() + "."
	case p.UI != nil && len(p.UI.Messages) == 0:
		return leads[p.Kind]
	case p.Kind == Sessions:
		return "This is where you are signed in. Sign out what you don't recognise, then change your password."
	}
	return ""
}

// leads say what a form is for that doesn't say it itself. A form that was handed in has a message in their place.
var leads = map[Kind]string{
	Recovery:     "Enter the email address of your account. We will send you a way back in.",
	Verification: "Enter the email address to verify. We will send you a message to answer.",
}

func errorHeading(code int) string {
	switch {
	case code == 404:
		return "Page not found"
	case code == 410:
		return "This page has expired"
	case code == 401:
		return "Please sign in"
	case code == 429:
		return "Too many attempts"
	case code >= 400 && code < 500:
		return "That did not work"
	default:
		return headings[Error]
	}
}

// nextSteps tell what to do about an error, by status; 0 stands for every other one.
var nextSteps = map[int]string{
	0:   "Try again in a few minutes. If it happens again, tell support the error id below.",
	400: "Go back and try again. If you followed a link, make sure that it is complete.",
	401: "Sign in and try again.",
	403: "Go back, reload the page and try again. Make sure that your browser accepts cookies from this site.",
	404: "The link may be incomplete or too old. Start again from the beginning.",
	410: "Pages like this one stay open for a limited time. Start again from the beginning.",
	422: "Go back and check what you entered.",
	429: "Wait a few minutes, then try again.",
}

func nextStep(code int) string {
	if step, ok := nextSteps[code]; ok {
		return step
	}
	if code > 400 && code < 500 {
		return nextSteps[400]
	}
	return nextSteps[0]
}

// groupHeadings title the sections of the settings page.
var groupHeadings = map[string]string{
	"profile":       "Profile",
	"password":      "Change password",
	"oidc":          "Linked accounts",
	"totp":          "Authenticator app",
	"lookup_secret": "Backup codes",
	"webauthn":      "New security key",
	"passkey":       "New passkey",

	"webauthn" + owned: "Your security keys",
	"passkey" + owned:  "Your passkeys",
}

// humanize makes a label of a field name for the nodes that have none: "traits.name.first_name" is "First name".
func humanize(name string) string {
	if i := strings.LastIndexByte(name, '.'); i >= 0 {
		name = name[i+1:]
	}
	name = strings.TrimSpace(strings.NewReplacer("_", " ", "-", " ").Replace(name))
	if name == "" {
		return "Field"
	}
	runes := []rune(name)
	return strings.ToUpper(string(runes[:1])) + string(runes[1:])
}
