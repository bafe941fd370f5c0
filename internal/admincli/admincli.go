// Package admincli is the part of the command line that works with a gateway that runs: tokens, identities, sessions, import, export and projects.
package admincli

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"strings"
	"text/tabwriter"
	"unicode"

	"github.com/spf13/cobra"

	"github.com/gatehouse-id/gatehouse/internal/adminapi"
)

// Command is a subcommand that the host's command line gets.
type Command struct {
	Name, Usage, Short, Long string
	Build                    func(*cobra.Command)
}

// Host knows the gateway that runs on this machine.
type Host interface {
	// Flags adds those that tell which one it is.
	Flags(cmd *cobra.Command)
	// Client talks to it without a token. where names it for people.
	Client() (c *adminapi.Client, where string, err error)
}

// Commands lists the subcommands. Each gets a host of its own, which keeps its flags.
func Commands(host func() Host) []Command {
	var out []Command
	for _, c := range []struct {
		Command
		build func(shared, *cobra.Command)
	}{
		{tokenHelp, buildToken}, {identitiesHelp, buildIdentities}, {sessionsHelp, buildSessions},
		{importHelp, buildImport}, {exportHelp, buildExport}, {projectsHelp, buildProjects},
	} {
		c.Command.Long += reaching
		c.Build = func(cmd *cobra.Command) {
			s := shared{options: &options{host: host()}}
			s.flags(cmd)
			c.build(s, cmd)
		}
		out = append(out, c.Command)
	}
	return out
}

// reaching ends the help of every subcommand.
const reaching = `

Without --url this talks to the server on this machine through Caddy's own admin
endpoint, as "reload" does, and needs no token. With --url it talks to the admin
API at that URL, with the token in the environment variable GATEHOUSE_TOKEN.`

// tokenVariable is the environment variable with the token for --url. A flag would show it to everybody who lists processes.
const tokenVariable = "GATEHOUSE_TOKEN"

// options are the flags that all subcommands have.
type options struct {
	host    Host
	url     string
	format  string
	project string
}

// shared is what all subcommands do alike.
type shared struct{ *options }

// formats of what is written to the standard output.
const (
	table    = "table"
	jsonText = "json"
)

func (s shared) flags(cmd *cobra.Command) {
	f := cmd.PersistentFlags()
	f.StringVar(&s.url, "url", "", "URL of the admin API of a gateway elsewhere, used with the token in "+tokenVariable)
	f.StringVar(&s.format, "format", table, "how to write what was found: "+table+" or "+jsonText)
	complete(cmd, "format", table, jsonText)
	if cmd.Name() != projectsHelp.Name {
		f.StringVar(&s.project, "project", "", "slug or id of the project to work on; by default the one that the configuration file describes")
	}
	f.BoolFunc("json", "short for --format json", func(string) error { s.format = jsonText; return nil })
	s.host.Flags(cmd)
}

// complete lets shells offer the values of a flag.
func complete(cmd *cobra.Command, flag string, values ...string) {
	fixed := cobra.FixedCompletions(values, cobra.ShellCompDirectiveNoFileComp)
	if err := cmd.RegisterFlagCompletionFunc(flag, fixed); err != nil {
		panic(err) // the flag doesn't exist, or has values already
	}
}

// client reaches the gateway that the flags name. where is empty for one elsewhere.
func (s shared) client() (c *adminapi.Client, where string, err error) {
	if s.format != table && s.format != jsonText {
		return nil, "", fmt.Errorf("--format is %q, it can be %s or %s", s.format, table, jsonText)
	}
	if s.url == "" {
		c, where, err = s.host.Client()
		if c != nil {
			c.Project = s.project
		}
		return c, where, err
	}
	token := os.Getenv(tokenVariable)
	if token == "" {
		return nil, "", errors.New("--url needs a personal access token in the environment variable " + tokenVariable)
	}
	c = adminapi.New(strings.TrimSuffix(s.url, "/")+"/admin", token)
	c.Project = s.project
	return c, "", nil
}

// call sends one request; the answer is read into out, unless that is nil.
func (s shared) call(ctx context.Context, method, path string, in, out any) (http.Header, error) {
	c, where, err := s.client()
	if err != nil {
		return nil, err
	}
	h, err := c.Call(ctx, method, path, in, out)
	return h, reached(err, where)
}

// reached adds what to do about a server on this machine that doesn't answer.
func reached(err error, where string) error {
	if err == nil || where == "" || adminapi.StatusOf(err) != 0 {
		return err
	}
	return fmt.Errorf("asking the server on this machine at %s: %w\n"+
		"(is it running? --config names its configuration; --url and %s reach one elsewhere)", where, err, tokenVariable)
}

// show writes what was found: v as JSON, or a table with a row for each.
func (s shared) show(w io.Writer, v any, head string, rows [][]string) error {
	if s.format == jsonText {
		e := json.NewEncoder(w)
		e.SetIndent("", "  ")
		return e.Encode(v)
	}
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(t, head)
	for _, r := range rows {
		for n, cell := range r {
			r[n] = strings.Map(harmless, cell)
		}
		fmt.Fprintln(t, strings.Join(r, "\t"))
	}
	return t.Flush()
}

// harmless replaces what a terminal would obey: names are what people have typed into a form.
func harmless(r rune) rune {
	if unicode.IsControl(r) {
		return '\uFFFD'
	}
	return r
}

// paging are the flags of commands that list.
type paging struct {
	size  int
	token string
	all   bool
}

func (p *paging) flags(cmd *cobra.Command) {
	cmd.Flags().IntVar(&p.size, "page-size", 100, "how many to list, up to 500")
	cmd.Flags().StringVar(&p.token, "page-token", "", "where the page before ended, as it told")
	cmd.Flags().BoolVar(&p.all, "all", false, "list page after page, to the end")
}

// list reads a page, or all that come after it. next is the token of the page that would follow.
func (s shared) list(ctx context.Context, path string, q url.Values, p paging) (found []json.RawMessage, next string, err error) {
	q.Set("page_size", fmt.Sprint(p.size))
	next = p.token
	for more := true; more; more = p.all && next != "" {
		if next != "" {
			q.Set("page_token", next)
		}
		var page []json.RawMessage
		h, err := s.call(ctx, http.MethodGet, path+"?"+q.Encode(), nil, &page)
		if err != nil {
			return nil, "", err
		}
		link, err := url.ParseQuery(adminapi.Next(h))
		if err != nil {
			return nil, "", fmt.Errorf("reading the link to the next page: %w", err)
		}
		found, next = append(found, page...), link.Get("page_token")
	}
	return found, next, nil
}

// page is how a part of a list is written as JSON.
func page(name string, found []json.RawMessage, next string) map[string]any {
	if found == nil {
		found = []json.RawMessage{}
	}
	return map[string]any{name: found, "next_page_token": next}
}

// tellNext says how to go on, beside the table.
func (s shared) tellNext(w io.Writer, next string) {
	if next != "" && s.format == table {
		fmt.Fprintf(w, "There are more: --page-token %s lists the next ones, --all lists all.\n", next)
	}
}
