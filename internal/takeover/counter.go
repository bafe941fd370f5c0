package takeover

import "sync/atomic"

// Counter counts what became of people. The zero value is ready.
type Counter struct{ moved, there, failed atomic.Int64 }

// Counts are what a Counter says at a moment.
type Counts struct {
	Moved  int64 `json:"moved"`
	There  int64 `json:"already_there"`
	Failed int64 `json:"failed"`
}

// Counts tells how many there are so far.
func (c *Counter) Counts() Counts {
	return Counts{c.moved.Load(), c.there.Load(), c.failed.Load()}
}
