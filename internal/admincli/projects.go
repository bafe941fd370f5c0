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
	"time"

	"github.com/spf13/cobra"
)

var projectsHelp = Command{
	Name:  "projects",
	Usage: "list|create|show|update|history|rollback|purge|members",
	Short: "Manages the projects of a gateway that runs: user pools of their own",
	Long: `
A project has people, keys, schemas and hosts of its own. It is named by its slug or
its id. The other commands work on a project with --project.`,
}

func buildProjects(s shared, cmd *cobra.Command) {
	p := projects{s}
	cmd.AddCommand(p.list(), p.create(), p.show(), p.update(), p.history(), p.rollback(), p.purge(), p.members())
}

// projects are the subcommands of "projects".
type projects struct{ shared }

// projectRow is a project as the API shows it. Revisions stay as they came: their keys are many.
type projectRow struct {
	ID        string            `json:"id"`
	Slug      string            `json:"slug"`
	Hosts     []string          `json:"hosts"`
	State     string            `json:"state"`
	Current   json.RawMessage   `json:"current_revision"`
	Revisions []json.RawMessage `json:"revisions"`
	UpdatedAt time.Time         `json:"updated_at"`
}

// revisionRow is what a table shows of a revision.
type revisionRow struct {
	ID        string    `json:"id"`
	Name      string    `json:"name"`
	CreatedAt time.Time `json:"created_at"`
}

const projectHead = "ID\tSLUG\tNAME\tSTATE\tHOSTS\tUPDATED"

func projectRows(all ...projectRow) (rows [][]string) {
	for _, p := range all {
		var r revisionRow
		_ = json.Unmarshal(p.Current, &r) // a table without a name tells enough
		rows = append(rows, []string{p.ID, p.Slug, r.Name, p.State, strings.Join(p.Hosts, " "), p.UpdatedAt.Format(time.DateTime)})
	}
	return rows
}

// ask sends a request to the project API, which stands beside the admin API.
func (p projects) ask(ctx context.Context, method, path string, in, out any) error {
	c, where, err := p.client()
	if err != nil {
		return err
	}
	c.Base = strings.TrimSuffix(c.Base, "/admin")
	if where == "" {
		c.Base += "/backoffice/public"
	}
	_, err = c.Call(ctx, method, path, in, out)
	return reached(err, where)
}

// find reads a project by its slug or id.
func (p projects) find(ctx context.Context, name string) (found projectRow, err error) {
	var all []projectRow
	if err := p.ask(ctx, http.MethodGet, "/projects", nil, &all); err != nil {
		return found, err
	}
	for _, one := range all {
		if one.ID == name || one.Slug == name {
			return found, p.ask(ctx, http.MethodGet, "/projects/"+url.PathEscape(one.ID), nil, &found)
		}
	}
	return found, fmt.Errorf("there is no project %q: \"gatehouse projects list\" shows those that you may see", name)
}

func (p projects) list() *cobra.Command {
	return &cobra.Command{
		Use:   "list",
		Short: "Lists projects",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			all := []projectRow{}
			if err := p.ask(cmd.Context(), http.MethodGet, "/projects", nil, &all); err != nil {
				return err
			}
			return p.shared.show(cmd.OutOrStdout(), all, projectHead, projectRows(all...))
		},
	}
}

// settings are what create and update change.
type settings struct {
	file  string
	set   []string
	hosts []string
}

func (s *settings) flags(cmd *cobra.Command) {
	cmd.Flags().StringVar(&s.file, "file", "", "a revision as JSON, - for the standard input")
	cmd.Flags().StringArrayVar(&s.set, "set", nil, "a setting as key=value, may be repeated; the value is JSON, or a text")
	cmd.Flags().StringSliceVar(&s.hosts, "host", nil, "a host beside that of the slug, may be repeated; --host= alone removes all")
}

// into lays the settings over a revision.
func (s *settings) into(cmd *cobra.Command, revision map[string]json.RawMessage) error {
	if s.file != "" {
		clear(revision)
		if err := readRevision(cmd.InOrStdin(), s.file, revision); err != nil {
			return err
		}
	}
	for _, pair := range s.set {
		key, value, ok := strings.Cut(pair, "=")
		if !ok {
			return fmt.Errorf("--set %q: write key=value, such as kratos_session_lifespan=2h", pair)
		}
		revision[key] = jsonOf(value)
	}
	if cmd.Flags().Changed("host") {
		raw, err := json.Marshal(append([]string{}, s.hosts...))
		if err != nil {
			return err
		}
		revision["hosts"] = raw
	}
	return nil
}

func readRevision(stdin io.Reader, file string, into map[string]json.RawMessage) error {
	raw, err := io.ReadAll(stdin)
	if file != "-" {
		raw, err = os.ReadFile(file)
	}
	if err != nil {
		return err
	}
	if err := json.Unmarshal(raw, &into); err != nil {
		return fmt.Errorf("%s: it has to be a JSON object: %w", file, err)
	}
	return nil
}

// jsonOf is a value of the command line: JSON where it is any, a text otherwise.
func jsonOf(value string) json.RawMessage {
	if json.Valid([]byte(value)) {
		return json.RawMessage(value)
	}
	raw, err := json.Marshal(value)
	if err != nil {
		return json.RawMessage("null") // unreachable: texts always encode
	}
	return raw
}

func (p projects) create() *cobra.Command {
	var s settings
	var slug string
	cmd := &cobra.Command{
		Use:     "create <name>",
		Short:   "Makes a project",
		Example: `  gatehouse projects create "The shop" --slug shop --host login.shop.example --set kratos_selfservice_methods_totp_enabled=true`,
		Args:    cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			revision := map[string]json.RawMessage{}
			if err := s.into(cmd, revision); err != nil {
				return err
			}
			name, err := json.Marshal(args[0])
			if err != nil {
				return err
			}
			revision["name"] = name
			if slug != "" {
				revision["slug"] = jsonOf(`"` + slug + `"`)
			}
			return p.tell(cmd, http.MethodPost, "/projects", revision)
		},
	}
	s.flags(cmd)
	cmd.Flags().StringVar(&slug, "slug", "", "the first part of its host; made up when it is left out")
	return cmd
}

// tell sends a request and shows the project that it is answered with.
func (p projects) tell(cmd *cobra.Command, method, path string, body any) error {
	var got projectRow
	if err := p.ask(cmd.Context(), method, path, body, &got); err != nil {
		return err
	}
	return p.shared.show(cmd.OutOrStdout(), got, projectHead, projectRows(got))
}

func (p projects) show() *cobra.Command {
	return &cobra.Command{
		Use:   "show <project>",
		Short: "Writes the revision of a project that is in force, as JSON",
		Args:  cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			found, err := p.find(cmd.Context(), args[0])
			if err != nil {
				return err
			}
			e := json.NewEncoder(cmd.OutOrStdout())
			e.SetIndent("", "  ")
			if p.format == jsonText {
				return e.Encode(found)
			}
			return e.Encode(found.Current)
		},
	}
}

func (p projects) update() *cobra.Command {
	var s settings
	cmd := &cobra.Command{
		Use:   "update <project>",
		Short: "Makes a new revision: the one in force with --set laid over it, or the one in --file",
		Example: `  gatehouse projects update shop --set kratos_session_lifespan=12h
  gatehouse projects show shop | edit | gatehouse projects update shop --file -`,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			if s.file == "" && len(s.set) == 0 && !cmd.Flags().Changed("host") {
				return errors.New("nothing to change: use --set, --host or --file")
			}
			found, err := p.find(cmd.Context(), args[0])
			if err != nil {
				return err
			}
			revision := map[string]json.RawMessage{}
			if err := json.Unmarshal(found.Current, &revision); err != nil {
				return fmt.Errorf("reading the revision in force: %w", err)
			}
			if err := s.into(cmd, revision); err != nil {
				return err
			}
			return p.tell(cmd, http.MethodPut, "/projects/"+found.ID, revision)
		},
	}
	s.flags(cmd)
	return cmd
}

func (p projects) history() *cobra.Command {
	return &cobra.Command{
		Use:   "history <project>",
		Short: "Lists the revisions of a project, the newest first",
		Args:  cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			found, err := p.find(cmd.Context(), args[0])
			if err != nil {
				return err
			}
			var rows [][]string
			for _, raw := range found.Revisions {
				var r revisionRow
				if err := json.Unmarshal(raw, &r); err != nil {
					return fmt.Errorf("reading a revision: %w", err)
				}
				rows = append(rows, []string{r.ID, r.Name, r.CreatedAt.Format(time.DateTime)})
			}
			return p.shared.show(cmd.OutOrStdout(), found.Revisions, "REVISION\tNAME\tMADE", rows)
		},
	}
}

func (p projects) rollback() *cobra.Command {
	return &cobra.Command{
		Use:   "rollback <project> <revision>",
		Short: "Makes a revision of the history the newest again, with the secrets it had",
		Args:  cobra.ExactArgs(2),
		RunE: func(cmd *cobra.Command, args []string) error {
			found, err := p.find(cmd.Context(), args[0])
			if err != nil {
				return err
			}
			return p.tell(cmd, http.MethodPut, "/projects/"+found.ID+"/current-revision", map[string]string{"revision_id": args[1]})
		},
	}
}

func (p projects) purge() *cobra.Command {
	var sure bool
	cmd := &cobra.Command{
		Use:   "purge <project> --yes",
		Short: "Deletes a project with everything that belongs to it",
		Args:  cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			if !sure {
				return errors.New("this deletes all of the project's people and can't be undone: add --yes")
			}
			found, err := p.find(cmd.Context(), args[0])
			if err != nil {
				return err
			}
			return p.ask(cmd.Context(), http.MethodDelete, "/projects/"+found.ID, nil, nil)
		},
	}
	cmd.Flags().BoolVar(&sure, "yes", false, "really")
	return cmd
}
