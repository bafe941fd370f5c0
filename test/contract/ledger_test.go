package contract

import (
	"bufio"
	"encoding/json"
	"os"
	"slices"
	"sync"
	"testing"
)

// occasion is that an operation answered a client with a status.
type occasion struct {
	client    *sdkClient
	operation string // as the client calls it
	status    int
}

// ledger remembers which calls were made, and what provoked the errors among the answers.
type ledger struct {
	mu    sync.Mutex // guards calls
	calls map[occasion][]string
}

func (l *ledger) add(o occasion, how string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.calls == nil {
		l.calls = map[occasion][]string{}
	}
	if !slices.Contains(l.calls[o], how) {
		l.calls[o] = append(l.calls[o], how)
	}
}

// provoked tells what made an operation answer with a status; nothing when it never did.
func (l *ledger) provoked(o occasion) []string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return slices.Sorted(slices.Values(l.calls[o]))
}

// read takes over the calls that a JavaScript client has told of, one by line.
func (l *ledger) read(t *testing.T, c *sdkClient, path string) {
	t.Helper()
	file, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	lines := bufio.NewScanner(file)
	for lines.Scan() {
		var call struct {
			Operation string
			Status    int
			How       string
		}
		if err := json.Unmarshal(lines.Bytes(), &call); err != nil {
			t.Fatalf("a client told %q: %v", lines.Text(), err)
		}
		l.add(occasion{c, call.Operation, call.Status}, call.How)
	}
	if err := lines.Err(); err != nil {
		t.Fatal(err)
	}
}
