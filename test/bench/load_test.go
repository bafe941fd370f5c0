// Package bench measures what the binary costs: the guard, starting flows, signing in.
//
// The numbers worth keeping are ratios of two things that ran in turns on the same
// machine; docs/performance.md has them.
package bench

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"net"
	"net/textproto"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/gatehouse-id/gatehouse/test/harness"
)

func TestMain(m *testing.M) { harness.Main(m) }

// load is the same GET request over and over, on keep-alive connections. It does far
// less than http.Client, because what it burns is missing to the server beside it.
type load struct {
	addr   string
	path   string
	header string // lines that end with \r\n
	status string // wanted, for example "200"
}

// connections are enough to keep the server busy on every processor.
var connections = 16 * runtime.GOMAXPROCS(0)

// run sends requests for a while and returns how many were answered per second.
func (l load) run(d time.Duration) (perSecond float64, err error) {
	var (
		workers sync.WaitGroup
		answers atomic.Int64
		failed  atomic.Pointer[error]
		start   = time.Now()
	)
	for range connections {
		workers.Go(func() {
			n, err := l.worker(start.Add(d))
			answers.Add(int64(n))
			if err != nil {
				failed.Store(&err)
			}
		})
	}
	workers.Wait()
	if err := failed.Load(); err != nil {
		return 0, fmt.Errorf("%s%s: %w", l.addr, l.path, *err)
	}
	return float64(answers.Load()) / time.Since(start).Seconds(), nil
}

// worker asks on one connection until the time has come.
func (l load) worker(end time.Time) (answers int, err error) {
	conn, err := net.Dial("tcp", l.addr)
	if err != nil {
		return 0, err
	}
	defer func() { _ = conn.Close() }()
	request := []byte("GET " + l.path + " HTTP/1.1\r\nHost: " + l.addr + "\r\n" + l.header + "\r\n")
	in := bufio.NewReader(conn)
	for time.Now().Before(end) {
		if _, err := conn.Write(request); err != nil {
			return answers, err
		}
		if err := l.read(in); err != nil {
			return answers, err
		}
		answers++
	}
	return answers, nil
}

// read reads an answer with a known length, as all of ours are.
func (l load) read(in *bufio.Reader) error {
	status, err := in.ReadSlice('\n')
	if err != nil {
		return err
	}
	if got := string(status[9:12]); got != l.status { // behind "HTTP/1.1 "
		return fmt.Errorf("got status %s, want %s", got, l.status)
	}
	length := -1
	for {
		line, err := in.ReadSlice('\n')
		if err != nil {
			return err
		}
		if line = bytes.TrimSpace(line); len(line) == 0 {
			break
		}
		if name, value, _ := bytes.Cut(line, []byte(":")); bytes.EqualFold(name, []byte("Content-Length")) {
			if length, err = strconv.Atoi(textproto.TrimString(string(value))); err != nil {
				return err
			}
		}
	}
	if length < 0 {
		return errors.New("the answer has no Content-Length")
	}
	_, err = io.CopyN(io.Discard, in, int64(length))
	return err
}

// must runs a load for a while.
func must(b *testing.B, l load, d time.Duration) float64 {
	b.Helper()
	perSecond, err := l.run(d)
	if err != nil {
		b.Fatal(err)
	}
	return perSecond
}

func median(values []float64) float64 {
	sorted := slices.Sorted(slices.Values(values))
	return (sorted[(len(sorted)-1)/2] + sorted[len(sorted)/2]) / 2
}

// middle is the range of the half of the values that is nearest to the median.
func middle(values []float64) string {
	sorted := slices.Sorted(slices.Values(values))
	return fmt.Sprintf("%.3f to %.3f", sorted[len(sorted)/4], sorted[len(sorted)*3/4])
}

// hostPort is the address in a URL.
func hostPort(url string) string { return strings.TrimPrefix(url, "http://") }
