package httpapi

import (
	"crypto/rand"
	"errors"
	"net/http"
	"strings"

	"github.com/gatehouse-id/gatehouse/core/selfservice"
)

// continuityCookie keeps what a browser needs to go on after it was somewhere else: a
// secret by which it is known again when it comes back from another site, and a change
// of settings that waits for a fresh sign-in, sealed. The name is Kratos'.
const continuityCookie = "ory_kratos_continuity"

// continuity reads the cookie: "secret.pending". Both may be empty.
func (c *call) continuity() (secret, pending string) {
	k, err := c.r.Cookie(continuityCookie)
	if err != nil {
		return "", ""
	}
	secret, pending, _ = strings.Cut(k.Value, ".")
	return secret, pending
}

// knownBrowser is the secret of the browser. One that has none gets it if it is sent away.
func (c *call) knownBrowser() string {
	if secret, _ := c.continuity(); len(secret) == len(rand.Text()) {
		return secret
	}
	return rand.Text()
}

// keepPending lets the browser keep a change; "" makes it forget an older one.
func (c *call) keepPending(sealed string) {
	secret, _ := c.continuity()
	c.keepContinuity(secret, sealed)
}

// keepSecret lets the browser that is sent away keep its secret.
func (c *call) keepSecret(err error) {
	var de *selfservice.DepartError
	if errors.As(err, &de) && de.Continuity != "" {
		_, pending := c.continuity()
		c.keepContinuity(de.Continuity, pending)
	}
}

func (c *call) keepContinuity(secret, pending string) {
	k := &http.Cookie{
		Name: continuityCookie, Value: secret + "." + pending, Path: "/", SameSite: http.SameSiteLaxMode,
		MaxAge: int(max(selfservice.PendingLifetime, selfservice.TripLife).Seconds()),
	}
	if secret == "" && pending == "" {
		k.Value, k.MaxAge = "", -1
	}
	c.setCookie(k)
}
