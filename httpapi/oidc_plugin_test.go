package httpapi_test

import (
	"encoding/json"
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/gatehouse-id/gatehouse/core/config"
	"github.com/gatehouse-id/gatehouse/core/flow"
	"github.com/gatehouse-id/gatehouse/core/hash"
	"github.com/gatehouse-id/gatehouse/hooks/abi"
	"github.com/gatehouse-id/gatehouse/internal/gateway"
	"github.com/gatehouse-id/gatehouse/internal/optest"
	"github.com/gatehouse-id/gatehouse/internal/testenv"
)

// mapped is a gateway whose provider's claims a plugin maps.
func mapped(t *testing.T, mapper func(in *abi.Context) (abi.Output, error), change ...func(c *config.OIDCProvider)) (*testenv.Env, *optest.Provider) {
	t.Helper()
	p := optest.New(t)
	plugin := withHook(flow.MapClaims, func(_ abi.Event, in *abi.Context) (abi.Output, error) { return mapper(in) })
	return testenv.New(t, providers(map[string]*optest.Provider{"acme": p}, change...), plugin), p
}

func withoutMapper(c *config.OIDCProvider) { c.MapperURL = "" }

func TestAPluginMapsAllOfTheClaims(t *testing.T) {
	var told abi.Context
	e, p := mapped(t, func(in *abi.Context) (abi.Output, error) {
		told = *in
		return abi.Output{Action: abi.Continue, Identity: &abi.IdentityChange{
			Traits:         json.RawMessage(`{"email":"olga@example.org","name":{"first":"Plugged"}}`),
			MetadataPublic: json.RawMessage(`{"plan":"pro"}`), MetadataAdmin: json.RawMessage(`{"id":9007199254740993}`),
			VerifiedAddresses: []abi.Address{{Via: "email", Value: "Olga@example.org"}},
		}}, nil
	}, withoutMapper)
	p.SignInAs(claims("1", "olga@example.org"))
	b := e.Browser()
	who := home(t, b, via(t, b, "login", chooseAcme))
	if who.Text("identity", "traits", "name", "first") != "Plugged" || who.Text("identity", "metadata_public", "plan") != "pro" ||
		who.At("identity", "verifiable_addresses", 0, "verified") != true {
		t.Errorf("got %s", who.Body)
	}
	if stored := e.App().Get(e.Admin + "/admin/identities/" + who.Text("identity", "id")); !strings.Contains(string(stored.Body), "9007199254740993") {
		t.Errorf("a large number was changed: %s", stored.Body)
	}
	if told.Provider != "acme" || told.Method != "oidc" || told.Flow == nil || string(told.Identity.Traits) != "{}" ||
		!strings.Contains(string(told.Claims), `"raw_claims"`) || strings.Contains(string(told.Claims), "nonce\":\"\"") {
		t.Errorf("the plugin was told %+v: %s", told, told.Claims)
	}
	if url := told.Request.URL; strings.Contains(url, "code=") || strings.Contains(url, "state=") {
		t.Errorf("the plugin was told the code: %s", url)
	}
}

func TestAPluginGoesOnFromTheProvidersMapper(t *testing.T) {
	e, p := mapped(t, func(in *abi.Context) (abi.Output, error) {
		if !strings.Contains(string(in.Identity.Traits), "Olga") || !strings.Contains(string(in.Identity.VerifiableAddresses), "olga@example.org") {
			return abi.Output{}, errors.New("the draft holds " + string(in.Identity.Traits))
		}
		return abi.Output{Action: abi.Continue, IdentityMerge: &abi.IdentityChange{Traits: json.RawMessage(`{"name":{"first":"Olya"}}`)}}, nil
	})
	p.SignInAs(claims("1", "olga@example.org"))
	b := e.Browser()
	who := home(t, b, via(t, b, "registration", chooseAcme))
	if who.Text("identity", "traits", "name", "first") != "Olya" || who.Text("identity", "traits", "email") != "olga@example.org" ||
		who.At("identity", "verifiable_addresses", 0, "verified") != true {
		t.Errorf("got %s", who.Body)
	}
}

// TestNoMapperVerifiesWhatTheProviderHasNotSeen: not in another spelling either.
func TestNoMapperVerifiesWhatTheProviderHasNotSeen(t *testing.T) {
	e, p := mapped(t, func(*abi.Context) (abi.Output, error) {
		return abi.Output{Action: abi.Continue, IdentityMerge: &abi.IdentityChange{
			Traits: json.RawMessage(`{"email":"olga@example.org"}`), VerifiedAddresses: []abi.Address{{Via: "email", Value: "olga@Example.org"}},
		}}, nil
	})
	p.SignInAs(map[string]any{"sub": "1", "email": "Olga@example.org", "email_verified": false})
	b := e.Browser()
	who := home(t, b, via(t, b, "registration", chooseAcme))
	if who.At("identity", "verifiable_addresses", 0, "verified") != false {
		t.Errorf("an address counts as verified that the provider has not seen: %s", who.Body)
	}
}

func TestAPluginRefusesPeopleAtEveryReturn(t *testing.T) {
	welcome := true
	e, p := mapped(t, func(*abi.Context) (abi.Output, error) {
		if welcome {
			return abi.Output{Action: abi.Continue}, nil
		}
		return abi.Output{Action: abi.Reject, Messages: []abi.FieldMessages{{
			InstancePtr: "#/", Messages: []abi.Message{{ID: 4100001, Text: "You have left the team.", Type: "error"}},
		}}}, nil
	})
	p.SignInAs(claims("1", "olga@example.org"))
	b := e.Browser()
	home(t, b, via(t, b, "registration", chooseAcme))
	welcome = false
	c := e.Browser()
	if form := back(t, c, via(t, c, "login", chooseAcme), "login"); !slices.Contains(form.MessageIDs(), 4100001) || form.Node("password") == nil {
		t.Errorf("signing in: got %s, want the plugin's words and all ways to sign in", form.Body)
	}
	nobody(t, c)
	p.SignInAs(claims("2", "pia@example.org"))
	d := e.Browser()
	if form := back(t, d, via(t, d, "login", chooseAcme), "registration"); !slices.Contains(form.MessageIDs(), 4100001) {
		t.Errorf("signing up: got %s", form.Body)
	}
	if a := present(e.App(), "login", p.IDToken(claims("1", "olga@example.org"), "n"), "n"); !slices.Contains(a.MessageIDs(), 4100001) {
		t.Errorf("with an ID token: got %d %s", a.Status, a.Body)
	}
	e.SignUp("ann@example.org")
	ann := e.Browser()
	ann.SignIn("ann@example.org")
	at := ann.Submit("settings", ann.Start("settings", ""), testenv.Fields{"link": "acme"}).Location()
	form := back(t, ann, ann.Do("GET", consent(t, ann, at), "", nil), "settings")
	if !slices.Contains(form.MessageIDs(), 4100001) || form.Node("unlink") != nil {
		t.Errorf("linking: got %s", form.Body)
	}
}

func TestAPluginSendsPeopleElsewhere(t *testing.T) {
	for action, want := range map[abi.Action]string{abi.Redirect: "https://app.example/in/waiting", abi.Deny: "/auth/error?id="} {
		e, p := mapped(t, func(*abi.Context) (abi.Output, error) {
			if action == abi.Redirect {
				return abi.Output{Action: action, RedirectTo: "https://app.example/in/waiting"}, nil
			}
			return abi.Output{Action: action}, nil
		})
		p.SignInAs(claims("1", "olga@example.org"))
		b := e.Browser()
		if a := via(t, b, "login", chooseAcme); !strings.Contains(a.Location(), want) {
			t.Errorf("%s: got %d to %q, want %s", action, a.Status, a.Location(), want)
		}
		nobody(t, b)
	}
}

func TestAPluginThatFailsToMapIsToldPlainly(t *testing.T) {
	e, p := mapped(t, func(*abi.Context) (abi.Output, error) { return abi.Output{}, errors.New("tulip-9431") })
	p.SignInAs(claims("1", "olga@example.org"))
	b := e.Browser()
	form := refusedByForm(t, b, via(t, b, "login", chooseAcme), "registration")
	if !strings.Contains(string(form.Body), "What ACME says of you can't be used here.") || strings.Contains(string(form.Body), "tulip") {
		t.Errorf("got %s", form.Body)
	}
	if n := identityCount(t, e); n != 0 {
		t.Errorf("%d identities, want none", n)
	}
	if !strings.Contains(e.Log.String(), "hook failed") {
		t.Error("the log doesn't tell of the failure")
	}
}

func TestAPluginThatFailsMayBePassedOver(t *testing.T) {
	e, p := mapped(t, func(*abi.Context) (abi.Output, error) { return abi.Output{}, errors.New("tulip-9431") })
	p.SignInAs(claims("1", "olga@example.org"))
	allowing := testenv.New(t, func(c *config.Config, o *gateway.Options) {
		c.SelfService.Methods.OIDC = e.Config.SelfService.Methods.OIDC
		o.Plugins = []gateway.Plugin{{Point: flow.MapClaims, Name: "test-hook", Allow: true, Plugin: hookFunc(func(abi.Event, *abi.Context) (abi.Output, error) {
			return abi.Output{}, errors.New("tulip-9431")
		})}}
	})
	b := allowing.Browser()
	if who := home(t, b, via(t, b, "login", chooseAcme)); who.Text("identity", "traits", "name", "first") != "Olga" {
		t.Errorf("got %s, want what the provider's mapper makes", who.Body)
	}
}

func TestTraitsOfAPluginMeetTheSchema(t *testing.T) {
	e, p := mapped(t, func(*abi.Context) (abi.Output, error) {
		return abi.Output{Action: abi.Continue, IdentityMerge: &abi.IdentityChange{Traits: json.RawMessage(`{"age":3}`)}}, nil
	})
	p.SignInAs(claims("1", "olga@example.org"))
	b := e.Browser()
	form := back(t, b, via(t, b, "registration", chooseAcme), "registration")
	if !slices.Contains(form.MessageIDs(), 4000018) {
		t.Errorf("got messages %v, want what is wrong with the age", form.MessageIDs())
	}
}

func TestAProviderNeedsAMapperOfSomeKind(t *testing.T) {
	p := optest.New(t)
	c := config.Default()
	providers(map[string]*optest.Provider{"acme": p}, withoutMapper)(&c, nil)
	err := gateway.Check(t.Context(), gateway.Options{Config: &c})
	if err == nil || !strings.Contains(err.Error(), "providers[0].mapper_url: is missing") || !strings.Contains(err.Error(), "oidc.claims") {
		t.Errorf("got %v, want what to write", err)
	}
	plugin := gateway.Plugin{Point: flow.MapClaims, Plugin: hookFunc(nil)}
	if err := gateway.Check(t.Context(), gateway.Options{Config: &c, Plugins: []gateway.Plugin{plugin}, Limiter: hash.NewLimiter(hash.Limits{})}); err != nil {
		t.Errorf("with a plugin: %v", err)
	}
}

func TestMetadataFollowsTheProviderWhereThatIsWanted(t *testing.T) {
	for update, want := range map[string]string{"never": `{"note":"vip","roles":["staff"]}`, "automatic": `{"note":"vip","roles":["ops"]}`} {
		roles := `["staff"]`
		e, p := mapped(t, func(*abi.Context) (abi.Output, error) {
			return abi.Output{Action: abi.Continue, IdentityMerge: &abi.IdentityChange{MetadataAdmin: json.RawMessage(`{"roles":` + roles + `}`)}}, nil
		}, func(c *config.OIDCProvider) { c.UpdateIdentityOnLogin = update })
		p.SignInAs(claims("1", "olga@example.org"))
		b := e.Browser()
		path := e.Admin + "/admin/identities/" + home(t, b, via(t, b, "login", chooseAcme)).Text("identity", "id")
		e.App().Do("PATCH", path, "application/json", []byte(`[{"op":"add","path":"/metadata_admin/note","value":"vip"}]`))
		roles = `["ops"]`
		c := e.Browser()
		home(t, c, via(t, c, "login", chooseAcme))
		if got, _ := json.Marshal(e.App().Get(path).At("metadata_admin")); string(got) != want {
			t.Errorf("%s: got %s, want %s", update, got, want)
		}
	}
}
