package caddymodule

import (
	"encoding/json"
	"net"
	"net/http"
	"os"
	"strconv"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/caddyconfig"
	"github.com/caddyserver/caddy/v2/modules/caddyhttp"

	"github.com/gatehouse-id/gatehouse/core/config"
)

func init() { caddyconfig.RegisterAdapter("kratos", KratosAdapter{}) }

// KratosAdapter makes a server as Kratos is one of a Kratos configuration
// document: the public API on serve.public (0.0.0.0:4433 by default), the admin
// API on serve.admin (4434), nothing guarded. The admin API asks for no token where
// only this machine reaches it. The process's environment counts as it does for Kratos.
//
//	gatehouse run --config kratos.yml --adapter kratos
type KratosAdapter struct{}

// Adapt implements caddyconfig.Adapter. Errors name file, line and key.
func (KratosAdapter) Adapt(body []byte, options map[string]any) ([]byte, []caddyconfig.Warning, error) {
	name, _ := options["filename"].(string)
	if name == "" {
		name = "kratos.yml"
	}
	c, notes, err := kratosConfig(name, body)
	if err != nil && serving() {
		// "run --watch" stops watching for good at an error of an adapter, and goes on at one
		// of a configuration: a typing mistake can then be mended.
		adapted, err := refusing(err)
		return adapted, nil, err
	}
	if err != nil {
		return nil, nil, err
	}
	var warnings []caddyconfig.Warning
	for _, n := range notes {
		warnings = append(warnings, caddyconfig.Warning{File: name, Line: n.Line, Directive: n.Path, Message: n.Text})
	}
	if !localHost(c.Serve.Admin.Host) {
		warnings = append(warnings, caddyconfig.Warning{File: name, Directive: "serve.admin.host", Message: "other machines reach the admin API on " +
			c.Serve.Admin.Host + ", so each call needs a token (gatehouse token create); set it to 127.0.0.1 to go without, as with Kratos"})
	}
	document, err := config.ToJSON(body)
	if err != nil {
		return nil, nil, err
	}
	app := &App{Config: document, ConfigName: name, Environment: true, BaseURL: localURL(c.Serve.Public.Host, c.Serve.Public.Port)}
	adapted, err := json.Marshal(caddy.Config{
		Logging: kratosLogging(&warnings),
		AppsRaw: caddy.ModuleMap{
			"gatehouse": caddyconfig.JSON(app, &warnings),
			"http":      caddyconfig.JSON(kratosServers(c, &warnings), &warnings),
		},
	})
	return adapted, warnings, err
}

// kratosConfig reads and checks a document.
func kratosConfig(name string, body []byte) (*config.Config, []config.Warning, error) {
	c, notes, err := config.ParseWithEnv(name, body, os.Environ())
	if err != nil {
		return nil, nil, err
	}
	if c.Serve.Public.BaseURL == "" {
		c.Serve.Public.BaseURL = localURL(c.Serve.Public.Host, c.Serve.Public.Port)
	}
	if err := c.Validate(); err != nil {
		return nil, nil, config.Locate(err, name, body, os.Environ())
	}
	return c, notes, nil
}

// serving tells whether this process runs a gateway already.
func serving() bool {
	_, err := caddy.ActiveContext().AppIfConfigured("gatehouse")
	return err == nil
}

// refusing is a configuration that can't be loaded, for a reason.
func refusing(reason error) ([]byte, error) {
	return json.Marshal(caddy.Config{AppsRaw: caddy.ModuleMap{"gatehouse": caddyconfig.JSON(&App{Refused: reason.Error()}, nil)}})
}

// kratosLogging keeps sessions out of the log. Caddy itself hides cookies and
// Authorization, and does not know the headers of Kratos.
func kratosLogging(warnings *[]caddyconfig.Warning) *caddy.Logging {
	type filter struct {
		Filter string `json:"filter"`
	}
	encoder := map[string]any{"format": "filter", "fields": map[string]filter{
		"request>headers>X-Session-Token": {"delete"}, "request>headers>X-Session-Cookie": {"delete"},
	}}
	log := &caddy.CustomLog{BaseLog: caddy.BaseLog{EncoderRaw: caddyconfig.JSON(encoder, warnings)}}
	return &caddy.Logging{Logs: map[string]*caddy.CustomLog{caddy.DefaultLoggerName: log}}
}

func kratosServers(c *config.Config, warnings *[]caddyconfig.Warning) *caddyhttp.App {
	return &caddyhttp.App{Servers: map[string]*caddyhttp.Server{
		"public": kratosServer(c.Serve.Public.Host, c.Serve.Public.Port, "gatehouse", new(Handler), warnings),
		"admin":  kratosServer(c.Serve.Admin.Host, c.Serve.Admin.Port, "gatehouse_admin", kratosAdmin(c), warnings),
	}}
}

// kratosAdmin is open on loopback alone. Kratos asks for no token anywhere, and listens
// on every address by default.
func kratosAdmin(c *config.Config) *AdminHandler {
	h := new(AdminHandler)
	if localHost(c.Serve.Admin.Host) {
		h.Auth = authOff
	}
	return h
}

// kratosServer answers plain HTTP, like Kratos, and 404 for what its handler does not know.
func kratosServer(host string, port int, name string, handler any, warnings *[]caddyconfig.Warning) *caddyhttp.Server {
	notFound := caddyhttp.StaticResponse{
		StatusCode: caddyhttp.WeakString(strconv.Itoa(http.StatusNotFound)), Body: "404 page not found\n",
		Headers: http.Header{"Content-Type": {"text/plain; charset=utf-8"}},
	}
	return &caddyhttp.Server{
		Listen:    []string{net.JoinHostPort(anyHost(host), strconv.Itoa(port))},
		AutoHTTPS: &caddyhttp.AutoHTTPSConfig{Disabled: true},
		Routes: caddyhttp.RouteList{{HandlersRaw: []json.RawMessage{
			caddyconfig.JSONModuleObject(handler, "handler", name, warnings),
			caddyconfig.JSONModuleObject(notFound, "handler", "static_response", warnings),
		}}},
	}
}

// anyHost is the form that Caddy reads as every address of the machine, of IPv4
// and of IPv6; Kratos writes 0.0.0.0 for the same.
func anyHost(host string) string {
	if host == "0.0.0.0" {
		return ""
	}
	return host
}

// localURL stands in for a serve.public.base_url that is not set.
func localURL(host string, port int) string {
	if host == "" || host == "0.0.0.0" || host == "::" {
		host = "127.0.0.1"
	}
	return "http://" + net.JoinHostPort(host, strconv.Itoa(port)) + "/"
}

var _ caddyconfig.Adapter = KratosAdapter{}
