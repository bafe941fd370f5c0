package caddymodule

import (
	"crypto/rand"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/gatehouse-id/gatehouse/core/secret"
)

// keys makes the keys that sign and seal: from the configured secrets or, for a
// node that shares its store with nobody, from one it has made up and kept.
func (a *App) keys() (*secret.Keys, error) {
	if configured := a.config.Secrets.Cookie; len(configured) > 0 {
		return secret.NewKeys(configured)
	}
	kept, err := keptSecret(a.store.SecretFile())
	if err != nil {
		return nil, fmt.Errorf("keeping a secret of this node: %w", err)
	}
	return secret.NewKeys([]string{kept})
}

// checkSecrets finds out before the start that keys cannot make any.
func (a *App) checkSecrets() error {
	if len(a.config.Secrets.Cookie) == 0 && a.store.SecretFile() == "" {
		return errors.New("several nodes share the store and need the same secrets: set secrets.default in the file that config names, " +
			"on every node (a good value: openssl rand -hex 32)")
	}
	return nil
}

// keptSecret reads the file, or makes it. It must not change from start to
// start: forms that are open in a browser would not be accepted any more.
func keptSecret(file string) (string, error) {
	text, err := os.ReadFile(file)
	if errors.Is(err, fs.ErrNotExist) {
		return newSecret(file)
	}
	if err != nil {
		return "", err
	}
	kept := strings.TrimSpace(string(text))
	if len(kept) < secret.MinLength {
		return "", fmt.Errorf("%s has no secret: delete it, and people only have to open their forms again", file)
	}
	return kept, nil
}

// newSecret writes the file as a whole or not at all, readable by its owner only.
func newSecret(file string) (string, error) {
	made := rand.Text() + rand.Text() // 260 bits
	f, err := os.CreateTemp(filepath.Dir(file), ".secret-*")
	if err != nil {
		return "", err
	}
	defer os.Remove(f.Name())
	_, err = f.WriteString(made + "\n")
	if err := errors.Join(err, f.Sync(), f.Close()); err != nil {
		return "", err
	}
	return made, os.Rename(f.Name(), file)
}
