package httpapi

import (
	"slices"
	"strconv"
	"strings"

	"github.com/gatehouse-id/gatehouse/core/apierror"
	"github.com/gatehouse-id/gatehouse/core/selfservice"
)

// etag is the entity tag of a revision. It is a strong one: a revision is never shown in two ways that differ in anything
// an administrator has set.
func etag(revision int64) string { return strconv.Quote(strconv.FormatInt(revision, 10)) }

// ifMatch tells which revisions the request may change; nil when it doesn't say. A tag that was never given out, and a weak
// one, match nothing.
func (c *call) ifMatch() selfservice.Match {
	values := c.r.Header.Values("If-Match")
	if len(values) == 0 {
		return nil
	}
	var tags []string
	for _, tag := range strings.Split(strings.Join(values, ","), ",") {
		tags = append(tags, strings.TrimSpace(tag))
	}
	if slices.Equal(tags, []string{"*"}) {
		return nil // it must exist, which is checked in any case
	}
	return func(revision int64) bool { return slices.Contains(tags, etag(revision)) }
}

// maxIdempotencyKey is the longest Idempotency-Key in bytes.
const maxIdempotencyKey = 255

// once reads the Idempotency-Key; nil when there is none. What was made on one mount is not repeated on the other.
func (c *call) once(body []byte) (*selfservice.Once, error) {
	keys := c.r.Header.Values("Idempotency-Key")
	switch {
	case len(keys) == 0:
		return nil, nil
	case len(keys) > 1 || keys[0] == "" || len(keys[0]) > maxIdempotencyKey:
		return nil, apierror.BadRequest("The Idempotency-Key must be one text of 1 to %d bytes.", maxIdempotencyKey)
	}
	return &selfservice.Once{Key: keys[0], Request: append([]byte(c.m.prefix+"\n"), body...)}, nil
}
