package caddymodule

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"path/filepath"
	"strings"
	"time"

	"github.com/caddyserver/caddy/v2"
	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"

	"github.com/gatehouse-id/gatehouse/storage/etcd"
	"github.com/gatehouse-id/gatehouse/storage/kv"
)

func init() {
	caddy.RegisterModule(new(EmbeddedStore))
	caddy.RegisterModule(new(EtcdStore))
}

// Store is a module of the namespace gatehouse.stores: it opens the place where
// everything is kept.
type Store interface {
	// Key tells places apart. Configurations whose stores have the same key share
	// one open store, so it survives reloads.
	Key() string
	// Open opens the store. The caller closes it.
	Open(ctx context.Context, log *zap.Logger) (kv.Store, error)
	// SecretFile is where a secret that only this node needs may be kept; "" when
	// other nodes share the store, for they need the same one.
	SecretFile() string
}

// EmbeddedStore keeps everything in an etcd that runs inside this process.
type EmbeddedStore struct {
	// Dir is etcd's data directory. Default: gatehouse/etcd in Caddy's data directory.
	Dir string `json:"dir,omitempty"`
	// Name is the member's name, unique in the cluster. Default "gatehouse".
	Name string `json:"name,omitempty"`
	// Peers are the members of a cluster as name=peerURL, this one included. Empty:
	// the server is alone and opens no port.
	Peers []string `json:"peers,omitempty"`
	// Join is set by a member that was added to a running cluster.
	Join bool `json:"join,omitempty"`
	// PeerTLS secures the traffic between members.
	PeerTLS etcd.TLS `json:"peer_tls,omitzero"`
	// Quota is the size in bytes at which new data is refused. Default 2 GiB.
	Quota int64 `json:"quota,omitempty"`
}

// CaddyModule returns the Caddy module information.
func (*EmbeddedStore) CaddyModule() caddy.ModuleInfo {
	return caddy.ModuleInfo{ID: "gatehouse.stores.embedded", New: func() caddy.Module { return new(EmbeddedStore) }}
}

// Provision fills in defaults.
func (s *EmbeddedStore) Provision(caddy.Context) error {
	if s.Dir == "" {
		s.Dir = filepath.Join(caddy.AppDataDir(), "gatehouse", "etcd")
	}
	if s.Name == "" {
		s.Name = "gatehouse"
	}
	if len(s.Peers) > 0 && s.peerURL() == "" {
		return fmt.Errorf("peers of the embedded store: none is called %q: add %s=https://this-host:2380, or set name", s.Name, s.Name)
	}
	return nil
}

// peerURL is this member's own.
func (s *EmbeddedStore) peerURL() string {
	for _, p := range s.Peers {
		if url, ok := strings.CutPrefix(p, s.Name+"="); ok {
			return url
		}
	}
	return ""
}

// Key implements Store.
func (s *EmbeddedStore) Key() string { return "embedded " + s.Dir }

// SecretFile implements Store.
func (s *EmbeddedStore) SecretFile() string {
	if len(s.Peers) > 0 {
		return ""
	}
	return filepath.Join(s.Dir, "gatehouse.secret")
}

// Open implements Store.
func (s *EmbeddedStore) Open(ctx context.Context, log *zap.Logger) (kv.Store, error) {
	c := etcd.EmbeddedConfig{
		Options: etcd.Options{Logger: log}, Dir: s.Dir, Name: s.Name, Join: s.Join,
		InitialCluster: strings.Join(s.Peers, ","), PeerTLS: s.PeerTLS, QuotaBytes: s.Quota,
	}
	if url := s.peerURL(); url != "" {
		c.ListenPeerURLs = []string{url}
	}
	store, err := opened(etcd.OpenEmbedded(ctx, c))
	if errors.Is(err, etcd.ErrInUse) {
		err = fmt.Errorf("%w: stop that process, or give this one another dir in the block of store embedded", err)
	}
	return store, err
}

// Beside connects to the server of another process that runs on the same directory.
func (s *EmbeddedStore) Beside(ctx context.Context, log *zap.Logger) (kv.Store, error) {
	return opened(etcd.OpenRemote(ctx, etcd.RemoteConfig{
		Options: etcd.Options{Logger: log}, Endpoints: []string{"unix://" + filepath.Join(s.Dir, "client.sock")},
	}))
}

// EtcdStore keeps everything in an etcd that runs elsewhere.
type EtcdStore struct {
	// Endpoints are the client URLs of the members.
	Endpoints []string `json:"endpoints"`
	// Prefix is put before every key. Default "/gatehouse".
	Prefix string `json:"prefix,omitempty"`
	// TLS names the files for https endpoints.
	TLS etcd.TLS `json:"tls,omitzero"`
	// Username and Password log in to etcd; a client certificate is better.
	Username string `json:"username,omitempty"`
	Password string `json:"password,omitempty"`
}

// CaddyModule returns the Caddy module information.
func (*EtcdStore) CaddyModule() caddy.ModuleInfo {
	return caddy.ModuleInfo{ID: "gatehouse.stores.etcd", New: func() caddy.Module { return new(EtcdStore) }}
}

// Provision fills in defaults.
func (s *EtcdStore) Provision(caddy.Context) error {
	if s.Prefix == "" {
		s.Prefix = "/gatehouse"
	}
	return nil
}

// Validate checks what can be checked without a connection.
func (s *EtcdStore) Validate() error {
	if len(s.Endpoints) == 0 {
		return fmt.Errorf("store etcd: no endpoints: name at least one, such as https://etcd-0:2379")
	}
	for _, e := range s.Endpoints {
		if !strings.Contains(e, "://") {
			return fmt.Errorf("store etcd: %q is no URL: write https://%s", e, e)
		}
	}
	return nil
}

// Key implements Store.
func (s *EtcdStore) Key() string {
	key, err := json.Marshal(s)
	if err != nil {
		return fmt.Sprintf("etcd %p", s) // unreachable: the struct is plain data
	}
	return "etcd " + string(key)
}

// SecretFile implements Store.
func (*EtcdStore) SecretFile() string { return "" }

// Open implements Store.
func (s *EtcdStore) Open(ctx context.Context, log *zap.Logger) (kv.Store, error) {
	return opened(etcd.OpenRemote(ctx, etcd.RemoteConfig{
		Options: etcd.Options{Logger: log, Prefix: s.Prefix}, Endpoints: s.Endpoints,
		TLS: s.TLS, Username: s.Username, Password: s.Password,
	}))
}

// opened keeps a nil *etcd.Store from becoming a kv.Store that is not nil.
func opened(s *etcd.Store, err error) (kv.Store, error) {
	if err != nil {
		return nil, err
	}
	return s, nil
}

// stores holds the open stores of this process. A reload opens nothing twice.
var stores = caddy.NewUsagePool()

// keptStore is an open store in the pool.
type keptStore struct {
	key string
	kv  kv.Store
}

// Destruct implements caddy.Destructor.
func (k *keptStore) Destruct() error { return k.kv.Close() }

// startTime bounds the opening of a store: a member of a cluster waits for a majority.
const startTime = time.Minute

func (a *App) provisionStore(ctx caddy.Context) error {
	if a.StoreRaw == nil {
		a.StoreRaw = json.RawMessage(`{"backend":"embedded"}`)
	}
	module, err := ctx.LoadModule(a, "StoreRaw")
	if err != nil {
		return fmt.Errorf("reading store: %w", err)
	}
	a.store = module.(Store)
	return nil
}

func (a *App) openStore() (err error) {
	a.kept, err = a.acquireStore()
	return err
}

// acquireStore opens the store, or takes the one that is open. Each is followed by a delete from the pool.
func (a *App) acquireStore() (*keptStore, error) {
	ctx, cancel := context.WithTimeout(a.ctx, startTime)
	defer cancel()
	key := a.store.Key()
	kept, _, err := stores.LoadOrNew(key, func() (caddy.Destructor, error) {
		store, err := a.store.Open(ctx, a.log.Named("etcd").WithOptions(zap.WrapCore(quiet)))
		if err != nil {
			return nil, err
		}
		return &keptStore{key: key, kv: store}, nil
	})
	if err != nil {
		return nil, fmt.Errorf("opening the store: %w", err)
	}
	return kept.(*keptStore), nil
}

// quiet leaves an operator what may need action: etcd is talkative, and two of
// its warnings at every start are about ports and logins that a lone embedded
// server does not have.
func quiet(core zapcore.Core) zapcore.Core { return quietCore{core} }

type quietCore struct{ zapcore.Core }

// With implements zapcore.Core.
func (c quietCore) With(fields []zapcore.Field) zapcore.Core { return quietCore{c.Core.With(fields)} }

// Check implements zapcore.Core.
func (c quietCore) Check(e zapcore.Entry, to *zapcore.CheckedEntry) *zapcore.CheckedEntry {
	usual := strings.HasPrefix(e.Message, "simple token is not") || strings.HasPrefix(e.Message, "Running http and grpc")
	if e.Level < zapcore.WarnLevel || usual {
		return to
	}
	return c.Core.Check(e, to)
}

func (a *App) releaseStore() error {
	if a.kept == nil {
		return nil
	}
	_, err := stores.Delete(a.kept.key)
	a.kept = nil
	return err
}

var (
	_ Store             = (*EmbeddedStore)(nil)
	_ Store             = (*EtcdStore)(nil)
	_ caddy.Provisioner = (*EmbeddedStore)(nil)
	_ caddy.Provisioner = (*EtcdStore)(nil)
	_ caddy.Validator   = (*EtcdStore)(nil)
)
