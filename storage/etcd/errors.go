package etcd

import (
	"errors"
	"fmt"

	"go.etcd.io/etcd/api/v3/v3rpc/rpctypes"

	"github.com/gatehouse-id/gatehouse/storage/kv"
)

var (
	// ErrHistoryLost ends every watch when etcd answers from another cluster,
	// or from before a revision it has already shown: it was replaced or
	// restored. Such a watch would be silent for ever.
	ErrHistoryLost = errors.New("etcd: the cluster was replaced or restored to an older revision")
	// ErrInUse says that another process runs an etcd on the directory.
	ErrInUse = errors.New("etcd: another process uses the directory")

	errWatchClosed = errors.New("etcd: the watch is closed")
)

// meanings lists the errors of etcd that say more than "outcome unknown".
var meanings = []struct{ etcd, kv error }{
	{rpctypes.ErrNoSpace, kv.ErrNoSpace},
	{rpctypes.ErrRequestTooLarge, kv.ErrTooLarge},
	{rpctypes.ErrTooManyOps, kv.ErrTooLarge},
	{rpctypes.ErrCompacted, kv.ErrCompacted},
	{rpctypes.ErrFutureRev, kv.ErrInvalid},
}

func translate(err error) error {
	for _, m := range meanings {
		if errors.Is(err, m.etcd) {
			return fmt.Errorf("%w: %w", m.kv, err)
		}
	}
	return err
}
