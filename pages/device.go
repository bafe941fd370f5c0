package pages

import (
	"fmt"
	"html/template"
	"strings"
	"unicode/utf8"
)

type devicesView struct {
	Action template.URL
	CSRF   string
	Here   deviceView
	Others []deviceView
}

type deviceView struct {
	SessionID string
	Name      string // for example "Firefox on Linux"
	IPAddress string
	Since     *moment
}

func newDevicesView(d DevicesView) (*devicesView, error) {
	action, ok := linkURL(d.Action)
	if !ok {
		return nil, fmt.Errorf("action %q is neither a path nor an http(s) URL", d.Action)
	}
	v := &devicesView{Action: action, CSRF: d.CSRF, Here: newDeviceView(d.Here)}
	for _, o := range d.Others {
		v.Others = append(v.Others, newDeviceView(o))
	}
	return v, nil
}

func newDeviceView(d Device) deviceView {
	return deviceView{
		SessionID: d.SessionID, Name: deviceName(d.UserAgent), IPAddress: d.IPAddress, Since: newMoment(d.AuthenticatedAt),
	}
}

// sign is a word in a user agent that gives its sender away.
type sign struct{ word, name string }

// browsers are in the order in which they imitate each other: Edge says that it is Chrome, and Chrome that it is Safari.
var browsers = []sign{
	{"Edg", "Edge"}, {"OPR/", "Opera"}, {"Firefox/", "Firefox"}, {"FxiOS/", "Firefox"}, {"CriOS/", "Chrome"},
	{"Chrome/", "Chrome"}, {"Safari/", "Safari"},
}

// systems are in the order in which they imitate each other, likewise.
var systems = []sign{
	{"Android", "Android"}, {"iPhone", "iPhone"}, {"iPad", "iPad"}, {"Windows", "Windows"}, {"CrOS", "ChromeOS"},
	{"Mac OS X", "Mac"}, {"Linux", "Linux"},
}

// maxDeviceName bounds what is shown of a user agent that nobody knows, in characters.
const maxDeviceName = 60

// deviceName says in words what a user agent stands for. It is a hint: anybody can send any.
func deviceName(userAgent string) string {
	browser, system := find(browsers, userAgent), find(systems, userAgent)
	switch {
	case browser != "" && system != "":
		return browser + " on " + system
	case browser != "":
		return browser
	case userAgent == "":
		return "Unknown device"
	case utf8.RuneCountInString(userAgent) > maxDeviceName:
		return string([]rune(userAgent)[:maxDeviceName]) + "…"
	}
	return userAgent
}

func find(signs []sign, userAgent string) string {
	for _, s := range signs {
		if strings.Contains(userAgent, s.word) {
			return s.name
		}
	}
	return ""
}
