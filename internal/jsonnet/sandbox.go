package jsonnet

import (
	"bufio"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"runtime"
	"slices"
	"sync"
	"time"
)

// Sandbox evaluates programs in processes. The zero value is usable; it starts
// no process before the first evaluation and keeps a few for the next ones. A
// process ends by itself after a minute without work, and when its parent ends.
type Sandbox struct {
	// Timeout bounds one evaluation; 0 means 1 s.
	Timeout time.Duration
	// MaxResult bounds a result in bytes; 0 means 1 MiB.
	MaxResult int

	once  sync.Once
	slots chan struct{} // bounds the processes that work at once
	mu    sync.Mutex
	idle  []*process // guarded by mu
}

const (
	defaultTimeout   = time.Second
	defaultMaxResult = 1 << 20
	startTimeout     = 5 * time.Second // of a process
	idleTime         = time.Minute     // after which a process ends
)

// Evaluate runs a program and returns the JSON it evaluates to. Errors are an
// *Error, ErrTimeout, ErrKilled, ErrTooLarge, that of ctx, or that of starting a process.
func (s *Sandbox) Evaluate(ctx context.Context, p *Program, in Input) (json.RawMessage, error) {
	s.once.Do(func() { s.slots = make(chan struct{}, runtime.GOMAXPROCS(0)) })
	select {
	case s.slots <- struct{}{}:
		defer func() { <-s.slots }()
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	line, err := json.Marshal(request{Name: p.name, Source: p.source, Input: in})
	if err != nil {
		return nil, fmt.Errorf("encoding the input of a Jsonnet program: %w", err)
	}
	w, err := s.process()
	if err != nil {
		return nil, fmt.Errorf("starting a process for Jsonnet: %w", err)
	}
	out, err := s.ask(ctx, w, line)
	if err != nil {
		return nil, err
	}
	var res response
	if err := json.Unmarshal(out, &res); err != nil {
		return nil, ErrKilled
	}
	if res.Error != "" {
		return nil, &Error{Text: res.Error}
	}
	return res.Result, nil
}

// ask sends a line and reads one; a process that is late or says too much is killed.
func (s *Sandbox) ask(ctx context.Context, w *process, line []byte) (out []byte, err error) {
	if !w.used {
		// The first line says that it is there: starting is not the program's time.
		if err := w.within(ctx, startTimeout, func() error { _, err := w.readLine(0); return err }); err != nil {
			return nil, err
		}
	}
	err = w.within(ctx, cmp.Or(s.Timeout, defaultTimeout), func() error {
		if _, err := w.in.Write(append(line, '\n')); err != nil {
			return ErrKilled
		}
		out, err = w.readLine(cmp.Or(s.MaxResult, defaultMaxResult))
		return err
	})
	if err == nil {
		w.used = true
		s.keep(w)
	}
	return out, err
}

// process takes an idle process or starts one.
func (s *Sandbox) process() (*process, error) {
	s.mu.Lock()
	if n := len(s.idle); n > 0 {
		w := s.idle[n-1]
		s.idle = s.idle[:n-1]
		s.mu.Unlock()
		if w.idle.Stop() {
			return w, nil
		}
		return start() // it is being ended just now
	}
	s.mu.Unlock()
	return start()
}

func (s *Sandbox) keep(w *process) {
	s.mu.Lock()
	defer s.mu.Unlock()
	w.idle = time.AfterFunc(idleTime, func() { s.forget(w) })
	s.idle = append(s.idle, w)
}

// forget ends a process that nobody needed for a while.
func (s *Sandbox) forget(w *process) {
	s.mu.Lock()
	s.idle = slices.DeleteFunc(s.idle, func(i *process) bool { return i == w })
	s.mu.Unlock()
	w.kill()
}

// Close ends the idle processes. The sandbox stays usable.
func (s *Sandbox) Close() {
	s.mu.Lock()
	idle := s.idle
	s.idle = nil
	s.mu.Unlock()
	for _, w := range idle {
		w.idle.Stop()
		w.kill()
	}
}

// process is a running worker.
type process struct {
	cmd  *exec.Cmd
	in   io.WriteCloser
	out  *bufio.Reader
	used bool        // it has answered before
	idle *time.Timer // ends it; set while it is idle
	end  sync.Once
}

func start() (*process, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	w := &process{cmd: exec.Command(self)}
	w.cmd.Env = []string{workerVariable + "=1"} // and none of ours: it holds secrets
	w.cmd.Dir = os.TempDir()
	if w.in, err = w.cmd.StdinPipe(); err != nil {
		return nil, err
	}
	out, err := w.cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	w.out = bufio.NewReader(out)
	return w, w.cmd.Start()
}

// within talks to the process and kills it when that takes too long or fails.
func (w *process) within(ctx context.Context, limit time.Duration, talk func() error) error {
	ctx, cancel := context.WithTimeoutCause(ctx, limit, ErrTimeout)
	defer cancel()
	stop := context.AfterFunc(ctx, w.kill) // talking to it fails then
	err := talk()
	if !stop() { // it was killed, if perhaps only after it answered
		return context.Cause(ctx)
	}
	if err != nil {
		w.kill()
	}
	return err
}

// readLine reads a line of at most limit bytes, and a little for what is around the result.
func (w *process) readLine(limit int) ([]byte, error) {
	var all []byte
	for {
		part, err := w.out.ReadSlice('\n')
		all = append(all, part...)
		switch {
		case len(all) > limit+64:
			return nil, ErrTooLarge
		case err == nil:
			return all, nil
		case !errors.Is(err, bufio.ErrBufferFull):
			return nil, ErrKilled
		}
	}
}

// kill ends the process and waits for it, once.
func (w *process) kill() {
	w.end.Do(func() {
		_ = w.cmd.Process.Kill() // it may have ended by itself
		_ = w.in.Close()
		_ = w.cmd.Wait()
	})
}
