package takeover_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"strings"
	"testing"

	"github.com/gatehouse-id/gatehouse/internal/adminapi"
	"github.com/gatehouse-id/gatehouse/internal/takeover"
	"github.com/gatehouse-id/gatehouse/internal/testenv"
)

// installation is a gateway with its admin API.
type installation struct {
	*testenv.Env
	api *adminapi.Client
}

func newInstallation(t *testing.T) *installation {
	t.Helper()
	e := testenv.New(t)
	return &installation{e, adminapi.New(e.Admin+"/admin", "")}
}

// fill makes people with the password of the tests, and returns their ids.
func (i *installation) fill(many int) (ids []string) {
	i.T.Helper()
	for n := range many {
		body := map[string]any{
			"traits": map[string]any{"email": email(n)}, "external_id": fmt.Sprint("crm-", n), "metadata_admin": map[string]any{"note": n},
			"credentials":          map[string]any{"password": map[string]any{"config": map[string]any{"password": testenv.Password}}},
			"verifiable_addresses": []any{map[string]any{"value": email(n), "via": "email", "verified": n%2 == 0, "status": "sent"}},
		}
		var made struct{ ID string }
		if _, err := i.api.Call(i.T.Context(), http.MethodPost, "/identities", body, &made); err != nil {
			i.T.Fatal(err)
		}
		ids = append(ids, made.ID)
	}
	return ids
}

func email(n int) string { return fmt.Sprintf("person%d@example.org", n) }

// outcome is what an import did.
type outcome struct {
	takeover.Counts
	problems []takeover.Problem
	err      error
}

// run imports with small batches, so that there are several.
func run(ctx context.Context, from takeover.Source, to *adminapi.Client) outcome {
	var out outcome
	var count takeover.Counter
	m := takeover.Import{
		From: from, To: to, Batch: 7, Workers: 3, Count: &count,
		Report: func(p takeover.Problem) { out.problems = append(out.problems, p) },
	}
	out.err = m.Run(ctx)
	out.Counts = count.Counts()
	return out
}

// export is what an installation has, as the lines of a file.
func (i *installation) export() string {
	i.T.Helper()
	s := &takeover.Server{API: i.api, Types: takeover.Shown}
	var out bytes.Buffer
	x := takeover.Export{From: s, Workers: 3, Count: &takeover.Counter{}, Report: func(p takeover.Problem) { i.T.Errorf("exporting: %+v", p) }}
	if err := x.Run(i.T.Context(), &out); err != nil {
		i.T.Fatal(err)
	}
	return out.String()
}

func want(t *testing.T, got outcome, counts takeover.Counts) {
	t.Helper()
	if got.Counts != counts || got.err != nil || int64(len(got.problems)) != counts.Failed {
		t.Fatalf("got %+v, want %+v", got, counts)
	}
}

// TestEverybodyMovesOnce takes a server over, and does it again.
func TestEverybodyMovesOnce(t *testing.T) {
	old, here := newInstallation(t), newInstallation(t)
	old.fill(30)
	s := &takeover.Server{API: old.api}
	if hidden, err := s.Probe(t.Context()); err != nil || len(hidden) > 0 {
		t.Fatalf("the server hides %q: %v", hidden, err)
	}
	want(t, run(t.Context(), s.Everybody, here.api), takeover.Counts{Moved: 30})
	want(t, run(t.Context(), s.Everybody, here.api), takeover.Counts{There: 30})
	for n := range 3 {
		here.App().SignIn(email(n))
	}
}

// TestExportIsWhatAnImportTakes moves people by a file; what they are is the same in both installations.
func TestExportIsWhatAnImportTakes(t *testing.T) {
	old, here := newInstallation(t), newInstallation(t)
	old.fill(10)
	file := old.export()
	want(t, run(t.Context(), takeover.Lines(strings.NewReader(file)), here.api), takeover.Counts{Moved: 10})
	before, after := people(t, file), people(t, here.export())
	for id, p := range before {
		if after[id] != p {
			t.Errorf("before\n%s\nafter\n%s", p, after[id])
		}
	}
	if len(after) != 10 {
		t.Errorf("%d people came", len(after))
	}
}

// people reads a file without what differs between installations.
func people(t *testing.T, file string) map[string]string {
	t.Helper()
	out := map[string]string{}
	for line := range strings.Lines(file) {
		var p map[string]any
		if err := json.Unmarshal([]byte(line), &p); err != nil {
			t.Fatal(err)
		}
		for _, key := range []string{"schema_url", "updated_at", "state_changed_at", "recovery_addresses"} {
			delete(p, key)
		}
		for _, a := range append(p["verifiable_addresses"].([]any), asList(p["credentials"])...) {
			for _, key := range []string{"id", "created_at", "updated_at"} {
				delete(a.(map[string]any), key)
			}
		}
		raw, _ := json.Marshal(p)
		out[p["id"].(string)] = string(raw)
	}
	return out
}

func asList(v any) (out []any) {
	for _, member := range v.(map[string]any) {
		out = append(out, member)
	}
	return out
}

// unreliable stands before an installation and loses requests, and answers of requests that were carried out.
func unreliable(t *testing.T, target string) *adminapi.Client {
	t.Helper()
	u, err := url.Parse(target)
	if err != nil {
		t.Fatal(err)
	}
	proxy := httputil.NewSingleHostReverseProxy(u)
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch rand.IntN(8) {
		case 0:
			w.WriteHeader(http.StatusServiceUnavailable)
		case 1:
			proxy.ServeHTTP(httptest.NewRecorder(), r)
			panic(http.ErrAbortHandler)
		default:
			proxy.ServeHTTP(w, r)
		}
	}))
	t.Cleanup(s.Close)
	return adminapi.New(s.URL+"/admin", "")
}

// TestLostAnswersMakeNobodyTwice imports over a line that loses every fourth answer.
func TestLostAnswersMakeNobodyTwice(t *testing.T) {
	old, here := newInstallation(t), newInstallation(t)
	old.fill(40)
	s := &takeover.Server{API: unreliable(t, old.Admin), Types: takeover.Shown}
	want(t, run(t.Context(), s.Everybody, unreliable(t, here.Admin)), takeover.Counts{Moved: 40})
	if got := len(people(t, here.export())); got != 40 {
		t.Errorf("%d people came", got)
	}
}

// cut ends a context when the first batch has come through.
type cut struct{ stop context.CancelFunc }

func (c cut) RoundTrip(r *http.Request) (*http.Response, error) {
	res, err := http.DefaultTransport.RoundTrip(r)
	if r.Method == http.MethodPatch {
		c.stop()
	}
	return res, err
}

// TestInterruptedImportGoesOn cuts an import off after each batch, until nobody is left to be moved.
func TestInterruptedImportGoesOn(t *testing.T) {
	old, here := newInstallation(t), newInstallation(t)
	old.fill(30)
	s := &takeover.Server{API: old.api, Types: takeover.Shown}
	rounds := 0
	for ; ; rounds++ {
		ctx, stop := context.WithCancel(t.Context())
		got := run(ctx, s.Everybody, &adminapi.Client{Base: here.api.Base, HTTP: &http.Client{Transport: cut{stop}}})
		stop()
		if got.err == nil {
			break
		}
		if !errors.Is(got.err, context.Canceled) || rounds > 5 {
			t.Fatalf("round %d: %+v", rounds, got)
		}
	}
	if got := len(people(t, here.export())); got != 30 || rounds < 2 {
		t.Errorf("%d people came after %d interruptions", got, rounds)
	}
}

// TestOneMistakeStopsNobodyElse reads a file in which much is wrong.
func TestOneMistakeStopsNobodyElse(t *testing.T) {
	here := newInstallation(t)
	here.fill(1)
	line := func(id, rest string) string {
		return fmt.Sprintf(`{"id":"00000000-0000-4000-8000-%012s",%s}`, id, rest)
	}
	file := strings.Join([]string{
		line("1", `"traits":{"email":"a@example.org"}`),
		`{"id":"00000000`,
		line("2", `"traits":{"email":"nobody"}`),
		line("3", fmt.Sprintf(`"traits":{"email":%q}`, email(0))),
		line("4", `"traits":{"email":"d@example.org"},"credentials":{"password":{"config":{"hashed_password":"$2a$31$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW"}}}`),
		"",
		`{"traits":{"email":"e@example.org"}}`,
		`{"id":"7","traits":{"email":"f@example.org"}}`,
		line("8", `"traits":{"email":"g@example.org"},"metadata_admin":"`+strings.Repeat("x", 3<<20)+`"`),
		line("9", `"traits":{"email":"h@example.org"},"schema_id":"nobody-knows"`),
		line("A", `"traits":{"email":"i@example.org"},"organization_id":"0b1e","credentials":{"saml":{"config":{"providers":[]}},"totp":{"config":7}}`),
		line("b", `"traits":{"email":"j@example.org"},"organization_id":"0b1e","credentials":{"saml":{"config":{"providers":[]}}}`),
	}, "\n")
	got := run(t.Context(), takeover.Lines(strings.NewReader(file)), here.api)
	if got.err != nil || got.Moved != 2 || got.Failed != 9 {
		t.Errorf("got %+v", got)
	}
	lines := map[int]string{}
	for _, p := range got.problems {
		lines[p.Line] += fmt.Sprintf("%s %d %s\n", p.Level, p.Status, p.Reason)
	}
	for n, want := range map[int]string{
		2: "no JSON", 3: "400", 4: "409", 5: "hashed_password", 7: "no id", 8: "error 400", 9: "error", 10: "nobody-knows", 11: `"totp"`,
		12: "warning 0 the organization stays behind: there are none in Gatehouse\nwarning 0 credentials of the type \"saml\" stay behind",
	} {
		if !strings.Contains(lines[n], want) {
			t.Errorf("line %d: got %q, want it to say %q", n, lines[n], want)
		}
	}
	if lines[1] != "" || lines[6] != "" {
		t.Errorf("good lines are reported: %v", lines)
	}
}

// TestAServerThatLetsNobodyInEndsTheImport: what is wrong with everybody is told once.
func TestAServerThatLetsNobodyInEndsTheImport(t *testing.T) {
	old := newInstallation(t)
	old.fill(20)
	s := &takeover.Server{API: old.api}
	closed := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(http.StatusForbidden)
		_, _ = w.Write([]byte(`{"error":{"reason":"The personal access token doesn't have the scope identities:write."}}`))
	}))
	defer closed.Close()
	got := run(t.Context(), s.Everybody, adminapi.New(closed.URL, ""))
	if got.err == nil || !strings.Contains(got.err.Error(), "identities:write") || got.Failed != 0 {
		t.Errorf("got %+v", got)
	}
}

// TestFirstVersionsShowLinksOnly: a server as they were in 2022 pages by numbers and keeps its hashes.
func TestFirstVersionsShowLinksOnly(t *testing.T) {
	old, here := newInstallation(t), newInstallation(t)
	old.fill(5)
	s := &takeover.Server{API: adminapi.New(old.Admin+"/api/kratos/admin", "")}
	hidden, err := s.Probe(t.Context())
	if err != nil || strings.Join(hidden, " ") != "password totp lookup_secret webauthn passkey" {
		t.Fatalf("it hides %q: %v", hidden, err)
	}
	want(t, run(t.Context(), s.Everybody, here.api), takeover.Counts{Moved: 5})
}
