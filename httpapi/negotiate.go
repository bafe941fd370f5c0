package httpapi

import (
	"mime"
	"net/http"
	"strconv"
	"strings"
)

// wantsJSON decides whether a submission is answered with JSON or with
// redirects (behaviours.md 2.1): by the best match of Accept, or by a JSON body.
func wantsJSON(r *http.Request) bool {
	if best(accept(r), "text/html", "text/*", "*/*", "application/json") == "application/json" {
		return true
	}
	// Parameters of the media type don't matter: "application/json; charset=utf-8" is JSON too.
	t, _, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
	return err == nil && t == "application/json"
}

// acceptsJSON decides the same where there is no body: at the start of a flow.
func acceptsJSON(r *http.Request) bool {
	return best(accept(r), "text/html", "application/json") == "application/json"
}

// PrefersHTML decides whether a person looks at the answer: only who names a kind
// of text that browsers show, and likes nothing else better, is taken for a browser.
// "*/*" is what programs send.
func PrefersHTML(r *http.Request) bool {
	return best(accept(r), "application/json", "text/html") == "text/html"
}

// accept joins the Accept headers of a request; several are one list (RFC 9110 5.3).
func accept(r *http.Request) string { return strings.Join(r.Header.Values("Accept"), ",") }

// best returns the offer that fits an Accept header best; the first offer when
// nothing fits or the header is absent. The highest q wins, then the more
// specific range, then the earlier offer (RFC 9110 12.5.1).
func best(accept string, offers ...string) string {
	winner, bestQ, bestSpec := offers[0], 0.0, -1
	for _, part := range strings.Split(accept, ",") {
		rng, params, err := mime.ParseMediaType(strings.TrimSpace(part))
		if err != nil {
			continue
		}
		q := 1.0
		if s, ok := params["q"]; ok {
			if q, err = strconv.ParseFloat(s, 64); err != nil {
				continue
			}
		}
		if !(q > 0 && q <= 1) { // also when it is NaN
			continue
		}
		for _, o := range offers {
			if spec := fits(rng, o); spec >= 0 && (q > bestQ || q == bestQ && spec > bestSpec) {
				winner, bestQ, bestSpec = o, q, spec
			}
		}
	}
	return winner
}

// fits tells how specifically a range matches an offer: 2 exact, 1 type/*, 0 */*, -1 not.
func fits(rng, offer string) int {
	kind, _, _ := strings.Cut(offer, "/")
	switch rng {
	case "*/*":
		return 0
	case kind + "/*":
		return 1
	case offer:
		return 2
	}
	return -1
}
