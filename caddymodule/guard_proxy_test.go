package caddymodule

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// echo is what the upstream tells about a request.
type echo struct {
	Path    string
	Header  http.Header
	Trailer http.Header
}

// upstream is an application that knows nothing of sessions. What its open requests
// end with goes to ended.
func upstream(t *testing.T) (addr string, ended chan string) {
	t.Helper()
	ended = make(chan string, 10)
	mux := http.NewServeMux()
	mux.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		_ = json.NewEncoder(w).Encode(echo{r.RequestURI, r.Header, r.Trailer})
	})
	mux.HandleFunc("/events", func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "text/event-stream")
		_, _ = io.WriteString(w, "data: hello\n\n")
		_ = http.NewResponseController(w).Flush()
		<-r.Context().Done()
		ended <- "events"
	})
	mux.HandleFunc("/socket", func(w http.ResponseWriter, _ *http.Request) {
		conn, rw, err := http.NewResponseController(w).Hijack()
		if err != nil {
			t.Error(err)
			return
		}
		defer conn.Close()
		_, _ = io.WriteString(conn, "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n")
		_, _ = io.Copy(conn, rw)
		ended <- "socket"
	})
	mux.HandleFunc("/upload", func(_ http.ResponseWriter, r *http.Request) {
		ended <- "beginning"
		_, _ = io.Copy(io.Discard, r.Body)
		ended <- "upload"
	})
	s := httptest.NewServer(mux)
	t.Cleanup(s.Close)
	return strings.TrimPrefix(s.URL, "http://"), ended
}

// guardedProxy is a whole site with ann signed in.
func guardedProxy(t *testing.T, site string) (p *proxy, token string, ended chan string) {
	t.Helper()
	p = newProxy(t)
	p.writeConfig("")
	addr, ended := upstream(t)
	p.mustLoad(quick, "gatehouse\n"+strings.ReplaceAll(site, "UPSTREAM", addr))
	return p, p.register("ann@example.org"), ended
}

const plainGuard = `
guard {
	headers {
		X-Email identity.traits.email
	}
}
reverse_proxy UPSTREAM`

func TestGuardedSite(t *testing.T) {
	p, token, _ := guardedProxy(t, plainGuard)

	res, text := p.do("GET", "/app?x=1", "", "Accept", "text/html")
	to, err := url.Parse(res.Header.Get("Location"))
	if err != nil || res.StatusCode != http.StatusSeeOther || to.Query().Get("return_to") != p.url("/app?x=1") {
		t.Fatalf("browser: got %d to %q, want the login with return_to: %v %s", res.StatusCode, to, err, text)
	}
	res, _ = p.do("GET", to.RequestURI(), "", "Accept", "text/html")
	if at := res.Header.Get("Location"); res.StatusCode != http.StatusSeeOther || !strings.HasPrefix(at, p.url("/auth/login?flow=")) {
		t.Errorf("the login does not take the return_to: got %d to %q", res.StatusCode, at)
	}
	if res, text = p.do("GET", "/app", ""); res.StatusCode != http.StatusUnauthorized || !strings.Contains(text, `"session_inactive"`) {
		t.Errorf("client: got %d %s", res.StatusCode, text)
	}

	_, text = p.do("GET", "/app?x=1", "", "X-Session-Token", token, "X_Email", "mallory@example.org", "Connection", "X-Email, close")
	var got echo
	if err := json.Unmarshal([]byte(text), &got); err != nil {
		t.Fatalf("signed in: %v: %s", err, text)
	}
	if got.Path != "/app?x=1" || got.Header.Get(identityHeader) == "" || got.Header.Get("X-Email") != "ann@example.org" ||
		got.Header.Get("X-Session-Token") != "" || strings.Contains(text, "mallory") {
		t.Errorf("the upstream got %s", text)
	}
}

func TestTrailersThroughTheProxy(t *testing.T) {
	p, token, _ := guardedProxy(t, plainGuard)
	conn := p.dial(t)
	fmt.Fprintf(conn, "POST / HTTP/1.1\r\nHost: localhost\r\nX-Session-Token: %s\r\nTransfer-Encoding: chunked\r\nTrailer: X-Sum, X-Email\r\n\r\n"+
		"2\r\nhi\r\n0\r\nX-Sum: 1\r\nX-Email: mallory\r\n%s: mallory\r\n\r\n", token, identityHeader)
	res, err := http.ReadResponse(bufio.NewReader(conn), nil)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	var got echo
	if err := json.NewDecoder(res.Body).Decode(&got); err != nil {
		t.Fatal(err)
	}
	if got.Trailer.Get("X-Sum") != "1" || len(got.Trailer) != 1 {
		t.Errorf("the upstream got the trailers %v, want X-Sum alone", got.Trailer)
	}
}

// A refusal is a whole answer; what the upstream's errors look like is the site's.
func TestErrorRoutesAreForTheUpstream(t *testing.T) {
	p, token, _ := guardedProxy(t, "guard\nreverse_proxy localhost:1\nhandle_errors {\nrespond \"custom {err.status_code}\"\n}")
	if _, text := p.do("GET", "/", ""); !strings.Contains(text, `"session_inactive"`) {
		t.Errorf("no session: got %q", text)
	}
	if res, text := p.do("GET", "/", "", "X-Session-Token", token); res.StatusCode != http.StatusBadGateway || text != "custom 502" {
		t.Errorf("dead upstream: got %d %q", res.StatusCode, text)
	}
}

func TestPlaceholdersOnTheSite(t *testing.T) {
	p, token, _ := guardedProxy(t, "guard\nrespond `{http.auth.user.email} {http.auth.user.traits.email} {http.auth.user.aal}`")
	if _, text := p.do("GET", "/", "", "X-Session-Token", token); text != "ann@example.org ann@example.org aal1" {
		t.Errorf("got %q", text)
	}
}

func TestStrongerGuardOnTopOfAnother(t *testing.T) {
	p, token, _ := guardedProxy(t, "guard /admin/* {\naal2\n}\nguard\nrespond ok")
	for path, want := range map[string]int{
		"/": 200, "/admin/x": 403, "//admin/x": 403, "/ADMIN/x": 403, "/%61dmin/x": 403,
		"/admin;a=b/x": 400, "/admin%00/x": 400, "/admin./x": 400, "/x/..%2fadmin/x": 400, "/x/../admin/x": 400, "/%2561dmin/x": 400,
	} {
		conn := p.dial(t) // a client would clean the path
		fmt.Fprintf(conn, "GET %s HTTP/1.1\r\nHost: localhost\r\nX-Session-Token: %s\r\n\r\n", path, token)
		res, err := http.ReadResponse(bufio.NewReader(conn), nil)
		if err != nil {
			t.Fatal(err)
		}
		res.Body.Close()
		if res.StatusCode != want {
			t.Errorf("%s: got %d, want %d", path, res.StatusCode, want)
		}
	}
}

// dial opens a connection on which nothing waits for ever.
func (p *proxy) dial(t *testing.T) net.Conn {
	t.Helper()
	conn, err := net.Dial("tcp", fmt.Sprintf("127.0.0.1:%d", p.port))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	if err := conn.SetDeadline(time.Now().Add(20 * time.Second)); err != nil {
		t.Fatal(err)
	}
	return conn
}

// send starts a request on a connection of its own and reads the answer's head.
func (p *proxy) send(t *testing.T, method, path, token, more string) (net.Conn, *bufio.Reader) {
	t.Helper()
	conn := p.dial(t)
	fmt.Fprintf(conn, "%s %s HTTP/1.1\r\nHost: localhost:%d\r\nX-Session-Token: %s\r\n%s\r\n", method, path, p.port, token, more)
	return conn, bufio.NewReader(conn)
}

func (p *proxy) signOut(token string) {
	p.t.Helper()
	res, text := p.do("DELETE", "/self-service/logout/api", fmt.Sprintf(`{"session_token":%q}`, token), "Content-Type", "application/json")
	if res.StatusCode != http.StatusNoContent {
		p.t.Fatalf("signing out: %d %s", res.StatusCode, text)
	}
}

// cutAfterSignOut signs out and waits for the end of the stream, on both sides.
func cutAfterSignOut(t *testing.T, p *proxy, token string, stream io.Reader, ended chan string) {
	t.Helper()
	p.signOut(token)
	out := time.Now()
	_, err := io.Copy(io.Discard, stream)
	if took := time.Since(out); took > 5*time.Second {
		t.Errorf("the client was cut after %v (%v), want at once", took, err)
	}
	select {
	case <-ended:
	case <-time.After(5 * time.Second):
		t.Error("the upstream still serves the request")
	}
}

func TestEventStreamIsCut(t *testing.T) {
	for name, flush := range map[string]string{"plain": "", "flushing": "flush_interval -1"} {
		t.Run(name, func(t *testing.T) {
			p, token, ended := guardedProxy(t, "guard\nreverse_proxy UPSTREAM {\n"+flush+"\n}")
			_, stream := p.send(t, "GET", "/events", token, "")
			for line := ""; line != "data: hello\n"; {
				var err error
				if line, err = stream.ReadString('\n'); err != nil {
					t.Fatal(err)
				}
			}
			cutAfterSignOut(t, p, token, stream, ended)
		})
	}
}

func TestWebSocketIsCut(t *testing.T) {
	p, token, ended := guardedProxy(t, plainGuard)
	conn, stream := p.send(t, "GET", "/socket", token, "Connection: Upgrade\r\nUpgrade: websocket\r\n")
	res, err := http.ReadResponse(stream, nil)
	if err != nil || res.StatusCode != http.StatusSwitchingProtocols {
		t.Fatalf("got %v %v, want an upgrade", res, err)
	}
	if _, err := io.WriteString(conn, "ping"); err != nil {
		t.Fatal(err)
	}
	if got, err := stream.Peek(4); err != nil || string(got) != "ping" {
		t.Fatalf("got %q %v, want the echo", got, err)
	}
	cutAfterSignOut(t, p, token, stream, ended)
}

func TestUploadIsCut(t *testing.T) {
	p, token, ended := guardedProxy(t, plainGuard)
	conn, stream := p.send(t, "POST", "/upload", token, "Transfer-Encoding: chunked\r\n")
	if _, err := io.WriteString(conn, "4\r\nping\r\n"); err != nil {
		t.Fatal(err)
	}
	select {
	case <-ended:
	case <-time.After(10 * time.Second):
		t.Fatal("the upload does not reach the upstream")
	}
	cutAfterSignOut(t, p, token, stream, ended)
}

// The server would read on before it answers, and the client may never send more.
func TestRefusedUploadIsAnsweredAtOnce(t *testing.T) {
	p, _, _ := guardedProxy(t, plainGuard)
	for _, length := range []string{"Transfer-Encoding: chunked\r\n", "Content-Length: 1000000000\r\n"} {
		_, stream := p.send(t, "POST", "/upload", "", length)
		sent := time.Now()
		res, err := http.ReadResponse(stream, nil)
		if err != nil {
			t.Fatalf("%s: %v", length, err)
		}
		res.Body.Close()
		if took := time.Since(sent); res.StatusCode != http.StatusUnauthorized || took > 5*time.Second {
			t.Errorf("%s: got %d after %v, want 401 at once", length, res.StatusCode, took)
		}
	}
}

// bigFile makes a file that takes long to download and no room.
func (p *proxy) bigFile(name string) {
	p.t.Helper()
	if err := os.Mkdir(filepath.Join(p.dir, "files"), 0o700); err != nil {
		p.t.Fatal(err)
	}
	file, err := os.Create(filepath.Join(p.dir, "files", name))
	if err != nil {
		p.t.Fatal(err)
	}
	defer file.Close()
	if err := file.Truncate(1 << 40); err != nil {
		p.t.Fatal(err)
	}
}

// file_server looks at no context: only the connection can be cut.
func TestDownloadOfAFileIsCut(t *testing.T) {
	p, token, ended := guardedProxy(t, "root * DIR/files\nguard\nfile_server")
	p.bigFile("big")
	_, stream := p.send(t, "GET", "/big", token, "")
	if _, err := io.CopyN(io.Discard, stream, 1<<20); err != nil {
		t.Fatal(err)
	}
	ended <- "no upstream"
	cutAfterSignOut(t, p, token, stream, ended)
}

// A connection of HTTP/2 may carry requests of several people, behind a load balancer.
func TestOneStreamOfAConnectionIsCut(t *testing.T) {
	p := newProxy(t)
	p.writeConfig("")
	p.options = "servers {\nprotocols h1 h2c\n}"
	p.mustLoad(quick, "gatehouse\nroot * DIR/files\nguard\nfile_server")
	p.bigFile("big")
	transport := &http.Transport{Protocols: new(http.Protocols)}
	transport.Protocols.SetUnencryptedHTTP2(true)
	defer transport.CloseIdleConnections()
	download := func(token string) io.ReadCloser {
		req, err := http.NewRequestWithContext(t.Context(), "GET", p.url("/big"), nil)
		if err != nil {
			t.Fatal(err)
		}
		req.Header.Set("X-Session-Token", token)
		res, err := transport.RoundTrip(req)
		if err != nil || res.StatusCode != http.StatusOK || res.ProtoMajor != 2 {
			t.Fatalf("got %v %v, want a download over HTTP/2", res, err)
		}
		t.Cleanup(func() { res.Body.Close() })
		return res.Body
	}
	ann, bob := p.register("ann@example.org"), p.register("bob@example.org")
	cut, whole := download(ann), download(bob)
	ended := make(chan string, 1)
	ended <- "no upstream"
	cutAfterSignOut(t, p, ann, cut, ended)
	if _, err := io.CopyN(io.Discard, whole, 1<<20); err != nil {
		t.Errorf("another person's download broke: %v", err)
	}
}

func TestStreamOfAGoodSessionGoesOn(t *testing.T) {
	p, token, _ := guardedProxy(t, plainGuard)
	conn, stream := p.send(t, "GET", "/socket", token, "Connection: Upgrade\r\nUpgrade: websocket\r\n")
	if _, err := http.ReadResponse(stream, nil); err != nil {
		t.Fatal(err)
	}
	p.signOut(p.register("bob@example.org"))
	for until := time.Now().Add(4 * sweepEvery); time.Now().Before(until); {
		if _, err := io.WriteString(conn, "x"); err != nil {
			t.Fatal(err)
		}
		if _, err := stream.ReadByte(); err != nil {
			t.Fatalf("cut: %v", err)
		}
	}
}
