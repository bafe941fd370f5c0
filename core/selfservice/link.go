package selfservice

import (
	"context"
	"errors"
	"fmt"

	"github.com/gatehouse-id/gatehouse/core/apierror"
	"github.com/gatehouse-id/gatehouse/core/flow"
	"github.com/gatehouse-id/gatehouse/core/onetime"
)

// Open uses the link of a recovery or verification. Whoever opens it is a browser,
// and need not be the one that asked for it. Errors as those of Submit: an
// ExpiredError has the flow that takes the place of one whose link doesn't count.
func (e *Engine) Open(ctx context.Context, kn flow.Kind, id, token string, c *Client) (*Result, error) {
	k := kinds[kn].(challenging)
	if !k.settings(e.Config()).enabled {
		return nil, apierror.FlowDisabled(string(kn))
	}
	f, err := e.load(ctx, kn, id, c)
	if err != nil {
		return nil, err
	}
	r := &run{e: e, k: k, c: c, f: f, link: true}
	f.Type = flow.Browser
	f.ClearMessages()
	if r.schema, err = e.defaultSchema(); err != nil {
		return nil, err
	}
	if f.Expired(e.now()) {
		f.RequestURL = r.requestURL()
		return nil, e.replace(ctx, f, c)
	}
	if err := r.open(ctx, k, token); err != nil {
		return nil, err
	}
	return &r.result, nil
}

// open finds the pass of the link and uses it.
func (r *run) open(ctx context.Context, k challenging, token string) error {
	t, ok := onetime.ParseToken(token)
	p, err := r.e.Passes.Pass(ctx, r.f.ID)
	if err != nil && !errors.Is(err, onetime.ErrNotFound) {
		return fmt.Errorf("reading the pass of a link: %w", err)
	}
	if r.method = r.e.method(k, "link"); r.method == nil || !r.method.Enabled() {
		return apierror.NotFound("The method is not available.")
	}
	if !ok || p == nil || p.Method != string(r.method.Name()) || !p.Opens(r.e.Keys, string(t)) {
		return r.useless(ctx)
	}
	if p.Expired(r.e.now()) {
		at := r.f.ExpiresAt
		r.f.RequestURL = r.requestURL()
		return r.e.replaceWith(ctx, r.f, r.c, k.expired(p.ExpiresAt, r.e.now()), at)
	}
	// Somebody may have sent the link in order to have the person work in another
	// account than they think: who is signed in stays that.
	if k.purpose() == onetime.Recovery && r.c.signedIn() && r.c.Facts.Identity.ID != p.IdentityID {
		return alreadySignedIn(r.f.Kind)
	}
	r.sub = flow.Submission{Method: string(r.method.Name())}
	err = r.redeem(ctx, k, p, string(t))
	if errors.Is(err, onetime.ErrSpent) {
		return r.useless(ctx)
	}
	return err
}

// useless answers a link that doesn't count, or not any more.
func (r *run) useless(ctx context.Context) error {
	r.f.RequestURL = r.requestURL()
	return r.e.replaceWith(ctx, r.f, r.c, r.method.(flow.ChallengeMethod).Words(r.f.Flow).Wrong, r.e.now())
}
