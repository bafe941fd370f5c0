package egress

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
)

// Source reads the small documents that a configuration points to: templates, Jsonnet programs, schemas.
type Source struct {
	// Client fetches http(s) documents; when nil, one that stays out of the house.
	Client *http.Client
	// BaseDir is what relative file URLs start from; the working directory when empty.
	BaseDir string
	// NoFiles refuses file URLs: whoever wrote the configuration may not see this machine's files.
	NoFiles bool
	// Limit is the largest document, in bytes; 0 means 1 MiB.
	Limit int64
}

const defaultLimit = 1 << 20

// ErrTooLarge says that a document or an answer is over its limit.
var ErrTooLarge = errors.New("it is larger than the limit")

// Read reads a file://, base64:// or http(s):// document. Errors do not quote the URL, which may hold a secret.
func (s Source) Read(ctx context.Context, from string) ([]byte, error) {
	if s.Limit == 0 {
		s.Limit = defaultLimit
	}
	scheme, rest, ok := strings.Cut(from, "://")
	if !ok {
		return nil, errors.New("the URL has no scheme: write file://./name, https://… or base64://…")
	}
	switch scheme {
	case "file":
		if s.NoFiles {
			return nil, errors.New("files of the server can't be read from here: write base64://… or https://…")
		}
		return s.file(rest)
	case "base64":
		return s.base64(rest)
	case "http", "https":
		if s.Client == nil {
			s.Client = Client(Options{})
			defer s.Client.CloseIdleConnections()
		}
		return Get(ctx, s.Client, from, s.Limit)
	}
	return nil, fmt.Errorf("the scheme %q is not known: use file, https, http or base64", scheme)
}

func (s Source) file(path string) ([]byte, error) {
	if plain, err := url.PathUnescape(path); err == nil {
		path = plain
	}
	if !filepath.IsAbs(path) {
		path = filepath.Join(s.BaseDir, path)
	}
	raw, err := ReadFile(path, s.Limit)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("%w: check the path (a relative one starts from %q)", err, s.BaseDir)
	}
	return raw, err
}

// ReadFile reads a file of at most limit bytes. What isn't a file is refused: a pipe would hang.
func ReadFile(path string, limit int64) ([]byte, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, err
	}
	if !info.Mode().IsRegular() {
		return nil, fmt.Errorf("%s is not a file", path)
	}
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return ReadAll(f, limit)
}

func (s Source) base64(text string) ([]byte, error) {
	if int64(len(text)) > 2*s.Limit {
		return nil, tooLarge(s.Limit)
	}
	for _, enc := range []*base64.Encoding{base64.StdEncoding, base64.RawStdEncoding, base64.URLEncoding, base64.RawURLEncoding} {
		raw, err := enc.DecodeString(text)
		switch {
		case err != nil:
			continue
		case int64(len(raw)) > s.Limit:
			return nil, tooLarge(s.Limit)
		}
		return raw, nil
	}
	return nil, errors.New("the text after base64:// is not base64")
}

func tooLarge(limit int64) error { return fmt.Errorf("%w of %d bytes", ErrTooLarge, limit) }

// ReadAll reads all of r, or fails with ErrTooLarge when that is more than limit bytes.
func ReadAll(r io.Reader, limit int64) ([]byte, error) {
	raw, err := io.ReadAll(io.LimitReader(r, limit+1))
	if err != nil {
		return nil, err
	}
	if int64(len(raw)) > limit {
		return nil, tooLarge(limit)
	}
	return raw, nil
}
