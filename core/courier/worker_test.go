package courier_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/gatehouse-id/gatehouse/core/courier"
	"github.com/gatehouse-id/gatehouse/core/flow"
	"github.com/gatehouse-id/gatehouse/internal/mailtest"
	"github.com/gatehouse-id/gatehouse/storage"
	"github.com/gatehouse-id/gatehouse/storage/etcd"
	"github.com/gatehouse-id/gatehouse/storage/kv"
)

// clock is a time that tests move.
type clock struct{ shift atomic.Int64 }

func (c *clock) Now() time.Time          { return time.Now().Add(time.Duration(c.shift.Load())) }
func (c *clock) advance(d time.Duration) { c.shift.Add(int64(d)) }

// office is an outbox with what is needed to fill it.
type office struct {
	*clock
	t        testing.TB
	store    *storage.Store
	composer *courier.Composer
}

func newOffice(t testing.TB, backend kv.Store) *office {
	t.Helper()
	templates, err := courier.LoadTemplates(t.Context(), courier.TemplateConfig{})
	if err != nil {
		t.Fatal(err)
	}
	o := &office{clock: &clock{}, t: t, store: storage.New(backend, "")}
	o.store.Now = o.Now
	o.composer = &courier.Composer{Templates: templates, Site: "id.example.org", Now: o.Now, TTL: 24 * time.Hour}
	return o
}

func memory(t testing.TB) kv.Store {
	m := kv.NewMemory()
	t.Cleanup(func() { m.Close() })
	return m
}

// queue puts a message to somebody into the outbox.
func (o *office) queue(to string) *courier.Message {
	o.t.Helper()
	m, err := o.composer.Compose(courier.RecoveryCodeValid, to, courier.Data{RecoveryCode: "123456"})
	if err != nil {
		o.t.Fatalf("composing: %v", err)
	}
	if err := o.store.Commit(o.t.Context(), &flow.Changes{Messages: []*courier.Message{m}}); err != nil {
		o.t.Fatalf("queueing: %v", err)
	}
	return m
}

// waits for a message to have a status.
func (o *office) waits(id string, want courier.Status) *courier.Message {
	o.t.Helper()
	var m *courier.Message
	eventually(o.t, fmt.Sprintf("the message is %s", want), func() bool {
		var err error
		if m, err = o.store.Message(context.Background(), id); err != nil {
			o.t.Fatalf("reading the message: %v", err)
		}
		return m.Status == want
	})
	return m
}

func eventually(t testing.TB, what string, done func() bool) {
	t.Helper()
	for start := time.Now(); time.Since(start) < 30*time.Second; time.Sleep(2 * time.Millisecond) {
		if done() {
			return
		}
	}
	t.Fatalf("did not happen: %s", what)
}

// employ starts a worker that ends with the test, or when it is told.
func (o *office) employ(s courier.Sender, adjust ...func(w *courier.Worker)) (stop func()) {
	w := &courier.Worker{
		Channel: courier.ChannelEmail, Store: o.store, Sender: s, Retries: 2, Now: o.Now, Logger: slog.New(slog.DiscardHandler),
	}
	for _, a := range adjust {
		a(w)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() { defer close(done); _ = w.Run(ctx) }()
	stop = func() { cancel(); <-done }
	o.t.Cleanup(stop)
	return stop
}

// postman is a sender that does what a test says, and counts.
type postman struct {
	mu   sync.Mutex
	seen map[string]int // attempts by message; guarded by mu
	do   func(ctx context.Context, m *courier.Message) error
}

func (p *postman) Send(ctx context.Context, m *courier.Message) error {
	p.mu.Lock()
	if p.seen == nil {
		p.seen = map[string]int{}
	}
	p.seen[m.ID]++
	p.mu.Unlock()
	if p.do == nil {
		return nil
	}
	return p.do(ctx, m)
}

func (p *postman) attempts(id string) int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.seen[id]
}

func TestMessageIsDeliveredOnceAndForgotten(t *testing.T) {
	o, p := newOffice(t, memory(t)), &postman{}
	early := o.queue("early@example.org") // before anybody works
	o.employ(p)
	late := o.queue("late@example.org")
	for _, m := range []*courier.Message{early, late} {
		sent := o.waits(m.ID, courier.Sent)
		if sent.SendCount != 1 || p.attempts(m.ID) != 1 || len(sent.Dispatches) != 1 || sent.Dispatches[0].Status != courier.DispatchSuccess {
			t.Errorf("got %+v after %d attempts, want one", sent, p.attempts(m.ID))
		}
		if sent.Body != "" || sent.HTML != "" {
			t.Errorf("the text with its code is still there: %q", sent.Body)
		}
	}
	if list, err := o.store.Outbox(t.Context(), courier.ChannelEmail, 10); err != nil || len(list) > 0 {
		t.Errorf("the outbox has %v, %v", list, err)
	}
}

func TestFailureIsTriedAgainAndGivenUp(t *testing.T) {
	o := newOffice(t, memory(t))
	p := &postman{do: func(context.Context, *courier.Message) error {
		return &courier.DeliveryError{Phase: "connect", Code: 421}
	}}
	m := o.queue("ann@example.org")
	stop := o.employ(p)
	for attempt := 1; attempt <= 2; attempt++ {
		eventually(t, fmt.Sprint("attempt ", attempt, " ends"), func() bool {
			got, err := o.store.Message(t.Context(), m.ID)
			return err == nil && got.Status == courier.Queued && len(got.Dispatches) == attempt
		})
		got := o.waits(m.ID, courier.Queued)
		if wait := got.DueAt.Sub(o.Now()); wait < 5*time.Second || wait > time.Minute {
			t.Errorf("after attempt %d the next one is in %v", attempt, wait)
		}
		stop()
		o.advance(time.Minute)
		stop = o.employ(p) // timers don't follow the clock that tests move
	}
	got := o.waits(m.ID, courier.Abandoned)
	if p.attempts(m.ID) != 3 || got.SendCount != 3 || len(got.Dispatches) != 3 || got.Dispatches[2].Error == "" || got.Body != "" {
		t.Errorf("got %+v after %d attempts, want it given up after 3, without text", got, p.attempts(m.ID))
	}
}

func TestRefusalIsFinal(t *testing.T) {
	o := newOffice(t, memory(t))
	p := &postman{do: func(context.Context, *courier.Message) error {
		return &courier.DeliveryError{Phase: "rcpt to", Code: 550, Permanent: true}
	}}
	m := o.queue("ann@example.org")
	o.employ(p)
	o.waits(m.ID, courier.Abandoned)
	if n := p.attempts(m.ID); n != 1 {
		t.Errorf("got %d attempts, want 1", n)
	}
}

func TestStaleMessageIsNotSent(t *testing.T) {
	o, p := newOffice(t, memory(t)), &postman{}
	m := o.queue("ann@example.org")
	o.advance(25 * time.Hour)
	o.employ(p)
	o.waits(m.ID, courier.Abandoned)
	if n := p.attempts(m.ID); n != 0 {
		t.Errorf("got %d attempts, want none", n)
	}
}

func TestSenderThatPanicsHarmsNobodyElse(t *testing.T) {
	o := newOffice(t, memory(t))
	p := &postman{do: func(_ context.Context, m *courier.Message) error {
		if m.Recipient == "bad@example.org" {
			panic("a bug")
		}
		return nil
	}}
	bad := o.queue("bad@example.org")
	o.employ(p, func(w *courier.Worker) { w.Concurrency = 1 })
	good := o.queue("good@example.org")
	o.waits(good.ID, courier.Sent)
	eventually(t, "the bad one is queued for another attempt", func() bool {
		got, err := o.store.Message(t.Context(), bad.ID)
		return err == nil && got.Status == courier.Queued && got.SendCount == 1 && len(got.Dispatches) == 1
	})
}

// TestStoppingWorker: what is on its way may arrive, what isn't is left to others at once.
func TestStoppingWorker(t *testing.T) {
	o := newOffice(t, memory(t))
	began, finish := make(chan struct{}), make(chan struct{})
	stop := o.employ(&postman{do: func(context.Context, *courier.Message) error { close(began); <-finish; return nil }})
	m := o.queue("ann@example.org")
	<-began
	stopped := make(chan struct{})
	go func() { defer close(stopped); stop() }()
	close(finish)
	<-stopped
	if got := o.waits(m.ID, courier.Sent); got.SendCount != 1 {
		t.Errorf("got %+v, want it sent", got)
	}

	began = make(chan struct{})
	stop = o.employ(&postman{do: func(ctx context.Context, _ *courier.Message) error { close(began); <-ctx.Done(); return ctx.Err() }})
	m = o.queue("bob@example.org")
	<-began
	stop()
	if got := o.waits(m.ID, courier.Queued); got.DueAt.After(o.Now()) {
		t.Errorf("got %+v, want it due at once", got)
	}
	o.employ(&postman{})
	o.waits(m.ID, courier.Sent)
}

// TestDeadNodeIsSucceeded: a node that never comes back keeps a message for its
// lease and not longer, and can't undo what its successor did.
func TestDeadNodeIsSucceeded(t *testing.T) {
	o, p := newOffice(t, memory(t)), &postman{}
	m := o.queue("ann@example.org")
	list, err := o.store.Outbox(t.Context(), courier.ChannelEmail, 10)
	if err != nil || len(list) != 1 {
		t.Fatalf("got %v, %v, want one place", list, err)
	}
	lost, err := o.store.Claim(t.Context(), list[0], "dead", o.Now().Add(time.Minute))
	if err != nil {
		t.Fatalf("claiming: %v", err)
	}
	if _, err := o.store.Claim(t.Context(), list[0], "late", o.Now().Add(time.Minute)); !errors.Is(err, courier.ErrNotDue) {
		t.Errorf("claiming a claimed message: got %v", err)
	}
	o.advance(2 * time.Minute)
	o.employ(p)
	if got := o.waits(m.ID, courier.Sent); got.SendCount != 2 || p.attempts(m.ID) != 1 {
		t.Errorf("got %+v, want a second attempt that counts", got)
	}
	lost.Status = courier.Abandoned
	if err := o.store.Settle(t.Context(), lost); !errors.Is(err, courier.ErrClaimLost) {
		t.Errorf("settling a lost claim: got %v", err)
	}
	o.waits(m.ID, courier.Sent)
}

func TestPlaceOfAForgottenMessageIsDropped(t *testing.T) {
	backend := memory(t)
	o := newOffice(t, backend)
	m := o.queue("ann@example.org")
	if _, err := backend.Commit(t.Context(), nil, []kv.Op{kv.Delete("p/default/messages/" + m.ID)}); err != nil {
		t.Fatal(err)
	}
	o.employ(&postman{})
	eventually(t, "the place goes", func() bool {
		list, err := o.store.Outbox(t.Context(), courier.ChannelEmail, 10)
		return err == nil && len(list) == 0
	})
}

// node is one gateway: a kv.Store that dies with it.
type node struct {
	kv.Store
	dead atomic.Bool
}

var errDead = errors.New("the node is dead")

func (n *node) Commit(ctx context.Context, conds []kv.Cond, ops []kv.Op) (int64, error) {
	if n.dead.Load() {
		return 0, errDead
	}
	return n.Store.Commit(ctx, conds, ops)
}

// TestThousandMessagesThreeNodesOneDies: each message is delivered, and those
// that come twice are at most the ones the dead node had in its hands.
func TestThousandMessagesThreeNodesOneDies(t *testing.T) {
	const messages, concurrency = 1000, 8
	dir, err := os.MkdirTemp("", "gatehouse-courier-")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	backend, err := etcd.OpenEmbedded(t.Context(), etcd.EmbeddedConfig{Dir: dir})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { backend.Close() })
	server := mailtest.New(t, mailtest.Options{STARTTLS: true})
	o := newOffice(t, backend)
	want := map[string]bool{}
	for n := range messages {
		want[o.queue(fmt.Sprintf("person-%d@example.org", n)).Recipient] = true
	}

	victim := &node{Store: backend}
	for n := range 3 {
		s, err := courier.NewSMTP(courier.SMTPConfig{
			ConnectionURI: "smtp://" + server.Addr, FromAddress: "no-reply@example.org", RootCAs: server.Roots,
		})
		if err != nil {
			t.Fatal(err)
		}
		o.employ(s, func(w *courier.Worker) {
			w.Concurrency, w.Lease = concurrency, 3*time.Second
			if n == 0 {
				w.Store = storage.New(victim, "")
			}
		})
	}
	server.Wait(t, messages/3)
	victim.dead.Store(true) // it can't tell any more what it has sent
	eventually(t, "the outbox is empty", func() bool {
		list, err := o.store.Outbox(context.Background(), courier.ChannelEmail, 10)
		return err == nil && len(list) == 0
	})

	copies := map[string]int{}
	for _, m := range server.Mails() {
		copies[m.To[0]]++
	}
	duplicates, counted := 0, 0
	all, err := o.store.Messages(t.Context(), courier.Filter{Limit: messages + 1})
	if err != nil || len(all) != messages {
		t.Fatalf("listing: %d messages, %v", len(all), err)
	}
	for _, m := range all {
		if m.Status != courier.Sent || !want[m.Recipient] || copies[m.Recipient] == 0 {
			t.Errorf("%s: %s after %d attempts, %d copies", m.Recipient, m.Status, m.SendCount, copies[m.Recipient])
		}
		duplicates += copies[m.Recipient] - 1
		counted += m.SendCount - 1
	}
	if duplicates > concurrency || counted < duplicates {
		t.Errorf("%d copies too many and %d counted, want at most the %d in flight, all counted", duplicates, counted, concurrency)
	}
	t.Logf("%d messages, %d duplicates, %d attempts above one each", messages, duplicates, counted)
}

// TestHammer: many workers and writers on one outbox.
func TestHammer(t *testing.T) {
	o, p := newOffice(t, memory(t)), &postman{}
	for range 4 {
		o.employ(p)
	}
	var ids sync.Map
	var writers sync.WaitGroup
	for n := range 4 {
		writers.Go(func() {
			for i := range 50 {
				ids.Store(o.queue(fmt.Sprintf("p%d-%d@example.org", n, i)).ID, true)
			}
		})
	}
	writers.Wait()
	ids.Range(func(id, _ any) bool {
		if got := o.waits(id.(string), courier.Sent); got.SendCount != 1 || p.attempts(got.ID) != 1 {
			t.Errorf("got %d attempts, counted %d, want one", p.attempts(got.ID), got.SendCount)
		}
		return true
	})
}
