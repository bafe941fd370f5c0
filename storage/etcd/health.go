package etcd

import (
	"context"
	"fmt"
	"slices"

	pb "go.etcd.io/etcd/api/v3/etcdserverpb"
)

// Alarms returns the alarms that are raised on any member, such as "NOSPACE"
// or "CORRUPT", sorted and each once.
func (s *Store) Alarms(ctx context.Context) ([]string, error) {
	c, err := s.begin(ctx, s.options.ReadTimeout)
	if err != nil {
		return nil, err
	}
	defer c.end()
	resp, err := c.AlarmList(c.ctx)
	if err != nil {
		return nil, c.failed(fmt.Errorf("listing alarms: %w", err))
	}
	var alarms []string
	for _, member := range resp.Alarms {
		if member.Alarm != pb.AlarmType_NONE {
			alarms = append(alarms, member.Alarm.String())
		}
	}
	slices.Sort(alarms)
	return slices.Compact(alarms), nil
}

// Usage returns the bytes that the database takes, and the quota at which etcd
// refuses new data. Of several endpoints the fullest that answers counts.
func (s *Store) Usage(ctx context.Context) (size, quota int64, err error) {
	c, err := s.begin(ctx, s.options.ReadTimeout)
	if err != nil {
		return 0, 0, err
	}
	defer c.end()
	endpoints := c.Endpoints()
	if s.server != nil {
		endpoints = []string{""} // in process there is only one to ask
	}
	for _, endpoint := range endpoints {
		resp, statusErr := c.Status(c.ctx, endpoint)
		if statusErr != nil {
			err = statusErr
			continue
		}
		if resp.DbSize >= size {
			size, quota = resp.DbSize, resp.DbSizeQuota
		}
	}
	if quota == 0 && err != nil {
		return 0, 0, c.failed(fmt.Errorf("asking for the status: %w", err))
	}
	return size, quota, nil
}

// Endpoint returns the address at which the embedded server serves other
// clients on this machine, etcdctl among them: a unix socket that only the
// owner of the directory can reach. It is empty for a remote store.
func (s *Store) Endpoint() string {
	if s.server == nil {
		return ""
	}
	return s.server.socketURL(clientSocket)
}
