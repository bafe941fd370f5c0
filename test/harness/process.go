package harness

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"sync"
	"syscall"
	"testing"

	"github.com/gatehouse-id/gatehouse/internal/testenv"
)

// Process is a running gatehouse.
type Process struct {
	URL   string // of the public API
	Admin string // of the admin API
	Dir   string // its working directory and home

	tb   testing.TB
	home *home
	log  *log
	cmd  *exec.Cmd
	done chan struct{} // closed when the process has ended
}

// Start runs gatehouse until the test ends, and waits until it is ready.
func Start(tb testing.TB, o Options) *Process {
	tb.Helper()
	h := newHome(tb, o)
	p := &Process{
		URL: "http://127.0.0.1:" + h.ports["PUBLIC_PORT"], Admin: "http://127.0.0.1:" + h.ports["ADMIN_PORT"],
		Dir: h.dir, tb: tb, home: h, log: &log{},
	}
	tb.Cleanup(p.end)
	p.start()
	return p
}

func (p *Process) start() {
	p.tb.Helper()
	p.cmd, p.done = p.home.command(p.tb, p.home.args("run")...), make(chan struct{})
	p.cmd.Stdout, p.cmd.Stderr = p.log, p.log
	if err := p.cmd.Start(); err != nil {
		p.tb.Fatal(err)
	}
	go func() { defer close(p.done); _ = p.cmd.Wait() }()
	Eventually(p.tb, "gatehouse is ready", func() bool {
		if p.Ended() {
			p.tb.Fatal("gatehouse ended while it started")
		}
		return ready(p.URL)
	})
}

// Restart starts gatehouse again at the same place, after Kill or Stop.
func (p *Process) Restart() {
	p.tb.Helper()
	if !p.Ended() {
		p.tb.Fatal("restarting: the process still runs")
	}
	p.start()
}

// Kill ends the process as a power cut does, and waits for that.
func (p *Process) Kill() { p.signal(os.Kill) }

// Stop asks the process to end, and waits for that.
func (p *Process) Stop() { p.signal(syscall.SIGTERM) }

func (p *Process) signal(s os.Signal) {
	_ = p.cmd.Process.Signal(s) // it may have ended already
	<-p.done
}

// Ended tells whether the process runs no longer.
func (p *Process) Ended() bool {
	select {
	case <-p.done:
		return true
	default:
		return false
	}
}

// Port is one of the ports that the configuration knows by name, for example PORT_1.
func (p *Process) Port(name string) string { return p.home.ports[name] }

// Log is everything the process and those before it at the same place have said.
func (p *Process) Log() string { return p.log.String() }

// Memory is what the process has of the machine's memory, in bytes.
func (p *Process) Memory(tb testing.TB) int64 {
	tb.Helper()
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", p.cmd.Process.Pid))
	if err != nil {
		tb.Fatal(err)
	}
	_, rest, _ := strings.Cut(string(text), "VmRSS:")
	var kib int64
	if _, err := fmt.Sscan(rest, &kib); err != nil {
		tb.Fatal(err)
	}
	return kib << 10
}

// Env lets the clients of testenv talk to the process.
func (p *Process) Env(tb testing.TB) *testenv.Env {
	return &testenv.Env{T: tb, URL: p.URL, Admin: p.Admin}
}

// Command runs another gatehouse with the home and environment of this one, for example "reload".
func (p *Process) Command(args ...string) Result {
	p.tb.Helper()
	return p.home.run(p.tb, args...)
}

// Begin starts another gatehouse as Command does, for tests that kill it. stop ends it as a power cut does; done is closed
// when it has ended, however that came.
func (p *Process) Begin(args ...string) (stop func(), done <-chan struct{}) {
	p.tb.Helper()
	cmd, ended := p.home.command(p.tb, args...), make(chan struct{})
	cmd.Stdout, cmd.Stderr = p.log, p.log
	if err := cmd.Start(); err != nil {
		p.tb.Fatal(err)
	}
	go func() { defer close(ended); _ = cmd.Wait() }()
	stop = func() {
		_ = cmd.Process.Kill() // it may have ended already
		<-ended
	}
	p.tb.Cleanup(stop)
	return stop, ended
}

// end stops the process with its test. No story may make it panic.
func (p *Process) end() {
	if p.done != nil {
		p.Kill()
	}
	said := p.Log()
	if Panicked(said) {
		p.tb.Error("gatehouse panicked")
	}
	if p.tb.Failed() {
		p.tb.Logf("log of gatehouse at %s:\n%s", p.URL, said[max(0, len(said)-20_000):])
	}
}

// Panicked tells whether a log has the trace of a panic, caught or not, or of a data race.
func Panicked(log string) bool {
	for _, trace := range []string{"panic:", "goroutine ", "runtime error", "WARNING: DATA RACE"} {
		if strings.Contains(log, trace) {
			return true
		}
	}
	return false
}

// log collects what processes say.
type log struct {
	mu  sync.Mutex // guards buf
	buf bytes.Buffer
}

func (l *log) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.buf.Write(p)
}

func (l *log) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.buf.String()
}
