package admincli

import (
	"net/http"
	"net/url"

	"github.com/spf13/cobra"

	"github.com/gatehouse-id/gatehouse/core/project"
)

// members are the subcommands of "projects members".
func (p projects) members() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "members",
		Short: "Lists, adds and removes those who work on a project: identities of the console project",
	}
	cmd.AddCommand(p.listMembers(), p.addMember(), p.removeMember())
	return cmd
}

func (p projects) listMembers() *cobra.Command {
	return &cobra.Command{
		Use:   "list <project>",
		Short: "Lists the members of a project",
		Args:  cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			found, err := p.find(cmd.Context(), args[0])
			if err != nil {
				return err
			}
			all := []project.Person{}
			if err := p.ask(cmd.Context(), http.MethodGet, "/projects/"+found.ID+"/members", nil, &all); err != nil {
				return err
			}
			var rows [][]string
			for _, m := range all {
				rows = append(rows, []string{m.ID, m.Email, m.Name})
			}
			return p.shared.show(cmd.OutOrStdout(), all, "IDENTITY\tEMAIL\tNAME", rows)
		},
	}
}

func (p projects) addMember() *cobra.Command {
	var role string
	cmd := &cobra.Command{
		Use:   "add <project> <identity>",
		Short: "Lets an identity of the console project work on a project, or changes its role",
		Args:  cobra.ExactArgs(2),
		RunE: func(cmd *cobra.Command, args []string) error {
			found, err := p.find(cmd.Context(), args[0])
			if err != nil {
				return err
			}
			body := map[string]string{"identity_id": args[1], "role": role}
			return p.ask(cmd.Context(), http.MethodPost, "/projects/"+found.ID+"/members", body, nil)
		},
	}
	cmd.Flags().StringVar(&role, "role", string(project.Developer), "what the member may do: "+string(project.Owner)+" or "+string(project.Developer))
	complete(cmd, "role", string(project.Owner), string(project.Developer))
	return cmd
}

func (p projects) removeMember() *cobra.Command {
	return &cobra.Command{
		Use:   "remove <project> <identity>",
		Short: "Ends a membership; the last owner stays",
		Args:  cobra.ExactArgs(2),
		RunE: func(cmd *cobra.Command, args []string) error {
			found, err := p.find(cmd.Context(), args[0])
			if err != nil {
				return err
			}
			return p.ask(cmd.Context(), http.MethodDelete, "/projects/"+found.ID+"/members/"+url.PathEscape(args[1]), nil, nil)
		},
	}
}
