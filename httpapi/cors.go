package httpapi

import (
	"net/http"
	"slices"
	"strconv"
	"strings"
)

// preflight answers CORS preflight requests when CORS is on: with the grants for
// an allowed origin, and without any for others.
func (s *Server) preflight(w http.ResponseWriter, r *http.Request) bool {
	cors := &s.Config().Serve.Public.CORS
	if !cors.Enabled || r.Method != http.MethodOptions || r.Header.Get("Access-Control-Request-Method") == "" {
		return false
	}
	h := w.Header()
	h.Add("Vary", "Origin, Access-Control-Request-Method, Access-Control-Request-Headers")
	method, headers := r.Header.Get("Access-Control-Request-Method"), r.Header.Get("Access-Control-Request-Headers")
	if s.allowedOrigin(r) && slices.Contains(cors.AllowedMethods, method) && allContained(cors.AllowedHeaders, headers) {
		s.grantOrigin(h, r)
		h.Set("Access-Control-Allow-Methods", method)
		if headers != "" {
			h.Set("Access-Control-Allow-Headers", headers)
		}
		if cors.MaxAge > 0 {
			h.Set("Access-Control-Max-Age", strconv.Itoa(cors.MaxAge))
		}
	}
	w.WriteHeader(http.StatusNoContent)
	return true
}

// corsHeaders lets an allowed origin read the answer.
func (s *Server) corsHeaders(w http.ResponseWriter, r *http.Request) {
	cors := &s.Config().Serve.Public.CORS
	if !cors.Enabled {
		return
	}
	w.Header().Add("Vary", "Origin")
	if !s.allowedOrigin(r) {
		return
	}
	s.grantOrigin(w.Header(), r)
	if len(cors.ExposedHeaders) > 0 {
		w.Header().Set("Access-Control-Expose-Headers", strings.Join(cors.ExposedHeaders, ", "))
	}
}

func (s *Server) grantOrigin(h http.Header, r *http.Request) {
	h.Set("Access-Control-Allow-Origin", r.Header.Get("Origin"))
	if s.Config().Serve.Public.CORS.AllowCredentials {
		h.Set("Access-Control-Allow-Credentials", "true")
	}
}

// allowedOrigin tells whether pages of the request's origin may read answers. "*" alone
// never goes together with credentials.
func (s *Server) allowedOrigin(r *http.Request) bool {
	origin := strings.ToLower(r.Header.Get("Origin"))
	if origin == "" || origin == "null" {
		return false
	}
	cors := &s.Config().Serve.Public.CORS
	return s.listedOrigin(origin) || !cors.AllowCredentials && slices.Contains(cors.AllowedOrigins, "*")
}

// listedOrigin compares an origin in lower case with the list, exactly; an entry may have
// one "*" for a sub-domain. "*" alone names nobody.
func (s *Server) listedOrigin(origin string) bool {
	for _, a := range s.Config().Serve.Public.CORS.AllowedOrigins {
		a = strings.ToLower(strings.TrimSuffix(a, "/"))
		if a == origin {
			return true
		}
		before, after, wild := strings.Cut(a, "*.")
		if sub, ok := strings.CutSuffix(strings.TrimPrefix(origin, before), "."+after); wild && ok && strings.HasPrefix(origin, before) &&
			sub != "" && !strings.ContainsAny(sub, "/:@") {
			return true
		}
	}
	return false
}

func allContained(allowed []string, requested string) bool {
	for _, h := range strings.Split(requested, ",") {
		h = strings.TrimSpace(h)
		if h != "" && !slices.ContainsFunc(allowed, func(a string) bool { return a == "*" || strings.EqualFold(a, h) }) {
			return false
		}
	}
	return true
}
