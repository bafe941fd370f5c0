package main

import "encoding/json"

// divergence is a place where an answer differs from the recorded one on purpose. docs/divergences.md says why, and which
// test of ours holds it instead.
type divergence struct {
	testCase string
	Step     string `json:"step"`
	Path     string `json:"path"` // as the checker's report shows it
	Reason   string `json:"reason"`
}

var divergences = []divergence{
	{"admin-update", "change-schema", "body.schema_url*", "the URL of the schema that the identity had before"},
	{"admin-update", "change-schema", "body.credentials.*.identifiers*", "an address that the identity doesn't have any more"},
}

// withDivergences tells the checker what it is to leave out of a case.
func withDivergences(name string, scenario []byte) ([]byte, error) {
	var fields map[string]any
	if err := json.Unmarshal(scenario, &fields); err != nil {
		return nil, err
	}
	ignored, _ := fields["ignore"].([]any)
	for _, d := range divergences {
		if d.testCase == name {
			ignored = append(ignored, d)
		}
	}
	if ignored == nil {
		return scenario, nil
	}
	fields["ignore"] = ignored
	return json.Marshal(fields)
}
