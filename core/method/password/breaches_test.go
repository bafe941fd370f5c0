package password_test

import (
	"crypto/sha1"
	"encoding/hex"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/gatehouse-id/gatehouse/core/method/password"
)

// digest is the hash by which the service knows a password.
func digest(pw string) string {
	sum := sha1.Sum([]byte(pw))
	return strings.ToUpper(hex.EncodeToString(sum[:]))
}

// service answers every range with the same text, and tells what it was asked.
func service(t *testing.T, answer func(w http.ResponseWriter)) (*password.Breaches, *[]string) {
	t.Helper()
	var asked []string
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		asked = append(asked, r.Method+" "+r.URL.Path+" "+r.Header.Get("Add-Padding"))
		answer(w)
	}))
	t.Cleanup(s.Close)
	return &password.Breaches{Host: s.URL, Client: s.Client()}, &asked
}

func TestBreachesAreFoundByRange(t *testing.T) {
	known := digest("password1")
	padding := strings.Repeat("0", 34)
	for name, tt := range map[string]struct {
		body string
		want int
	}{
		"found":           {padding + "A:0\r\n" + known[5:] + ":2413945\r\n" + padding + "B:0", 2413945},
		"last line":       {padding + "A:3\n" + known[5:] + ":7", 7},
		"lower case":      {strings.ToLower(known[5:]) + ":7", 7},
		"only padding":    {padding + "A:0\r\n" + padding + "B:0\r\n", 0},
		"padded itself":   {known[5:] + ":0", 0},
		"empty":           {"", 0},
		"other passwords": {padding + "A:5\r\n" + padding + "B:9\r\n", 0},
		"no lines at all": {"<html>maintenance</html>", 0},
	} {
		b, asked := service(t, func(w http.ResponseWriter) { fmt.Fprint(w, tt.body) })
		n, err := b.Count(t.Context(), "password1")
		if err != nil || n != tt.want {
			t.Errorf("%s: got %d, %v, want %d", name, n, err, tt.want)
		}
		if want := "GET /range/" + known[:5] + " true"; len(*asked) != 1 || (*asked)[0] != want {
			t.Errorf("%s: the service was asked %q, want only %q", name, *asked, want)
		}
	}
}

func TestBreachesReportWhatTheyCanNotRead(t *testing.T) {
	known := digest("password1")
	for name, answer := range map[string]func(w http.ResponseWriter){
		"refused":       func(w http.ResponseWriter) { w.WriteHeader(http.StatusTooManyRequests) },
		"moved":         func(w http.ResponseWriter) { w.WriteHeader(http.StatusNotModified) },
		"no number":     func(w http.ResponseWriter) { fmt.Fprint(w, known[5:]+":many") },
		"endless line":  func(w http.ResponseWriter) { fmt.Fprint(w, strings.Repeat("A", 1<<20)) },
		"cut in a line": func(w http.ResponseWriter) { w.Header().Set("Content-Length", "100"); fmt.Fprint(w, "A:1") },
	} {
		b, _ := service(t, answer)
		n, err := b.Count(t.Context(), "password1")
		if err == nil {
			t.Errorf("%s: got %d and no error", name, n)
		} else if strings.Contains(err.Error(), "password1") || strings.Contains(err.Error(), known[5:]) {
			t.Errorf("%s: the error shows the password: %v", name, err)
		}
	}
}

func TestBreachesGiveUpOnASlowService(t *testing.T) {
	hold := make(chan struct{})
	b, _ := service(t, func(http.ResponseWriter) { <-hold })
	defer close(hold)
	began := time.Now()
	if n, err := b.Count(t.Context(), "password1"); err == nil {
		t.Errorf("got %d and no error", n)
	}
	if took := time.Since(began); took > 5*time.Second {
		t.Errorf("gave up after %v, want about a second", took)
	}
	if _, err := (&password.Breaches{Host: "http://127.0.0.1:1", Client: http.DefaultClient}).Count(t.Context(), "password1"); err == nil {
		t.Error("nobody listens, and there is no error")
	}
}
