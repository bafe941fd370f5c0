// Command oracle runs the recorded cases of a differential test kit against a binary, save what is left to later issues.
//
// The kit's checker knows one list of cases and one set of recordings. This command
// hands it a copy without what the program cannot do yet (parts.go, later.txt), reads its reports
// and decides: every other case has to pass, and what passes too early is named so that the list shrinks.
package main

import (
	_ "embed"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

//go:embed later.txt
var laterTable string

// patient starts the binary when the kit's own servers listen, which the checker doesn't wait for.
// The path starts where run.sh goes, the root of the repository.
const patient = "test/oracle/patient.sh"

// areas are the parts of the API that exist.
var areas = []string{"health", "http", "schemas", "errors", "registration", "login", "whoami", "logout", "settings", "sessions", "admin-sessions", "recovery", "verification", "mfa", "code-login", "oidc", "admin-identities"}

// mount is one of the two sets of recordings: today's API, and that of the seed document.
type mount struct {
	name string
	dir  string   // in the kit
	args []string // of the checker
}

var mounts = []mount{
	{name: "today", dir: "."},
	{name: "seed", dir: "seed", args: []string{"--seed"}},
}

func main() {
	if len(os.Args) != 3 {
		fmt.Fprintln(os.Stderr, "usage: oracle KIT BINARY")
		os.Exit(2)
	}
	failed, err := run(os.Args[1], os.Args[2])
	if err != nil {
		fmt.Fprintln(os.Stderr, "oracle:", err)
		os.Exit(1)
	}
	if failed > 0 {
		fmt.Printf("%d cases failed\n", failed)
		os.Exit(1)
	}
}

// run checks every mount and returns how many cases failed.
func run(kit, binary string) (failed int, err error) {
	later, err := parseLater(laterTable)
	if err != nil {
		return 0, err
	}
	work, err := os.MkdirTemp("", "oracle")
	if err != nil {
		return 0, err
	}
	defer os.RemoveAll(work)
	for _, m := range mounts {
		if err := checkPorts(ports); err != nil {
			return 0, err
		}
		cases, err := reduce(filepath.Join(kit, m.dir), filepath.Join(work, m.name))
		if err != nil {
			return 0, fmt.Errorf("copying the cases of %s: %w", m.name, err)
		}
		results, err := check(kit, binary, m, cases, filepath.Join(work, m.name))
		if err != nil {
			return 0, err
		}
		v := judge(cases, results, later)
		v.print(os.Stdout, m.name)
		failed += len(v.failed)
	}
	for _, l := range later {
		if !l.used {
			return 0, fmt.Errorf("later.txt: no case fits %q", l.glob)
		}
	}
	return failed, nil
}

// check lets the kit's checker run the cases and returns its verdicts by name.
func check(kit, binary string, m mount, cases []testCase, dir string) (map[string]result, error) {
	out := filepath.Join(dir, "reports")
	args := append([]string{filepath.Join(kit, "check.sh"), patient}, m.args...)
	args = append(args, "--scenarios", filepath.Join(dir, "scenarios"), "--expected", filepath.Join(dir, "expected"),
		"--profiles", strings.Join(profiles(cases), " "))
	cmd := exec.Command("bash", args...)
	cmd.Env = append(os.Environ(), "OUT="+out, "ORACLE_BINARY="+binary)
	// The exit code says that some case failed, which is for judge to weigh.
	log, runErr := cmd.CombinedOutput()
	results, err := readReports(out)
	if err != nil {
		return nil, err
	}
	if len(results) == 0 {
		return nil, fmt.Errorf("%s: the checker ran nothing (%v):\n%s", m.name, runErr, log)
	}
	return results, nil
}
