package etcd

import (
	"context"
	"strings"

	"go.etcd.io/etcd/api/v3/mvccpb"
	clientv3 "go.etcd.io/etcd/client/v3"

	"github.com/gatehouse-id/gatehouse/storage/kv"
)

// List implements kv.Store.
func (s *Store) List(ctx context.Context, prefix string, o kv.ListOptions) (kv.Snapshot, error) {
	limit, err := o.Page(prefix)
	if err != nil {
		return kv.Snapshot{}, err
	}
	c, err := s.begin(ctx, s.options.ReadTimeout)
	if err != nil {
		return kv.Snapshot{}, err
	}
	defer c.end()
	p := &page{call: c, rev: o.Revision, limit: int64(limit), keysOnly: o.KeysOnly}
	p.from, p.to = s.span(prefix, o)
	read := p.forward
	if o.Reverse {
		read = p.backward
	}
	resp, err := read()
	if err != nil {
		return kv.Snapshot{}, c.failed(err)
	}
	snap := kv.Snapshot{Revision: p.rev, More: resp.More, Entries: make([]kv.Entry, len(resp.Kvs))}
	for i, pair := range resp.Kvs {
		snap.Entries[i] = s.entry(pair)
	}
	return snap, nil
}

// span returns the keys to read, from inclusive and to exclusive. etcd takes
// "\x00" for the smallest key as from, and for "no end" as to.
func (s *Store) span(prefix string, o kv.ListOptions) (from, to string) {
	from, to = s.options.Prefix+prefix, "\x00"
	if from == "" {
		from = "\x00"
	} else {
		to = clientv3.GetPrefixRangeEnd(from)
	}
	switch {
	case o.After == "":
	case o.Reverse:
		to = s.options.Prefix + o.After
	default:
		from = s.options.Prefix + o.After + "\x00"
	}
	return from, to
}

func (s *Store) entry(pair *mvccpb.KeyValue) kv.Entry {
	return kv.Entry{
		Key:            strings.TrimPrefix(string(pair.Key), s.options.Prefix),
		Value:          pair.Value,
		CreateRevision: pair.CreateRevision,
		ModRevision:    pair.ModRevision,
	}
}

// page reads one page of the keys in [from, to).
type page struct {
	*call
	from, to string
	rev      int64 // 0 = now, until the first answer pins it
	limit    int64
	keysOnly bool
}

// read does one range request and pins the revision for those that follow.
func (p *page) read(from string, options ...clientv3.OpOption) (*clientv3.GetResponse, error) {
	options = append(options, clientv3.WithRange(p.to), clientv3.WithRev(p.rev))
	if p.keysOnly {
		options = append(options, clientv3.WithKeysOnly())
	}
	resp, err := p.Get(p.ctx, from, options...)
	if err != nil {
		return nil, err
	}
	p.answered(resp.Header)
	if p.rev == 0 {
		p.rev = resp.Header.Revision
	}
	return resp, nil
}

func (p *page) forward() (*clientv3.GetResponse, error) {
	return p.read(p.from, clientv3.WithLimit(p.limit))
}

// backward reads the last keys. For a descending range etcd loads every record
// of the range before it cuts off the page, so the range is narrowed first, by
// counting, which touches only etcd's index in memory.
func (p *page) backward() (*clientv3.GetResponse, error) {
	from, narrowed, err := p.narrow()
	if err != nil {
		return nil, err
	}
	resp, err := p.read(from, clientv3.WithLimit(p.limit), clientv3.WithSort(clientv3.SortByKey, clientv3.SortDescend))
	if err != nil {
		return nil, err
	}
	resp.More = resp.More || narrowed
	return resp, nil
}

// narrow finds a key close before the page: the page is complete behind it,
// and not many times more. Narrowed tells that keys before it were left out.
func (p *page) narrow() (from string, narrowed bool, err error) {
	const steps = 64 // ends the search among keys that differ only far behind
	low, high := p.from, p.to
	count, err := p.count(low)
	if err != nil || count <= 4*p.limit {
		return low, false, err
	}
	first, err := p.read(low, clientv3.WithLimit(1), clientv3.WithKeysOnly())
	if err != nil || len(first.Kvs) == 0 {
		return low, false, err
	}
	smallest := string(first.Kvs[0].Key)
	low = smallest
	for range steps {
		middle := between(low, high)
		if middle <= low {
			break
		}
		if count, err = p.count(middle); err != nil {
			return "", false, err
		}
		if count < p.limit {
			high = middle
			continue
		}
		low = middle
		if count <= 4*p.limit {
			break
		}
	}
	return low, low > smallest, nil
}

func (p *page) count(from string) (int64, error) {
	resp, err := p.read(from, clientv3.WithCountOnly())
	if err != nil {
		return 0, err
	}
	return resp.Count, nil
}

// between returns a string about halfway from a to b, read as fractions in
// base 256; b "\x00" has no upper end. It returns a when there is no room.
func between(a, b string) string {
	if b == "\x00" {
		b = "\xff\xff"
	}
	n := max(len(a), len(b)) + 1
	digit := func(s string, i int) int {
		if i < len(s) {
			return int(s[i])
		}
		return 0
	}
	sum := make([]byte, n)
	carry := 0
	for i := n - 1; i >= 0; i-- {
		d := digit(a, i) + digit(b, i) + carry
		sum[i], carry = byte(d), d>>8
	}
	for i := range sum { // halve, the carry being the digit before the first
		d := carry<<8 | int(sum[i])
		sum[i], carry = byte(d>>1), d&1
	}
	if middle := string(sum); middle > a && middle < b {
		return middle
	}
	return a
}
