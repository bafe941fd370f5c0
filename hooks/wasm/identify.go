package wasm

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"time"
)

// Resolve reads the file of Path into Code and fills in the defaults, so that Key and Load speak of the same bytes
// even when the file is replaced in between. The error is a *Failure.
func (c Config) Resolve() (Config, error) {
	resolved, err := c.resolve()
	if err != nil {
		return c, c.failure(err)
	}
	return resolved, nil
}

func (c Config) resolve() (Config, error) {
	c, err := c.withDefaults()
	if err != nil {
		return c, err
	}
	if c.Code, err = c.read(); err != nil {
		return c, err
	}
	pinned := strings.TrimPrefix(c.Digest, "sha256:")
	if actual := digest(c.Code); pinned != "" && !strings.EqualFold(pinned, actual) {
		return c, fmt.Errorf("the file has the digest sha256:%s and not the pinned one: check where it comes from, or pin the new digest", actual)
	}
	c.Digest = digest(c.Code)
	return c, nil
}

// Key names the plugin that Load makes of a resolved configuration: equal keys, equal plugins. It is what a pool of
// plugins that outlive a reload (such as caddy.UsagePool) should go by. The logger is not part of it, because every
// configuration brings a new one: see WithLogger.
func (c Config) Key() string {
	identity, _ := json.Marshal(struct { // strings and numbers, which cannot fail
		Name, Digest   string
		Deadline       time.Duration
		Memory         uint64
		MaxConcurrency int
		Ready          int
		Config         string
		CacheDir       string
		Interpreter    bool
	}{c.Name, c.Digest, c.Deadline, c.Memory, c.MaxConcurrency, c.Ready, string(c.Config), c.CacheDir, c.Interpreter})
	return digest(identity)
}

func digest(data []byte) string {
	sum := sha256.Sum256(data)
	return hex.EncodeToString(sum[:])
}

// failure says which plugin cannot be loaded, and from which file.
func (c Config) failure(err error) *Failure {
	name := c.Name
	if name == "" {
		name = c.Path
	}
	if c.Path != "" && c.Path != name {
		err = fmt.Errorf("%s: %w", c.Path, err)
	}
	return &Failure{Plugin: name, Kind: KindLoad, Err: err}
}

// read gets the file, and no more of it than a plugin may have.
func (c Config) read() ([]byte, error) {
	if c.Code != nil {
		return limitCode(c.Code)
	}
	if c.Path == "" {
		return nil, errors.New("no file is given")
	}
	file, err := os.Open(c.Path)
	if errors.Is(err, os.ErrNotExist) {
		return nil, errors.New("there is no such file: build the plugin or correct the path")
	}
	if err != nil {
		return nil, err
	}
	defer file.Close()
	code, err := io.ReadAll(io.LimitReader(file, maxFile+1))
	if err != nil {
		return nil, err
	}
	return limitCode(code)
}

func limitCode(code []byte) ([]byte, error) {
	if len(code) > maxFile {
		return nil, fmt.Errorf("the file is larger than %d MiB: strip it, for example with -ldflags=\"-s -w\"", maxFile>>20)
	}
	return code, nil
}
