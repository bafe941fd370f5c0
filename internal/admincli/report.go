package admincli

import (
	"encoding/json"
	"fmt"
	"io"
	"os"
	"time"

	"github.com/gatehouse-id/gatehouse/internal/takeover"
)

// report is a file with problems, one in each line. Reasons may repeat what people have entered: it is for its owner's eyes.
type report struct {
	path  string
	file  *os.File
	lines int
	err   error // of the first line that could not be written
}

func newReport(path string) (*report, error) {
	file, err := os.OpenFile(path, os.O_CREATE|os.O_TRUNC|os.O_WRONLY, 0o600)
	if err != nil {
		return nil, fmt.Errorf("opening the report: %w", err)
	}
	return &report{path: path, file: file}, nil
}

func (r *report) add(p takeover.Problem) {
	r.lines++
	if err := json.NewEncoder(r.file).Encode(p); err != nil && r.err == nil {
		r.err = fmt.Errorf("writing the report: %w", err)
	}
}

// close removes a report that has nothing to tell.
func (r *report) close() error {
	if err := r.file.Close(); err != nil && r.err == nil {
		r.err = fmt.Errorf("writing the report: %w", err)
	}
	if r.lines == 0 {
		_ = os.Remove(r.path) // an empty file does no harm
	}
	return r.err
}

// progressEvery is how often somebody who waits hears of it.
const progressEvery = 2 * time.Second

// progress tells how far it has come until it is stopped.
func progress(w io.Writer, count *takeover.Counter) (stop func()) {
	quit, done := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(done)
		tick := time.NewTicker(progressEvery)
		defer tick.Stop()
		var before takeover.Counts
		for {
			select {
			case <-quit:
				return
			case <-tick.C:
			}
			n := count.Counts()
			rate := float64(n.Moved+n.There-before.Moved-before.There) / progressEvery.Seconds()
			fmt.Fprintf(w, "%d done, %d were here already, %d failed (%.0f a second)\n", n.Moved, n.There, n.Failed, rate)
			before = n
		}
	}()
	return func() { close(quit); <-done }
}
