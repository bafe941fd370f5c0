package importgraph

import (
	"fmt"
	"strings"
	"testing"
)

func TestPackageSentences(t *testing.T) {
	for _, p := range load(t) {
		if len(p.files) == 0 {
			continue // tests only
		}
		comments := packageComments(p)
		if len(comments) != 1 {
			t.Errorf("%s: got %d package comments, want 1", p.name, len(comments))
			continue
		}
		if fault := checkSentence(p, comments[0]); fault != "" {
			t.Errorf("%s: %s", p.name, fault)
		}
	}
}

func TestOtherSentencesAreNamed(t *testing.T) {
	flow := pkg{name: "core/flow", ident: "flow"}
	for comment, want := range map[string]string{
		"Package flow " + sentences["core/flow"] + " And more.": "",
		"Package flow holds flows.":                             `its comment should begin "Package flow says what`,
		"flow " + sentences["core/flow"]:                        `its comment should begin "Package flow says what`,
	} {
		got := checkSentence(flow, comment)
		if (got == "") != (want == "") || !strings.HasPrefix(got, want) {
			t.Errorf("%q: got %q, want %q", comment, got, want)
		}
	}
}

// packageComments returns what is written above the package clauses, each on one line.
func packageComments(p pkg) []string {
	var comments []string
	for _, f := range p.files {
		if f.syntax.Doc != nil {
			comments = append(comments, strings.Join(strings.Fields(f.syntax.Doc.Text()), " "))
		}
	}
	return comments
}

// checkSentence says what is wrong with a package comment, "" if nothing.
func checkSentence(p pkg, comment string) string {
	want := fmt.Sprintf("Package %s %s", p.ident, sentences[p.name])
	if p.ident == "main" {
		want = fmt.Sprintf("Command %s ", p.name[strings.LastIndex(p.name, "/")+1:])
	}
	if !strings.HasPrefix(comment, want) {
		return fmt.Sprintf("its comment should begin %q, got %q", want, comment)
	}
	return ""
}
