package config

import (
	"os"
	"strings"
	"testing"
)

// TestCrossFieldProblemsHaveTheirLine: what contradicts each other is found once
// everything is read, and still has a place.
func TestCrossFieldProblemsHaveTheirLine(t *testing.T) {
	text, err := os.ReadFile("testdata/contradictions.yml")
	if err != nil {
		t.Fatal(err)
	}
	environ := []string{"SESSION_COOKIE_PATH=app"}
	c, _, err := ParseWithEnv("contradictions.yml", text, environ)
	if err != nil {
		t.Fatal(err)
	}
	err = Locate(c.Validate(), "contradictions.yml", text, environ)
	if err == nil {
		t.Fatal("the document is found to be valid")
	}
	golden(t, "contradictions.golden", err.Error()+"\n")
}

func TestOtherErrorsStayAsTheyAre(t *testing.T) {
	if err := Locate(nil, "a.yml", nil, nil); err != nil {
		t.Errorf("got %v of nothing", err)
	}
	if err := Locate(os.ErrNotExist, "a.yml", []byte("]"), nil); err != os.ErrNotExist {
		t.Errorf("got %v", err)
	}
}

func TestUnwiseValuesHaveTheirLine(t *testing.T) {
	_, warnings := parse(t, "hashers:\n  algorithm: bcrypt\n  bcrypt:\n    cost: 8\n")
	if len(warnings) != 1 || warnings[0].Line != 4 || !strings.Contains(warnings[0].Text, "12 or more") {
		t.Errorf("got %v, want one about line 4", warnings)
	}
}
