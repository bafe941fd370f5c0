package takeover

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"iter"
	"net/http"
	"net/url"
	"slices"

	"github.com/google/uuid"

	"github.com/gatehouse-id/gatehouse/internal/adminapi"
)

// Entry is somebody that a source has.
type Entry struct {
	ID   string
	Line int // in a file, counted from 1; 0 elsewhere
	// Load reads all that the source knows; ErrGone when it has forgotten them meanwhile.
	Load func(ctx context.Context) ([]byte, error)
}

// ErrGone says that somebody was deleted between being listed and being read.
var ErrGone = errors.New("takeover: the identity is gone")

// Source gives out everybody it has. An error ends it.
type Source func(ctx context.Context) iter.Seq2[Entry, error]

// Server is a Kratos or Gatehouse as a source.
type Server struct {
	API *adminapi.Client
	// Types are the credentials that the server shows the contents of; see Probe.
	Types []string
}

// pageSize is how many identities are listed at a time.
const pageSize = 250

// Probe finds out which credentials the server shows, and returns those that it doesn't: old versions show links only.
func (s *Server) Probe(ctx context.Context) (hidden []string, err error) {
	var first []struct {
		ID string `json:"id"`
	}
	if _, err := s.API.Call(ctx, http.MethodGet, "/identities?page_size=1&per_page=1", nil, &first); err != nil {
		return nil, fmt.Errorf("listing identities: %w", err)
	}
	if len(first) == 0 {
		return nil, nil
	}
	for _, kind := range Shown {
		_, err := s.API.Call(ctx, http.MethodGet, detail(first[0].ID, []string{kind}), nil, nil)
		switch adminapi.StatusOf(err) {
		case http.StatusBadRequest:
			hidden = append(hidden, kind)
			continue
		case 0:
			if err != nil {
				return nil, err
			}
		}
		s.Types = append(s.Types, kind) // whatever else is wrong with this identity, the type was accepted
	}
	return hidden, nil
}

func detail(id string, types []string) string {
	path := "/identities/" + url.PathEscape(id)
	if len(types) == 0 {
		return path
	}
	return path + "?" + url.Values{"include_credential": types}.Encode()
}

// Everybody lists the server's identities in pages.
func (s *Server) Everybody(ctx context.Context) iter.Seq2[Entry, error] {
	return func(yield func(Entry, error) bool) {
		for page, err := range s.pages(ctx) {
			if err != nil {
				yield(Entry{}, err)
				return
			}
			for _, e := range page {
				if !yield(e, nil) {
					return
				}
			}
		}
	}
}

// pages follows the links from page to page, whatever the server puts into them.
func (s *Server) pages(ctx context.Context) iter.Seq2[[]Entry, error] {
	return func(yield func([]Entry, error) bool) {
		seen := map[string]bool{}
		for query := fmt.Sprintf("page_size=%d", pageSize); query != "" && !seen[query]; {
			seen[query] = true // a server that leads in a circle
			var list []struct {
				ID string `json:"id"`
			}
			h, err := insist(ctx, func() (http.Header, error) {
				return s.API.Call(ctx, http.MethodGet, "/identities?"+query, nil, &list)
			})
			if err != nil {
				yield(nil, fmt.Errorf("listing identities: %w", err))
				return
			}
			page := make([]Entry, len(list))
			for n, i := range list {
				page[n] = Entry{ID: i.ID, Load: func(ctx context.Context) ([]byte, error) { return s.load(ctx, i.ID) }}
			}
			if !yield(page, nil) {
				return
			}
			query = adminapi.Next(h)
		}
	}
}

func (s *Server) load(ctx context.Context, id string) ([]byte, error) {
	var raw json.RawMessage
	_, err := insist(ctx, func() (http.Header, error) {
		return s.API.Call(ctx, http.MethodGet, detail(id, s.Types), nil, &raw)
	})
	if adminapi.StatusOf(err) == http.StatusNotFound {
		return nil, ErrGone
	}
	return raw, err
}

// maxLine bounds a line of a file. A store takes no record that is larger.
const maxLine = 4 << 20

// Lines is a file with an identity in each line, as a source. A line that can't be read is one entry that can't be loaded.
func Lines(r io.Reader) Source {
	return func(context.Context) iter.Seq2[Entry, error] {
		return func(yield func(Entry, error) bool) {
			lines := bufio.NewScanner(r)
			lines.Buffer(nil, maxLine)
			n := 0
			for lines.Scan() {
				n++
				line := bytes.TrimSpace(slices.Clone(lines.Bytes()))
				if len(line) > 0 && !yield(entry(n, line), nil) {
					return
				}
			}
			if err := lines.Err(); err != nil {
				yield(Entry{}, fmt.Errorf("reading line %d: %w", n+1, err))
			}
		}
	}
}

func entry(n int, line []byte) Entry {
	var i struct {
		ID string `json:"id"`
	}
	err := json.Unmarshal(line, &i)
	if id, bad := uuid.Parse(i.ID); bad == nil {
		i.ID = id.String() // as the target spells it
	}
	return Entry{ID: i.ID, Line: n, Load: func(context.Context) ([]byte, error) {
		if err != nil {
			return nil, fmt.Errorf("it is no JSON of an identity: %w", err)
		}
		return line, nil
	}}
}
