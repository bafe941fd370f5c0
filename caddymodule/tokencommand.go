package caddymodule

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"
	"text/tabwriter"
	"time"

	caddycmd "github.com/caddyserver/caddy/v2/cmd"
	"github.com/spf13/cobra"

	"github.com/gatehouse-id/gatehouse/core/project"
)

func init() {
	caddycmd.RegisterCommand(caddycmd.Command{
		Name:  "token",
		Usage: "create|list|revoke",
		Short: "Manages the personal access tokens of the admin API",
		Long: `
Each call to the admin API needs a personal access token, as in
"Authorization: Bearer ory_pat_...". A token is shown once, when it is made; the
server keeps a hash of it.

Without --url these commands talk to the server on this machine through Caddy's
own admin endpoint, as "reload" does, and need no token. With --url they talk to
the admin API at that URL, with the token in the environment variable
GATEHOUSE_TOKEN.`,
		CobraFunc: tokenCommand,
	})
}

func tokenCommand(cmd *cobra.Command) {
	t := &tokenCommands{}
	t.flags(cmd)
	cmd.PersistentFlags().BoolVar(&t.json, "json", false, "write JSON")
	cmd.AddCommand(t.create(), t.list(), t.revoke())
}

// tokenCommands are the subcommands with the flags that they share.
type tokenCommands struct {
	adminClient
	json bool
}

// accessToken is a token as the admin API shows it.
type accessToken struct {
	ID        string          `json:"id"`
	Name      string          `json:"name"`
	Value     string          `json:"value,omitempty"`
	Scopes    []project.Scope `json:"scopes"`
	CreatedAt time.Time       `json:"created_at"`
	ExpiresAt time.Time       `json:"expires_at,omitzero"`
}

func (t *tokenCommands) create() *cobra.Command {
	var request struct {
		Name      string   `json:"name"`
		Scopes    []string `json:"scopes"`
		ExpiresIn string   `json:"expires_in,omitempty"`
	}
	cmd := &cobra.Command{
		Use:   "create <name>",
		Short: "Makes a token and writes it to the standard output",
		Example: `  gatehouse token create "support desk" --scope identities:read --scope sessions:write --expires 720h
  GATEHOUSE_TOKEN=ory_pat_... gatehouse token create ci --scope admin --url https://accounts.internal:4434`,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			request.Name = args[0]
			var made accessToken
			if err := t.call(http.MethodPost, "/tokens", request, &made); err != nil {
				return err
			}
			if t.json {
				return writeJSON(cmd.OutOrStdout(), made)
			}
			_, err := fmt.Fprintln(cmd.OutOrStdout(), made.Value)
			return err
		},
	}
	cmd.Flags().StringArrayVar(&request.Scopes, "scope", nil, "what it may do, may be repeated: "+string(project.Admin)+
		" for everything, or <area>:read or <area>:write with one of "+strings.Join(project.Areas, ", "))
	cmd.Flags().StringVar(&request.ExpiresIn, "expires", "", "how long it lasts, such as 720h; by default until it is revoked")
	_ = cmd.MarkFlagRequired("scope") // fails for flags that don't exist only
	return cmd
}

func (t *tokenCommands) list() *cobra.Command {
	return &cobra.Command{
		Use:   "list",
		Short: "Lists the tokens that are good now, without what opens anything",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			all := []accessToken{}
			if err := t.call(http.MethodGet, "/tokens", nil, &all); err != nil {
				return err
			}
			if t.json {
				return writeJSON(cmd.OutOrStdout(), all)
			}
			return writeTokens(cmd.OutOrStdout(), all)
		},
	}
}

func (t *tokenCommands) revoke() *cobra.Command {
	return &cobra.Command{
		Use:   "revoke <id>",
		Short: "Ends a token, on every node within seconds",
		Args:  cobra.ExactArgs(1),
		RunE: func(_ *cobra.Command, args []string) error {
			if strings.Contains(args[0], "/") || strings.HasPrefix(args[0], "ory_") {
				return fmt.Errorf("revoke takes the id of a token, as \"gatehouse token list\" shows it")
			}
			return t.call(http.MethodDelete, "/tokens/"+args[0], nil, nil)
		},
	}
}

func writeJSON(w io.Writer, v any) error {
	e := json.NewEncoder(w)
	e.SetIndent("", "  ")
	return e.Encode(v)
}

func writeTokens(w io.Writer, all []accessToken) error {
	table := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(table, "ID\tNAME\tSCOPES\tCREATED\tEXPIRES")
	for _, t := range all {
		var scopes []string
		for _, s := range t.Scopes {
			scopes = append(scopes, string(s))
		}
		expires := "never"
		if !t.ExpiresAt.IsZero() {
			expires = t.ExpiresAt.Format(time.DateOnly)
		}
		fmt.Fprintf(table, "%s\t%s\t%s\t%s\t%s\n", t.ID, t.Name, strings.Join(scopes, " "), t.CreatedAt.Format(time.DateOnly), expires)
	}
	return table.Flush()
}
