package admincli

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"time"

	"github.com/spf13/cobra"

	"github.com/gatehouse-id/gatehouse/internal/takeover"
)

var identitiesHelp = Command{
	Name:  "identities",
	Usage: "list|get|search|create|delete",
	Short: "Manages the identities of a gateway that runs",
	Long: `
Lists, finds, makes and deletes accounts, by the admin API. Traits and metadata are
shown with --format json. "gatehouse import" and "gatehouse export" move all of them.`,
}

func buildIdentities(s shared, cmd *cobra.Command) {
	i := identities{s}
	cmd.AddCommand(i.list(), i.get(), i.search(), i.create(), i.delete())
}

// identities are the subcommands of "identities".
type identities struct{ shared }

// identityRow is what a table shows of an identity.
type identityRow struct {
	ID        string    `json:"id"`
	SchemaID  string    `json:"schema_id"`
	State     string    `json:"state"`
	CreatedAt time.Time `json:"created_at"`
	Addresses []struct {
		Value    string `json:"value"`
		Verified bool   `json:"verified"`
	} `json:"verifiable_addresses"`
}

const identityHead = "ID\tSCHEMA\tSTATE\tADDRESS\tCREATED"

func identityRows(all []json.RawMessage) ([][]string, error) {
	var rows [][]string
	for _, raw := range all {
		var i identityRow
		if err := json.Unmarshal(raw, &i); err != nil {
			return nil, fmt.Errorf("reading an identity: %w", err)
		}
		address := ""
		if len(i.Addresses) > 0 {
			address = i.Addresses[0].Value
			if !i.Addresses[0].Verified {
				address += " (not verified)"
			}
		}
		rows = append(rows, []string{i.ID, i.SchemaID, i.State, address, i.CreatedAt.Format(time.DateTime)})
	}
	return rows, nil
}

func (i identities) showPage(cmd *cobra.Command, found []json.RawMessage, next string) error {
	rows, err := identityRows(found)
	if err != nil {
		return err
	}
	i.tellNext(cmd.ErrOrStderr(), next)
	return i.show(cmd.OutOrStdout(), page("identities", found, next), identityHead, rows)
}

func (i identities) list() *cobra.Command {
	var p paging
	cmd := &cobra.Command{
		Use:   "list",
		Short: "Lists identities in the order of their ids",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			found, next, err := i.shared.list(cmd.Context(), "/identities", url.Values{}, p)
			if err != nil {
				return err
			}
			return i.showPage(cmd, found, next)
		},
	}
	p.flags(cmd)
	return cmd
}

func (i identities) search() *cobra.Command {
	var p paging
	var prefix bool
	cmd := &cobra.Command{
		Use:   "search <trait> <value>",
		Short: "Finds identities by the value of a trait that a schema marks for search",
		Example: `  gatehouse identities search name.last Smith
  gatehouse identities search name.last smi --prefix --all --format json`,
		Args: cobra.ExactArgs(2),
		RunE: func(cmd *cobra.Command, args []string) error {
			q := url.Values{"trait": {args[0]}}
			if prefix {
				q.Set("starts_with", args[1])
			} else {
				q.Set("equals", args[1])
			}
			found, next, err := i.shared.list(cmd.Context(), "/identities", q, p)
			if err != nil {
				return err
			}
			return i.showPage(cmd, found, next)
		},
	}
	p.flags(cmd)
	cmd.Flags().BoolVar(&prefix, "prefix", false, "find values that begin with this one too")
	return cmd
}

func (i identities) get() *cobra.Command {
	var identifier, external string
	var included []string
	cmd := &cobra.Command{
		Use:   "get <id>...",
		Short: "Shows identities, by id or by something else that is known of them",
		Example: `  gatehouse identities get 9f425a8d-7efc-4768-8f23-7647a74fdf13 --format json
  gatehouse identities get --identifier ann@example.org`,
		RunE: func(cmd *cobra.Command, args []string) error {
			found, err := i.find(cmd, args, identifier, external, included)
			if err != nil {
				return err
			}
			rows, err := identityRows(found)
			if err != nil {
				return err
			}
			if len(found) == 1 {
				return i.show(cmd.OutOrStdout(), found[0], identityHead, rows)
			}
			return i.show(cmd.OutOrStdout(), found, identityHead, rows)
		},
	}
	cmd.Flags().StringVar(&identifier, "identifier", "", "what somebody signs in with, such as an address")
	cmd.Flags().StringVar(&external, "external-id", "", "what another system calls somebody")
	cmd.Flags().StringArrayVar(&included, "include-credential", nil, "show what is in the credentials of a type, may be repeated")
	complete(cmd, "include-credential", takeover.Shown...)
	return cmd
}

// find reads those that are asked for; nobody is an error.
func (i identities) find(cmd *cobra.Command, ids []string, identifier, external string, included []string) ([]json.RawMessage, error) {
	ways := len(ids)
	var paths []string
	for _, id := range ids {
		paths = append(paths, "/identities/"+url.PathEscape(id))
	}
	if external != "" {
		paths, ways = append(paths, "/identities/by/external/"+url.PathEscape(external)), ways+1
	}
	if identifier != "" {
		var found []struct{ ID string }
		q := url.Values{"credentials_identifier": {identifier}}
		if _, err := i.call(cmd.Context(), http.MethodGet, "/identities?"+q.Encode(), nil, &found); err != nil {
			return nil, err
		}
		for _, f := range found {
			paths = append(paths, "/identities/"+url.PathEscape(f.ID))
		}
		ways++
	}
	switch {
	case ways == 0:
		return nil, errors.New("get needs ids, --identifier or --external-id")
	case len(paths) == 0:
		return nil, errors.New("nobody signs in with that identifier")
	}
	out := make([]json.RawMessage, len(paths))
	for n, path := range paths {
		q := url.Values{"include_credential": included}
		if _, err := i.call(cmd.Context(), http.MethodGet, path+"?"+q.Encode(), nil, &out[n]); err != nil {
			return nil, err
		}
	}
	return out, nil
}

func (i identities) create() *cobra.Command {
	return &cobra.Command{
		Use:   "create [<file>]",
		Short: "Makes an identity from a JSON document, as POST /admin/identities takes it",
		Example: `  gatehouse identities create person.json
  echo '{"schema_id": "default", "traits": {"email": "ann@example.org"}}' | gatehouse identities create`,
		Args: cobra.MaximumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			document, err := readInput(cmd.InOrStdin(), args)
			if err != nil {
				return err
			}
			var made json.RawMessage
			if _, err := i.call(cmd.Context(), http.MethodPost, "/identities", document, &made); err != nil {
				return err
			}
			rows, err := identityRows([]json.RawMessage{made})
			if err != nil {
				return err
			}
			return i.show(cmd.OutOrStdout(), made, identityHead, rows)
		},
	}
}

// readInput reads the document that a file holds, or the standard input.
func readInput(stdin io.Reader, args []string) (json.RawMessage, error) {
	var raw []byte
	var err error
	if len(args) == 0 || args[0] == "-" {
		raw, err = io.ReadAll(stdin)
	} else {
		raw, err = os.ReadFile(args[0])
	}
	if err != nil {
		return nil, err
	}
	if !json.Valid(raw) {
		return nil, errors.New("the document is no JSON")
	}
	return raw, nil
}

func (i identities) delete() *cobra.Command {
	return &cobra.Command{
		Use:   "delete <id>...",
		Short: "Deletes identities with all that belongs to them, and ends their sessions",
		Args:  cobra.MinimumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			return i.deleteEach(cmd, "/identities/", args)
		},
	}
}

// deleteEach deletes what has the ids, and tells of each, so that it is known how far it came.
func (s shared) deleteEach(cmd *cobra.Command, path string, ids []string) error {
	for _, id := range ids {
		if _, err := s.call(cmd.Context(), http.MethodDelete, path+url.PathEscape(id), nil, nil); err != nil {
			return fmt.Errorf("%s: %w", id, err)
		}
		fmt.Fprintln(cmd.OutOrStdout(), id)
	}
	return nil
}
