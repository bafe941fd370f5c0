package caddymodule

import (
	"context"
	"net"
	"net/http"
	"sync"
	"time"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/modules/caddyhttp"

	"github.com/gatehouse-id/gatehouse/core/session"
)

func init() { caddy.RegisterModule(Answered{}) }

// Answered belongs before an `authentication` handler with the provider `gatehouse`,
// in the same route; the `guard` directive puts it there. Two things need it:
//
// What the guard answered stands: a redirect to the login page, or an error as JSON.
// Without this handler, Caddy goes on with a bare 401 and `handle_errors`. All other
// errors, of the upstream for example, pass unchanged.
//
// When the session of an open request ends, its connection is cut, or its stream with
// HTTP/2 and HTTP/3. Without this handler only the context of the request ends, which
// `reverse_proxy` heeds and a large download by `file_server` does not.
type Answered struct{}

// CaddyModule returns the Caddy module information.
func (Answered) CaddyModule() caddy.ModuleInfo {
	return caddy.ModuleInfo{ID: "http.handlers.gatehouse_answered", New: func() caddy.Module { return new(Answered) }}
}

// Provision makes the connections of the server known to their requests.
func (Answered) Provision(ctx caddy.Context) error {
	if s, ok := ctx.Value(caddyhttp.ServerCtxKey).(*caddyhttp.Server); ok {
		s.RegisterConnContext(withConnection)
	}
	return nil
}

type connectionKey struct{}

// withConnection is registered by each guard of a server; one is enough.
func withConnection(ctx context.Context, c net.Conn) context.Context {
	if ctx.Value(connectionKey{}) != nil {
		return ctx
	}
	return context.WithValue(ctx, connectionKey{}, c)
}

// ServeHTTP follows a request through the guard and what comes after it.
func (Answered) ServeHTTP(w http.ResponseWriter, r *http.Request, next caddyhttp.Handler) error {
	a := admissionOf(r)
	if a == nil { // else another guard let the request in, and its handler waits for the end
		a = follow(r, w)
		defer a.end()
		w = &a.filter
	}
	err := next.ServeHTTP(w, r)
	if err != nil && (a.answered == w || a.wasCut()) {
		return nil // nobody reads an error page on a connection that was cut, and it is no trouble to log
	}
	return err
}

// admission follows a guarded request.
type admission struct {
	ctx context.Context // of the request
	// cancel ends ctx; nil where that comes of itself with the connection or stream.
	cancel context.CancelFunc
	w      http.ResponseWriter // nil when nobody will call end
	http1  bool                // w has a connection for itself

	// The first guard fills these in: it hides the token from everything behind it, a
	// second guard among that.
	admitted bool
	hash     session.TokenHash
	checker  *session.Checker

	// answered is the writer that a guard wrote its refusal to. It is compared, because
	// Caddy hands a buffer to each of several providers and may drop what is in there.
	answered http.ResponseWriter

	// filter is the writer of everything behind the first guard.
	filter answerFilter

	shard *openShard // where it is listed
	place int        // in the shard, guarded by the shard's lock
	seen  bool       // by a sweep, guarded by the shard's lock

	mu    sync.Mutex // guards the fields below, and w against a cut after the end
	ended bool
	gone  bool               // the client is cut off
	rest  context.CancelFunc // ends hold
}

// admissionVar is where Caddy keeps the admission of a request. A context of our own
// would do too, and cost more than all the rest of the guard.
const admissionVar = "gatehouse.admission"

// follow makes the admission of a request that is answered through w; w is nil when
// nobody will call end.
func follow(r *http.Request, w http.ResponseWriter) *admission {
	a := &admission{ctx: r.Context(), w: w, http1: r.ProtoMajor == 1, place: unlisted}
	a.filter.ResponseWriter = w
	if w == nil || r.ProtoMajor > 2 {
		// Changed in place: Caddy's placeholders and the handlers around the guard go on
		// to look at the same request.
		a.ctx, a.cancel = context.WithCancel(a.ctx)
		*r = *r.WithContext(a.ctx)
	}
	caddyhttp.SetVar(a.ctx, admissionVar, a)
	return a
}

// admissionOf finds the admission of a request; nil when there is none.
func admissionOf(r *http.Request) *admission {
	a, _ := caddyhttp.GetVar(r.Context(), admissionVar).(*admission)
	return a
}

// String keeps the placeholder {vars.gatehouse.admission} from telling more.
func (a *admission) String() string { return "" }

// end is called when the request was served. After it, the writer may belong to
// another request.
func (a *admission) end() {
	a.unlist()
	a.filter.end()
	a.mu.Lock()
	defer a.mu.Unlock()
	a.ended = true
	if a.rest != nil {
		a.rest()
	}
}

// hold watches over the session for as long as the request is open.
func (a *admission) hold() {
	over, rest := context.WithCancel(context.Background())
	defer rest()
	a.mu.Lock()
	ended := a.ended
	a.rest = rest
	a.mu.Unlock()
	if ended {
		return
	}
	ctx, stop := context.WithCancel(a.ctx)
	defer stop()
	context.AfterFunc(over, stop)
	_ = a.checker.Hold(ctx, a.hash)
	if ctx.Err() != nil {
		return
	}
	// Over HTTP/3 a deadline can be lost to one that Caddy's writer sets at the same time.
	for a.cut() {
		select {
		case <-over.Done():
		case <-time.After(cutAgain):
		}
	}
}

// cutAgain is how long a handler has to notice that its request was cut.
const cutAgain = 50 * time.Millisecond

// cut ends an open request, as if the client had left. It works for upgraded
// connections too. It tells whether the request is still being served and may be cut
// again.
func (a *admission) cut() bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.ended {
		return false
	}
	if a.cancel != nil {
		a.cancel()
	}
	if a.w == nil {
		return false
	}
	a.disconnect()
	a.gone = true
	return true
}

func (a *admission) wasCut() bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.gone
}

// disconnect ends the connection of HTTP/1, and the stream of others, whose connection
// may serve other people. Deadlines would not do for HTTP/1, because Caddy's writer sets
// its own before each write; a stream of HTTP/2 is reset at once by one in the past.
func (a *admission) disconnect() {
	if conn, ok := a.ctx.Value(connectionKey{}).(net.Conn); ok && a.http1 {
		conn.Close()
		return
	}
	// Not through the wrappers: they are for the goroutine of the handler alone.
	c, past := http.NewResponseController(innermost(a.w)), time.Unix(1, 0)
	_ = c.SetReadDeadline(past) // what can't be cut so has its context
	_ = c.SetWriteDeadline(past)
}

// innermost is the server's own writer.
func innermost(w http.ResponseWriter) http.ResponseWriter {
	for {
		wrapper, ok := w.(interface{ Unwrap() http.ResponseWriter })
		if !ok {
			return w
		}
		w = wrapper.Unwrap()
	}
}

var (
	_ caddy.Provisioner           = (*Answered)(nil)
	_ caddyhttp.MiddlewareHandler = (*Answered)(nil)
)
