package cluster

import (
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/gatehouse-id/gatehouse/core/courier"
	"github.com/gatehouse-id/gatehouse/internal/mailtest"
	"github.com/gatehouse-id/gatehouse/internal/testenv"
	"github.com/gatehouse-id/gatehouse/test/harness"
)

// mailing is harness.Kratos for a node with a name: everybody who signs up gets a mail.
const mailing = harness.Kratos + `    verification:
      enabled: true
courier:
  smtp:
    connection_uri: smtp://gate:a-password@SERVER/
    from_address: no-reply@example.org
    local_name: NODE
`

// mailer starts a gateway that sends mails, and calls itself by its name there.
func mailer(t *testing.T, etcd *harness.Etcd, server *mailtest.Server, name string) *harness.Process {
	t.Helper()
	return harness.Start(t, harness.Options{
		Caddyfile: strings.Replace(site, "ETCD", etcd.Link(t).Addr(), 1),
		Kratos:    strings.NewReplacer("SERVER", server.Addr, "NODE", name).Replace(mailing),
		Files:     map[string][]byte{"mail.pem": server.Certificate},
		Env:       []string{"SSL_CERT_FILE=mail.pem"},
	})
}

// trap lets a node run into a mail server that takes what it gets and doesn't say so, from some mail on.
type trap struct {
	node      string
	after     int
	shut      chan struct{} // closed when the node has run into it with all hands
	open      chan struct{} // closed to let go
	mu        sync.Mutex    // guards what follows
	delivered int
	held      map[string]bool // recipients of what the node has in its hands
}

// hands is how many mails a node sends at once.
const hands = 8

func newTrap(node string, after int) *trap {
	return &trap{node: node, after: after, shut: make(chan struct{}), open: make(chan struct{}), held: map[string]bool{}}
}

// kept is the server's answer to a mail that it has.
func (tr *trap) kept(m mailtest.Mail) {
	if tr.catches(m) {
		<-tr.open
	}
}

func (tr *trap) catches(m mailtest.Mail) bool {
	tr.mu.Lock()
	defer tr.mu.Unlock()
	tr.delivered++
	if m.Client != tr.node || tr.delivered < tr.after || len(tr.held) == hands {
		return false
	}
	tr.held[m.To[0]] = true
	if len(tr.held) == hands {
		close(tr.shut)
	}
	return true
}

// TestThousandMailsOfThreeNodesWhenOneIsKilled: everybody gets the mail. Twice only those get it whose mail the dead node had
// in its hands, and the messages tell so.
func TestThousandMailsOfThreeNodesWhenOneIsKilled(t *testing.T) {
	const people = 1000
	tr := newTrap("node-c", people/3)
	letGo := sync.OnceFunc(func() { close(tr.open) })
	t.Cleanup(letGo)
	server := mailtest.New(t, mailtest.Options{STARTTLS: true, User: "gate", Password: "a-password", Kept: tr.kept})
	etcd := harness.StartEtcd(t)
	a, b, c := mailer(t, etcd, server, "node-a"), mailer(t, etcd, server, "node-b"), mailer(t, etcd, server, "node-c")

	var signedUp sync.WaitGroup
	signedUp.Go(func() { crowd(t, []*harness.Process{a, b}, people) })
	select {
	case <-tr.shut:
	case <-time.After(5 * time.Minute):
		t.Fatalf("node-c never had %d mails in its hands", hands)
	}
	c.Kill()
	letGo()
	signedUp.Wait()
	got := settled(t, a, people)

	copies := map[string]int{}
	for _, m := range server.Mails() {
		copies[m.To[0]]++
		if !m.TLS {
			t.Errorf("a mail of %s came in clear text", m.Client)
		}
	}
	twice := map[string]bool{}
	for _, m := range got {
		n := copies[m.Recipient]
		if m.Status != courier.Sent || n < 1 || n != m.SendCount {
			t.Errorf("%s: %s, %d copies arrived and %d are counted", m.Recipient, m.Status, n, m.SendCount)
		}
		if n > 1 {
			twice[m.Recipient] = true
		}
	}
	t.Logf("%d people got mail, %d of them twice", len(copies), len(twice))
	if len(copies) != people || !maps.Equal(twice, tr.held) {
		t.Errorf("got mail: %d people, twice: %v, want %d people, twice what was in flight: %v", len(copies), twice, people, tr.held)
	}
}

// crowd signs people up, at one node after the other.
func crowd(t *testing.T, nodes []*harness.Process, people int) {
	jobs := make(chan int, people)
	for n := range people {
		jobs <- n
	}
	close(jobs)
	var all sync.WaitGroup
	for range 16 {
		all.Go(func() {
			for n := range jobs {
				nodes[n%len(nodes)].Env(t).SignUp(fmt.Sprintf("person-%d@example.org", n))
			}
		})
	}
	all.Wait()
}

// message is what the admin API tells of one.
type message struct {
	Recipient string         `json:"recipient"`
	Status    courier.Status `json:"status"`
	SendCount int            `json:"send_count"`
}

// settled waits until the messages are sent, which takes as long as a dead node's claims last, and returns them.
func settled(t *testing.T, gw *harness.Process, want int) []message {
	t.Helper()
	app := gw.Env(t).App()
	var all []message
	for start := time.Now(); time.Since(start) < 10*time.Minute; time.Sleep(time.Second) {
		all = messages(t, app, gw.Admin)
		if len(all) == want && !waiting(all) {
			return all
		}
	}
	t.Fatalf("there are %d messages, some of which wait: want %d that don't", len(all), want)
	return nil
}

func messages(t *testing.T, app *testenv.Client, admin string) (all []message) {
	t.Helper()
	got := app.Get(admin + "/admin/courier/messages?page_size=1000")
	if got.Status != http.StatusOK {
		t.Fatalf("listing messages: %d %s", got.Status, got.Body)
	}
	if err := json.Unmarshal(got.Body, &all); err != nil {
		t.Fatal(err)
	}
	return all
}

func waiting(all []message) bool {
	for _, m := range all {
		if m.Status == courier.Queued || m.Status == courier.Processing {
			return true
		}
	}
	return false
}
