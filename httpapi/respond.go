package httpapi

import (
	"bytes"
	"encoding/json"
	"html"
	"net/http"
	"strings"
)

// jsonType is the content type of successful answers.
const jsonType = "application/json; charset=utf-8"

// json answers with a body. It always returns nil, so that handlers can end with it.
func (c *call) json(status int, body any) error {
	writeJSON(c.w, status, jsonType, body)
	return nil
}

func writeJSON(w http.ResponseWriter, status int, contentType string, body any) {
	var buf bytes.Buffer
	if err := json.NewEncoder(&buf).Encode(body); err != nil {
		// Only our own types come here; this is a bug, and must not look like a success.
		http.Error(w, "internal error", http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", contentType)
	w.WriteHeader(status)
	_, _ = w.Write(buf.Bytes()) // the client is gone when this fails
}

// noContent answers with 204.
func (c *call) noContent() error {
	c.w.WriteHeader(http.StatusNoContent)
	return nil
}

// redirect sends the browser on with a GET.
func (c *call) redirect(to string) { c.seeOther(to, http.StatusSeeOther) }

// seeOther redirects. A path of ours becomes a URL: a client may have come by
// another name of the host, and the cookies belong to the configured one.
func (c *call) seeOther(to string, status int) {
	if strings.HasPrefix(to, "/") {
		to = c.s.PublicURL() + to
	}
	c.w.Header().Set("Location", to)
	if c.r.Method == http.MethodGet || c.r.Method == http.MethodHead {
		c.w.Header().Set("Content-Type", "text/html; charset=utf-8")
		c.w.WriteHeader(status)
		_, _ = c.w.Write([]byte(`<a href="` + html.EscapeString(to) + `">See Other</a>.` + "\n"))
		return
	}
	c.w.WriteHeader(status)
}
