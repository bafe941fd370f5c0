package caddymodule

import (
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"net/url"
	"os"
	"strings"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/caddyconfig"
	"github.com/caddyserver/caddy/v2/caddyconfig/caddyfile"
	"github.com/caddyserver/caddy/v2/caddyconfig/httpcaddyfile"
	"github.com/dustin/go-humanize"

	"github.com/gatehouse-id/gatehouse/core/config"
)

func init() { httpcaddyfile.RegisterGlobalOption("gatehouse", parseGlobal) }

// parseGlobal reads the global gatehouse block.
func parseGlobal(d *caddyfile.Dispenser, _ any) (any, error) {
	a := &App{}
	if err := a.UnmarshalCaddyfile(d); err != nil {
		return nil, err
	}
	return httpcaddyfile.App{Name: "gatehouse", Value: caddyconfig.JSON(a, nil)}, nil
}

// settings are the options of the global block.
var settings = map[string]func(a *App, d *caddyfile.Dispenser) error{
	"store":     (*App).parseStore,
	"config":    (*App).parseConfig,
	"schema":    (*App).parseSchema,
	"hook":      (*App).parseHook,
	"smtp":      func(a *App, d *caddyfile.Dispenser) error { return argument(d, &a.SMTP) },
	"base_url":  (*App).parseBaseURL,
	"staleness": (*App).parseStaleness,
	"projects":  (*App).parseProjects,
}

// UnmarshalCaddyfile reads:
//
//	gatehouse {
//		store embedded | etcd …        # see parseStore
//		config kratos.yml
//		base_url https://accounts.example.org
//		schema default identity.schema.json
//		hook registration.pre_persist plugins/domains/domains.wasm { … }
//		smtp smtp://127.0.0.1:1025
//		staleness 2s
//		projects { … }                 # see parseProjects
//	}
func (a *App) UnmarshalCaddyfile(d *caddyfile.Dispenser) error {
	d.Next()
	if d.NextArg() {
		return d.Errf("gatehouse takes no argument, got %q: its settings go into a block", d.Val())
	}
	for d.NextBlock(0) {
		parse, ok := settings[d.Val()]
		if !ok {
			return unknown(d, d.Val(), "store", "config", "base_url", "schema", "hook", "smtp", "staleness", "projects")
		}
		if err := parse(a, d); err != nil {
			return err
		}
	}
	return nil
}

func unknown(d *caddyfile.Dispenser, name string, known ...string) error {
	return d.Errf("unknown setting %q: use one of %s", name, strings.Join(known, ", "))
}

// argument reads the one argument of a setting that may stand once.
func argument(d *caddyfile.Dispenser, to *string) error {
	name := d.Val()
	if *to != "" {
		return d.Errf("%s is set twice", name)
	}
	if !d.AllArgs(to) {
		return d.Errf("%s takes one argument", name)
	}
	return nil
}

func duration(d *caddyfile.Dispenser, to *caddy.Duration) error {
	var text string
	if err := argument(d, &text); err != nil {
		return err
	}
	parsed, err := caddy.ParseDuration(text)
	if err != nil || parsed <= 0 {
		return d.Errf("%q is no duration: write for example 50ms or 2s", text)
	}
	*to = caddy.Duration(parsed)
	return nil
}

func size(d *caddyfile.Dispenser) (uint64, error) {
	var text string
	if err := argument(d, &text); err != nil {
		return 0, err
	}
	n, err := humanize.ParseBytes(text)
	if err != nil || n == 0 {
		return 0, d.Errf("%q is no size: write for example 16MiB", text)
	}
	return n, nil
}

func (a *App) parseStaleness(d *caddyfile.Dispenser) error { return duration(d, &a.Staleness) }

func (a *App) parseBaseURL(d *caddyfile.Dispenser) error {
	if err := argument(d, &a.BaseURL); err != nil {
		return err
	}
	if u, err := url.Parse(a.BaseURL); !variable(a.BaseURL) && (err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https") {
		return d.Errf("base_url: %q is no URL: write for example https://accounts.example.org", a.BaseURL)
	}
	return nil
}

// parseConfig reads the document as well, so that what is wrong with it is told
// with its file and line, and before anything starts.
func (a *App) parseConfig(d *caddyfile.Dispenser) error {
	if err := argument(d, &a.ConfigFile); err != nil {
		return err
	}
	if variable(a.ConfigFile) {
		return d.Errf("config: %q: placeholders don't work in a file name here: use {$NAME}", a.ConfigFile)
	}
	text, err := os.ReadFile(a.ConfigFile)
	if err != nil {
		return d.Errf("config: %v: correct the path, which starts from the working directory", err)
	}
	if _, _, err := config.Parse(a.ConfigFile, text); err != nil {
		return d.WrapErr(err)
	}
	a.ConfigDigest = fmt.Sprintf("%x", sha256.Sum256(text))
	return nil
}

func variable(text string) bool { return strings.Contains(text, "{") }

func (a *App) parseSchema(d *caddyfile.Dispenser) error {
	var s Schema
	if !d.AllArgs(&s.ID, &s.URL) {
		return d.Errf("schema takes a name and a file or URL: schema default identity.schema.json")
	}
	if path := strings.TrimPrefix(s.URL, "file://"); !strings.Contains(path, "://") {
		if err := exists(d, "schema", path); err != nil {
			return err
		}
	}
	a.Schemas = append(a.Schemas, s)
	return nil
}

func exists(d *caddyfile.Dispenser, what, path string) error {
	info, err := os.Stat(path)
	switch {
	case err != nil:
		return d.Errf("%s: %v: correct the path, which starts from the working directory", what, err)
	case info.IsDir():
		return d.Errf("%s: %s is a directory: name a file", what, path)
	}
	return nil
}

// parseHook reads:
//
//	hook <event> <file> {
//		config { "allow": ["example.org"] }
//		deadline 50ms
//		memory 16MiB
//		on_error deny
//		digest sha256:9f86d0…
//	}
func (a *App) parseHook(d *caddyfile.Dispenser) error {
	h := WASMHook{}
	if !d.Args(&h.Event, &h.File) {
		return d.Errf("hook takes an event and a file: hook registration.pre_persist plugins/domains/domains.wasm")
	}
	if d.NextArg() {
		return d.ArgErr()
	}
	if err := h.checkLine(d); err != nil {
		return err
	}
	for nesting := d.Nesting(); d.NextBlock(nesting); {
		if err := h.parseOption(d); err != nil {
			return err
		}
	}
	a.HooksRaw = append(a.HooksRaw, caddyconfig.JSONModuleObject(h, "runtime", "wasm", nil))
	return nil
}

// checkLine tells what is wrong with a hook's first line while its number is known.
func (h *WASMHook) checkLine(d *caddyfile.Dispenser) error {
	if err := (&WASMHook{Event: h.Event, OnError: "deny"}).check(); err != nil {
		return d.WrapErr(err)
	}
	return exists(d, "hook", h.File)
}

func (h *WASMHook) parseOption(d *caddyfile.Dispenser) (err error) {
	switch d.Val() {
	case "config":
		h.Config, err = parseObject(d)
	case "deadline":
		err = duration(d, &h.Deadline)
	case "memory":
		h.Memory, err = size(d)
	case "on_error":
		if err = argument(d, &h.OnError); err == nil && h.OnError != "deny" && h.OnError != "allow" {
			err = d.Errf("on_error is %q: use deny or allow", h.OnError)
		}
	case "digest":
		err = argument(d, &h.Digest)
	case "allow":
		err = d.Errf("this version grants hooks no capability yet: remove the line")
	default:
		err = unknown(d, d.Val(), "config", "deadline", "memory", "on_error", "digest")
	}
	return err
}

// parseObject reads a JSON object: a Caddyfile block, whose text is JSON, or one
// argument in backticks.
func parseObject(d *caddyfile.Dispenser) (json.RawMessage, error) {
	var words []string
	for segment := d.NewFromNextSegment(); segment.Next(); {
		words = append(words, segment.ValRaw()) // the lexer has taken quotes away; raw has them
	}
	text := strings.Trim(strings.Join(words[1:], " "), "` ")
	var object map[string]json.RawMessage
	if err := json.Unmarshal([]byte(text), &object); err != nil || object == nil {
		return nil, d.Errf("config takes a JSON object, for example config `{\"allow\": [\"example.org\"]}`: %v", err)
	}
	return json.RawMessage(text), nil
}

var _ caddyfile.Unmarshaler = (*App)(nil)
