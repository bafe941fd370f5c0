package caddymodule

import (
	"math/rand/v2"
	"sync"
	"time"
)

// sweepEvery is how often open requests are looked at. A request that two sweeps have
// seen is held; nearly all are served before and cost no goroutine and no timer.
const sweepEvery = 250 * time.Millisecond

// unlisted is the place of an admission that is on no list.
const unlisted = -1

// openRequests lists the requests that a guard let in and that are still served. The
// owner calls start and stop once each.
type openRequests struct {
	shards [32]openShard
	quit   chan struct{}
	done   chan struct{}
}

// openShard is a part of the list.
type openShard struct {
	mu     sync.Mutex // guards the fields below, and place and seen of what is in open
	open   []*admission
	closed bool     // no sweep will come
	_      [64]byte // keep two shards out of one cache line
}

// start begins to sweep.
func (o *openRequests) start() {
	o.quit, o.done = make(chan struct{}), make(chan struct{})
	go o.run()
}

// stop ends the sweeps. Requests that outlive the guard's configuration, as upgraded
// connections may, are held to their end.
func (o *openRequests) stop() {
	close(o.quit)
	<-o.done
	for n := range o.shards {
		o.shards[n].close()
	}
}

func (o *openRequests) run() {
	defer close(o.done)
	t := time.NewTicker(sweepEvery)
	defer t.Stop()
	for {
		select {
		case <-t.C:
			o.sweep()
		case <-o.quit:
			return
		}
	}
}

// add lists an admission. Any shard will do: by the session, one busy client would
// always fight over the same lock.
func (o *openRequests) add(a *admission) {
	s := &o.shards[rand.IntN(len(o.shards))]
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		go a.hold() // a server that goes down may still let the last requests in
		return
	}
	a.shard, a.place = s, len(s.open)
	s.open = append(s.open, a)
}

// unlist takes an admission off the list; it may not be on it.
func (a *admission) unlist() {
	if a.shard == nil {
		return
	}
	a.shard.mu.Lock()
	defer a.shard.mu.Unlock()
	a.shard.remove(a)
}

// remove needs the lock.
func (s *openShard) remove(a *admission) {
	if a.place == unlisted {
		return
	}
	last := len(s.open) - 1
	s.open[a.place] = s.open[last]
	s.open[a.place].place = a.place
	s.open[last] = nil
	s.open = s.open[:last]
	a.place = unlisted
}

// sweep holds the requests that it sees for the second time.
func (o *openRequests) sweep() {
	for n := range o.shards {
		o.shards[n].sweep()
	}
}

// close holds all requests, those to come as well.
func (s *openShard) close() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.closed = true
	for len(s.open) > 0 {
		a := s.open[len(s.open)-1]
		s.remove(a)
		go a.hold()
	}
}

func (s *openShard) sweep() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for n := len(s.open) - 1; n >= 0; n-- { // backwards: remove moves the last one
		a := s.open[n]
		switch {
		case a.ctx.Err() != nil:
			s.remove(a) // the request is over; only those that nobody ends come here
		case a.seen:
			s.remove(a)
			go a.hold()
		default:
			a.seen = true
		}
	}
}
