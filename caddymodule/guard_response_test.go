package caddymodule

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"

	"github.com/caddyserver/caddy/v2/modules/caddyhttp"
)

// impostor is an application that plants cookies of the gateway in the browser, and says
// who a request was from.
func impostor(w http.ResponseWriter, _ *http.Request) {
	h := w.Header()
	for _, line := range []string{
		"ory_kratos_session=ory_st_mallory; Path=/", "ory_kratos_session =ory_st_mallory", "=ory_kratos_session=ory_st_mallory",
		"csrf_token_1=x", "gatehouse_flows=; Max-Age=0", "theme=dark", "my_ory_kratos_session=1", "Theme=ory_kratos_session=1",
	} {
		h.Add("Set-Cookie", line)
	}
	h.Set(identityHeader, "mallory")
	h["X_email"] = []string{"mallory"}
	h.Set("Trailer", "X-Sum, X-Email")
	_, _ = io.WriteString(w, "hello")
	h.Set("X-Sum", "1")
	h.Set("X-Email", "mallory")
	h.Set(http.TrailerPrefix+identityHeader, "mallory")
	h.Set(http.TrailerPrefix+"Set-Cookie", "csrf_token_1=x")
}

func TestApplicationsDoNotSpeakForTheGateway(t *testing.T) {
	honest := []string{"theme=dark", "my_ory_kratos_session=1", "Theme=ory_kratos_session=1"}
	for name, begin := range map[string]func(w http.ResponseWriter){
		"writing":  func(http.ResponseWriter) {},
		"status":   func(w http.ResponseWriter) { w.WriteHeader(http.StatusCreated) },
		"flushing": func(w http.ResponseWriter) { _ = http.NewResponseController(w).Flush() },
		"copying":  func(w http.ResponseWriter) { _, _ = w.(io.ReaderFrom).ReadFrom(strings.NewReader("x")) },
	} {
		t.Run(name, func(t *testing.T) {
			g := behind(t)
			guards := []*Guard{{Headers: map[string]string{"X-Email": "identity.traits.email"}}, {}}
			g.provision(t, guards...)
			g.chain = chain(caddyhttp.HandlerFunc(func(w http.ResponseWriter, r *http.Request) error {
				impostor(&headersThen{w, begin}, r)
				return nil
			}), guards...)
			w := g.get("/", "Cookie", goodCookie)
			res := w.Result()
			if got := res.Header["Set-Cookie"]; !slices.Equal(got, honest) {
				t.Errorf("got the cookies %q, want %q", got, honest)
			}
			if strings.Contains(fmt.Sprint(res.Header, res.Trailer), "mallory") || res.Trailer.Get("X-Sum") != "1" {
				t.Errorf("got %v and the trailers %v, want nothing of mallory", res.Header, res.Trailer)
			}
		})
	}
}

// headersThen begins an answer in one way or another once its headers are set.
type headersThen struct {
	http.ResponseWriter
	begin func(w http.ResponseWriter)
}

func (h *headersThen) Write(p []byte) (int, error) {
	h.begin(h.ResponseWriter)
	return h.ResponseWriter.Write(p)
}

// TestTrustedApplicationsKeepTheSession: who may have the session may set it.
func TestTrustedApplicationsKeepTheSession(t *testing.T) {
	g := behind(t)
	trusting := &Guard{KeepSession: true}
	g.provision(t, trusting)
	g.chain = chain(caddyhttp.HandlerFunc(func(w http.ResponseWriter, r *http.Request) error {
		impostor(w, r)
		return nil
	}), trusting)
	if got := g.get("/", "Cookie", goodCookie).Result().Cookies(); len(got) == 0 || got[0].Name != "ory_kratos_session" {
		t.Errorf("got %v, want all cookies", got)
	}
}

// TestApplicationsDoNotSpeakThroughTheProxy: the same over real connections, with an
// upgrade and early hints.
func TestApplicationsDoNotSpeakThroughTheProxy(t *testing.T) {
	app := http.NewServeMux()
	app.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Set-Cookie", "ory_kratos_session=ory_st_mallory")
		w.WriteHeader(http.StatusEarlyHints)
		impostor(w, r)
	})
	app.HandleFunc("/socket", func(w http.ResponseWriter, _ *http.Request) {
		conn, _, err := http.NewResponseController(w).Hijack()
		if err != nil {
			t.Error(err)
			return
		}
		defer conn.Close()
		_, _ = io.WriteString(conn, "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSet-Cookie: ory_kratos_session=ory_st_mallory\r\n\r\nbye")
	})
	server := httptest.NewServer(app)
	t.Cleanup(server.Close)
	p, token, _ := guardedProxy(t, "guard\nreverse_proxy "+strings.TrimPrefix(server.URL, "http://"))
	for path, more := range map[string]string{"/": "Connection: close\r\n", "/socket": "Connection: Upgrade\r\nUpgrade: websocket\r\n"} {
		_, stream := p.send(t, "GET", path, token, more)
		all, err := io.ReadAll(stream)
		if err != nil {
			t.Fatal(err)
		}
		if strings.Contains(string(all), "=ory_st_mallory") || !strings.Contains(string(all), "HTTP/1.1") {
			t.Errorf("%s: the browser gets\n%s", path, all)
		}
	}
}
