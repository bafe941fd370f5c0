package kv

import (
	"fmt"
	"strings"
	"unicode/utf8"
)

// maxPage is the largest page a List returns, and the default.
const maxPage = 1000

// CheckKeys tells whether Get may be asked for keys. Backends share the checks
// of this file so that a caller's mistake is refused alike by all of them.
func CheckKeys(keys []string) error {
	if len(keys) == 0 {
		return fmt.Errorf("%w: no key given", ErrInvalid)
	}
	if len(keys) > MaxOps {
		return fmt.Errorf("%w: %d keys", ErrTooLarge, len(keys))
	}
	for _, key := range keys {
		if err := checkKey(key); err != nil {
			return err
		}
	}
	return nil
}

// CheckCommit tells whether conds and ops are well formed and within the limits.
func CheckCommit(conds []Cond, ops []Op) error {
	if len(ops) > MaxOps || len(conds) > MaxOps {
		return fmt.Errorf("%w: %d conditions, %d ops", ErrTooLarge, len(conds), len(ops))
	}
	size := 0
	for _, c := range conds {
		if err := checkCond(c); err != nil {
			return err
		}
		size += len(c.Key)
	}
	named := make(map[string]bool, len(ops))
	for _, op := range ops {
		if err := checkOp(op); err != nil {
			return err
		}
		if named[op.Key] {
			return fmt.Errorf("%w: two ops on key %q", ErrInvalid, op.Key)
		}
		named[op.Key] = true
		size += len(op.Key) + len(op.Value)
	}
	if size > MaxBytes {
		return fmt.Errorf("%w: %d bytes", ErrTooLarge, size)
	}
	return nil
}

// Page checks the options of a listing of prefix and returns its page size.
func (o ListOptions) Page(prefix string) (int, error) {
	switch {
	case o.Limit < 0 || o.Limit > maxPage:
		return 0, fmt.Errorf("%w: limit %d is not in 1..%d", ErrInvalid, o.Limit, maxPage)
	case o.Revision < 0:
		return 0, fmt.Errorf("%w: negative revision %d", ErrInvalid, o.Revision)
	case o.After != "" && !strings.HasPrefix(o.After, prefix):
		return 0, fmt.Errorf("%w: cursor %q lacks the prefix %q", ErrInvalid, o.After, prefix)
	case !wellFormed(prefix) || !wellFormed(o.After):
		return 0, fmt.Errorf("%w: prefix %q, cursor %q", ErrInvalid, prefix, o.After)
	case o.Limit == 0:
		return maxPage, nil
	}
	return o.Limit, nil
}

// CheckWatch tells whether prefix may be watched from a revision.
func CheckWatch(prefix string, from int64) error {
	if !wellFormed(prefix) || from < 0 {
		return fmt.Errorf("%w: watching prefix %q from revision %d", ErrInvalid, prefix, from)
	}
	return nil
}

func checkCond(c Cond) error {
	if c.Target > CompareMod || c.Equals < 0 {
		return fmt.Errorf("%w: unknown condition on key %q", ErrInvalid, c.Key)
	}
	return checkKey(c.Key)
}

func checkOp(op Op) error {
	if op.TTL < 0 || op.Delete && (op.TTL != 0 || op.Value != nil) {
		return fmt.Errorf("%w: op on key %q", ErrInvalid, op.Key)
	}
	return checkKey(op.Key)
}

func checkKey(key string) error {
	if key == "" || !wellFormed(key) {
		return fmt.Errorf("%w: key %q", ErrInvalid, key)
	}
	return nil
}

func wellFormed(s string) bool {
	return utf8.ValidString(s) && strings.IndexByte(s, 0) < 0
}
