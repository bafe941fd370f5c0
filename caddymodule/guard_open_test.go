package caddymodule

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gatehouse-id/gatehouse/core/session"
)

// cuttable is a writer that counts how often it was cut.
type cuttable struct {
	*httptest.ResponseRecorder
	mu   sync.Mutex
	cuts int
}

func (c *cuttable) SetReadDeadline(time.Time) error { return nil }

func (c *cuttable) SetWriteDeadline(time.Time) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.cuts++
	return nil
}

func (c *cuttable) wasCut() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.cuts > 0
}

// openRequest lists an admitted request that goes on until the test ends it.
func openRequest(o *openRequests, app *stubApp, token string) (*admission, *cuttable) {
	w := &cuttable{ResponseRecorder: httptest.NewRecorder()}
	a := follow(request("GET", "/"), w)
	a.admitted, a.hash, a.checker = true, session.HashToken(token), app.now.Checker
	o.add(a)
	return a, w
}

// pass lets time pass in a bubble.
func pass(d time.Duration) { <-time.After(d); synctest.Wait() }

func (o *openRequests) listed() int {
	n := 0
	for s := range o.shards {
		o.shards[s].mu.Lock()
		n += len(o.shards[s].open)
		o.shards[s].mu.Unlock()
	}
	return n
}

// bubble runs a test on a clock of its own; at its end every goroutine has to be gone.
func bubble(t *testing.T, test func(t *testing.T, o *openRequests, app *stubApp)) {
	synctest.Test(t, func(t *testing.T) {
		o, app := &openRequests{}, newStubApp()
		app.book.signIn("tok")
		o.start()
		test(t, o, app)
		select {
		case <-o.quit:
		default:
			o.stop()
		}
	})
}

func TestOpenRequestIsCutWhenTheSessionEnds(t *testing.T) {
	bubble(t, func(t *testing.T, o *openRequests, app *stubApp) {
		a, w := openRequest(o, app, "tok")
		pass(time.Minute)
		if w.wasCut() {
			t.Fatal("cut although the session is good")
		}
		app.book.revoke("tok")
		pass(2 * time.Second)
		if !w.wasCut() {
			t.Error("still open after the session ended")
		}
		a.end()
	})
}

func TestOpenRequestIsCutWhenNobodyKnows(t *testing.T) {
	bubble(t, func(t *testing.T, o *openRequests, app *stubApp) {
		a, w := openRequest(o, app, "tok")
		pass(time.Minute)
		app.book.fail(errors.New("no quorum"))
		pass(5 * time.Second)
		if !w.wasCut() {
			t.Error("still open without proof of the session")
		}
		a.end()
	})
}

func TestServedRequestIsLeftAlone(t *testing.T) {
	bubble(t, func(t *testing.T, o *openRequests, app *stubApp) {
		short, shortWriter := openRequest(o, app, "tok")
		long, longWriter := openRequest(o, app, "tok")
		short.end()
		if got := o.listed(); got != 1 {
			t.Errorf("%d requests are listed, want the long one", got)
		}
		pass(time.Minute)
		if got := o.listed(); got != 0 {
			t.Errorf("%d requests are listed, want none: the long one is held", got)
		}
		long.end()
		app.book.revoke("tok")
		pass(time.Minute)
		if shortWriter.wasCut() || longWriter.wasCut() {
			t.Error("a writer was used after its request")
		}
	})
}

// Without the handler, the context is all that can be ended.
func TestContextEndsWithoutTheHandler(t *testing.T) {
	bubble(t, func(t *testing.T, o *openRequests, app *stubApp) {
		r := request("GET", "/")
		a := follow(r, nil)
		a.hash, a.checker = session.HashToken("tok"), app.now.Checker
		o.add(a)
		pass(time.Minute)
		if r.Context().Err() != nil {
			t.Fatal("ended although the session is good")
		}
		app.book.revoke("tok")
		pass(2 * time.Second)
		if r.Context().Err() == nil {
			t.Error("still open after the session ended")
		}
	})
}

// Nobody calls end when the handler is missing; the server ends the context.
func TestRequestWithoutHandlerIsForgotten(t *testing.T) {
	bubble(t, func(t *testing.T, o *openRequests, app *stubApp) {
		ctx, serve := context.WithCancel(context.Background())
		a := follow(request("GET", "/").WithContext(ctx), nil)
		a.hash, a.checker = session.HashToken("tok"), app.now.Checker
		o.add(a)
		serve()
		pass(sweepEvery)
		if got := o.listed(); got != 0 {
			t.Errorf("%d requests are listed", got)
		}
	})
}

func TestStopHoldsWhatIsOpen(t *testing.T) {
	bubble(t, func(t *testing.T, o *openRequests, app *stubApp) {
		before, beforeWriter := openRequest(o, app, "tok")
		o.stop()
		after, afterWriter := openRequest(o, app, "tok")
		pass(time.Minute)
		if beforeWriter.wasCut() || afterWriter.wasCut() {
			t.Fatal("cut although the session is good")
		}
		app.book.revoke("tok")
		pass(time.Minute)
		if !beforeWriter.wasCut() || !afterWriter.wasCut() {
			t.Errorf("cut: %v and %v, want both", beforeWriter.wasCut(), afterWriter.wasCut())
		}
		before.end()
		after.end()
	})
}

// A writer must not be used after its request: another request may have it then.
func TestOpenRequestsHammer(t *testing.T) {
	o, app := &openRequests{}, newStubApp()
	app.book.signIn("tok")
	o.start()
	ctx, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
	defer cancel()
	var all sync.WaitGroup
	for range 4 {
		all.Go(func() {
			for n := 0; ctx.Err() == nil; n++ {
				a, w := openRequest(o, app, "tok")
				if n%3 == 0 {
					o.sweep()
					o.sweep()
				}
				if n%5 == 0 {
					go a.cut()
				}
				a.end()
				w.ResponseRecorder = nil // a cut after this is seen by the race detector
			}
		})
	}
	all.Wait()
	o.stop()
	if got := o.listed(); got != 0 {
		t.Errorf("%d requests are listed after all ended", got)
	}
}

var _ http.ResponseWriter = (*cuttable)(nil)
