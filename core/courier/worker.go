package courier

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"sync"
	"time"

	"github.com/google/uuid"
)

// Worker delivers the messages of one channel. One runs on every node; they share
// the work by claiming, and none waits for another.
type Worker struct {
	Channel string
	Store   Store
	Sender  Sender
	// Retries is how often a failed delivery is tried again.
	Retries int
	// Concurrency is how many messages are sent at once; 0 means 8.
	Concurrency int
	// Lease is how long an attempt may take; then other nodes may take the message
	// over. It is longer than the time-outs of the sender. 0 means 2 min. Clocks of
	// nodes that differ by more make duplicates.
	Lease time.Duration
	// KeepText leaves text and data in the record of a message that is done, which
	// is for development: they hold codes and links.
	KeepText bool
	Now      func() time.Time // time.Now unless set
	Logger   *slog.Logger     // slog.Default unless set

	mu     sync.Mutex
	flying map[string]bool // ids that this worker is busy with; guarded by mu
}

const (
	defaultConcurrency = 8
	defaultLease       = 2 * time.Minute
	// lookAgain is how long a worker trusts the watch to tell what arrives.
	lookAgain = time.Minute
	// settleTimeout is how long the outcome of an attempt is given to be stored,
	// also when the worker is stopping: an outcome that is lost is a duplicate.
	settleTimeout = 10 * time.Second
	// grace is how long an attempt may go on when the worker is stopping.
	grace = 3 * time.Second
)

// Run delivers until ctx ends. Attempts that are under way then have a moment to
// end, and are tried again by whoever comes next if they don't; Run returns after them.
func (w *Worker) Run(ctx context.Context) error {
	w.defaults()
	jobs := make(chan Waiting)
	done := make(chan struct{}, w.Concurrency)
	var running sync.WaitGroup
	for range w.Concurrency {
		running.Go(func() { w.work(ctx, jobs, done) })
	}
	for failures := 0; ctx.Err() == nil; failures++ {
		began := time.Now()
		err := w.follow(ctx, jobs, done)
		if time.Since(began) > lookAgain {
			failures = 0
		}
		if err != nil && ctx.Err() == nil {
			w.Logger.Warn("the outbox can't be read, trying again", "channel", w.Channel, "error", err)
		}
		pause(ctx, min(time.Second<<min(failures, 5), 30*time.Second))
	}
	close(jobs)
	running.Wait()
	return ctx.Err()
}

// work takes jobs until there are no more, and tells when one has ended.
func (w *Worker) work(ctx context.Context, jobs <-chan Waiting, done chan<- struct{}) {
	for job := range jobs {
		if err := w.deliver(ctx, job); err != nil {
			w.Logger.Warn("a message can't be claimed", "channel", w.Channel, "message", job.MessageID, "error", err)
			// It is still due. Without a rest it would be tried all the time.
			time.AfterFunc(lookAgain, func() { w.land(job) })
		} else {
			w.land(job)
		}
		select {
		case done <- struct{}{}:
		default: // there are enough signals already
		}
	}
}

func (w *Worker) defaults() {
	w.Concurrency = cmp.Or(w.Concurrency, defaultConcurrency)
	w.Lease = cmp.Or(w.Lease, defaultLease)
	w.flying = map[string]bool{}
	if w.Now == nil {
		w.Now = time.Now
	}
	if w.Logger == nil {
		w.Logger = slog.Default()
	}
}

// follow hands out what is due until the watch breaks.
func (w *Worker) follow(ctx context.Context, jobs chan<- Waiting, done <-chan struct{}) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	arrivals, err := w.Store.Arrivals(ctx, w.Channel)
	if err != nil {
		return err
	}
	next := w.Now()
	for {
		if !next.After(w.Now()) {
			if next, err = w.handOut(ctx, jobs); err != nil {
				return err
			}
		}
		timer := time.NewTimer(next.Sub(w.Now()))
		select {
		case <-ctx.Done():
			timer.Stop()
			return ctx.Err()
		case due, open := <-arrivals:
			if !open {
				return errors.New("the watch of the outbox broke")
			}
			if due.Before(next) {
				next = due
			}
		case <-done:
			next = w.Now() // a place may be free for what was skipped
		case <-timer.C:
		}
		timer.Stop()
	}
}

// handOut gives what is due to whoever is free, and returns when to look again.
func (w *Worker) handOut(ctx context.Context, jobs chan<- Waiting) (time.Time, error) {
	list, err := w.Store.Outbox(ctx, w.Channel, 8*w.Concurrency)
	if err != nil {
		return time.Time{}, err
	}
	now, next := w.Now(), w.Now().Add(lookAgain)
	due := list
	for i, place := range list {
		if place.DueAt.After(now) {
			due = list[:i]
			if place.DueAt.Before(next) {
				next = place.DueAt
			}
			break
		}
	}
	// All nodes see the same list: in another order they seldom want the same message.
	rand.Shuffle(len(due), func(i, j int) { due[i], due[j] = due[j], due[i] })
	for _, place := range due {
		if !w.takeOff(place) {
			continue
		}
		select {
		case jobs <- place:
			next = now // there may be more
		case <-ctx.Done():
			w.land(place)
			return now, ctx.Err()
		}
	}
	return next, nil
}

// takeOff notes that this worker is busy with a message; false when it is already.
func (w *Worker) takeOff(p Waiting) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.flying[p.MessageID] {
		return false
	}
	w.flying[p.MessageID] = true
	return true
}

func (w *Worker) land(p Waiting) {
	w.mu.Lock()
	defer w.mu.Unlock()
	delete(w.flying, p.MessageID)
}

// deliver claims a message, sends it and notes the outcome. Its error says that
// the message could not be claimed, though it is due.
func (w *Worker) deliver(ctx context.Context, place Waiting) error {
	if ctx.Err() != nil {
		return nil
	}
	began := w.Now()
	m, err := w.Store.Claim(ctx, place, uuid.NewString(), began.Add(w.Lease))
	switch {
	case errors.Is(err, ErrNotDue):
		return nil // another node has it
	case errors.Is(err, ErrNotFound):
		return w.Store.Drop(ctx, w.Channel, place)
	case err != nil:
		return err
	}
	w.outcome(m, began, w.attempt(ctx, m))
	settling, cancel := context.WithTimeout(context.WithoutCancel(ctx), settleTimeout)
	defer cancel()
	if err := w.Store.Settle(settling, m); err != nil {
		// The claim runs out and the message is sent again, which SendCount will tell.
		w.Logger.Warn("the outcome of a delivery can't be stored", "channel", w.Channel, "message", m.ID, "error", err)
	}
	return nil
}

var (
	errStopped = &DeliveryError{Phase: "stopped", Err: errors.New("the node was stopping")}
	errExpired = errors.New("nobody waits for the message any more")
	errTooMany = errors.New("too many attempts ended in a crash")
)

// attempt sends a claimed message, unless it has become pointless.
func (w *Worker) attempt(ctx context.Context, m *Message) error {
	switch {
	case !m.ExpiresAt.IsZero() && !w.Now().Before(m.ExpiresAt):
		return &DeliveryError{Phase: "expired", Permanent: true, Err: errExpired}
	case m.SendCount > w.Retries+1:
		return &DeliveryError{Phase: "given up", Permanent: true, Err: errTooMany}
	}
	sending, cancel := context.WithTimeout(context.WithoutCancel(ctx), w.Lease*3/4) // leaves time to settle
	defer cancel()
	// A message that is on its way when the node stops gets a moment to arrive:
	// broken off, it may have arrived all the same, and is sent again.
	stop := context.AfterFunc(ctx, func() { time.AfterFunc(grace, cancel) })
	defer stop()
	err := w.send(sending, m)
	if err != nil && ctx.Err() != nil {
		return errStopped
	}
	return err
}

// send keeps a bug in a sender from taking the node down with it.
func (w *Worker) send(ctx context.Context, m *Message) (err error) {
	defer func() {
		if r := recover(); r != nil {
			err = &DeliveryError{Phase: "panic", Err: fmt.Errorf("%v", r)}
		}
	}()
	return w.Sender.Send(ctx, m)
}

// outcome turns the end of an attempt into the message's next state.
func (w *Worker) outcome(m *Message, began time.Time, err error) {
	now := w.Now()
	m.note(began.UTC(), now.UTC(), err)
	switch {
	case err == nil:
		m.Status = Sent
	case permanent(err) || m.SendCount > w.Retries:
		m.Status = Abandoned
		w.Logger.Error("a message was given up", append([]any{"channel", w.Channel, "message", m.ID, "attempts", m.SendCount}, loggable(err)...)...)
	case errors.Is(err, errStopped):
		m.Status, m.DueAt = Queued, now.UTC() // for another node, or for this one when it is back
	default:
		m.Status, m.DueAt = Queued, now.Add(backoff(m.SendCount)).UTC()
		w.Logger.Warn("a message could not be delivered, it will be tried again",
			append([]any{"channel", w.Channel, "message", m.ID, "attempts", m.SendCount, "next", m.DueAt}, loggable(err)...)...)
	}
	if !m.Waits() && !w.KeepText {
		m.forget()
	}
}

const (
	firstDelay = 10 * time.Second
	lastDelay  = time.Hour
)

// backoff is how long to wait after attempt n: 10 s, 40 s, 160 s, … up to an hour,
// a fifth more or less, so that what failed together isn't tried together. The
// five retries that are the default take an hour: a mail server that is away for
// half of one loses nothing.
func backoff(n int) time.Duration {
	d := lastDelay
	if n <= 5 {
		d = min(lastDelay, firstDelay<<(2*max(0, n-1)))
	}
	return d*4/5 + rand.N(d*2/5)
}

// pause waits, or returns early when ctx ends.
func pause(ctx context.Context, d time.Duration) {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
	case <-ctx.Done():
	}
}
