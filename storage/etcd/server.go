package etcd

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"sync/atomic"

	"go.etcd.io/etcd/client/pkg/v3/fileutil"
	"go.etcd.io/etcd/client/pkg/v3/types"
	"go.etcd.io/etcd/server/v3/embed"
)

const (
	clientSocket = "client.sock"
	peerSocket   = "peer.sock"
	lockFile     = "gatehouse.lock"

	// maxSocketPath is what fits into a unix socket's address, before its NUL.
	maxSocketPath = 107

	// lonePeerURL is the address of a server without peers. Nobody dials it;
	// etcd only insists on one.
	lonePeerURL = "http://localhost:2380"

	defaultQuota         = 2 << 30
	defaultKeepRevisions = 50_000
)

// server is a running embedded etcd with what must be cleaned up after it.
type server struct {
	etcd    *embed.Etcd
	lock    *fileutil.LockedFile
	sockets string // the directory of the unix sockets
	dir     string
	closing atomic.Bool // from then on etcd's complaints mean nothing
}

func startServer(ctx context.Context, c EmbeddedConfig) (*server, error) {
	srv := &server{}
	if err := srv.prepare(c.Dir); err != nil {
		return nil, errors.Join(err, srv.clean())
	}
	config, err := c.embed(srv)
	if err != nil {
		return nil, errors.Join(err, srv.clean())
	}
	return srv, srv.start(ctx, config)
}

// start runs etcd until it is ready. Starting can hang, for instance while a
// joining member looks for the others, so it happens in the background and is
// undone there if ctx ends first.
func (srv *server) start(ctx context.Context, config *embed.Config) error {
	started := make(chan error, 1)
	go func() {
		var err error
		srv.etcd, err = embed.StartEtcd(config)
		started <- err
	}()
	select {
	case err := <-started:
		if err == nil {
			err = srv.ready(ctx)
		}
		if err != nil {
			srv.close()
		}
		return err
	case <-ctx.Done():
		go func() {
			_ = <-started // the caller has gone with ctx's error
			srv.close()
		}()
		return ctx.Err()
	}
}

func (srv *server) ready(ctx context.Context) error {
	select {
	case <-srv.etcd.Server.ReadyNotify():
		return nil
	case <-srv.etcd.Server.StopNotify():
		return errors.New("the server stopped while starting")
	case err := <-srv.etcd.Err():
		return err
	case <-ctx.Done():
		return fmt.Errorf("waiting for a leader: %w", ctx.Err())
	}
}

// prepare makes the directory, takes it for this process and finds a place for
// the sockets.
func (srv *server) prepare(dir string) error {
	if dir == "" {
		return errors.New("no directory given")
	}
	dir, err := filepath.Abs(dir)
	if err != nil {
		return err
	}
	srv.dir = dir
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return err
	}
	// The sockets have no password and the records are secret.
	if err := os.Chmod(dir, 0o700); err != nil {
		return err
	}
	if err := srv.take(); err != nil {
		return err
	}
	return srv.placeSockets()
}

// placeSockets chooses the directory of the unix sockets: the data directory,
// or a temporary one when its path is too long for a socket's address.
func (srv *server) placeSockets() error {
	srv.sockets = srv.dir
	if !srv.socketsTooDeep() {
		return nil
	}
	var err error
	if srv.sockets, err = os.MkdirTemp("", "gatehouse-etcd-"); err != nil { // 0700
		return fmt.Errorf("making a directory for sockets: %w", err)
	}
	if srv.socketsTooDeep() {
		return fmt.Errorf("the paths of unix sockets in %s and in %s are longer than %d bytes; use a shorter data directory or TMPDIR",
			srv.dir, os.TempDir(), maxSocketPath)
	}
	return nil
}

func (srv *server) socketsTooDeep() bool {
	return len(filepath.Join(srv.sockets, clientSocket)) > maxSocketPath
}

// take locks the directory. Without it a second etcd would wait for the first
// one's database for ever. An etcd started by other means is known by the
// locks on its write-ahead log.
func (srv *server) take() error {
	lock, err := tryLock(filepath.Join(srv.dir, lockFile), os.O_RDWR|os.O_CREATE)
	if err != nil {
		return err
	}
	srv.lock = lock
	logs, err := filepath.Glob(filepath.Join(srv.dir, "member", "wal", "*.wal"))
	if err != nil {
		return err
	}
	for _, name := range logs {
		log, err := tryLock(name, os.O_RDWR)
		if err != nil {
			return err
		}
		log.Close()
	}
	return nil
}

func tryLock(name string, flag int) (*fileutil.LockedFile, error) {
	lock, err := fileutil.TryLockFile(name, flag, 0o600)
	if errors.Is(err, fileutil.ErrLocked) {
		return nil, ErrInUse
	}
	return lock, err
}

// close stops etcd and waits for it.
func (srv *server) close() error {
	srv.closing.Store(true)
	if srv.etcd != nil {
		srv.unblock()
		srv.etcd.Close()
	}
	return srv.clean()
}

// unblock stops a server that has never been ready, as one that waits for a
// majority: etcd's Close would wait for its listeners, and these for readiness.
func (srv *server) unblock() {
	select {
	case <-srv.etcd.Server.ReadyNotify():
	default:
		srv.etcd.Server.HardStop()
	}
}

func (srv *server) clean() error {
	var err error
	if srv.sockets != "" && srv.sockets != srv.dir {
		err = os.RemoveAll(srv.sockets)
	}
	if srv.lock != nil {
		err = errors.Join(err, srv.lock.Close())
	}
	return err
}

func (srv *server) socketURL(name string) string {
	return (&url.URL{Scheme: "unix", Path: filepath.Join(srv.sockets, name)}).String()
}

// embed translates the configuration for etcd.
func (c EmbeddedConfig) embed(srv *server) (*embed.Config, error) {
	config := embed.NewConfig()
	config.Dir = srv.dir
	config.Name = "gatehouse"
	if c.Name != "" {
		config.Name = c.Name
	}
	config.ZapLoggerBuilder = embed.NewZapLoggerBuilder(calm(logger(c.Logger), &srv.closing))
	config.EnableGRPCGateway = false
	config.AutoCompactionMode = embed.CompactorModeRevision
	config.AutoCompactionRetention = strconv.FormatInt(positive(c.KeepRevisions, defaultKeepRevisions), 10)
	config.QuotaBackendBytes = positive(c.QuotaBytes, defaultQuota)
	if c.Heartbeat > 0 {
		config.TickMs = uint(max(1, c.Heartbeat.Milliseconds()))
		config.ElectionMs = 10 * config.TickMs
	}
	if err := c.listeners(config, srv); err != nil {
		return nil, err
	}
	c.cluster(config)
	return config, nil
}

// listeners sets where the server listens: on unix sockets, and elsewhere only
// when told so.
func (c EmbeddedConfig) listeners(config *embed.Config, srv *server) error {
	clients := append([]string{srv.socketURL(clientSocket)}, c.ListenClientURLs...)
	peers, advertised := c.ListenPeerURLs, c.advertisePeerURLs()
	if len(peers) == 0 {
		peers = []string{srv.socketURL(peerSocket)}
	}
	if len(advertised) == 0 {
		advertised = []string{lonePeerURL}
	}
	advertisedClients := c.ListenClientURLs
	if len(advertisedClients) == 0 {
		advertisedClients = clients
	}
	for _, u := range []struct {
		to   *[]url.URL
		from []string
	}{
		{&config.ListenClientUrls, clients},
		{&config.AdvertiseClientUrls, advertisedClients},
		{&config.ListenPeerUrls, peers},
		{&config.AdvertisePeerUrls, advertised},
	} {
		urls, err := types.NewURLs(u.from)
		if err != nil {
			return err
		}
		*u.to = urls
	}
	config.ClientTLSInfo, config.PeerTLSInfo = c.ClientTLS.info(), c.PeerTLS.info()
	config.ClientTLSInfo.ClientCertAuth = c.ClientTLS.CAFile != ""
	config.PeerTLSInfo.ClientCertAuth = c.PeerTLS.CAFile != ""
	return nil
}

func (c EmbeddedConfig) cluster(config *embed.Config) {
	config.InitialCluster = c.InitialCluster
	config.InitialClusterToken = c.ClusterToken
	if c.Join {
		config.ClusterState = embed.ClusterStateFlagExisting
	}
	lone := c.InitialCluster == ""
	if lone {
		config.InitialCluster = config.InitialClusterFromName(config.Name)
	}
	switch {
	case c.ClusterToken != "":
	case lone:
		// The cluster id follows from it: a directory that was lost and made
		// anew must not look like the old one.
		config.InitialClusterToken = rand.Text()
	default:
		config.InitialClusterToken = "gatehouse"
	}
}

func (c EmbeddedConfig) advertisePeerURLs() []string {
	if len(c.AdvertisePeerURLs) > 0 {
		return c.AdvertisePeerURLs
	}
	return c.ListenPeerURLs
}

func positive(n, otherwise int64) int64 {
	if n <= 0 {
		return otherwise
	}
	return n
}

func sameSet(a, b []string) bool {
	return slices.Equal(slices.Sorted(slices.Values(a)), slices.Sorted(slices.Values(b)))
}
