package httpapi

import (
	"slices"
	"strings"
	"testing"

	"github.com/gatehouse-id/gatehouse/core/project"
)

// TestEveryAdminAreaHasAScope fails for a new area of the admin API that nobody gave one:
// only tokens for everything would open it.
func TestEveryAdminAreaHasAScope(t *testing.T) {
	for _, rt := range adminRoutes {
		path := rt.pattern[strings.Index(rt.pattern, "/"):]
		if area := firstSegment(path); !isProbe(path) && !slices.Contains(project.Areas, area) {
			t.Errorf("%s: the area %q has no scope: add it to project.Areas", rt.pattern, area)
		}
	}
}

// FuzzBearer reads Authorization headers.
func FuzzBearer(f *testing.F) {
	for _, seed := range []string{"Bearer ory_pat_x", "bearer  x ", "Basic x", "Bearer", "Bearer\tx", "Bearer x, Bearer y", ""} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, header string) {
		token := bearer([]string{header})
		if token != "" && (!strings.EqualFold(header[:7], "Bearer ") || !strings.HasSuffix(strings.TrimRight(header, " "), token)) {
			t.Errorf("%q: got %q", header, token)
		}
		if bearer([]string{header, header}) != "" {
			t.Errorf("%q twice: got a token", header)
		}
	})
}
