package admincli

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/signal"
	"strings"
	"syscall"

	"github.com/spf13/cobra"

	"github.com/gatehouse-id/gatehouse/internal/adminapi"
	"github.com/gatehouse-id/gatehouse/internal/takeover"
)

// sourceVariable is the environment variable with the token for --from.
const sourceVariable = "GATEHOUSE_FROM_TOKEN"

var importHelp = Command{
	Name:  "import",
	Usage: "<file> | --from <URL>",
	Short: "Moves people here, from a Kratos that runs or from a file",
	Long: `
Takes identities over with their ids, traits, metadata, verified addresses and
credentials: password hashes, social sign-ins, security keys, passkeys,
authenticator apps and backup codes, as far as the source shows them. People sign in
as before; a hash of another kind is replaced when its owner signs in.

--from is the admin API of any Kratos, or of a Gatehouse; a token for it stands in
the environment variable GATEHOUSE_FROM_TOKEN. A file has one identity in each line,
as "gatehouse export" writes it; "-" is the standard input.

Who is here already, by id, is left as they are. So an import that was interrupted is
finished by doing it again, and done once more it brings those who came meanwhile.
What can't be imported is written to a report and stops nobody else.`,
}

// importing are the flags of "import".
type importing struct {
	shared
	from    string
	batch   int
	workers int
	report  string
}

func buildImport(s shared, cmd *cobra.Command) {
	i := &importing{shared: s}
	cmd.Example = `  gatehouse import --from http://kratos:4434
  gatehouse import people.jsonl --url https://accounts.internal:4434`
	cmd.Args = cobra.MaximumNArgs(1)
	f := cmd.Flags()
	f.StringVar(&i.from, "from", "", "URL of the admin API to import from")
	f.IntVar(&i.batch, "batch", 100, "how many go together")
	f.IntVar(&i.workers, "concurrency", 8, "how many batches go at a time")
	f.StringVar(&i.report, "report", "gatehouse-import-report.jsonl", "file for those who can't be imported, one in each line")
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		ctx, stop := signal.NotifyContext(cmd.Context(), os.Interrupt, syscall.SIGTERM)
		defer stop()
		return i.run(ctx, cmd, args)
	}
}

func (i *importing) run(ctx context.Context, cmd *cobra.Command, args []string) error {
	const maxBatch, maxWorkers = 500, 64
	if i.batch < 1 || i.batch > maxBatch || i.workers < 1 || i.workers > maxWorkers {
		return fmt.Errorf("--batch can be 1 to %d, --concurrency 1 to %d", maxBatch, maxWorkers)
	}
	to, where, err := i.client()
	if err != nil {
		return err
	}
	// Who can't be reached, or lets nobody in, should say so before anything else is asked.
	if _, err := to.Call(ctx, http.MethodGet, "/identities?page_size=1", nil, nil); err != nil {
		return reached(err, where)
	}
	from, end, err := i.source(ctx, cmd, args)
	if err != nil {
		return err
	}
	defer end()
	report, err := newReport(i.report)
	if err != nil {
		return err
	}
	var count takeover.Counter
	m := takeover.Import{From: from, To: to, Batch: i.batch, Workers: i.workers, Report: report.add, Count: &count}
	stopProgress := progress(cmd.ErrOrStderr(), &count)
	err = m.Run(ctx)
	stopProgress()
	return i.finish(cmd, count.Counts(), cmp.Or(err, report.close()), report)
}

// source opens what is imported from; end closes it.
func (i *importing) source(ctx context.Context, cmd *cobra.Command, args []string) (from takeover.Source, end func(), err error) {
	end = func() {}
	switch {
	case (i.from == "") == (len(args) == 0):
		return nil, nil, errors.New("import needs either a file or --from")
	case i.from != "":
		s, err := server(ctx, i.from, cmd.ErrOrStderr())
		if err != nil {
			return nil, nil, err
		}
		return s.Everybody, end, nil
	case args[0] == "-":
		return takeover.Lines(cmd.InOrStdin()), end, nil
	}
	file, err := os.Open(args[0])
	if err != nil {
		return nil, nil, err
	}
	return takeover.Lines(file), func() { file.Close() }, nil
}

// server reaches the admin API that is imported or exported from, and warns of what it hides.
func server(ctx context.Context, from string, warnings io.Writer) (*takeover.Server, error) {
	api, err := adminapi.Find(ctx, from, os.Getenv(sourceVariable))
	if err != nil {
		return nil, err
	}
	s := &takeover.Server{API: api}
	return s, probe(ctx, s, warnings)
}

func probe(ctx context.Context, s *takeover.Server, warnings io.Writer) error {
	hidden, err := s.Probe(ctx)
	if len(hidden) > 0 {
		fmt.Fprintf(warnings, "warning: this server doesn't show credentials of the types %s: they stay behind\n", strings.Join(hidden, ", "))
	}
	return err
}

// finish tells what came of it.
func (i *importing) finish(cmd *cobra.Command, n takeover.Counts, err error, report *report) error {
	if shown := i.show(cmd.OutOrStdout(), n, "IMPORTED\tHERE ALREADY\tFAILED", [][]string{
		{fmt.Sprint(n.Moved), fmt.Sprint(n.There), fmt.Sprint(n.Failed)},
	}); shown != nil {
		return shown
	}
	if report.lines > 0 {
		fmt.Fprintf(cmd.ErrOrStderr(), "%s has %d errors and warnings\n", report.path, report.lines)
	}
	switch {
	case err != nil:
		return fmt.Errorf("%w\n(the same command goes on where this one ended)", err)
	case n.Failed > 0:
		return fmt.Errorf("%d people could not be imported", n.Failed)
	}
	return nil
}
