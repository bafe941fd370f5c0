package main

import (
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
)

// testCase is what we need to know of a scenario file of the kit.
type testCase struct {
	Name  string
	Area  string
	Needs []string // profiles of the server
}

// reduce copies the scenarios of our areas, and their recordings, from a folder of the kit to dst.
func reduce(src, dst string) ([]testCase, error) {
	files, err := filepath.Glob(filepath.Join(src, "scenarios", "*.json"))
	if err != nil {
		return nil, err
	}
	var cases []testCase
	for _, name := range files {
		var c testCase
		scenario, err := os.ReadFile(name)
		if err != nil {
			return nil, err
		}
		if err := json.Unmarshal(scenario, &c); err != nil {
			return nil, err
		}
		if !slices.Contains(areas, c.Area) {
			continue
		}
		if scenario, err = withDivergences(c.Name, scenario); err != nil {
			return nil, err
		}
		recording, err := os.ReadFile(filepath.Join(src, "expected", c.Name+".json"))
		if err != nil {
			return nil, err
		}
		if err := write(filepath.Join(dst, "scenarios", c.Name+".json"), scenario); err != nil {
			return nil, err
		}
		if err := write(filepath.Join(dst, "expected", c.Name+".json"), recording); err != nil {
			return nil, err
		}
		cases = append(cases, c)
	}
	return cases, nil
}

func write(name string, content []byte) error {
	if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
		return err
	}
	return os.WriteFile(name, content, 0o644)
}

// profiles lists what the cases need, each once.
func profiles(cases []testCase) []string {
	var all []string
	for _, c := range cases {
		all = append(all, c.Needs...)
	}
	slices.Sort(all)
	return slices.Compact(all)
}
