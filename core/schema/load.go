package schema

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"time"
)

// Source says where one schema comes from.
type Source struct {
	ID string
	// URL is file://, http(s)://, base64:// or preset://email, preset://username, preset://phone. A file URL that starts
	// with file://./ is relative to Options.BaseDir.
	URL string
}

// Options belong to a Load. The zero value is usable.
type Options struct {
	// BaseDir is what relative file URLs start from; the working directory when empty.
	BaseDir string
	// Client fetches http(s) sources; when nil, one with a timeout of ten seconds that follows no redirect to another host.
	Client *http.Client
}

const (
	maxSchemaBytes = 1 << 20
	fetchTimeout   = 10 * time.Second
)

// Load reads and checks every schema. One that is missing or broken fails the whole load: the error names the schema and
// its place.
func Load(ctx context.Context, sources []Source, opts Options) (*Set, error) {
	if opts.Client == nil {
		opts.Client = &http.Client{Timeout: fetchTimeout, CheckRedirect: sameHost}
	}
	var all []*Schema
	seen := map[string]bool{}
	for _, src := range sources {
		if seen[src.ID] {
			return nil, fmt.Errorf("loading identity schema %q: the id is taken by another schema: give each its own", src.ID)
		}
		seen[src.ID] = true
		s, err := load(ctx, src, opts)
		if err != nil {
			return nil, fmt.Errorf("loading identity schema %q from %s: %w", src.ID, place(src.URL), err)
		}
		all = append(all, s)
	}
	return NewSet(all...), nil
}

func load(ctx context.Context, src Source, opts Options) (*Schema, error) {
	raw, err := fetch(ctx, src.URL, opts)
	if err != nil {
		return nil, err
	}
	return Parse(src.ID, raw)
}

func fetch(ctx context.Context, source string, opts Options) ([]byte, error) {
	scheme, rest, ok := strings.Cut(source, "://")
	if !ok {
		return nil, errors.New("the URL has no scheme: write file://./name.json, https://…, base64://… or preset://email")
	}
	switch scheme {
	case "file":
		return readFile(rest, opts.BaseDir)
	case "http", "https":
		return get(ctx, source, opts.Client)
	case "base64":
		return readBase64(rest)
	case "preset":
		return preset(rest)
	}
	return nil, fmt.Errorf("the scheme %q is not known: use file, https, http, base64 or preset", scheme)
}

func readFile(path, base string) ([]byte, error) {
	if plain, err := url.PathUnescape(path); err == nil {
		path = plain
	}
	if !filepath.IsAbs(path) {
		path = filepath.Join(base, path)
	}
	info, err := os.Stat(path)
	if err != nil {
		return nil, fmt.Errorf("%w: check the path (a relative one starts from %q)", err, base)
	}
	if !info.Mode().IsRegular() {
		return nil, fmt.Errorf("%s is not a file", path)
	}
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return readAll(f)
}

func readBase64(text string) ([]byte, error) {
	if len(text) > 2*maxSchemaBytes {
		return nil, errTooLarge
	}
	for _, enc := range []*base64.Encoding{base64.StdEncoding, base64.RawStdEncoding, base64.URLEncoding, base64.RawURLEncoding} {
		if raw, err := enc.DecodeString(text); err == nil {
			return raw, nil
		}
	}
	return nil, errors.New("the text after base64:// is not base64")
}

func get(ctx context.Context, source string, client *http.Client) ([]byte, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, source, nil)
	if err != nil { // it quotes the URL, which may hold a password
		return nil, errors.New("this is no URL: check for spaces and stray characters")
	}
	req.Header.Set("Accept", "application/json, application/schema+json")
	res, err := client.Do(req)
	if err != nil {
		return nil, err
	}
	defer res.Body.Close()
	if res.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("the server answered %s", res.Status)
	}
	return readAll(res.Body)
}

var errTooLarge = errors.New("the schema is larger than 1 MiB")

func readAll(r io.Reader) ([]byte, error) {
	raw, err := io.ReadAll(io.LimitReader(r, maxSchemaBytes+1))
	if err == nil && len(raw) > maxSchemaBytes {
		err = errTooLarge
	}
	return raw, err
}

// sameHost keeps a server we trust from sending us to one inside our network.
func sameHost(req *http.Request, via []*http.Request) error {
	if len(via) >= 5 {
		return errors.New("there are too many redirects")
	}
	if req.URL.Host != via[0].URL.Host || req.URL.Scheme != via[0].URL.Scheme {
		return errors.New("the server redirects to another host, which is not followed")
	}
	return nil
}

// place is a source's URL as an error may show it: short, and without a password.
func place(source string) string {
	scheme, _, _ := strings.Cut(source, "://")
	u, err := url.Parse(source)
	switch {
	case scheme == "file":
		return source
	case scheme == "base64" || err != nil:
		return scheme + "://…"
	}
	return u.Redacted()
}
