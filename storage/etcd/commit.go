package etcd

import (
	"context"
	"errors"

	"go.etcd.io/etcd/api/v3/v3rpc/rpctypes"
	clientv3 "go.etcd.io/etcd/client/v3"

	"github.com/gatehouse-id/gatehouse/storage/kv"
)

// Commit implements kv.Store.
func (s *Store) Commit(ctx context.Context, conds []kv.Cond, ops []kv.Op) (int64, error) {
	if err := kv.CheckCommit(conds, ops); err != nil {
		return 0, err
	}
	c, err := s.begin(ctx, s.options.WriteTimeout)
	if err != nil {
		return 0, err
	}
	defer c.end()
	rev, err := c.commit(conds, ops)
	if errors.Is(err, rpctypes.ErrLeaseNotFound) {
		// etcd refuses such a transaction as a whole, so it may be repeated.
		s.leases.drop()
		rev, err = c.commit(conds, ops)
	}
	if err != nil && !errors.Is(err, kv.ErrConflict) {
		return 0, c.failed(err)
	}
	return rev, err
}

func (c *call) commit(conds []kv.Cond, ops []kv.Op) (int64, error) {
	then, err := c.operations(conds, ops)
	if err != nil {
		return 0, err
	}
	// There is no Else: a Put in any branch, taken or not, is refused by an
	// etcd that is out of space, and a logout must work there.
	resp, err := c.Txn(c.ctx).If(c.store.comparisons(conds)...).Then(then...).Commit()
	if err != nil {
		return 0, err
	}
	c.answered(resp.Header)
	if !resp.Succeeded {
		return 0, kv.ErrConflict
	}
	return resp.Header.Revision, nil
}

func (s *Store) comparisons(conds []kv.Cond) []clientv3.Cmp {
	cmps := make([]clientv3.Cmp, len(conds))
	for i, cond := range conds {
		key := s.options.Prefix + cond.Key
		target := clientv3.CreateRevision(key)
		if cond.Target == kv.CompareMod {
			target = clientv3.ModRevision(key)
		}
		cmps[i] = clientv3.Compare(target, "=", cond.Equals)
	}
	return cmps
}

// operations translates ops, granting leases for those with a TTL.
func (c *call) operations(conds []kv.Cond, ops []kv.Op) ([]clientv3.Op, error) {
	then := make([]clientv3.Op, 0, len(ops)+1)
	for _, op := range ops {
		key := c.store.options.Prefix + op.Key
		switch {
		case op.Delete:
			then = append(then, clientv3.OpDelete(key))
		case op.TTL == 0:
			then = append(then, clientv3.OpPut(key, string(op.Value)))
		default:
			lease, err := c.store.leases.lease(c, op.TTL)
			if err != nil {
				return nil, err
			}
			then = append(then, clientv3.OpPut(key, string(op.Value), clientv3.WithLease(lease)))
		}
	}
	if len(then) == 0 {
		// etcd answers a transaction without operations from local state; a
		// read makes it linearizable.
		key := "any"
		if len(conds) > 0 {
			key = conds[0].Key
		}
		then = append(then, clientv3.OpGet(c.store.options.Prefix+key, clientv3.WithKeysOnly()))
	}
	return then, nil
}
