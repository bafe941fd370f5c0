package httpapi_test

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/google/uuid"

	"github.com/gatehouse-id/gatehouse/core/config"
	"github.com/gatehouse-id/gatehouse/internal/gateway"
	"github.com/gatehouse-id/gatehouse/internal/testenv"
)

// staffSchema is another schema: people are known by a name, and found by more.
const staffSchema = `{"$schema":"http://json-schema.org/draft-07/schema#","type":"object","properties":{"traits":{"type":"object","properties":{
"login":{"type":"string","ory.sh/kratos":{"credentials":{"password":{"identifier":true}}}},
"last":{"type":"string","gatehouse":{"search":true}},"team":{"type":"array","items":{"type":"string","gatehouse":{"search":true}}}},
"required":["login"],"additionalProperties":false}}}`

func withStaff(c *config.Config, _ *gateway.Options) {
	url := "base64://" + base64.StdEncoding.EncodeToString([]byte(staffSchema))
	c.Identity.Schemas = append(c.Identity.Schemas, config.IdentitySchema{ID: "staff", URL: url})
}

// admin is somebody who works with the admin API of one mount.
type admin struct {
	*testenv.Env
	t     *testing.T
	mount string
}

func newAdmin(t *testing.T) *admin {
	return &admin{testenv.New(t, withStaff), t, "/admin"}
}

// send makes a request with a body, if it isn't empty, and pairs of header names and values.
func (a *admin) send(method, path, body string, headers ...string) *testenv.Answer {
	a.t.Helper()
	c := a.App()
	for n := 0; n < len(headers); n += 2 {
		c.Header.Add(headers[n], headers[n+1])
	}
	contentType := ""
	if body != "" {
		contentType = "application/json"
	}
	if !strings.HasPrefix(path, "http") {
		path = a.Admin + a.mount + path
	}
	return c.Do(method, path, contentType, []byte(body))
}

func (a *admin) get(path string) *testenv.Answer {
	a.t.Helper()
	return a.send(http.MethodGet, path, "")
}

// create makes an identity by the rest of its body.
func (a *admin) create(body string, headers ...string) *testenv.Answer {
	a.t.Helper()
	made := a.send(http.MethodPost, "/identities", body, headers...)
	wantStatus(a.t, made, http.StatusCreated)
	return made
}

// person makes an identity that is known by an address.
func (a *admin) person(email string) (path string, made *testenv.Answer) {
	a.t.Helper()
	made = a.create(fmt.Sprintf(`{"schema_id":"default","traits":{"email":%q},"credentials":{"password":{"config":{"password":%q}}}}`, email, testenv.Password))
	return "/identities/" + made.Text("id"), made
}

// staff makes an identity that can be searched for, and returns its id.
func (a *admin) staff(login, last string, team ...string) string {
	a.t.Helper()
	raw, _ := json.Marshal(map[string]any{"schema_id": "staff", "traits": map[string]any{"login": login, "last": last, "team": append([]string{}, team...)}})
	return a.create(string(raw)).Text("id")
}

// ids are those of a list.
func ids(t *testing.T, list *testenv.Answer) []string {
	t.Helper()
	wantStatus(t, list, http.StatusOK)
	var all []struct{ ID string }
	if err := json.Unmarshal(list.Body, &all); err != nil {
		t.Fatal(err)
	}
	out := []string{}
	for _, i := range all {
		out = append(out, i.ID)
	}
	return out
}

// linked is the URL of a relation, or "".
func linked(a *testenv.Answer, rel string) string {
	for _, link := range strings.Split(a.Header.Get("Link"), ",") {
		if before, ok := strings.CutSuffix(strings.TrimSpace(link), fmt.Sprintf(`>; rel=%q`, rel)); ok {
			return strings.TrimPrefix(before, "<")
		}
	}
	return ""
}

func (a *admin) local(url string) string { return a.Admin + url[strings.Index(url, a.mount):] }

// TestListsShowEveryIdentityOnce follows the links of both ways to page, on both mounts.
func TestListsShowEveryIdentityOnce(t *testing.T) {
	for _, mount := range []string{"/admin", "/api/kratos/admin"} {
		a := newAdmin(t)
		a.mount = mount
		var want []string
		for n := range 7 {
			want = append(want, a.staff(fmt.Sprint("n", n), "x"))
		}
		slices.Sort(want)
		for _, start := range []string{"?page=0&per_page=3", "?page_size=3"} {
			var got []string
			for next := a.Admin + mount + "/identities" + start; next != ""; {
				page := a.get(next)
				got = append(got, ids(t, page)...)
				if strings.Contains(start, "per_page") && page.Header.Get("X-Total-Count") != "7" {
					t.Errorf("%s: X-Total-Count is %q, want 7", next, page.Header.Get("X-Total-Count"))
				}
				if next = linked(page, "next"); next != "" {
					next = a.local(next)
				}
			}
			if !slices.Equal(got, want) {
				t.Errorf("%s%s: got %q, want %q", mount, start, got, want)
			}
		}
	}
}

func TestListsBySomethingKnown(t *testing.T) {
	a := newAdmin(t)
	ann, bob := a.staff("ann", "x"), a.staff("bob", "x")
	for query, want := range map[string][]string{
		"?ids=" + bob: {bob},
		"?ids=" + bob + "&ids=" + strings.ToUpper(bob) + "&ids=" + uuid.NewString(): {bob},
		"?credentials_identifier=ANN":            {ann},
		"?credentials_identifier=nobody":         {},
		"?organization_id=" + uuid.NewString():   {},
		"?ids=" + ann + "&ids=" + bob + "&page=": slices.Sorted(slices.Values([]string{ann, bob})),
	} {
		if got := ids(t, a.get("/identities"+query)); !slices.Equal(got, want) {
			t.Errorf("%s: got %q, want %q", query, got, want)
		}
	}
}

func TestListsThatCanNotBe(t *testing.T) {
	a := newAdmin(t)
	a.staff("ann", "x")
	token := base64.RawURLEncoding.EncodeToString([]byte("x/../identities"))
	for _, query := range []string{
		"ids=x", "ids=" + uuid.NewString() + "&credentials_identifier=x", "page_token=%23%23%23", "page_token=7",
		"include_credential=nope", "preview_credentials_identifier_similar=x",
		"trait=last", "trait=last&equals=", "trait=last&equals=x&starts_with=x", "trait=login&equals=x", "trait=nope&equals=x",
		"trait=last&equals=x&page_token=" + token, "trait=last&equals=x&page_token=!", "trait=last&equals=y&page_token=" + base64.RawURLEncoding.EncodeToString([]byte("x/1")),
		"ids=" + strings.Repeat(uuid.NewString()+"&ids=", maxIDs) + uuid.NewString(),
	} {
		if got := a.get("/identities?" + query); got.Status != 400 {
			t.Errorf("%.80s: got %d, want 400: %s", query, got.Status, got.Body)
		}
	}
}

// maxIDs is how many ids can be asked for at a time.
const maxIDs = 500

func TestSearchByTrait(t *testing.T) {
	a := newAdmin(t)
	smith, smithers, blue := a.staff("a", "Smith"), a.staff("b", "smithers", "red", "blue"), a.staff("c", "Ng", "blue")
	sorted := func(all ...string) []string { return slices.Sorted(slices.Values(all)) }
	for query, want := range map[string][]string{
		"trait=last&equals=SMITH":         {smith},
		"trait=last&starts_with=Smi":      sorted(smith, smithers),
		"trait=last&equals=smi":           {},
		"trait=team&equals=blue":          sorted(smithers, blue),
		"trait=team&starts_with=r":        {smithers},
		"trait=last&starts_with=" + "%25": {},
	} {
		var got []string
		for next := a.Admin + "/admin/identities?page_size=1&" + query; next != ""; {
			page := a.get(next)
			got = append(got, ids(t, page)...)
			if next = linked(page, "next"); next != "" {
				next = a.local(next)
			}
		}
		if slices.Sort(got); !slices.Equal(got, want) && len(got)+len(want) > 0 {
			t.Errorf("%s: got %q, want %q", query, got, want)
		}
	}
	// A change of the traits moves its owner in the same transaction.
	wantStatus(t, a.send("PATCH", "/identities/"+smith, `[{"op":"replace","path":"/traits/last","value":"Jones"}]`), 200)
	if got := ids(t, a.get("/identities?trait=last&equals=smith")); len(got) != 0 {
		t.Errorf("the old name still finds %q", got)
	}
	if got := ids(t, a.get("/identities?trait=last&equals=jones")); !slices.Equal(got, []string{smith}) {
		t.Errorf("the new name finds %q", got)
	}
}

func TestReplaceChangesWhatItSays(t *testing.T) {
	a := newAdmin(t)
	path, _ := a.person("ann@example.org")
	got := a.send("PUT", path, `{"schema_id":"default","state":"active","external_id":"crm-1","traits":{"email":"anna@example.org"},"metadata_public":{"a":1},"metadata_admin":"x"}`)
	wantStatus(t, got, 200)
	if got.Text("traits", "email") != "anna@example.org" || got.Text("external_id") != "crm-1" || got.At("metadata_public", "a") != 1.0 || got.Text("metadata_admin") != "x" {
		t.Errorf("got %s", got.Body)
	}
	c := a.App()
	wantMessages(t, c.Submit("login", c.Start("login", ""), testenv.Credentials("ann@example.org", testenv.Password)), 4000006)
	a.App().SignIn("anna@example.org") // with the password of before
	if by := a.get("/identities/by/external/crm-1"); by.Text("id") != got.Text("id") {
		t.Errorf("by its external id: %s", by.Body)
	}
	wantError(t, a.get("/identities/by/external/crm-2"), 404, "")
	// What isn't said is gone, save what can't be empty.
	got = a.send("PUT", path, `{"traits":{"email":"anna@example.org"}}`)
	wantStatus(t, got, 200)
	if got.At("metadata_public") != nil || got.At("metadata_admin") != nil || got.Text("external_id") != "" || got.Text("schema_id") != "default" || got.Text("state") != "active" {
		t.Errorf("got %s", got.Body)
	}
	wantError(t, a.get("/identities/by/external/crm-1"), 404, "")
}

func TestReplaceRefusals(t *testing.T) {
	a := newAdmin(t)
	a.person("bob@example.org")
	path, _ := a.person("ann@example.org")
	before := a.get(path)
	for name, bad := range map[string]struct {
		path, body string
		status     int
	}{
		"taken address":   {path, `{"traits":{"email":"bob@example.org"}}`, 409},
		"bad traits":      {path, `{"traits":{"email":"x"}}`, 400},
		"no traits":       {path, `{"schema_id":"default"}`, 400},
		"unknown schema":  {path, `{"schema_id":"nope","traits":{"email":"ann@example.org"}}`, 400},
		"unknown state":   {path, `{"state":"asleep","traits":{"email":"ann@example.org"}}`, 400},
		"unknown key":     {path, `{"colour":1,"traits":{"email":"ann@example.org"}}`, 400},
		"cut":             {path, `{"traits":`, 400},
		"organization":    {path, `{"organization_id":"` + uuid.NewString() + `","traits":{"email":"ann@example.org"}}`, 400},
		"long id":         {path, `{"external_id":"` + strings.Repeat("x", 256) + `","traits":{"email":"ann@example.org"}}`, 400},
		"unknown id":      {"/identities/" + uuid.NewString(), `{"traits":{"email":"eve@example.org"}}`, 404},
		"malformed id":    {"/identities/x", `{"traits":{"email":"eve@example.org"}}`, 404},
		"much metadata":   {path, `{"metadata_admin":"` + strings.Repeat("x", 300<<10) + `","traits":{"email":"ann@example.org"}}`, 413},
		"absurd password": {path, `{"traits":{"email":"ann@example.org"},"credentials":{"password":{"config":{"hashed_password":"$6$rounds=999999999$salt$x"}}}}`, 400},
	} {
		wantUnchanged(t, a.Env, func() {
			if got := a.send("PUT", bad.path, bad.body); got.Status != bad.status {
				t.Errorf("%s: got %d, want %d: %.300s", name, got.Status, bad.status, got.Body)
			}
		})
	}
	if after := a.get(path); string(after.Body) != string(before.Body) || after.Header.Get("ETag") != before.Header.Get("ETag") {
		t.Errorf("a refused change left %s, before %s", after.Body, before.Body)
	}
}

// TestAnotherSchemaTakesItsIdentifiersAlong: what the new traits don't have opens nothing, and is free for others.
func TestAnotherSchemaTakesItsIdentifiersAlong(t *testing.T) {
	a := newAdmin(t)
	path, _ := a.person("ann@example.org")
	got := a.send("PUT", path, `{"schema_id":"staff","traits":{"login":"ann"}}`)
	wantStatus(t, got, 200)
	if !strings.HasSuffix(got.Text("schema_url"), "/schemas/c3RhZmY") {
		t.Errorf("schema_url is %s", got.Text("schema_url"))
	}
	a.App().SignIn("ann")
	a.person("ann@example.org")
}

func TestInactiveEndsSessions(t *testing.T) {
	a := newAdmin(t)
	path, _ := a.person("ann@example.org")
	c := a.App()
	c.SignIn("ann@example.org")
	wantStatus(t, c.Get("/sessions/whoami"), 200)
	off := a.send("PATCH", path, `[{"op":"replace","path":"/state","value":"inactive"}]`)
	wantStatus(t, off, 200)
	if off.Text("state_changed_at") == off.Text("created_at") {
		t.Error("state_changed_at is that of the creation")
	}
	wantError(t, c.Get("/sessions/whoami"), 401, "session_inactive")
}

func TestOneOfTwoWritersWins(t *testing.T) {
	a := newAdmin(t)
	path, made := a.person("ann@example.org")
	tag := made.Header.Get("ETag")
	if read := a.get(path).Header.Get("ETag"); read != tag || tag == "" {
		t.Fatalf("ETag is %q, and %q when it is read", tag, read)
	}
	const many = 8
	var all sync.WaitGroup
	answers := make([]*testenv.Answer, many)
	for n := range many {
		all.Go(func() {
			answers[n] = a.send("PATCH", path, fmt.Sprintf(`[{"op":"add","path":"/metadata_admin","value":%d}]`, n), "If-Match", tag)
		})
	}
	all.Wait()
	won := 0
	for _, got := range answers {
		switch got.Status {
		case 200:
			won++
			tag = got.Header.Get("ETag")
		case 412:
		default:
			t.Errorf("got %d: %s", got.Status, got.Body)
		}
	}
	if won != 1 {
		t.Errorf("%d writers won, want 1", won)
	}
	for _, stale := range []string{made.Header.Get("ETag"), "W/" + tag, "7", `"x"`, `""`} {
		for _, change := range []struct{ method, path, body string }{
			{"PUT", path, `{"traits":{"email":"ann@example.org"}}`}, {"PATCH", path, `[]`},
			{"DELETE", path + "/credentials/password", ""}, {"DELETE", path, ""},
		} {
			wantError(t, a.send(change.method, change.path, change.body, "If-Match", stale), 412, "")
		}
	}
	wantStatus(t, a.send("PATCH", path, `[{"op":"add","path":"/metadata_admin","value":9}]`, "If-Match", `"1", `+tag), 200)
	wantStatus(t, a.send("DELETE", path, "", "If-Match", "*"), 204)
}

func TestCreationsCanBeRepeated(t *testing.T) {
	a := newAdmin(t)
	const body = `{"schema_id":"default","traits":{"email":"ann@example.org"}}`
	const many = 6
	var all sync.WaitGroup
	answers := make([]*testenv.Answer, many)
	for n := range many {
		all.Go(func() { answers[n] = a.send("POST", "/identities", body, "Idempotency-Key", "k1") })
	}
	all.Wait()
	replayed := 0
	for _, got := range answers {
		if got.Status != 201 || got.Text("id") != answers[0].Text("id") || got.Location() != answers[0].Location() {
			t.Errorf("got %d %s, want what the others got", got.Status, got.Body)
		}
		if got.Header.Get("Idempotency-Replayed") == "true" {
			replayed++
		}
	}
	if replayed != many-1 {
		t.Errorf("%d answers were repeated, want %d", replayed, many-1)
	}
	wantError(t, a.send("POST", "/identities", strings.Replace(body, "ann", "bob", 1), "Idempotency-Key", "k1"), 422, "")
	wantError(t, a.send("POST", "/identities", body, "Idempotency-Key", "k2"), 409, "")
	wantError(t, a.send("POST", "/identities", body, "Idempotency-Key", ""), 400, "")
	wantError(t, a.send("POST", "/identities", body, "Idempotency-Key", strings.Repeat("k", 256)), 400, "")
	wantError(t, a.send("POST", "/identities", body, "Idempotency-Key", "k1", "Idempotency-Key", "k2"), 400, "")
	// What was refused can be corrected and sent again with its key.
	wantError(t, a.send("POST", "/identities", `{"traits":{"email":"x"}}`, "Idempotency-Key", "k3"), 400, "")
	a.create(`{"traits":{"email":"x@example.org"}}`, "Idempotency-Key", "k3")
	wantStatus(t, a.send("DELETE", "/identities/"+answers[0].Text("id"), ""), 204)
	wantError(t, a.send("POST", "/identities", body, "Idempotency-Key", "k1"), 409, "")
	a.Advance(25 * 60 * 60 * 1e9)
	a.create(body, "Idempotency-Key", "k1")
}

func TestBatchTellsOfEach(t *testing.T) {
	a := newAdmin(t)
	a.person("taken@example.org")
	first, second := uuid.NewString(), uuid.NewString()
	got := a.send("PATCH", "/identities", `{"identities":[
		{"create":{"schema_id":"default","traits":{"email":"new@example.org"}},"patch_id":"`+first+`"},
		{"create":{"traits":{"email":"taken@example.org"}},"patch_id":"`+second+`"},
		{"create":{"traits":{"email":"NEW@example.org"}}},
		{"create":{"traits":{"email":"x"}}},
		{},
		{"create":{"schema_id":"staff","traits":{"login":"z"},"credentials":{"password":{"config":{"password":"`+testenv.Password+`"}}}}}]}`)
	wantStatus(t, got, 200)
	for n, want := range []float64{0, 409, 409, 400, 400, 0} {
		code, _ := got.At("identities", n, "error", "code").(float64)
		action := map[bool]string{true: "create", false: "error"}[want == 0]
		if code != want || got.Text("identities", n, "action") != action {
			t.Errorf("item %d: got %q %v, want %q %v", n, got.Text("identities", n, "action"), code, action, want)
		}
	}
	if got.Text("identities", 0, "patch_id") != first || got.Text("identities", 1, "patch_id") != second || got.At("identities", 2, "patch_id") != nil {
		t.Errorf("the patch ids don't come back: %s", got.Body)
	}
	wantStatus(t, a.get("/identities/"+got.Text("identities", 0, "identity")), 200)
	a.App().SignIn("z")
	none := a.send("PATCH", "/identities", `{"identities":[{"create":{"traits":{"email":"taken@example.org"}}}]}`)
	wantError(t, none, 409, "")
	if none.Text("identities", 0, "action") != "error" {
		t.Errorf("a batch that fails as a whole says %s", none.Body)
	}
}

func TestBatchesThatAreNone(t *testing.T) {
	a := newAdmin(t)
	item := `{"create":{"traits":{"email":"x"}}}`
	password := `{"create":{"traits":{"email":"x"},"credentials":{"password":{"config":{"password":"p"}}}}}`
	for name, body := range map[string]string{
		"too many":            `{"identities":[` + strings.Repeat(item+",", 1000) + item + `]}`,
		"too many passwords":  `{"identities":[` + strings.Repeat(password+",", 200) + password + `]}`,
		"no list":             `{"identities":1}`,
		"a bad patch id":      `{"identities":[{"patch_id":"x"}]}`,
		"an unknown key":      `{"identities":[{"delete":"x"}]}`,
		"an unknown key deep": `{"identities":[{"create":{"colour":1}}]}`,
		"cut":                 `{"identities":[`,
	} {
		wantUnchanged(t, a.Env, func() {
			if got := a.send("PATCH", "/identities", body); got.Status != 400 {
				t.Errorf("%s: got %d, want 400: %.200s", name, got.Status, got.Body)
			}
		})
	}
	wantStatus(t, a.send("PATCH", "/identities", `{"identities":[]}`), 200)
	wantStatus(t, a.send("PATCH", "/identities", `{"identities":[{"create":{"metadata_admin":"`+strings.Repeat("x", 9<<20)+`"}}]}`), 413)
}

// TestListsKeepTheirQuery: the links of a page lead to pages of the same question.
func TestListsKeepTheirQuery(t *testing.T) {
	a := newAdmin(t)
	a.staff("a", "x")
	a.staff("b", "x")
	page := a.get("/identities?trait=last&equals=x&page_size=1&include_credential=password&colour=red")
	u, err := url.Parse(linked(page, "next"))
	if err != nil {
		t.Fatal(err)
	}
	q := u.Query()
	if q.Get("trait") != "last" || q.Get("equals") != "x" || q.Get("page_size") != "1" || q.Get("include_credential") != "password" || q.Has("colour") {
		t.Errorf("the next page is %s", u)
	}
}
