package admincli

import (
	"bufio"
	"cmp"
	"context"
	"fmt"
	"io"
	"os"
	"os/signal"
	"path/filepath"
	"syscall"

	"github.com/spf13/cobra"

	"github.com/gatehouse-id/gatehouse/internal/takeover"
)

var exportHelp = Command{
	Name:  "export",
	Usage: "[<file>]",
	Short: "Writes everybody to a file that \"import\" takes",
	Long: `
Writes one identity in each line, as the admin API shows it, with its credentials. The
file holds password hashes: keep it as you keep the data. Authenticator apps and
backup codes are sealed in it, for an installation with the same secrets.cipher (or
secrets.default, where there is none). Sessions stay behind: people sign in again.

With --from it exports another server, such as a Kratos; a token for it stands in the
environment variable GATEHOUSE_FROM_TOKEN. Without a file it writes to the standard
output. A file is there once it is complete.`,
}

// exporting are the flags of "export".
type exporting struct {
	shared
	from    string
	workers int
}

func buildExport(s shared, cmd *cobra.Command) {
	x := &exporting{shared: s}
	cmd.Example = `  gatehouse export people.jsonl
  gatehouse export --from http://kratos:4434 | gatehouse import -`
	cmd.Args = cobra.MaximumNArgs(1)
	cmd.Flags().StringVar(&x.from, "from", "", "URL of the admin API to export from")
	cmd.Flags().IntVar(&x.workers, "concurrency", 8, "how many identities are read at a time")
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		ctx, stop := signal.NotifyContext(cmd.Context(), os.Interrupt, syscall.SIGTERM)
		defer stop()
		if len(args) == 0 || args[0] == "-" {
			return x.run(ctx, cmd, cmd.OutOrStdout())
		}
		return whole(args[0], func(w io.Writer) error { return x.run(ctx, cmd, w) })
	}
}

func (x *exporting) run(ctx context.Context, cmd *cobra.Command, w io.Writer) error {
	const maxWorkers = 64
	if x.workers < 1 || x.workers > maxWorkers {
		return fmt.Errorf("--concurrency can be 1 to %d", maxWorkers)
	}
	from, err := x.server(ctx, cmd)
	if err != nil {
		return err
	}
	var count takeover.Counter
	out := bufio.NewWriter(w)
	e := takeover.Export{From: from, Workers: x.workers, Count: &count, Report: func(p takeover.Problem) {
		fmt.Fprintf(cmd.ErrOrStderr(), "error: %s can't be exported: %s\n", p.ID, p.Reason)
	}}
	stop := progress(cmd.ErrOrStderr(), &count)
	err = e.Run(ctx, out)
	stop()
	if err = cmp.Or(err, out.Flush()); err != nil {
		return err
	}
	n := count.Counts()
	fmt.Fprintf(cmd.ErrOrStderr(), "%d identities were exported\n", n.Moved)
	if n.Failed > 0 {
		return fmt.Errorf("%d identities could not be exported", n.Failed)
	}
	return nil
}

// server is the one that is exported: that of --from, or the gateway that the other flags name.
func (x *exporting) server(ctx context.Context, cmd *cobra.Command) (*takeover.Server, error) {
	if x.from != "" {
		return server(ctx, x.from, cmd.ErrOrStderr())
	}
	api, where, err := x.client()
	if err != nil {
		return nil, err
	}
	s := &takeover.Server{API: api}
	return s, reached(probe(ctx, s, cmd.ErrOrStderr()), where)
}

// whole writes a file that nobody sees before it is complete, and nobody but its owner afterwards.
func whole(path string, write func(io.Writer) error) error {
	file, err := os.CreateTemp(filepath.Dir(path), ".gatehouse-export-*") // mode 0600
	if err != nil {
		return err
	}
	defer os.Remove(file.Name()) // of what is not complete
	err = write(file)
	if synced := file.Sync(); err == nil {
		err = synced
	}
	if closed := file.Close(); err == nil {
		err = closed
	}
	if err != nil {
		return err
	}
	return os.Rename(file.Name(), path)
}
