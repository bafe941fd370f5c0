package admincli

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"time"

	"github.com/spf13/cobra"
)

var sessionsHelp = Command{
	Name:  "sessions",
	Usage: "list|revoke",
	Short: "Lists and ends the sessions of a gateway that runs",
	Long: `
Shows who is signed in, and signs people out. A session that was revoked opens
nothing any more, on no node and after no more than the configured staleness.`,
}

func buildSessions(s shared, cmd *cobra.Command) {
	v := sessions{s}
	cmd.AddCommand(v.list(), v.revoke())
}

// sessions are the subcommands of "sessions".
type sessions struct{ shared }

// sessionRow is what a table shows of a session.
type sessionRow struct {
	ID              string    `json:"id"`
	Active          bool      `json:"active"`
	AAL             string    `json:"authenticator_assurance_level"`
	AuthenticatedAt time.Time `json:"authenticated_at"`
	ExpiresAt       time.Time `json:"expires_at"`
	Identity        struct {
		ID string `json:"id"`
	} `json:"identity"`
}

func sessionRows(all []json.RawMessage) (rows [][]string, err error) {
	for _, raw := range all {
		var s sessionRow
		if err := json.Unmarshal(raw, &s); err != nil {
			return nil, fmt.Errorf("reading a session: %w", err)
		}
		rows = append(rows, []string{
			s.ID, s.Identity.ID, strconv.FormatBool(s.Active), s.AAL, s.AuthenticatedAt.Format(time.DateTime), s.ExpiresAt.Format(time.DateTime),
		})
	}
	return rows, nil
}

func (v sessions) list() *cobra.Command {
	var p paging
	var identity string
	var active bool
	cmd := &cobra.Command{
		Use:   "list",
		Short: "Lists sessions, of everybody or of one identity",
		Example: `  gatehouse sessions list --active
  gatehouse sessions list --identity 9f425a8d-7efc-4768-8f23-7647a74fdf13 --format json`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			path, q := "/sessions", url.Values{}
			if identity != "" {
				path = "/identities/" + url.PathEscape(identity) + "/sessions"
			} else {
				q.Set("expand", "identity")
			}
			if active {
				q.Set("active", "true")
			}
			found, next, err := v.shared.list(cmd.Context(), path, q, p)
			if err != nil {
				return err
			}
			rows, err := sessionRows(found)
			if err != nil {
				return err
			}
			v.tellNext(cmd.ErrOrStderr(), next)
			return v.show(cmd.OutOrStdout(), page("sessions", found, next), "ID\tIDENTITY\tACTIVE\tAAL\tSIGNED IN\tEXPIRES", rows)
		},
	}
	p.flags(cmd)
	cmd.Flags().StringVar(&identity, "identity", "", "id of the identity whose sessions are listed")
	cmd.Flags().BoolVar(&active, "active", false, "leave those out that have ended")
	return cmd
}

func (v sessions) revoke() *cobra.Command {
	var identity string
	cmd := &cobra.Command{
		Use:   "revoke <id>...",
		Short: "Ends sessions, or with --identity all of somebody",
		RunE: func(cmd *cobra.Command, args []string) error {
			switch {
			case (identity == "") == (len(args) == 0):
				return errors.New("revoke needs either ids of sessions or --identity")
			case identity == "":
				return v.deleteEach(cmd, "/sessions/", args)
			}
			_, err := v.call(cmd.Context(), http.MethodDelete, "/identities/"+url.PathEscape(identity)+"/sessions", nil, nil)
			return err
		},
	}
	cmd.Flags().StringVar(&identity, "identity", "", "id of the identity whose sessions all end")
	return cmd
}
