package etcd

import (
	"context"
	"fmt"
	"time"

	clientv3 "go.etcd.io/etcd/client/v3"
	"go.etcd.io/etcd/server/v3/embed"
	"go.etcd.io/etcd/server/v3/etcdserver/api/v3client"
	"go.etcd.io/etcd/server/v3/etcdserver/api/v3rpc"
	"go.etcd.io/etcd/server/v3/proxy/grpcproxy/adapter"
)

// EmbeddedConfig says how to run an etcd server in this process. Only Dir is
// needed; then the server is alone and listens on unix sockets only.
type EmbeddedConfig struct {
	Options
	// Dir is etcd's data directory, for this process alone. It is created,
	// and closed to others, if need be.
	Dir string `json:"dir"`
	// Name is the member's name, unique in the cluster; "gatehouse" by default.
	Name string `json:"name,omitempty"`

	// InitialCluster lists the members as "name=peerURL,…" when a cluster is
	// made, or joined; the others must be able to reach AdvertisePeerURLs. It
	// has no effect once Dir holds a member. Empty: the server is alone.
	InitialCluster string `json:"initial_cluster,omitempty"`
	// ClusterToken tells clusters apart whose members have the same URLs; by
	// default a random one for a lone server and "gatehouse" for a cluster.
	ClusterToken string `json:"cluster_token,omitempty"`
	// Join is set by a member that was added to a running cluster.
	Join bool `json:"join,omitempty"`
	// ListenPeerURLs are where other members are served, such as
	// "https://10.0.0.1:2380"; none by default.
	ListenPeerURLs []string `json:"listen_peer_urls,omitempty"`
	// AdvertisePeerURLs are told to other members; ListenPeerURLs by default.
	AdvertisePeerURLs []string `json:"advertise_peer_urls,omitempty"`
	// PeerTLS secures the traffic between members; both sides must show a
	// certificate of its CA.
	PeerTLS TLS `json:"peer_tls,omitzero"`

	// ListenClientURLs are where other etcd clients are served, such as
	// "https://10.0.0.1:2379", beside the unix socket; none by default.
	ListenClientURLs []string `json:"listen_client_urls,omitempty"`
	// ClientTLS secures ListenClientURLs; with a CA clients must show a
	// certificate of it.
	ClientTLS TLS `json:"client_tls,omitzero"`

	// QuotaBytes is the size of the database at which new data is refused;
	// 2 GiB by default.
	QuotaBytes int64 `json:"quota_bytes,omitempty"`
	// KeepRevisions is how much history is kept for watches that resume and
	// for pages of a listing; 50000 revisions by default.
	KeepRevisions int64 `json:"keep_revisions,omitempty"`
	// Heartbeat is the beat between members, 100ms by default; an election
	// starts after ten without. Raise it for members far apart.
	Heartbeat time.Duration `json:"heartbeat,omitempty"`
}

// OpenEmbedded starts an etcd server and waits until it can serve, or until
// ctx ends: a member of a cluster waits for a majority. If another process
// uses the directory, the error is ErrInUse.
func OpenEmbedded(ctx context.Context, c EmbeddedConfig) (*Store, error) {
	srv, err := startServer(ctx, c)
	if err != nil {
		return nil, fmt.Errorf("etcd: starting the embedded server in %s: %w", c.Dir, err)
	}
	s := newStore(c.Options, nil)
	s.server = srv
	s.conn.Store(connectEmbedded(srv.etcd))
	if err := s.advertise(ctx, c); err != nil {
		s.Close()
		return nil, fmt.Errorf("etcd: advertising the peer urls: %w", err)
	}
	return s, nil
}

// connectEmbedded returns a client that calls the server directly.
func connectEmbedded(e *embed.Etcd) *connection {
	client := v3client.New(e.Server)
	watches := adapter.WatchServerToWatchClient(v3rpc.NewWatchServer(e.Server))
	return &connection{Client: client, newWatcher: func() clientv3.Watcher {
		return quietWatcher{clientv3.NewWatchFromWatchClient(watches, client)}
	}}
}

// quietWatcher hides the values of a context from etcd's tracing, which prints
// contexts and would race with those who use the values; as v3client does.
type quietWatcher struct{ clientv3.Watcher }

func (w quietWatcher) Watch(ctx context.Context, key string, o ...clientv3.OpOption) clientv3.WatchChan {
	return w.Watcher.Watch(quietContext{ctx}, key, o...)
}

type quietContext struct{ context.Context }

func (quietContext) String() string { return "(quiet)" }

// advertise tells the cluster this member's peer URLs when they have changed:
// etcd looks at the configured ones only when the member is made, and a lone
// server that is to become a cluster of three needs new ones.
func (s *Store) advertise(ctx context.Context, c EmbeddedConfig) error {
	urls := c.advertisePeerURLs()
	if len(urls) == 0 {
		return nil
	}
	call, err := s.begin(ctx, s.options.WriteTimeout)
	if err != nil {
		return err
	}
	defer call.end()
	list, err := call.MemberList(call.ctx)
	if err != nil {
		return call.failed(err)
	}
	self := uint64(s.server.etcd.Server.MemberID())
	for _, member := range list.Members {
		if member.ID == self && !sameSet(member.PeerURLs, urls) {
			_, err = call.MemberUpdate(call.ctx, self, urls)
			return err
		}
	}
	return nil
}
