package caddymodule

import (
	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/caddyconfig"
	"github.com/caddyserver/caddy/v2/caddyconfig/caddyfile"
	"github.com/caddyserver/caddy/v2/caddyconfig/httpcaddyfile"
	"github.com/caddyserver/caddy/v2/modules/caddyhttp"
	"github.com/caddyserver/caddy/v2/modules/caddyhttp/caddyauth"

	"github.com/gatehouse-id/gatehouse/core/session"
)

func init() {
	httpcaddyfile.RegisterDirective("guard", parseGuard)
	// After everything that may change the path, and before everything that answers.
	httpcaddyfile.RegisterDirectiveOrder("guard", httpcaddyfile.After, "basic_auth")
}

// parseGuard makes the route of a guard directive:
//
//	guard [<matcher>] {
//		headers {
//			<name> <fact>
//		}
//		aal2
//		max_age       <duration>
//		strip_session on|off
//		paths         strict|lenient
//	}
//
// No option is needed. What they do stands at the fields of Guard.
func parseGuard(h httpcaddyfile.Helper) ([]httpcaddyfile.ConfigValue, error) {
	h.Next() // the directive's name
	matcher, err := h.ExtractMatcherSet()
	if err != nil {
		return nil, err
	}
	g := new(Guard)
	if err := g.UnmarshalCaddyfile(h.Dispenser); err != nil {
		return nil, err
	}
	values := h.NewRoute(matcher, new(Answered))
	for n := range values {
		route, ok := values[n].Value.(caddyhttp.Route)
		if !ok {
			return nil, h.Err("the handler of the guard is not registered")
		}
		route.HandlersRaw = append(route.HandlersRaw, caddyconfig.JSONModuleObject(
			caddyauth.Authentication{ProvidersRaw: caddy.ModuleMap{"gatehouse": h.JSON(g)}}, "handler", "authentication", nil))
		values[n].Value = route
	}
	return values, nil
}

// UnmarshalCaddyfile reads the directive without its matcher.
func (g *Guard) UnmarshalCaddyfile(d *caddyfile.Dispenser) error {
	d.Next() // the directive's name
	if d.NextArg() {
		return d.Errf("guard has no argument %q: a matcher starts with / or @, options stand in a block", d.Val())
	}
	seen := map[string]bool{}
	for d.NextBlock(0) {
		option := d.Val()
		if seen[option] {
			return d.Errf("guard option %s is there twice", option)
		}
		seen[option] = true
		if err := g.unmarshalOption(d, option); err != nil {
			return err
		}
	}
	return nil
}

func (g *Guard) unmarshalOption(d *caddyfile.Dispenser, option string) error {
	switch option {
	case "headers":
		return g.unmarshalHeaders(d)
	case "aal1", "aal2":
		if g.AAL != "" {
			return d.Err("guard has both aal1 and aal2: choose one")
		}
		g.AAL = session.AAL(option)
		if d.NextArg() {
			return d.ArgErr()
		}
		return nil
	case "max_age":
		return g.unmarshalMaxAge(d)
	case "strip_session":
		choice, err := oneOf(d, "on", "off")
		g.KeepSession = choice == "off"
		return err
	case "paths":
		choice, err := oneOf(d, pathsStrict, pathsLenient)
		g.Paths = choice
		return err
	case "require":
		return d.Err("guard option require is not available in this version: check roles in the application, by the identity headers")
	}
	return d.Errf("unknown guard option %q: use headers, aal1, aal2, max_age, strip_session or paths", option)
}

func (g *Guard) unmarshalHeaders(d *caddyfile.Dispenser) error {
	if d.NextArg() {
		return d.Err("headers takes a block with a header and a fact per line, for example: X-User-Email identity.traits.email")
	}
	g.Headers = map[string]string{}
	for nesting := d.Nesting(); d.NextBlock(nesting); {
		name, line := d.Val(), d.RemainingArgs()
		if len(line) != 1 {
			return d.Errf("header %s: want a fact, for example identity.traits.email", name)
		}
		if _, ok := g.Headers[name]; ok {
			return d.Errf("header %s is there twice", name)
		}
		g.Headers[name] = line[0]
		if _, err := parseHeaders(g.Headers); err != nil {
			return d.WrapErr(err)
		}
	}
	return nil
}

func (g *Guard) unmarshalMaxAge(d *caddyfile.Dispenser) error {
	args := d.RemainingArgs()
	if len(args) != 1 {
		return d.Err("max_age wants a duration, for example 15m")
	}
	age, err := caddy.ParseDuration(args[0])
	if err != nil || age <= 0 {
		return d.Errf("max_age wants a positive duration, for example 15m, not %q", args[0])
	}
	g.MaxAge = caddy.Duration(age)
	return nil
}

// oneOf reads the only argument of an option.
func oneOf(d *caddyfile.Dispenser, choices ...string) (string, error) {
	option, args := d.Val(), d.RemainingArgs()
	for _, c := range choices {
		if len(args) == 1 && args[0] == c {
			return c, nil
		}
	}
	return "", d.Errf("%s wants one of %q", option, choices)
}

var _ caddyfile.Unmarshaler = (*Guard)(nil)
