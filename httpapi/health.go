package httpapi

import (
	"net/http"

	"github.com/gatehouse-id/gatehouse/core/apierror"
	"github.com/gatehouse-id/gatehouse/core/ceremony"
)

// alive serves GET /health/alive: the process answers.
func (c *call) alive() error {
	return c.json(http.StatusOK, map[string]string{"status": "ok"})
}

// ready serves GET /health/ready: the store answers too. Why it doesn't stays in the log.
func (c *call) ready() error {
	if c.s.Ready != nil {
		if err := c.s.Ready(c.r); err != nil {
			c.s.logFailure(c.r, apierror.Unavailable(err, "not ready"))
			return c.json(http.StatusServiceUnavailable, map[string]any{"errors": map[string]string{"database": "the store can't be reached"}})
		}
	}
	return c.alive()
}

// version serves GET /version.
func (c *call) version() error {
	return c.json(http.StatusOK, map[string]string{"version": c.s.Version})
}

// webauthnJS serves the script that pages with security keys load.
func (c *call) webauthnJS() error {
	c.w.Header().Set("Content-Type", "text/javascript; charset=UTF-8")
	_, _ = c.w.Write(ceremony.Script)
	return nil
}
