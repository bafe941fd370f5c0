package caddymodule

import (
	"cmp"
	"errors"
	"fmt"
	"net"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/modules/caddyhttp"
	"go.uber.org/zap"
)

// urls are the outside addresses of the two APIs. Links and redirects are built
// from them, so they come from the configuration and never from a request.
func (a *App) urls() (public, admin string, err error) {
	public, admin = a.config.Serve.Public.BaseURL, a.config.Serve.Admin.BaseURL
	if public != "" && admin != "" {
		return public, admin, nil
	}
	sites, err := a.sites()
	if err != nil {
		return "", "", err
	}
	if public == "" {
		if public, err = only(sites.public); err != nil {
			return "", "", err
		}
	}
	if admin == "" { // used in a few links for operators; any will do
		admin = cmp.Or(append(slices.Clone(sites.admin), public)...)
	}
	return public, admin, nil
}

// only takes the single address of the sites. Links must not depend on which of
// several happens to come first.
func only(found []string) (string, error) {
	slices.Sort(found)
	found = slices.Compact(found)
	const fix = `set base_url in the global gatehouse block, such as base_url https://accounts.example.org`
	switch len(found) {
	case 0:
		return "", errors.New("the public URL is not known, because no site with the gatehouse directive names a host: " + fix)
	case 1:
		return found[0], nil
	}
	return "", fmt.Errorf("several sites serve the public API (%s), and links can lead to one only: %s", strings.Join(found, ", "), fix)
}

// sites are the addresses under which this app's handlers are reached.
type sites struct {
	public, admin []string
	open          bool // an admin API asks for no tokens
}

// sites looks through the routes of the HTTP app. A site with several hosts
// counts with its first one.
func (a *App) sites() (*sites, error) {
	found := &sites{}
	module, err := a.ctx.AppIfConfigured("http")
	if errors.Is(err, caddy.ErrNotConfigured) {
		return found, nil
	}
	if err != nil {
		return nil, err
	}
	for _, server := range module.(*caddyhttp.App).Servers {
		found.walk(server.Routes, address(server), "")
	}
	return found, nil
}

// warnOpenAdmin tells of an admin API that asks for no tokens, and more urgently when
// machines beside this one reach it. A site's host name doesn't keep them out: whoever
// calls can write any.
func (a *App) warnOpenAdmin() {
	module, err := a.ctx.AppIfConfigured("http")
	if err != nil {
		return
	}
	for _, server := range module.(*caddyhttp.App).Servers {
		found := &sites{}
		found.walk(server.Routes, "%s", "any")
		if !found.open {
			continue
		}
		for _, listen := range server.Listen {
			switch {
			case !local(listen):
				a.log.Warn("other machines can reach the admin API, which asks for no token: remove auth off, or add bind 127.0.0.1 to its site",
					zap.String("listen", listen))
			case a.ConfigName == "": // with the kratos adapter it is as people know it
				a.log.Warn("the admin API asks for no token (auth off): everybody on this machine can use it", zap.String("listen", listen))
			}
		}
	}
}

// local tells whether only this machine can reach a listener.
func local(listen string) bool {
	address, err := caddy.ParseNetworkAddress(listen)
	if err != nil {
		return false
	}
	return address.IsUnixNetwork() || localHost(address.Host)
}

func localHost(host string) bool {
	ip := net.ParseIP(host)
	return host == "localhost" || ip != nil && ip.IsLoopback()
}

// address is what server is reached at, with %s in the place of the host.
func address(server *caddyhttp.Server) string {
	scheme, standard := "http", "80"
	if len(server.TLSConnPolicies) > 0 {
		scheme, standard = "https", "443"
	}
	if len(server.Listen) == 0 {
		return scheme + "://%s"
	}
	listen, err := caddy.ParseNetworkAddress(server.Listen[0])
	if err != nil || listen.IsUnixNetwork() {
		return scheme + "://%s"
	}
	if port := strconv.Itoa(int(listen.StartPort)); port != standard {
		return scheme + "://%s:" + port
	}
	return scheme + "://%s"
}

func (s *sites) walk(routes caddyhttp.RouteList, address, host string) {
	for _, route := range routes {
		at := cmp.Or(hostOf(route.MatcherSets), host)
		for _, handler := range route.Handlers {
			switch h := handler.(type) {
			case *Handler:
				s.public = appendURL(s.public, address, at)
			case *AdminHandler:
				s.admin = appendURL(s.admin, address, at)
				s.open = s.open || h.Auth == authOff
			case *caddyhttp.Subroute:
				s.walk(h.Routes, address, at)
			}
		}
	}
}

func appendURL(list []string, address, host string) []string {
	if host == "" {
		return list
	}
	if strings.Contains(host, ":") { // an IPv6 address
		host = net.JoinHostPort(host, "")
		host = strings.TrimSuffix(host, ":")
	}
	return append(list, fmt.Sprintf(address, host))
}

// hostOf is the first host that a route's matchers name outright.
func hostOf(sets caddyhttp.MatcherSets) string {
	for _, set := range sets {
		for _, matcher := range set {
			hosts, ok := matcher.(*caddyhttp.MatchHost)
			if !ok {
				continue
			}
			for _, host := range *hosts {
				if !strings.ContainsAny(host, "*{") {
					return host
				}
			}
		}
	}
	return ""
}

// schemaURL makes a URL of what may also be a path.
func schemaURL(place string) string {
	if strings.Contains(place, "://") {
		return place
	}
	if filepath.IsAbs(place) {
		return "file://" + place
	}
	return "file://./" + filepath.ToSlash(place)
}
