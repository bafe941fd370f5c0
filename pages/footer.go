package pages

import "html/template"

// footerLink is a way out at the foot of a form.
type footerLink struct {
	Question string
	URL      template.URL
	Text     string
}

// Footer lists the links below the form, those of disabled flows left out.
func (v *view) Footer() []footerLink {
	var links []footerLink
	for _, l := range footers[v.kind] {
		if url := l.of(v.Links); url != "" {
			links = append(links, footerLink{l.question, url, l.text})
		}
	}
	return links
}

type footer struct {
	question string
	text     string
	of       func(links) template.URL
}

// footers are the links of each page, the likeliest first.
var footers = map[Kind][]footer{
	Login: {
		{"", "Start again", func(l links) template.URL { return l.Again }},
		{"No second step yet?", "Set one up", func(l links) template.URL { return l.Settings }},
		{"Not you?", "Sign out", func(l links) template.URL { return l.Logout }},
		{"Not verified yet?", "Verify your address", func(l links) template.URL { return l.Verification }},
		{"", "Forgot your password?", func(l links) template.URL { return l.Recovery }},
		{"New here?", "Create an account", func(l links) template.URL { return l.Registration }},
	},
	Registration: {
		{"", "Start again", func(l links) template.URL { return l.Again }},
		{"Already have an account?", "Sign in", func(l links) template.URL { return l.Login }},
	},
	Recovery:     {{"Remembered it?", "Sign in", func(l links) template.URL { return l.Login }}},
	Verification: {{"", "Go to sign in", func(l links) template.URL { return l.Login }}},
	Settings: {
		{"", "Signed-in devices", func(l links) template.URL { return l.Sessions }},
		{"", "Back", func(l links) template.URL { return l.Home }},
	},
	Sessions: {
		{"", "Account settings", func(l links) template.URL { return l.Settings }},
		{"", "Back", func(l links) template.URL { return l.Home }},
	},
}
