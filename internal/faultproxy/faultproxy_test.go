package faultproxy_test

import (
	"io"
	"net"
	"testing"
	"time"

	"github.com/gatehouse-id/gatehouse/internal/faultproxy"
)

// echo is a server that says everything back.
func echo(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			go func() { defer c.Close(); _, _ = io.Copy(c, c) }()
		}
	}()
	return l.Addr().String()
}

func dial(t *testing.T, p *faultproxy.Proxy) net.Conn {
	t.Helper()
	c, err := net.Dial("tcp", p.Addr())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	return c
}

// hears tells whether what is said to the echo comes back in time.
func hears(c net.Conn, word string, within time.Duration) error {
	_ = c.SetDeadline(time.Now().Add(within))
	if word != "" {
		if _, err := c.Write([]byte(word)); err != nil {
			return err
		}
	}
	_, err := io.ReadFull(c, make([]byte, 4))
	return err
}

func TestPauseIsSilentAndLosesNothing(t *testing.T) {
	p := faultproxy.New(t, "tcp", echo(t))
	c := dial(t, p)
	if err := hears(c, "ping", 10*time.Second); err != nil {
		t.Fatal(err)
	}
	p.Pause()
	for name, conn := range map[string]net.Conn{"old": c, "new": dial(t, p)} {
		err := hears(conn, "ping", 100*time.Millisecond)
		if ne, ok := err.(net.Error); !ok || !ne.Timeout() {
			t.Errorf("%s connection while paused: got %v, want silence", name, err)
		}
	}
	p.Resume()
	if err := hears(c, "", 10*time.Second); err != nil {
		t.Errorf("what was said during the pause did not arrive: %v", err)
	}
}

func TestCutAndRefuse(t *testing.T) {
	p := faultproxy.New(t, "tcp", echo(t))
	c := dial(t, p)
	if err := hears(c, "ping", 10*time.Second); err != nil {
		t.Fatal(err)
	}
	p.Cut()
	if err := hears(c, "", 10*time.Second); err == nil {
		t.Error("a cut connection still answers")
	}
	if err := hears(dial(t, p), "ping", 10*time.Second); err != nil {
		t.Errorf("a new connection after a cut: %v", err)
	}
	p.Refuse(true)
	if err := hears(dial(t, p), "ping", 10*time.Second); err == nil {
		t.Error("a connection was let in while refusing")
	}
	p.Refuse(false)
	if err := hears(dial(t, p), "ping", 10*time.Second); err != nil {
		t.Errorf("a new connection after refusing: %v", err)
	}
}
