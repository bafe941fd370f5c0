package etcd

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"time"

	"go.etcd.io/etcd/client/pkg/v3/transport"
	clientv3 "go.etcd.io/etcd/client/v3"
	"google.golang.org/grpc"
	"google.golang.org/grpc/backoff"
)

// RemoteConfig tells where a running etcd is.
type RemoteConfig struct {
	Options
	// Endpoints are the client URLs of the members, such as
	// "https://10.0.0.1:2379" or "unix:///run/etcd.sock". At least one.
	Endpoints []string `json:"endpoints"`
	// TLS is used for https endpoints; by default the system's roots.
	TLS TLS `json:"tls,omitzero"`
	// Username and Password log in to an etcd with authentication; a client
	// certificate is the better choice, it cannot expire between two watches.
	Username string `json:"username,omitempty"`
	Password string `json:"password,omitempty"`
	// DialTimeout bounds one attempt to connect; 2s by default.
	DialTimeout time.Duration `json:"dial_timeout,omitempty"`
	// KeepAlive is how often an idle connection is probed; 10s by default.
	// etcd drops clients that probe more often than every 5s.
	KeepAlive time.Duration `json:"keepalive,omitempty"`
	// KeepAliveTimeout is how long an answer to a probe may take; 3s by default.
	KeepAliveTimeout time.Duration `json:"keepalive_timeout,omitempty"`
}

// TLS names the files of one side of a TLS connection.
type TLS struct {
	CAFile     string `json:"ca_file,omitempty"`     // whom to trust; default: the system's roots
	CertFile   string `json:"cert_file,omitempty"`   // our certificate, read again when it changes
	KeyFile    string `json:"key_file,omitempty"`    // the key of CertFile
	ServerName string `json:"server_name,omitempty"` // the name to expect of the other side; default: its host
}

func (t TLS) info() transport.TLSInfo {
	return transport.TLSInfo{TrustedCAFile: t.CAFile, CertFile: t.CertFile, KeyFile: t.KeyFile, ServerName: t.ServerName}
}

// OpenRemote returns a store in a running etcd. It does not connect: a gateway
// must be able to start while etcd is away. Calls fail until it is back.
func OpenRemote(_ context.Context, c RemoteConfig) (*Store, error) {
	if len(c.Endpoints) == 0 {
		return nil, errors.New("etcd: opening a remote store: no endpoints")
	}
	config, err := c.client()
	if err != nil {
		return nil, fmt.Errorf("etcd: opening a remote store: %w", err)
	}
	return newStore(c.Options, func(ctx context.Context) (*connection, error) { return connectRemote(ctx, config) }), nil
}

// client returns the configuration of the etcd client.
func (c RemoteConfig) client() (clientv3.Config, error) {
	var tlsConfig *tls.Config
	if c.TLS != (TLS{}) {
		var err error
		if tlsConfig, err = c.TLS.info().ClientConfig(); err != nil {
			return clientv3.Config{}, fmt.Errorf("reading tls files: %w", err)
		}
	}
	dialTimeout := orDefault(c.DialTimeout, 2*time.Second)
	return clientv3.Config{
		Endpoints:            c.Endpoints,
		TLS:                  tlsConfig,
		Username:             c.Username,
		Password:             c.Password,
		DialTimeout:          dialTimeout,
		DialKeepAliveTime:    orDefault(c.KeepAlive, 10*time.Second),
		DialKeepAliveTimeout: orDefault(c.KeepAliveTimeout, 3*time.Second),
		PermitWithoutStream:  true,
		Logger:               logger(c.Logger),
		DialOptions:          []grpc.DialOption{grpc.WithConnectParams(reconnect(dialTimeout))},
	}, nil
}

// reconnect makes the client come back within seconds: the guard answers 503
// as long as it is away, and gRPC's own backoff grows to two minutes.
func reconnect(dialTimeout time.Duration) grpc.ConnectParams {
	b := backoff.DefaultConfig
	b.BaseDelay, b.MaxDelay = 100*time.Millisecond, 2*time.Second
	return grpc.ConnectParams{Backoff: b, MinConnectTimeout: dialTimeout}
}

// connectRemote makes the client. With a password it logs in, which must not
// take longer than the call that needs it.
func connectRemote(ctx context.Context, config clientv3.Config) (*connection, error) {
	if deadline, ok := ctx.Deadline(); ok && config.Username != "" {
		config.DialTimeout = min(config.DialTimeout, time.Until(deadline))
	}
	client, err := clientv3.New(config)
	if err != nil {
		return nil, fmt.Errorf("connecting: %w", err)
	}
	return &connection{Client: client, newWatcher: func() clientv3.Watcher { return clientv3.NewWatcher(client) }}, nil
}

func orDefault(d, otherwise time.Duration) time.Duration {
	if d <= 0 {
		return otherwise
	}
	return d
}
