package harness_test

import (
	"strings"
	"testing"

	"github.com/gatehouse-id/gatehouse/test/harness"
)

func TestMain(m *testing.M) { harness.Main(m) }

func TestProcessStartsStopsAndStartsAgain(t *testing.T) {
	for name, o := range map[string]harness.Options{"Caddyfile": {}, "kratos.yml": {Adapter: "kratos"}} {
		t.Run(name, func(t *testing.T) {
			gw := harness.Start(t, o)
			if a := gw.Env(t).App().Get("/self-service/login/api"); a.Status != 200 || !strings.HasPrefix(a.Text("ui", "action"), gw.URL+"/") {
				t.Errorf("login flow: %d %s", a.Status, a.Body)
			}
			if a := gw.Env(t).App().Get(gw.Admin + "/admin/identities"); a.Status != 200 {
				t.Errorf("identities: %d %s", a.Status, a.Body)
			}
			gw.Stop()
			if !gw.Ended() {
				t.Error("the process runs after Stop")
			}
			gw.Restart()
		})
	}
}

func TestRunTellsExitCode(t *testing.T) {
	if r := harness.Run(t, "validate", harness.Options{}); r.Code != 0 {
		t.Errorf("validate: %d\n%s", r.Code, r.Stderr)
	}
	if r := harness.Run(t, "validate", harness.Options{Caddyfile: "{\n\tgatehouse {\n\t\tnonsense\n\t}\n}\n"}); r.Code == 0 {
		t.Error("validate: got exit code 0 for nonsense")
	}
}
