package caddymodule

import (
	"math"
	"strings"

	"github.com/caddyserver/caddy/v2/caddyconfig"
	"github.com/caddyserver/caddy/v2/caddyconfig/caddyfile"
)

// parseStore reads one of:
//
//	store embedded {
//		dir /var/lib/gatehouse
//		name a
//		peers a=https://10.0.0.1:2380 b=https://10.0.0.2:2380 c=https://10.0.0.3:2380
//		join
//		peer_tls ca.pem cert.pem key.pem
//		quota 2GiB
//	}
//	store etcd https://e0:2379 https://e1:2379 {
//		prefix /gatehouse
//		ca ca.pem
//		cert cert.pem
//		key key.pem
//		user name password
//	}
func (a *App) parseStore(d *caddyfile.Dispenser) error {
	if a.StoreRaw != nil {
		return d.Errf("store is set twice")
	}
	if !d.NextArg() {
		return d.Errf("store takes embedded or etcd")
	}
	backend := d.Val()
	var store any
	var err error
	switch backend {
	case "embedded":
		store, err = parseEmbedded(d)
	case "etcd":
		store, err = parseEtcd(d)
	default:
		return d.Errf("unknown store %q: use embedded or etcd", backend)
	}
	if err != nil {
		return err
	}
	a.StoreRaw = caddyconfig.JSONModuleObject(store, "backend", backend, nil)
	return nil
}

func parseEmbedded(d *caddyfile.Dispenser) (*EmbeddedStore, error) {
	s := &EmbeddedStore{}
	if d.NextArg() {
		return nil, d.Errf("store embedded takes no argument, got %q: write dir %s into its block", d.Val(), d.Val())
	}
	for nesting := d.Nesting(); d.NextBlock(nesting); {
		if err := s.parseOption(d); err != nil {
			return nil, err
		}
	}
	return s, nil
}

func (s *EmbeddedStore) parseOption(d *caddyfile.Dispenser) error {
	switch d.Val() {
	case "dir":
		return argument(d, &s.Dir)
	case "name":
		return argument(d, &s.Name)
	case "peers":
		return s.parsePeers(d)
	case "join":
		s.Join = true
		return noArgument(d)
	case "peer_tls":
		if t := &s.PeerTLS; !d.AllArgs(&t.CAFile, &t.CertFile, &t.KeyFile) {
			return d.Errf("peer_tls takes three files: those of the CA, the certificate and its key")
		}
		return nil
	case "quota":
		quota, err := size(d)
		if err == nil && quota > math.MaxInt64 {
			err = d.Errf("quota is too large")
		}
		s.Quota = int64(quota)
		return err
	}
	return unknown(d, d.Val(), "dir", "name", "peers", "join", "peer_tls", "quota")
}

func (s *EmbeddedStore) parsePeers(d *caddyfile.Dispenser) error {
	s.Peers = append(s.Peers, d.RemainingArgs()...)
	for _, p := range s.Peers {
		if name, url, ok := strings.Cut(p, "="); !ok || name == "" || !strings.Contains(url, "://") {
			return d.Errf("peers: %q is no name=URL: write for example a=https://10.0.0.1:2380", p)
		}
	}
	return nil
}

func parseEtcd(d *caddyfile.Dispenser) (*EtcdStore, error) {
	s := &EtcdStore{Endpoints: d.RemainingArgs()}
	if err := s.Validate(); err != nil {
		return nil, d.WrapErr(err)
	}
	for nesting := d.Nesting(); d.NextBlock(nesting); {
		if err := s.parseOption(d); err != nil {
			return nil, err
		}
	}
	return s, nil
}

func (s *EtcdStore) parseOption(d *caddyfile.Dispenser) error {
	switch d.Val() {
	case "prefix":
		return argument(d, &s.Prefix)
	case "ca":
		return argument(d, &s.TLS.CAFile)
	case "cert":
		return argument(d, &s.TLS.CertFile)
	case "key":
		return argument(d, &s.TLS.KeyFile)
	case "user":
		if !d.AllArgs(&s.Username, &s.Password) {
			return d.Errf("user takes a name and a password; for the password {$NAME} reads the environment")
		}
		return nil
	}
	return unknown(d, d.Val(), "prefix", "ca", "cert", "key", "user")
}

func noArgument(d *caddyfile.Dispenser) error {
	name := d.Val()
	if d.NextArg() {
		return d.Errf("%s takes no argument", name)
	}
	return nil
}
