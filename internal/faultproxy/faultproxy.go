// Package faultproxy is a TCP proxy for tests that goes silent or cuts its connections when told.
//
// A network that loses packets says nothing at all: that is the fault most
// worth testing, and the one that closing a socket cannot imitate.
package faultproxy

import (
	"net"
	"sync"
	"testing"
)

// Proxy forwards what it accepts at Addr to one target.
type Proxy struct {
	listener net.Listener
	network  string
	target   string

	mu     sync.Mutex // guards the fields below
	open   chan struct{}
	conns  map[net.Conn]struct{}
	refuse bool
	closed bool
	wg     sync.WaitGroup // one per goroutine; none is added once closed
}

// New starts a proxy to a target such as "tcp", "127.0.0.1:2379" or "unix",
// "/run/etcd.sock". The test's end stops it.
func New(tb testing.TB, network, target string) *Proxy {
	tb.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		tb.Fatalf("listening for the fault proxy: %v", err)
	}
	p := &Proxy{listener: l, network: network, target: target, open: make(chan struct{}), conns: map[net.Conn]struct{}{}}
	close(p.open)
	p.wg.Go(p.accept)
	tb.Cleanup(p.close)
	return p
}

// Addr is where the proxy listens, as "127.0.0.1:port".
func (p *Proxy) Addr() string { return p.listener.Addr().String() }

// Pause makes every connection silent, new ones too: they are accepted, and
// nothing passes in either direction. Nobody is told.
func (p *Proxy) Pause() {
	p.mu.Lock()
	defer p.mu.Unlock()
	select {
	case <-p.open:
		p.open = make(chan struct{})
	default: // paused already
	}
}

// Resume lets everything through again, what was held back first.
func (p *Proxy) Resume() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.resume()
}

// resume needs mu.
func (p *Proxy) resume() {
	select {
	case <-p.open:
	default:
		close(p.open)
	}
}

// Cut closes every connection. New ones are let in.
func (p *Proxy) Cut() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.cut()
}

// cut needs mu.
func (p *Proxy) cut() {
	for c := range p.conns {
		c.Close()
	}
}

// Refuse cuts every connection and lets no new one in, until told otherwise.
func (p *Proxy) Refuse(on bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.refuse = on
	if on {
		p.cut()
	}
}

func (p *Proxy) close() {
	p.listener.Close()
	p.mu.Lock()
	p.closed = true
	p.cut()
	p.resume()
	p.mu.Unlock()
	p.wg.Wait()
}

func (p *Proxy) accept() {
	for {
		client, err := p.listener.Accept()
		if err != nil {
			return
		}
		if !p.add(client) {
			client.Close()
			continue
		}
		p.wg.Go(func() { p.serve(client) })
	}
}

// add takes note of a connection, unless none is wanted. The accepting
// goroutine is counted, so close waits for what add lets in.
func (p *Proxy) add(c net.Conn) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.closed || p.refuse {
		return false
	}
	p.conns[c] = struct{}{}
	return true
}

func (p *Proxy) remove(c net.Conn) {
	c.Close()
	p.mu.Lock()
	defer p.mu.Unlock()
	delete(p.conns, c)
}

func (p *Proxy) serve(client net.Conn) {
	defer p.remove(client)
	server, err := net.Dial(p.network, p.target)
	if err != nil {
		return
	}
	defer p.remove(server)
	if !p.add(server) {
		return
	}
	var both sync.WaitGroup
	both.Go(func() { p.pipe(server, client) })
	both.Go(func() { p.pipe(client, server) })
	both.Wait()
}

// pipe copies one direction and closes both ends when it ends.
func (p *Proxy) pipe(to, from net.Conn) {
	defer to.Close()
	defer from.Close()
	buf := make([]byte, 32<<10)
	for {
		n, err := from.Read(buf)
		<-p.gate() // after the read: bytes that arrive during a pause wait here
		if err != nil {
			return
		}
		if _, err := to.Write(buf[:n]); err != nil {
			return
		}
	}
}

// gate is closed while bytes may pass.
func (p *Proxy) gate() <-chan struct{} {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.open
}
