// Package certs keeps certificates, their keys and what else a TLS server has to remember in a kv.Store, sealed.
//
// Names are paths, as in a file system. They are stored beside the projects, below "certs/".
package certs

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/gatehouse-id/gatehouse/core/secret"
	"github.com/gatehouse-id/gatehouse/storage/kv"
)

const (
	filesRoot = "certs/files/"
	locksRoot = "certs/locks/"
)

// MaxValue bounds a value in bytes: sealed, it has to fit into a commit.
const MaxValue = 700 << 10

// Files is a small file system. It is safe for concurrent use, on any number of nodes.
type Files struct {
	KV   kv.Store
	Seal *secret.Keys
	Now  func() time.Time // time.Now unless set

	mu   sync.Mutex
	held map[string]*lock // guarded by mu
}

// Info describes a name.
type Info struct {
	Name     string
	Modified time.Time
	Size     int64
	File     bool // else it is a directory: what other names begin with
}

// file is the record of one.
type file struct {
	V        int       `json:"v"`
	Name     string    `json:"name"`
	Modified time.Time `json:"modified"`
	Size     int64     `json:"size"`
	Sealed   string    `json:"sealed"`
}

const (
	version = 1
	purpose = "certificate storage"
)

// ErrDamaged says that a record can't be read: it is damaged, or sealed with a secret that is gone.
var ErrDamaged = errors.New("certs: the record can't be read; was secrets.default or secrets.cipher replaced without keeping the old one behind it?")

func (f *Files) now() time.Time {
	if f.Now == nil {
		return time.Now().UTC()
	}
	return f.Now().UTC()
}

// key is where a name is stored. Each step is encoded by itself, so that a directory is a prefix.
func key(name string) string {
	var steps []string
	for step := range strings.SplitSeq(clean(name), "/") {
		steps = append(steps, base64.RawURLEncoding.EncodeToString([]byte(step)))
	}
	return filesRoot + strings.Join(steps, "/")
}

func clean(name string) string { return strings.Trim(name, "/") }

// below is the prefix of what is in a directory; "" is all.
func below(dir string) string {
	if clean(dir) == "" {
		return filesRoot
	}
	return key(dir) + "/"
}

// Store puts a value at a name.
func (f *Files) Store(ctx context.Context, name string, value []byte) error {
	if clean(name) == "" || len(value) > MaxValue {
		return fmt.Errorf("certs: storing %q with %d bytes: a name and up to %d bytes are needed", name, len(value), MaxValue)
	}
	k := key(name)
	raw, err := json.Marshal(file{
		V: version, Name: clean(name), Modified: f.now(), Size: int64(len(value)), Sealed: f.Seal.SealString(purpose, value, []byte(k)),
	})
	if err != nil {
		return err
	}
	if _, err := f.KV.Commit(ctx, nil, []kv.Op{kv.Put(k, raw)}); err != nil {
		return fmt.Errorf("certs: storing %q: %w", name, err)
	}
	return nil
}

// Load reads the value at a name; fs.ErrNotExist.
func (f *Files) Load(ctx context.Context, name string) ([]byte, error) {
	r, k, err := f.read(ctx, name)
	if err != nil {
		return nil, err
	}
	value, err := f.Seal.OpenString(purpose, r.Sealed, []byte(k))
	if err != nil {
		return nil, fmt.Errorf("loading %q: %w", name, ErrDamaged)
	}
	return value, nil
}

func (f *Files) read(ctx context.Context, name string) (file, string, error) {
	k := key(name)
	snap, err := f.KV.Get(ctx, k)
	if err != nil {
		return file{}, k, fmt.Errorf("certs: loading %q: %w", name, err)
	}
	if !snap.Entries[0].Exists() {
		return file{}, k, fmt.Errorf("certs: %q: %w", name, fs.ErrNotExist)
	}
	r, err := decode(snap.Entries[0])
	return r, k, err
}

func decode(e kv.Entry) (file, error) {
	var r file
	if err := json.Unmarshal(e.Value, &r); err != nil || r.V != version {
		return r, fmt.Errorf("%s: %w", e.Key, ErrDamaged)
	}
	return r, nil
}

// Delete removes a name and all that is below it. One that isn't there is no error.
func (f *Files) Delete(ctx context.Context, name string) error {
	if clean(name) == "" {
		return errors.New("certs: deleting: a name is needed, or everything would go")
	}
	if _, err := f.KV.Commit(ctx, nil, []kv.Op{kv.Delete(key(name))}); err != nil {
		return fmt.Errorf("certs: deleting %q: %w", name, err)
	}
	for {
		snap, err := f.KV.List(ctx, below(name), kv.ListOptions{KeysOnly: true, Limit: kv.MaxOps})
		if err != nil || len(snap.Entries) == 0 {
			return err
		}
		var ops []kv.Op
		for _, e := range snap.Entries {
			ops = append(ops, kv.Delete(e.Key))
		}
		if _, err := f.KV.Commit(ctx, nil, ops); err != nil {
			return fmt.Errorf("certs: deleting below %q: %w", name, err)
		}
	}
}

// Exists tells whether a name is a file or a directory. Trouble with the store counts as no.
func (f *Files) Exists(ctx context.Context, name string) bool {
	_, err := f.Stat(ctx, name)
	return err == nil
}

// Stat describes a name; fs.ErrNotExist.
func (f *Files) Stat(ctx context.Context, name string) (Info, error) {
	r, _, err := f.read(ctx, name)
	if err == nil {
		return Info{Name: name, Modified: r.Modified, Size: r.Size, File: true}, nil
	}
	if !errors.Is(err, fs.ErrNotExist) {
		return Info{}, err
	}
	snap, listErr := f.KV.List(ctx, below(name), kv.ListOptions{KeysOnly: true, Limit: 1})
	if listErr != nil {
		return Info{}, listErr
	}
	if len(snap.Entries) == 0 {
		return Info{}, err
	}
	return Info{Name: name}, nil
}

// List names what is in a directory, whatever is below that too if it is recursive; fs.ErrNotExist when there is nothing.
func (f *Files) List(ctx context.Context, dir string, recursive bool) ([]string, error) {
	var names []string
	o := kv.ListOptions{}
	for {
		snap, err := f.KV.List(ctx, below(dir), o)
		if err != nil {
			return nil, fmt.Errorf("certs: listing %q: %w", dir, err)
		}
		for _, e := range snap.Entries {
			o.After = e.Key
			r, err := decode(e)
			if err != nil {
				return nil, err
			}
			names = append(names, steps(clean(dir), r.Name, recursive)...)
		}
		if !snap.More || len(snap.Entries) == 0 {
			break
		}
	}
	if len(names) == 0 {
		return nil, fmt.Errorf("certs: %q: %w", dir, fs.ErrNotExist)
	}
	slices.Sort(names)
	return slices.Compact(names), nil
}

// steps are the names between a directory and a file in it: the first one, or all of them.
func steps(dir, name string, recursive bool) (out []string) {
	at := len(dir)
	if dir != "" {
		at++
	}
	for {
		next := strings.IndexByte(name[at:], '/')
		if next < 0 {
			return append(out, name)
		}
		at += next
		out = append(out, name[:at])
		if !recursive {
			return out
		}
		at++
	}
}
