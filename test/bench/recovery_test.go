package bench

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"github.com/gatehouse-id/gatehouse/internal/mailtest"
	"github.com/gatehouse-id/gatehouse/internal/testenv"
	"github.com/gatehouse-id/gatehouse/test/harness"
)

// tries are how many addresses of each group are asked for.
const tries = 200

// groups are the addresses that are compared. Nobody has those of the last two, so what
// differs between them is noise.
var groups = []string{"known", "unknown", "other"}

// BenchmarkAddressTiming asks for letters to addresses that accounts have and to others,
// each once and in random turns, and compares how long the answer takes: "known/unknown" and,
// for the noise, "other/unknown" are ratios of the medians. "auc" is how often a known address
// took longer than an unknown one; 0.5 says that nothing can be told from the time.
func BenchmarkAddressTiming(b *testing.B) {
	for _, kind := range []string{"recovery", "verification"} {
		for name, config := range map[string]string{"outbox": letters, "sent": withMail(b)} {
			b.Run(kind+"/"+name, func(b *testing.B) {
				gw := harness.Start(b, harness.Options{Kratos: config})
				for n := range tries {
					signUp(b, gw, address("known", n))
				}
				for b.Loop() {
					took := askForLetters(gw.Env(b), kind)
					unknown := median(took["unknown"])
					b.ReportMetric(median(took["known"])/unknown, "known/unknown")
					b.ReportMetric(median(took["other"])/unknown, "other/unknown")
					b.ReportMetric(auc(took["known"], took["unknown"]), "auc")
					b.ReportMetric(unknown*1e3, "ms")
				}
				b.ReportMetric(0, "ns/op")
			})
		}
	}
}

// letters is the configuration of the harness with both kinds of flow.
var letters = strings.Replace(harness.Kratos, "  flows:\n", "  flows:\n    recovery:\n      enabled: true\n    verification:\n      enabled: true\n", 1)

// withMail is a configuration with a mail server that takes everything.
func withMail(b *testing.B) string {
	server := mailtest.New(b, mailtest.Options{})
	return letters + "courier:\n  smtp:\n    connection_uri: smtp://" + server.Addr + "/?disable_starttls=true\n"
}

func address(group string, n int) string { return fmt.Sprintf("%s-%d@example.org", group, n) }

// askForLetters returns the seconds that the submissions of each group took.
func askForLetters(e *testenv.Env, kind string) map[string][]float64 {
	app, took := e.App(), map[string][]float64{}
	for n := range tries {
		for _, g := range rand.Perm(len(groups)) {
			flow := app.Start(kind, "")
			begin := time.Now()
			a := app.Submit(kind, flow, testenv.Fields{"method": "code", "email": address(groups[g], n)})
			took[groups[g]] = append(took[groups[g]], time.Since(begin).Seconds())
			if a.Text("state") != "sent_email" {
				e.T.Fatalf("asking for a letter: %d %s", a.Status, a.Body)
			}
		}
	}
	return took
}

// auc is how likely a value of one list is above one of another.
func auc(these, those []float64) float64 {
	above := 0.0
	for _, x := range these {
		for _, y := range those {
			switch {
			case x > y:
				above++
			case x == y:
				above += 0.5
			}
		}
	}
	return above / float64(len(these)*len(those))
}
