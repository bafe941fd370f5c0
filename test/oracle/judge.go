package main

import (
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path"
	"path/filepath"
	"strings"
)

// laterCase is a row of later.txt: cases that need what a later issue brings.
type laterCase struct {
	glob, issue, why string
	used             bool // some case fits
}

// parseLater reads the table: a glob, the number of an issue and a reason per line; # begins a comment.
func parseLater(table string) ([]*laterCase, error) {
	var rows []*laterCase
	for line := range strings.Lines(table) {
		line, _, _ = strings.Cut(line, "#")
		fields := strings.Fields(line)
		if len(fields) == 0 {
			continue
		}
		if len(fields) < 3 {
			return nil, fmt.Errorf("later.txt: %q needs a case, an issue and a reason", strings.TrimSpace(line))
		}
		if _, err := path.Match(fields[0], ""); err != nil {
			return nil, fmt.Errorf("later.txt: %q: %w", fields[0], err)
		}
		rows = append(rows, &laterCase{glob: fields[0], issue: fields[1], why: strings.Join(fields[2:], " ")})
	}
	return rows, nil
}

// result is the checker's verdict on one case.
type result struct {
	Name   string
	Passed bool
	Must   []difference
}

// difference is something that the recording has and we don't.
type difference struct {
	Step, Path string
	Expected   any
	Got        any
}

// readReports reads what the checker wrote, one file per profile.
func readReports(dir string) (map[string]result, error) {
	files, err := filepath.Glob(filepath.Join(dir, "*.json"))
	if err != nil {
		return nil, err
	}
	results := map[string]result{}
	for _, name := range files {
		content, err := os.ReadFile(name)
		if err != nil {
			return nil, err
		}
		var report struct{ Scenarios []result }
		if err := json.Unmarshal(content, &report); err != nil {
			return nil, fmt.Errorf("reading %s: %w", filepath.Base(name), err)
		}
		for _, r := range report.Scenarios {
			results[r.Name] = r
		}
	}
	return results, nil
}

// verdict sorts the cases of one mount.
type verdict struct {
	passed   int
	failed   []result
	expected []string // failed, and later.txt says so
	early    []string // passed although later.txt lists them
}

// judge weighs the results. A case without a result has failed: its server did not start or its turn never came.
func judge(cases []testCase, results map[string]result, later []*laterCase) verdict {
	var v verdict
	for _, c := range cases {
		r, ran := results[c.Name]
		row := find(later, c.Name)
		switch {
		case !ran:
			v.failed = append(v.failed, result{Name: c.Name, Must: []difference{{Step: "all", Path: "run", Expected: "a result", Got: "none"}}})
		case row == nil && r.Passed:
			v.passed++
		case row == nil:
			v.failed = append(v.failed, r)
		case r.Passed:
			v.early = append(v.early, c.Name)
		default:
			v.expected = append(v.expected, fmt.Sprintf("%s (issue %s): %s", c.Name, row.issue, row.why))
		}
	}
	return v
}

// find returns the first row that a case fits, and remembers that it was needed.
func find(later []*laterCase, name string) *laterCase {
	for _, l := range later {
		if ok, _ := path.Match(l.glob, name); ok {
			l.used = true
			return l
		}
	}
	return nil
}

func (v verdict) print(w io.Writer, name string) {
	fmt.Fprintf(w, "%s: %d passed, %d failed, %d left to later issues\n", name, v.passed+len(v.early), len(v.failed), len(v.expected))
	for _, r := range v.failed {
		fmt.Fprintf(w, "  FAIL %s\n", r.Name)
		for _, d := range r.Must {
			fmt.Fprintf(w, "       %s: %s: expected %v, got %v\n", d.Step, d.Path, d.Expected, d.Got)
		}
	}
	for _, line := range v.expected {
		fmt.Fprintf(w, "  later %s\n", line)
	}
	for _, line := range v.early {
		fmt.Fprintf(w, "  passes now: delete %s from later.txt\n", line)
	}
}
