package etcd

import (
	"sync"

	pb "go.etcd.io/etcd/api/v3/etcdserverpb"
)

type header = pb.ResponseHeader

// lineage recognises that the answers stopped being of one history: another
// cluster, or the same one restored from a backup. etcd itself says nothing.
type lineage struct {
	mu      sync.Mutex // guards all fields
	cluster uint64
	rev     int64
}

// newest is the newest revision an answer has shown.
func (l *lineage) newest() int64 {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.rev
}

// continues takes note of an answer and tells whether it belongs to the known
// history. Floor is what newest returned before the question was asked: a
// linearizable answer cannot be older. An answer from another history starts
// the new one.
func (l *lineage) continues(h *header, floor int64) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.cluster == 0 || l.cluster == h.ClusterId && h.Revision >= floor {
		l.cluster, l.rev = h.ClusterId, max(l.rev, h.Revision)
		return true
	}
	l.cluster, l.rev = h.ClusterId, h.Revision
	return false
}

// same tells whether an answer that may lag, such as a watch's, is of the
// known cluster. The first linearizable answer decides which that is.
func (l *lineage) same(h *header) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.cluster == 0 || h.ClusterId == 0 || l.cluster == h.ClusterId
}
