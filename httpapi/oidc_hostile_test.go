package httpapi_test

import (
	"encoding/base64"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/gatehouse-id/gatehouse/core/config"
	"github.com/gatehouse-id/gatehouse/internal/gateway"
	"github.com/gatehouse-id/gatehouse/internal/optest"
	"github.com/gatehouse-id/gatehouse/internal/testenv"
)

// refusedByForm asserts that a browser came back to the form with a message and no session.
func refusedByForm(t *testing.T, c *testenv.Client, a *testenv.Answer, kind string) *testenv.Answer {
	t.Helper()
	form := back(t, c, a, kind)
	if ids := form.MessageIDs(); !slices.Contains(ids, 4000001) {
		t.Errorf("got messages %v, want one that says why: %s", ids, form.Body)
	}
	nobody(t, c)
	return form
}

// refusedByPage asserts that a browser was sent to the error page, and has no session.
func refusedByPage(t *testing.T, c *testenv.Client, a *testenv.Answer) {
	t.Helper()
	if a.Status != http.StatusSeeOther || !strings.Contains(a.Location(), "/auth/error?id=") {
		t.Errorf("got %d to %q, want the error page", a.Status, a.Location())
	}
	nobody(t, c)
}

func nobody(t *testing.T, c *testenv.Client) {
	t.Helper()
	if who := c.Get("/sessions/whoami"); who.Status != http.StatusUnauthorized {
		t.Errorf("whoami: got %d %s, want nobody", who.Status, who.Body)
	}
}

func TestAProviderThatBreaksTheRulesSignsNobodyIn(t *testing.T) {
	set := func(name string, v any) func(k *optest.Knobs) {
		return func(k *optest.Knobs) { k.Twist = func(c map[string]any) { c[name] = v } }
	}
	without := func(name string) func(k *optest.Knobs) {
		return func(k *optest.Knobs) { k.Twist = func(c map[string]any) { delete(c, name) } }
	}
	instead := func(path string, h http.HandlerFunc) func(k *optest.Knobs) {
		return func(k *optest.Knobs) { k.Instead = map[string]http.HandlerFunc{path: h} }
	}
	for name, turn := range map[string]func(k *optest.Knobs){
		"another nonce":              set("nonce", "of another sign-in"),
		"no nonce":                   without("nonce"),
		"another issuer":             set("iss", "https://accounts.example.org"),
		"another client":             set("aud", "somebody-else"),
		"several clients, no party":  set("aud", []string{optest.ClientID, "somebody-else"}),
		"another party":              set("azp", "somebody-else"),
		"expired":                    set("exp", time.Now().Add(-2*time.Minute).Unix()),
		"from the future":            set("iat", time.Now().Add(10*time.Minute).Unix()),
		"no subject":                 without("sub"),
		"an empty subject":           set("sub", ""),
		"a subject of control bytes": set("sub", "a\x00b"),
		"another access token":       set("at_hash", "AAAAAAAAAAAAAAAAAAAAAA"),
		"no signature": func(k *optest.Knobs) {
			k.Forge = func(token string) string {
				parts := strings.Split(token, ".")
				return base64.RawURLEncoding.EncodeToString([]byte(`{"alg":"none"}`)) + "." + parts[1] + "."
			}
		},
		"a signature of something else": func(k *optest.Knobs) {
			k.Forge = func(token string) string {
				parts := strings.Split(token, ".")
				return parts[0] + "." + base64.RawURLEncoding.EncodeToString([]byte(`{"sub":"2"}`)) + "." + parts[2]
			}
		},
		"no token at all":    func(k *optest.Knobs) { k.Forge = func(string) string { return "" } },
		"claims of 5 MB":     set("bio", strings.Repeat("a", 5<<20)),
		"claims are no JSON": func(k *optest.Knobs) { k.Forge = func(string) string { return "e30.bm9uZQ.e30" } },
		"the token endpoint fails": instead("/token", func(w http.ResponseWriter, _ *http.Request) {
			http.Error(w, "tulip-9431", http.StatusInternalServerError)
		}),
		"the token endpoint sends a page": instead("/token", func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "text/html")
			_, _ = w.Write([]byte("<html>"))
		}),
		"the token endpoint leads elsewhere": instead("/token", func(w http.ResponseWriter, r *http.Request) {
			http.Redirect(w, r, "http://169.254.169.254/latest/meta-data", http.StatusTemporaryRedirect)
		}),
		"the keys are 10 MB": instead("/keys", func(w http.ResponseWriter, _ *http.Request) {
			_, _ = w.Write([]byte(`{"keys":[],"x":"` + strings.Repeat("a", 10<<20) + `"}`))
		}),
	} {
		t.Run(name, func(t *testing.T) {
			e, p := social(t)
			p.SignInAs(claims("1", "olga@example.org"))
			p.Turn(turn)
			b := e.Browser()
			form := refusedByForm(t, b, via(t, b, "login", chooseAcme), "login")
			if strings.Contains(string(form.Body), "tulip") || strings.Contains(e.Log.String(), "tulip") {
				t.Error("the provider's words are repeated")
			}
			p.Turn(func(k *optest.Knobs) { k.Twist, k.Forge, k.Instead = nil, nil, nil })
			home(t, b, via(t, b, "login", chooseAcme)) // nothing of it sticks
		})
	}
}

func TestAPersonWhoSaysNoComesBackToTheForm(t *testing.T) {
	e, p := social(t)
	p.Turn(func(k *optest.Knobs) { k.Deny = true })
	b := e.Browser()
	form := refusedByForm(t, b, via(t, b, "login", chooseAcme), "login")
	if !strings.Contains(string(form.Body), "the person said no") || form.Node("password") == nil {
		t.Errorf("got %s, want the provider's words and all ways to sign in", form.Body)
	}
}

func TestATripEndsWhereItBegan(t *testing.T) {
	e, p := social(t)
	p.SignInAs(claims("1", "olga@example.org"))
	b := e.Browser()

	t.Run("another browser can't finish it", func(t *testing.T) {
		other := e.Browser()
		other.Start("login", "")
		refusedByPage(t, other, other.Do(http.MethodGet, consent(t, b, depart(t, b, "login", chooseAcme)), "", nil))
	})
	t.Run("another state doesn't fit", func(t *testing.T) {
		at := consent(t, b, depart(t, b, "login", chooseAcme))
		q := query(t, at)
		state := []byte(q.Get("state"))
		state[len(state)-2] ^= 1
		refusedByPage(t, b, b.Do(http.MethodGet, strings.Replace(at, q.Get("state"), string(state), 1), "", nil))
		refusedByPage(t, b, b.Get("/self-service/methods/oidc/callback/acme?code="+q.Get("code")))
	})
	t.Run("it is over after half an hour", func(t *testing.T) {
		at := consent(t, b, depart(t, b, "login", chooseAcme))
		e.Advance(31 * time.Minute)
		refusedByPage(t, b, b.Do(http.MethodGet, at, "", nil))
		e.Advance(-31 * time.Minute)
	})
	t.Run("HEAD doesn't use it up, and a second GET finds nothing", func(t *testing.T) {
		at := consent(t, b, depart(t, b, "login", chooseAcme))
		b.Do(http.MethodHead, at, "", nil)
		home(t, b, b.Do(http.MethodGet, at, "", nil))
		again := e.Browser()
		refusedByPage(t, again, again.Do(http.MethodGet, at, "", nil))
		tokens := p.Asked("/token")
		b.Do(http.MethodGet, at, "", nil)
		if p.Asked("/token") != tokens {
			t.Error("the provider was asked for the same code again")
		}
	})
}

func TestTwoTabsAndTwoProvidersDoNotMix(t *testing.T) {
	one, two := optest.New(t), optest.New(t)
	e := testenv.New(t, providers(map[string]*optest.Provider{"acme": one, "beta": two}))
	one.SignInAs(claims("1", "olga@example.org"))
	two.SignInAs(claims("1", "pia@example.org"))
	b := e.Browser()
	f := b.Start("login", "")
	atOne := consent(t, b, b.Submit("login", f, testenv.Fields{"provider": "acme"}).Location())
	atTwo := consent(t, b, b.Submit("login", f, testenv.Fields{"provider": "beta"}).Location())

	mixed := strings.Replace(atOne, "/callback/acme", "/callback/beta", 1)
	refusedByPage(t, b, b.Do(http.MethodGet, mixed, "", nil))
	if two.Asked("/token")+one.Asked("/token") > 0 {
		t.Error("a code was shown to a provider that it isn't from")
	}
	who := home(t, b, b.Do(http.MethodGet, atOne, "", nil)) // the first tab, though the second came later
	if got := who.Text("identity", "traits", "email"); got != "olga@example.org" {
		t.Errorf("signed in as %s, want olga", got)
	}
	b.Do(http.MethodGet, atTwo, "", nil)
	if got := b.Get("/sessions/whoami").Text("identity", "traits", "email"); got != "olga@example.org" {
		t.Errorf("the other tab has changed the session to %s", got)
	}
}

func TestAnswersNameTheirIssuer(t *testing.T) {
	e, p := social(t)
	p.SignInAs(claims("1", "olga@example.org"))
	p.Turn(func(k *optest.Knobs) { k.NamesIssuer = true })
	b := e.Browser()
	own := "iss=" + escape(p.URL)
	for name, theirs := range map[string]string{"of another": "iss=https%3A%2F%2Faccounts.example.org", "missing": "x="} {
		t.Run(name, func(t *testing.T) {
			at := consent(t, b, depart(t, b, "login", chooseAcme))
			refusedByForm(t, b, b.Do(http.MethodGet, strings.Replace(at, own, theirs, 1), "", nil), "login")
		})
	}
	home(t, b, via(t, b, "login", chooseAcme))
}

func TestAProviderThatChangesItsNameIsNotTheSame(t *testing.T) {
	e, p := social(t)
	p.Turn(func(k *optest.Knobs) { k.Issuer = "https://accounts.example.org" })
	b := e.Browser()
	form := b.Start("login", "")
	refusedByForm(t, b, b.Submit("login", form, chooseAcme), "login")
}

func TestADeadProviderStopsNobodyElse(t *testing.T) {
	e, p := social(t)
	e.SignUp("ann@example.org")
	p.Turn(func(k *optest.Knobs) {
		k.Instead = map[string]http.HandlerFunc{"/.well-known/openid-configuration": func(w http.ResponseWriter, _ *http.Request) {
			w.WriteHeader(http.StatusBadGateway)
		}}
	})
	b := e.Browser()
	for range 3 {
		refusedByForm(t, b, b.Submit("login", b.Start("login", ""), chooseAcme), "login")
	}
	if got := p.Asked("/.well-known/openid-configuration"); got != 1 {
		t.Errorf("a dead provider was asked %d times at once, want once", got)
	}
	b.SignIn("ann@example.org")
	p.Turn(func(k *optest.Knobs) { k.Instead = nil })
	p.SignInAs(claims("1", "olga@example.org"))
	e.Advance(6 * time.Second)
	c := e.Browser()
	home(t, c, via(t, c, "login", chooseAcme))
}

func TestKeysOfAProviderRotate(t *testing.T) {
	e, p := social(t)
	p.SignInAs(claims("1", "olga@example.org"))
	for range 3 {
		b := e.Browser()
		home(t, b, via(t, b, "login", chooseAcme))
		p.RotateKeys(t)
	}
	if got := p.Asked("/.well-known/openid-configuration"); got != 1 {
		t.Errorf("the provider was asked %d times for its endpoints, want once", got)
	}
}

func TestClocksMayDiffer(t *testing.T) {
	for _, skew := range []time.Duration{-50 * time.Second, 50 * time.Second} {
		e, p := social(t)
		p.SignInAs(claims("1", "olga@example.org"))
		p.Turn(func(k *optest.Knobs) {
			k.Twist = func(c map[string]any) {
				c["iat"], c["exp"] = time.Now().Add(skew).Unix(), time.Now().Add(skew+10*time.Second).Unix()
			}
		})
		b := e.Browser()
		home(t, b, via(t, b, "login", chooseAcme))
	}
}

func TestProviderThatIsSwitchedOffDuringATrip(t *testing.T) {
	e, p := social(t)
	p.SignInAs(claims("1", "olga@example.org"))
	b := e.Browser()
	at := consent(t, b, depart(t, b, "login", chooseAcme))
	e.Config.SelfService.Methods.OIDC.Enabled = false
	refusedByPage(t, b, b.Do(http.MethodGet, at, "", nil))
	e.Config.SelfService.Methods.OIDC.Enabled = true
	e.Config.SelfService.Methods.OIDC.Config.Providers[0].ClientID = "another"
	at = consent(t, b, strings.Replace(depart(t, b, "login", chooseAcme), "client_id=another", "client_id="+optest.ClientID, 1))
	e.Config.SelfService.Methods.OIDC.Config.Providers[0].ClientID = optest.ClientID
	refusedByForm(t, b, b.Do(http.MethodGet, at, "", nil), "login")
}

func TestOnlyTheOwnPageCanSendSomebodyAway(t *testing.T) {
	e, _ := social(t)
	b := e.Browser()
	f := b.Start("login", "")
	a := b.Submit("login", f, testenv.Fields{"provider": "acme", "csrf_token": "forged"})
	refusedByPage(t, b, a)
	a = b.Get("/self-service/login?flow=" + f.Text("id") + "&provider=acme")
	if strings.Contains(a.Location(), "/authorize") {
		t.Error("a link of another page sends people to a provider")
	}
}

func TestAnswersByFormComeBackByGet(t *testing.T) {
	e, p := social(t)
	p.SignInAs(claims("1", "olga@example.org"))
	b := e.Browser()
	q := query(t, consent(t, b, depart(t, b, "login", chooseAcme)))
	stranger := e.Browser() // without cookies, as browsers post to other sites
	a := stranger.PostForm("/self-service/methods/oidc/callback/acme", q)
	if a.Status != http.StatusSeeOther || a.Cookie("ory_kratos_session") != nil {
		t.Fatalf("got %d %s", a.Status, a.Body)
	}
	home(t, b, b.Do(http.MethodGet, a.Location(), "", nil))
}

func TestAMapperThatDoesNotCompileStopsTheStart(t *testing.T) {
	p := optest.New(t)
	c := config.Default()
	providers(map[string]*optest.Provider{"acme": p}, func(c *config.OIDCProvider) {
		c.MapperURL = "base64://" + base64.StdEncoding.EncodeToString([]byte("local c = 1;\n{identity: "))
	})(&c, nil)
	err := gateway.Check(t.Context(), gateway.Options{Config: &c})
	if err == nil || !strings.Contains(err.Error(), "providers[0].mapper_url") || !strings.Contains(err.Error(), "mapper:2:") {
		t.Errorf("got %v, want the key and the line", err)
	}
}

func TestAMapperThatLoopsIsStopped(t *testing.T) {
	p := optest.New(t)
	p.SignInAs(claims("1", "olga@example.org"))
	e := testenv.New(t, providers(map[string]*optest.Provider{"acme": p}, func(c *config.OIDCProvider) {
		c.MapperURL = "base64://" + base64.StdEncoding.EncodeToString([]byte("{identity: {traits: {n: std.length(std.range(1, 1000000000))}}}"))
	}))
	b := e.Browser()
	refusedByForm(t, b, via(t, b, "login", chooseAcme), "login")
}
