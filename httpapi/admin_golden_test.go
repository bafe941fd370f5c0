package httpapi_test

import (
	"testing"

	"github.com/google/uuid"

	"github.com/gatehouse-id/gatehouse/internal/testenv"
)

// TestGoldenAdminIdentities holds the answers about identities, in both dialects.
func TestGoldenAdminIdentities(t *testing.T) {
	for dialect, mount := range map[string]string{"today": "/admin", "seed": "/api/kratos/admin"} {
		t.Run(dialect, func(t *testing.T) {
			a := newAdmin(t)
			a.mount = mount
			show := func(name string, answer *testenv.Answer) {
				t.Helper()
				golden(t, a.Env, dialect+"/admin_"+name, answer)
			}
			path, made := a.person("gold@example.org")
			show("created", made)
			show("shown", a.get(path+"?include_credential=oidc"))
			show("listed", a.get("/identities?page=0&per_page=1"))
			show("listed_by_token", a.get("/identities?page_size=1"))
			show("replaced", a.send("PUT", path, `{"schema_id":"default","state":"inactive","traits":{"email":"gold@example.org","age":50},"metadata_public":{"a":1}}`))
			show("patched", a.send("PATCH", path, `[{"op":"add","path":"/metadata_admin","value":{"x":[1,2]}}]`))
			show("patch_refused", a.send("PATCH", path, `[{"op":"replace","path":"/id","value":"x"}]`))
			show("changed_meanwhile", a.send("PUT", path, `{}`, "If-Match", `"1"`))
			show("traits_refused", a.send("PUT", path, `{"traits":{"email":"x","age":5}}`))
			show("duplicate", a.send("POST", "/identities", `{"traits":{"email":"gold@example.org"}}`))
			show("batch", a.send("PATCH", "/identities", `{"identities":[{"create":{"traits":{"email":"new@example.org"}}},{"create":{"traits":{"email":"gold@example.org"}}}]}`))
			show("unknown", a.send("PUT", "/identities/"+uuid.NewString(), `{}`))
			show("no_such_filter", a.get("/identities?trait=nope&equals=x"))
		})
	}
}
