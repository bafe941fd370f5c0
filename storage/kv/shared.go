package kv

import (
	"context"
	"slices"
	"strings"
	"sync"
	"time"
)

// Shared is a Store on which any number of watches below one prefix cost the store below a single one. It keeps
// every promise of Store; what it adds is that a watch ends with ErrCompacted when its reader
// falls far behind.
type Shared struct {
	Store
	root string

	mu  sync.Mutex // guards hub
	hub *hub       // nil while nobody watches
}

// Share shares the watches of keys that begin with root, which ends in a slash.
func Share(s Store, root string) *Shared { return &Shared{Store: s, root: root} }

const (
	// history is how many events a hub remembers for watches that begin a little in the past.
	history = 4096
	// backlog is how many events may wait for one reader.
	backlog = 16384
	// answerTime is how long an answer about progress is waited for before it is asked for again. It may never come.
	answerTime = 200 * time.Millisecond
)

// Watch implements Store.
func (s *Shared) Watch(ctx context.Context, prefix string, from int64) (Watch, error) {
	if !strings.HasPrefix(prefix, s.root) {
		return s.Store.Watch(ctx, prefix, from)
	}
	if err := CheckWatch(prefix, from); err != nil {
		return nil, err
	}
	if from == 0 { // a hub may lag behind the store: "from now on" needs to know what now is
		now, err := s.Get(ctx, s.root+"now")
		if err != nil {
			return nil, err
		}
		from = now.Revision
	}
	h, err := s.join(from)
	if err != nil {
		return nil, err
	}
	if w := h.subscribe(ctx, prefix, from); w != nil {
		return w, nil
	}
	// What happened since is not remembered, or the hub has just ended.
	s.leave(h)
	return s.Store.Watch(ctx, prefix, from)
}

// join returns the running hub, or starts one at a revision. Each join is followed by one leave.
func (s *Shared) join(from int64) (*hub, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.hub == nil || s.hub.ended() {
		// The hub outlives the watch that it is started for.
		w, err := s.Store.Watch(context.Background(), s.root, from)
		if err != nil {
			return nil, err
		}
		s.hub = &hub{of: s, watch: w, seen: from, floor: from, done: make(chan struct{}),
			groups: map[string][]*sharedWatch{}, askers: map[*sharedWatch]struct{}{}}
		go s.hub.run()
	}
	s.hub.users++
	return s.hub, nil
}

// leave ends a hub that nobody needs any more.
func (s *Shared) leave(h *hub) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if h.users--; h.users == 0 {
		h.watch.Close()
		if s.hub == h {
			s.hub = nil
		}
	}
}

// hub hands the batches of one watch to many.
type hub struct {
	of    *Shared
	watch Watch
	users int           // guarded by of.mu
	done  chan struct{} // closed when the watch has ended

	mu     sync.Mutex // guards the fields below
	seen   int64      // every event up to here has been handed out
	floor  int64      // recent has every event after this revision
	recent []Event
	groups map[string][]*sharedWatch // by what their prefixes begin with, see group
	askers map[*sharedWatch]struct{} // who wants to know how far the hub is
	asked  time.Time                 // when the store was asked about progress, unless it has answered since
	again  bool                      // somebody asked meanwhile
}

func (h *hub) ended() bool {
	select {
	case <-h.done:
		return true
	default:
		return false
	}
}

// group is the part of a key or prefix that decides who is looked through for it: the step that follows the root.
func (h *hub) group(key string) string {
	step, _, found := strings.Cut(strings.TrimPrefix(key, h.of.root), "/")
	if !found {
		return "" // a prefix that ends before a slash may be anybody's
	}
	return step + "/"
}

func (h *hub) run() {
	for b := range h.watch.Batches() {
		h.hand(b)
	}
	h.mu.Lock()
	close(h.done)
	all := h.watches()
	h.mu.Unlock()
	for _, w := range all {
		w.end(h.watch.Err())
	}
}

// watches needs mu.
func (h *hub) watches() []*sharedWatch {
	var all []*sharedWatch
	for _, some := range h.groups {
		all = append(all, some...)
	}
	return all
}

// hand gives a batch to those whom it concerns: whole, since they take what is theirs under the same lock.
func (h *hub) hand(b Batch) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, e := range b.Events {
		h.remember(e)
		group := h.group(e.Key)
		for _, w := range h.groups[group] {
			w.offer(e)
		}
		if group != "" {
			for _, w := range h.groups[""] {
				w.offer(e)
			}
		}
	}
	h.seen = max(h.seen, b.Revision)
	for w := range h.askers {
		w.wake()
	}
	if len(b.Events) > 0 {
		return
	}
	h.asked = time.Time{}
	if h.again {
		go h.request(context.Background()) //nolint:errcheck // whoever needs an answer asks again
	}
}

// remember needs mu. It forgets whole revisions only.
func (h *hub) remember(e Event) {
	h.recent = append(h.recent, e)
	if len(h.recent) < 2*history {
		return
	}
	cut := len(h.recent) - history
	h.floor = h.recent[cut-1].ModRevision
	for cut < len(h.recent) && h.recent[cut].ModRevision == h.floor {
		cut++
	}
	h.recent = slices.Clone(h.recent[cut:])
}

// subscribe begins a watch; nil when the hub can't tell all that happened since.
func (h *hub) subscribe(ctx context.Context, prefix string, from int64) *sharedWatch {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.ended() || from < h.floor {
		return nil
	}
	w := &sharedWatch{hub: h, prefix: prefix, from: from, batches: make(chan Batch), wakeup: make(chan struct{}, 1)}
	w.ctx, w.cancel = context.WithCancelCause(ctx)
	for _, e := range h.recent {
		w.offer(e)
	}
	group := h.group(prefix)
	h.groups[group] = append(h.groups[group], w)
	go w.run()
	return w
}

func (h *hub) unsubscribe(w *sharedWatch) {
	h.mu.Lock()
	group := h.group(w.prefix)
	h.groups[group] = slices.DeleteFunc(h.groups[group], func(x *sharedWatch) bool { return x == w })
	if len(h.groups[group]) == 0 {
		delete(h.groups, group)
	}
	delete(h.askers, w)
	h.mu.Unlock()
	h.of.leave(h)
}

// ask notes who wants to know how far the hub is, and asks the store.
func (h *hub) ask(ctx context.Context, w *sharedWatch) error {
	h.mu.Lock()
	h.askers[w] = struct{}{}
	h.mu.Unlock()
	return h.request(ctx)
}

// request asks the store about progress, once for all who ask while it answers.
func (h *hub) request(ctx context.Context) error {
	h.mu.Lock()
	if !h.asked.IsZero() && time.Since(h.asked) < answerTime {
		h.again = true
		h.mu.Unlock()
		return nil
	}
	h.asked, h.again = time.Now(), false
	h.mu.Unlock()
	return h.watch.RequestProgress(ctx)
}
