package kv

import (
	"container/heap"
	"time"
)

// deadline says when a key put at a revision is to be forgotten.
type deadline struct {
	at  time.Time
	key string
	rev int64
}

// deadlines is a heap, the earliest first.
type deadlines []deadline

func (d *deadlines) add(x deadline)        { heap.Push(d, x) }
func (d *deadlines) take() deadline        { return heap.Pop(d).(deadline) }
func (d deadlines) due(now time.Time) bool { return len(d) > 0 && !now.Before(d[0].at) }
func (d deadlines) Len() int               { return len(d) }
func (d deadlines) Less(i, j int) bool     { return d[i].at.Before(d[j].at) }
func (d deadlines) Swap(i, j int)          { d[i], d[j] = d[j], d[i] }
func (d *deadlines) Push(x any)            { *d = append(*d, x.(deadline)) }
func (d *deadlines) Pop() any {
	old := *d
	last := old[len(old)-1]
	*d = old[:len(old)-1]
	return last
}
