package admincli

import (
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/gatehouse-id/gatehouse/core/project"
)

var tokenHelp = Command{
	Name:  "token",
	Usage: "create|list|revoke",
	Short: "Manages the personal access tokens of the admin API",
	Long: `
Each call to the admin API needs a personal access token, as in
"Authorization: Bearer ory_pat_...". A token is shown once, when it is made; the
server keeps a hash of it.`,
}

func buildToken(s shared, cmd *cobra.Command) {
	t := tokens{s}
	cmd.AddCommand(t.create(), t.list(), t.revoke())
}

// tokens are the subcommands of "token".
type tokens struct{ shared }

// accessToken is a token as the admin API shows it.
type accessToken struct {
	ID        string          `json:"id"`
	Name      string          `json:"name"`
	Value     string          `json:"value,omitempty"`
	Scopes    []project.Scope `json:"scopes"`
	CreatedAt time.Time       `json:"created_at"`
	ExpiresAt time.Time       `json:"expires_at,omitzero"`
}

func (t tokens) create() *cobra.Command {
	var request struct {
		Name       string   `json:"name"`
		Scopes     []string `json:"scopes"`
		ExpiresIn  string   `json:"expires_in,omitempty"`
		IdentityID string   `json:"identity_id,omitempty"`
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
			if _, err := t.call(cmd.Context(), http.MethodPost, "/tokens", request, &made); err != nil {
				return err
			}
			if t.format == jsonText {
				return t.show(cmd.OutOrStdout(), made, "", nil)
			}
			_, err := fmt.Fprintln(cmd.OutOrStdout(), made.Value)
			return err
		},
	}
	cmd.Flags().StringArrayVar(&request.Scopes, "scope", nil, "what it may do, may be repeated: "+string(project.Admin)+
		" for everything, or <area>:read or <area>:write with one of "+strings.Join(project.Areas, ", "))
	cmd.Flags().StringVar(&request.ExpiresIn, "expires", "", "how long it lasts, such as 720h; by default until it is revoked")
	cmd.Flags().StringVar(&request.IdentityID, "identity", "", "the person that it stands for in the project API; by default it is the operator's")
	complete(cmd, "scope", scopes()...)
	_ = cmd.MarkFlagRequired("scope") // fails for flags that don't exist only
	return cmd
}

func (t tokens) list() *cobra.Command {
	return &cobra.Command{
		Use:   "list",
		Short: "Lists the tokens that are good now, without what opens anything",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			all := []accessToken{}
			if _, err := t.call(cmd.Context(), http.MethodGet, "/tokens", nil, &all); err != nil {
				return err
			}
			return t.show(cmd.OutOrStdout(), all, "ID\tNAME\tSCOPES\tCREATED\tEXPIRES", tokenRows(all))
		},
	}
}

func (t tokens) revoke() *cobra.Command {
	return &cobra.Command{
		Use:   "revoke <id>",
		Short: "Ends a token, on every node within seconds",
		Args:  cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			if strings.Contains(args[0], "/") || strings.HasPrefix(args[0], "ory_") {
				return fmt.Errorf("revoke takes the id of a token, as \"gatehouse token list\" shows it")
			}
			_, err := t.call(cmd.Context(), http.MethodDelete, "/tokens/"+args[0], nil, nil)
			return err
		},
	}
}

func tokenRows(all []accessToken) (rows [][]string) {
	for _, t := range all {
		var scopes []string
		for _, s := range t.Scopes {
			scopes = append(scopes, string(s))
		}
		expires := "never"
		if !t.ExpiresAt.IsZero() {
			expires = t.ExpiresAt.Format(time.DateOnly)
		}
		rows = append(rows, []string{t.ID, t.Name, strings.Join(scopes, " "), t.CreatedAt.Format(time.DateOnly), expires})
	}
	return rows
}

// scopes are those that a token can have.
func scopes() []string {
	out := []string{string(project.Admin)}
	for _, area := range project.Areas {
		out = append(out, area+":read", area+":write")
	}
	return out
}
