package gateway

import (
	"context"
	"fmt"
	"time"

	"github.com/gatehouse-id/gatehouse/core/project"
)

// firstTokenLasts leaves time to try things; other tokens are made with it.
const firstTokenLasts = 30 * 24 * time.Hour

// FirstToken makes the token that opens the admin API of a new store; "" when that was
// done before. Nobody can read it again later.
func (g *Gateway) FirstToken(ctx context.Context) (string, *project.Token, error) {
	now := g.options.Now()
	made, t, err := project.NewToken("first start", []project.Scope{project.Admin}, now, now.Add(firstTokenLasts))
	if err != nil {
		return "", nil, err
	}
	first, err := g.Store.CreateFirstAccessToken(ctx, t)
	if err != nil {
		return "", nil, fmt.Errorf("making the first access token: %w", err)
	}
	if !first {
		return "", nil, nil
	}
	return made, t, nil
}
