package gateway_test

import (
	"context"
	"log/slog"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/gatehouse-id/gatehouse/core/config"
	"github.com/gatehouse-id/gatehouse/core/hash"
	"github.com/gatehouse-id/gatehouse/core/secret"
	"github.com/gatehouse-id/gatehouse/internal/gateway"
	"github.com/gatehouse-id/gatehouse/internal/testenv"
	"github.com/gatehouse-id/gatehouse/storage/kv"
)

// counting counts the commits of a store.
type counting struct {
	kv.Store
	commits atomic.Int64
}

func (c *counting) Commit(ctx context.Context, conds []kv.Cond, ops []kv.Op) (int64, error) {
	c.commits.Add(1)
	return c.Store.Commit(ctx, conds, ops)
}

// TestRegistrationIsOneCommit shows that nobody is left with an account and an
// error: identity, session and the end of the flow are stored together.
func TestRegistrationIsOneCommit(t *testing.T) {
	store := &counting{Store: kv.NewMemory()}
	env := testenv.New(t, func(_ *config.Config, o *gateway.Options) { o.KV = store })
	app := env.App()
	flow := app.Get("/self-service/registration/api").Text("id")
	a := app.PostJSON("/self-service/registration?flow="+flow, map[string]any{
		"method": "password", "password": "a long phrase 4711", "traits": map[string]any{"email": "one@example.org"},
	})
	if a.Status != http.StatusOK || a.Text("session_token") == "" {
		t.Fatalf("registering: got %d %s, want a session", a.Status, a.Body)
	}
	if got := store.commits.Load(); got != 1 {
		t.Errorf("got %d commits, want one", got)
	}
}

// TestConfinedConfigurationReadsNoFiles: who writes a project's configuration doesn't run the machine.
func TestConfinedConfigurationReadsNoFiles(t *testing.T) {
	file := filepath.Join(t.TempDir(), "person.json")
	if err := os.WriteFile(file, []byte(testenv.Schema), 0o600); err != nil {
		t.Fatal(err)
	}
	c := config.Default()
	c.Identity.DefaultSchemaID = "person"
	c.Identity.Schemas = []config.IdentitySchema{{ID: "person", URL: "file://" + file}}
	o := gateway.Options{Config: &c, Limiter: hash.NewLimiter(hash.Limits{}), Logger: slog.New(slog.DiscardHandler), BaseURL: "http://localhost"}
	if err := gateway.Check(t.Context(), o); err != nil {
		t.Fatalf("the operator's own: %v", err)
	}
	o.Confined = true
	if err := gateway.Check(t.Context(), o); err == nil || !strings.Contains(err.Error(), "files of the server can't be read") {
		t.Errorf("checking a project's: got %v", err)
	}
	o.KV, o.Keys, o.Now = kv.NewMemory(), secret.RandomKeys(), time.Now
	if _, err := gateway.New(t.Context(), o); err == nil || !strings.Contains(err.Error(), "files of the server can't be read") {
		t.Errorf("assembling a project's: got %v", err)
	}
}
