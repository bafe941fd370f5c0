package caddymodule

import (
	"context"
	"errors"
	"fmt"
	"sync"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/caddyconfig/caddyfile"
	"github.com/caddyserver/caddy/v2/modules/caddytls"
	"github.com/caddyserver/certmagic"

	"github.com/gatehouse-id/gatehouse/core/secret"
	"github.com/gatehouse-id/gatehouse/storage/certs"
	"github.com/gatehouse-id/gatehouse/storage/etcd"
	"github.com/gatehouse-id/gatehouse/storage/kv"
)

func init() {
	caddy.RegisterModule(new(CertStorage))
	caddy.RegisterModule(new(Permission))
}

// CertStorage keeps Caddy's certificates, keys and locks in the store of the gatehouse app, sealed with its secrets: all
// nodes have the same ones, and a backup of the store has them too.
//
// Caddy asks for it before its apps start, and also when a configuration is only validated. So the store is opened when
// something is read or written for the first time, in the same process once for both.
type CertStorage struct {
	app *App

	once   sync.Once
	err    error
	kept   *keptStore
	beside kv.Store // of the server that runs, while this process only validates
	files  *certs.Files
}

// CaddyModule returns the Caddy module information.
func (*CertStorage) CaddyModule() caddy.ModuleInfo {
	return caddy.ModuleInfo{ID: "caddy.storage.gatehouse", New: func() caddy.Module { return new(CertStorage) }}
}

// Provision finds the app, whose store and secrets it uses. The app has to be configured: "caddy storage export" and import load
// a storage alone, in a context without apps, where asking for one that is not configured is a panic in Caddy.
func (s *CertStorage) Provision(ctx caddy.Context) error {
	found, err := ctx.AppIfConfigured("gatehouse")
	if errors.Is(err, caddy.ErrNotConfigured) {
		return errors.New("storage gatehouse needs the global gatehouse block, which says where the store is and is not known to " +
			"storage export and import: a snapshot of etcd has the certificates as well")
	}
	if err != nil {
		return err
	}
	s.app = found.(*App)
	return nil
}

// UnmarshalCaddyfile reads:
//
//	storage gatehouse
func (*CertStorage) UnmarshalCaddyfile(d *caddyfile.Dispenser) error { return nothingMore(d) }

// nothingMore refuses arguments and blocks of a module that has no settings.
func nothingMore(d *caddyfile.Dispenser) error {
	for d.Next() {
		name := d.Val()
		if d.NextArg() {
			return d.Errf("%s takes no argument, got %q", name, d.Val())
		}
		for d.NextBlock(0) {
			return d.Errf("%s takes no block, got %q: the store is set in the global gatehouse block", name, d.Val())
		}
	}
	return nil
}

// CertMagicStorage implements caddy.StorageConverter.
func (s *CertStorage) CertMagicStorage() (certmagic.Storage, error) { return s, nil }

// open opens the store at the first use.
func (s *CertStorage) open() (*certs.Files, error) {
	s.once.Do(func() { s.files, s.err = s.opened() })
	if s.err != nil {
		return nil, fmt.Errorf("the store of certificates: %w", s.err)
	}
	return s.files, nil
}

func (s *CertStorage) opened() (*certs.Files, error) {
	store, err := s.reach()
	if err != nil {
		return nil, err
	}
	keys, err := s.app.sealing()
	if err != nil {
		return nil, err
	}
	return &certs.Files{KV: store, Seal: keys}, nil
}

// reach opens the store, or asks the server that has it open: a configuration has to be validated while one is running.
func (s *CertStorage) reach() (kv.Store, error) {
	kept, err := s.app.acquireStore()
	if err == nil {
		s.kept = kept
		return kept.kv, nil
	}
	embedded, ok := s.app.store.(*EmbeddedStore)
	if !ok || !errors.Is(err, etcd.ErrInUse) {
		return nil, err
	}
	s.beside, err = embedded.Beside(s.app.ctx, s.app.log)
	return s.beside, err
}

// sealing are the keys for what is stored for years.
func (a *App) sealing() (*secret.Keys, error) {
	o := a.options()
	var err error
	if o.Keys, err = a.keys(); err != nil {
		return nil, err
	}
	return o.Cipher()
}

// Cleanup lets go of the store.
func (s *CertStorage) Cleanup() error {
	if s.beside != nil {
		return s.beside.Close()
	}
	if s.kept == nil {
		return nil
	}
	_, err := stores.Delete(s.kept.key)
	return err
}

// Store implements certmagic.Storage.
func (s *CertStorage) Store(ctx context.Context, key string, value []byte) error {
	f, err := s.open()
	if err != nil {
		return err
	}
	return f.Store(ctx, key, value)
}

// Load implements certmagic.Storage.
func (s *CertStorage) Load(ctx context.Context, key string) ([]byte, error) {
	f, err := s.open()
	if err != nil {
		return nil, err
	}
	return f.Load(ctx, key)
}

// Delete implements certmagic.Storage.
func (s *CertStorage) Delete(ctx context.Context, key string) error {
	f, err := s.open()
	if err != nil {
		return err
	}
	return f.Delete(ctx, key)
}

// Exists implements certmagic.Storage.
func (s *CertStorage) Exists(ctx context.Context, key string) bool {
	f, err := s.open()
	return err == nil && f.Exists(ctx, key)
}

// List implements certmagic.Storage.
func (s *CertStorage) List(ctx context.Context, path string, recursive bool) ([]string, error) {
	f, err := s.open()
	if err != nil {
		return nil, err
	}
	return f.List(ctx, path, recursive)
}

// Stat implements certmagic.Storage.
func (s *CertStorage) Stat(ctx context.Context, key string) (certmagic.KeyInfo, error) {
	f, err := s.open()
	if err != nil {
		return certmagic.KeyInfo{}, err
	}
	i, err := f.Stat(ctx, key)
	return certmagic.KeyInfo{Key: i.Name, Modified: i.Modified, Size: i.Size, IsTerminal: i.File}, err
}

// Lock implements certmagic.Locker.
func (s *CertStorage) Lock(ctx context.Context, name string) error {
	f, err := s.open()
	if err != nil {
		return err
	}
	return f.Lock(ctx, name)
}

// TryLock implements certmagic.TryLocker.
func (s *CertStorage) TryLock(ctx context.Context, name string) (bool, error) {
	f, err := s.open()
	if err != nil {
		return false, err
	}
	return f.TryLock(ctx, name)
}

// Unlock implements certmagic.Locker.
func (s *CertStorage) Unlock(ctx context.Context, name string) error {
	f, err := s.open()
	if err != nil {
		return err
	}
	return f.Unlock(ctx, name)
}

// String names the storage in Caddy's log.
func (*CertStorage) String() string { return "gatehouse" }

// Permission lets Caddy get certificates on demand for the hosts of projects and of the gateway itself, and for no others.
type Permission struct{ app *App }

// CaddyModule returns the Caddy module information.
func (*Permission) CaddyModule() caddy.ModuleInfo {
	return caddy.ModuleInfo{ID: "tls.permission.gatehouse", New: func() caddy.Module { return new(Permission) }}
}

// Provision finds the app.
func (p *Permission) Provision(ctx caddy.Context) (err error) {
	p.app, err = app(ctx)
	return err
}

// UnmarshalCaddyfile reads:
//
//	permission gatehouse
func (*Permission) UnmarshalCaddyfile(d *caddyfile.Dispenser) error { return nothingMore(d) }

// CertificateAllowed implements caddytls.OnDemandPermission.
func (p *Permission) CertificateAllowed(ctx context.Context, name string) error {
	known, err := p.app.ServesHost(ctx, name)
	if err != nil {
		// Refused as well, and no ErrPermissionDenied: Caddy logs that for debugging only.
		return fmt.Errorf("asking whether %s is the host of a project: %w", name, err)
	}
	if !known {
		return fmt.Errorf("%w: %s is no host of a project", caddytls.ErrPermissionDenied, name)
	}
	return nil
}

var (
	_ caddy.StorageConverter      = (*CertStorage)(nil)
	_ caddy.Provisioner           = (*CertStorage)(nil)
	_ caddy.CleanerUpper          = (*CertStorage)(nil)
	_ caddyfile.Unmarshaler       = (*CertStorage)(nil)
	_ certmagic.Storage           = (*CertStorage)(nil)
	_ certmagic.TryLocker         = (*CertStorage)(nil)
	_ caddytls.OnDemandPermission = (*Permission)(nil)
	_ caddyfile.Unmarshaler       = (*Permission)(nil)
)
