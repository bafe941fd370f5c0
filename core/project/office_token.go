package project

import (
	"context"
	"time"

	"github.com/gatehouse-id/gatehouse/core/apierror"
)

// NewToken makes a token for the admin API of a project, which the tokens of other projects don't open.
func (o *Office) NewToken(ctx context.Context, by Principal, id, name string, scopes []Scope, expires time.Time) (string, *Token, error) {
	p, err := o.open(ctx, by, id, Owner)
	if err != nil {
		return "", nil, err
	}
	made, t, err := NewToken(name, scopes, o.now(), expires)
	if err != nil {
		return "", nil, apierror.BadRequest("The token can't be made: %s.", err)
	}
	return made, t, o.Stage.Tokens(p).CreateAccessToken(ctx, t)
}
