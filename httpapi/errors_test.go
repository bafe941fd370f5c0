package httpapi_test

import (
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/gatehouse-id/gatehouse/core/flow"
	"github.com/gatehouse-id/gatehouse/internal/testenv"
)

// failedInit sends a browser to the error page and returns the error's id.
func failedInit(t *testing.T, c *testenv.Client) string {
	t.Helper()
	u, err := url.Parse(c.Init("login", "return_to=//evil.example").Location())
	if err != nil {
		t.Fatal(err)
	}
	return u.Query().Get("id")
}

func TestErrorIsReadByItsID(t *testing.T) {
	onBothMounts(t, func(t *testing.T, e *testenv.Env, mount string) {
		id := failedInit(t, e.Browser().On(mount))
		for _, key := range []string{"id", "error"} {
			for range 2 { // reading doesn't use it up
				a := e.App().Get(mount + "/self-service/errors?" + key + "=" + id)
				if a.Status != 200 || a.Text("id") != id || a.Text("error", "id") != "self_service_flow_return_to_forbidden" || a.At("error", "code") != 400.0 {
					t.Errorf("%s: got %d %s", key, a.Status, a.Body)
				}
				wantAbsent(t, a, "evil.example")
			}
		}
	})
}

func TestErrorsAreForgotten(t *testing.T) {
	e := testenv.New(t)
	id := failedInit(t, e.Browser())
	e.Advance(11 * time.Minute)
	wantError(t, e.App().Get("/self-service/errors?id="+id), 404, "")
}

// TestForgedErrorIDs: nobody can make an error page say something.
func TestForgedErrorIDs(t *testing.T) {
	e := testenv.New(t)
	good := uuid.MustParse(failedInit(t, e.Browser()))
	for bit := range 8 * len(good) {
		forged := good
		forged[bit/8] ^= 1 << (bit % 8)
		if a := e.App().Get("/self-service/errors?id=" + forged.String()); a.Status != 404 {
			t.Errorf("bit %d: got %d, want 404: %s", bit, a.Status, a.Body)
		}
	}
	for _, id := range []string{"", "x", uuid.NewString(), "stub:404", "stub:"} {
		wantError(t, e.App().Get("/self-service/errors?id="+url.QueryEscape(id)), 404, "")
	}
}

// TestStoredErrorsAreForgotten: an error that no id can hold is a record, which ends as all do.
func TestStoredErrorsAreForgotten(t *testing.T) {
	onBothMounts(t, func(t *testing.T, e *testenv.Env, mount string) {
		now := e.Now()
		kept := &flow.StoredError{ID: uuid.NewString(), Error: []byte(`{"code":413}`), CreatedAt: now, ExpiresAt: now.Add(10 * time.Minute)}
		if err := e.Gateway.Store.SaveError(t.Context(), kept); err != nil {
			t.Fatal(err)
		}
		at := mount + "/self-service/errors?id=" + kept.ID
		for range 2 { // reading doesn't use it up
			if a := e.App().Get(at); a.Status != 200 || a.Text("id") != kept.ID || a.At("error", "code") != 413.0 {
				t.Errorf("got %d %s", a.Status, a.Body)
			}
		}
		e.Advance(11 * time.Minute)
		wantError(t, e.App().Get(at), 404, "")
	})
}

func TestStubError(t *testing.T) {
	onBothMounts(t, func(t *testing.T, e *testenv.Env, mount string) {
		read := func() *testenv.Answer { return e.App().Get(mount + "/self-service/errors?id=stub:500") }
		a := read()
		if a.Status != 200 || a.At("error", "code") != 500.0 || a.Text("error", "status") != "Internal Server Error" ||
			a.Text("created_at") != "0001-01-01T00:00:00Z" || a.Text("updated_at") != "0001-01-01T00:00:00Z" {
			t.Errorf("got %d %s", a.Status, a.Body)
		}
		if !strings.Contains(a.Text("error", "reason"), "stub") || a.Text("error", "message") == "" {
			t.Errorf("the error doesn't say that it is a stub: %s", a.Body)
		}
		if _, err := uuid.Parse(a.Text("id")); err != nil || a.Text("id") == read().Text("id") {
			t.Errorf("got the id %q, want a new one each time", a.Text("id"))
		}
	})
}

func TestErrorsRepeatTheRequestID(t *testing.T) {
	e := testenv.New(t)
	c := e.App()
	c.Header.Set("X-Request-ID", `r-1"<b>`)
	if a := c.Fetch("login", "x"); a.Text("error", "request") != `r-1"<b>` {
		t.Errorf("got %s", a.Body)
	}
}
