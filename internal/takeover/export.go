package takeover

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"sync"

	"github.com/gatehouse-id/gatehouse/internal/adminapi"
)

// Export writes everybody a server has, one in each line. All fields must be set.
type Export struct {
	From    *Server
	Workers int           // how many are read at a time
	Report  func(Problem) // is told who could not be read
	Count   *Counter
}

// Run writes until the server has no more. A server that can't be asked is an error; somebody it can't show is a problem.
func (x *Export) Run(ctx context.Context, w io.Writer) error {
	for page, err := range x.From.pages(ctx) {
		if err != nil {
			return err
		}
		if err := x.write(w, page, x.read(ctx, page)); err != nil {
			return err
		}
	}
	return ctx.Err()
}

// loaded is what came of reading somebody.
type loaded struct {
	raw []byte
	err error
}

func (x *Export) read(ctx context.Context, page []Entry) []loaded {
	out := make([]loaded, len(page))
	var readers sync.WaitGroup
	turns := make(chan struct{}, x.Workers)
	for n, e := range page {
		turns <- struct{}{}
		readers.Go(func() {
			defer func() { <-turns }()
			out[n].raw, out[n].err = e.Load(ctx)
		})
	}
	readers.Wait()
	return out
}

func (x *Export) write(w io.Writer, page []Entry, all []loaded) error {
	for n, l := range all {
		switch status := adminapi.StatusOf(l.err); {
		case errors.Is(l.err, ErrGone):
			continue
		case l.err != nil && status == 0:
			return fmt.Errorf("reading identity %s: %w", page[n].ID, l.err)
		case l.err != nil:
			x.Count.failed.Add(1)
			x.Report(Problem{ID: page[n].ID, Level: Error, Status: status, Reason: l.err.Error()})
			continue
		}
		var line bytes.Buffer
		if err := json.Compact(&line, l.raw); err != nil {
			return fmt.Errorf("reading identity %s: %w", page[n].ID, err)
		}
		line.WriteByte('\n')
		if _, err := w.Write(line.Bytes()); err != nil {
			return fmt.Errorf("writing identity %s: %w", page[n].ID, err)
		}
		x.Count.moved.Add(1)
	}
	return nil
}
