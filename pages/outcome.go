package pages

import (
	"cmp"
	"encoding/json"
	"fmt"
	"html/template"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"
)

type errorView struct {
	ID       string
	Code     int
	Status   string
	Message  string
	Reason   string
	NextStep string
}

func newErrorView(e ErrorView) *errorView {
	v := &errorView{ID: e.ID, Code: e.Code, Status: e.Status, Message: e.Message, Reason: e.Reason, NextStep: nextStep(e.Code)}
	if v.Reason == v.Message {
		v.Reason = ""
	}
	return v
}

type sessionView struct {
	IdentityID      string
	AAL             string
	AuthenticatedAt *moment
	ExpiresAt       *moment
	Traits          []trait
	LogoutURL       template.URL
}

// trait is a row of the profile: a trait's path in words, and its value.
type trait struct{ Name, Value string }

// moment is a time twice: for the machine and for the reader.
type moment struct{ RFC3339, Text string }

var aalNames = map[string]string{"aal1": "One factor", "aal2": "Two factors"}

func newSessionView(s SessionView) *sessionView {
	logout, _ := linkURL(s.LogoutURL) // "" when it cannot be used, and then not shown
	return &sessionView{
		IdentityID:      s.IdentityID,
		AAL:             cmp.Or(aalNames[s.AAL], s.AAL),
		AuthenticatedAt: newMoment(s.AuthenticatedAt),
		ExpiresAt:       newMoment(s.ExpiresAt),
		Traits:          flatten("", s.Traits),
		LogoutURL:       logout,
	}
}

// newMoment writes UTC: the server does not know the zone of the reader.
func newMoment(t time.Time) *moment {
	if t.IsZero() {
		return nil
	}
	t = t.UTC()
	return &moment{t.Format(time.RFC3339), t.Format("2 January 2006, 15:04 UTC")}
}

// flatten lists traits in the order of their paths, nested ones as "Name / First".
func flatten(prefix string, traits map[string]any) []trait {
	var rows []trait
	for _, key := range slices.Sorted(maps.Keys(traits)) {
		name := prefix + humanize(key)
		if nested, ok := traits[key].(map[string]any); ok {
			rows = append(rows, flatten(name+" / ", nested)...)
			continue
		}
		rows = append(rows, trait{name, traitText(traits[key])})
	}
	return rows
}

func traitText(value any) string {
	switch value := value.(type) {
	case bool:
		if value {
			return "Yes"
		}
		return "No"
	case []any:
		texts := make([]string, len(value))
		for i := range value {
			texts[i] = traitText(value[i])
		}
		return strings.Join(texts, ", ")
	default:
		return valueText(value)
	}
}

// valueText writes a JSON value the way a form field holds it.
func valueText(value any) string {
	switch value := value.(type) {
	case nil:
		return ""
	case string:
		return value
	case float64:
		// %v would write 1e+06 from a million on, which the schema would read as another type.
		return strconv.FormatFloat(value, 'f', -1, 64)
	case []any, map[string]any:
		text, err := json.Marshal(value)
		if err != nil {
			return ""
		}
		return string(text)
	default:
		return fmt.Sprint(value)
	}
}
