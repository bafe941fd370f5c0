package kv

import (
	"context"
	"slices"
	"strings"
)

// List implements Store.
func (m *Memory) List(ctx context.Context, prefix string, o ListOptions) (Snapshot, error) {
	limit, err := o.Page(prefix)
	if err != nil {
		return Snapshot{}, err
	}
	if err := m.enter(ctx); err != nil {
		return Snapshot{}, err
	}
	defer m.mu.Unlock()
	snap := Snapshot{Revision: m.rev}
	past := map[string]Entry{}
	if o.Revision != 0 {
		if err := m.check(o.Revision); err != nil {
			return Snapshot{}, err
		}
		snap.Revision = o.Revision
		past = m.undo(prefix, o.Revision)
	}
	m.page(&snap, m.selected(prefix, past), past, o, limit)
	return snap, nil
}

// undo returns the keys with the prefix that changed after rev, as they stood at rev.
func (m *Memory) undo(prefix string, rev int64) map[string]Entry {
	past := map[string]Entry{}
	for _, c := range slices.Backward(m.after(rev)) {
		if strings.HasPrefix(c.event.Key, prefix) {
			past[c.event.Key] = c.before
		}
	}
	return past
}

// selected returns the sorted keys with the prefix that exist now or are in past.
func (m *Memory) selected(prefix string, past map[string]Entry) []string {
	from, _ := slices.BinarySearch(m.keys, prefix)
	length, _ := slices.BinarySearchFunc(m.keys[from:], prefix, func(key, prefix string) int {
		if strings.HasPrefix(key, prefix) {
			return -1
		}
		return 1
	})
	keys := m.keys[from : from+length]
	gone := false
	for key := range past {
		if _, ok := m.items[key]; !ok {
			if !gone {
				keys, gone = slices.Clone(keys), true
			}
			keys = append(keys, key)
		}
	}
	if gone {
		slices.Sort(keys)
	}
	return keys
}

// page fills snap with up to limit entries of keys behind the cursor.
func (m *Memory) page(snap *Snapshot, keys []string, past map[string]Entry, o ListOptions, limit int) {
	for _, key := range behind(keys, o) {
		e, changed := past[key]
		if !changed {
			e = m.items[key]
		}
		if !e.Exists() {
			continue
		}
		if len(snap.Entries) == limit {
			snap.More = true
			return
		}
		if o.KeysOnly {
			e.Value = nil
		}
		snap.Entries = append(snap.Entries, e)
	}
}

// behind yields the part of keys that the cursor has not passed, in the asked order.
func behind(keys []string, o ListOptions) func(yield func(int, string) bool) {
	if o.After != "" {
		at, found := slices.BinarySearch(keys, o.After)
		switch {
		case o.Reverse:
			keys = keys[:at]
		case found:
			keys = keys[at+1:]
		default:
			keys = keys[at:]
		}
	}
	if o.Reverse {
		return slices.Backward(keys)
	}
	return slices.All(keys)
}
