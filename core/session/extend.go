package session

import "time"

// Extendable tells whether the session may be extended at the time now: not before
// the last stretch of its life that earliest names, so that clients that extend at
// every request don't write at every request; 0 allows it at any time.
func (s *Session) Extendable(now time.Time, earliest time.Duration) bool {
	return s.Active(now) && (earliest <= 0 || !now.Before(s.ExpiresAt.Add(-earliest)))
}

// Extend lets the session live for a full lifespan again. It never shortens it, and
// changes nothing about when and how the person has signed in.
func (s *Session) Extend(now time.Time, lifespan time.Duration) {
	if end := now.Add(lifespan); end.After(s.ExpiresAt) {
		s.ExpiresAt = end
	}
}
