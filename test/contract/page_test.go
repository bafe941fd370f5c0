package contract

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"testing"
)

const pageHead = "# Operations, and the clients that call them\n\n" +
	"Made of the calls that `TestOperations` makes, with Ory's own clients as they are published:\n" +
	"`go test ./test/contract -run TestOperations -update` writes it anew.\n\n" +
	"Every operation of the seed, and the one by which apps get the session of a third party, is called once for success, and\n" +
	"once for each error that the client's OpenAPI document names; 500 is left out, because no call can ask for it. Where the document is at hand, each answer is compared with it.\n"

// silence says why no call shows what is documented.
type silence struct {
	client     string   // key of the one it is about; "": all
	operations []string // as the seed calls them, else as today's document does
	status     int      // 0: all, and the success too
	why        string
}

var silences = []silence{
	{operations: []string{"listProjects", "createProject"}, status: 404, why: "never: there is nothing in the request that could be missing"},
	{operations: []string{"getProjectMembers", "removeProjectMember"}, status: 406, why: "never: all answers are JSON, whatever is asked for"},
	{
		operations: []string{"initializeSelfServiceSettingsFlowForBrowsers", "toSession"},
		status:     403, why: "asks for a second factor: TestAppIsAskedForAfterItWasSetUp (httpapi) has that story",
	},
	{
		operations: []string{"adminDeleteIdentitySessions", "adminListIdentitySessions"},
		status:     401, why: "never: the admin API asks for no session",
	},
	{operations: []string{"adminListIdentitySessions"}, status: 404, why: "never: the list of an unknown identity is empty"},
	{operations: []string{"getSelfServiceError"}, status: 403, why: "never: whoever has the id may read the error"},
	{operations: []string{"listSessions"}, status: 400, why: "never: a page that doesn't exist is empty, a size out of range is the nearest one"},
	{operations: []string{"revokeSessions"}, status: 400, why: "never: nothing in the request could be wrong"},
	{operations: []string{"listSessions", "revokeSessions"}, status: 404, why: "never: without a session the answer is 401"},
	{operations: []string{"exchangeSessionToken"}, status: 403, why: "never: whoever has both codes may have the session"},
	{operations: []string{"exchangeSessionToken"}, status: 410, why: "never: codes that have expired are like codes that never were"},
	{operations: []string{"exchangeSessionToken"}, status: 422, why: "never: there is nowhere to go"},
	{client: "go", operations: []string{"isAlive", "isReady"}, why: "not in this client"},
}

// silent tells why a client doesn't see an operation answer with a status; "" when there is no reason.
func silent(c *sdkClient, o operation, status int) string {
	for _, s := range silences {
		if (s.client == "" || s.client == c.key) && slices.Contains(s.operations, cmp.Or(o.seed, o.today)) && (s.status == 0 || s.status == status) {
			return s.why
		}
	}
	return ""
}

// page renders what the ledger has, and fails the test for each answer that is
// documented and was neither seen nor said to be impossible.
func page(t *testing.T, calls *ledger) string {
	t.Helper()
	b := &strings.Builder{}
	b.WriteString(pageHead)
	for _, c := range sdkClients {
		fmt.Fprintf(b, "\n## %s, at %s\n\n| operation | success | documented errors, and what provokes them |\n|---|---|---|\n", c.name, c.mount)
		for _, o := range operations {
			if c.operation(o) != "" {
				row(t, b, calls, c, o)
			}
		}
	}
	defects(b)
	return b.String()
}

func row(t *testing.T, b *strings.Builder, calls *ledger, c *sdkClient, o operation) {
	t.Helper()
	success := strconv.Itoa(o.success)
	how := cell(t, calls, c, o, o.success)
	if special := strings.Split(how, "; "); slices.Contains(special, "success") {
		if special = slices.DeleteFunc(special, func(s string) bool { return s == "success" }); len(special) > 0 {
			success += ", with other bodies too: " + strings.Join(special, "; ")
		}
	} else {
		success = how
	}
	var errors []string
	for _, status := range c.documented(o) {
		text := cell(t, calls, c, o, status)
		if text != success { // else one reason is enough for all
			errors = append(errors, fmt.Sprintf("%d: %s", status, text))
		}
	}
	fmt.Fprintf(b, "| `%s`<br>%s %s | %s | %s |\n", c.operation(o), o.method, c.path(o), success, strings.Join(errors, "<br>"))
}

// cell tells what makes an operation answer with a status, or why nothing does.
func cell(t *testing.T, calls *ledger, c *sdkClient, o operation, status int) string {
	t.Helper()
	how := strings.Join(calls.provoked(occasion{c, c.operation(o), status}), "; ")
	why := silent(c, o, status)
	switch {
	case how == "" && why == "":
		t.Errorf("%s: no call of %s was answered with %d", c.name, c.operation(o), status)
	case how != "" && why != "":
		t.Errorf("%s: %s was answered with %d to %s. It was said to be silent: %q", c.name, c.operation(o), status, how, why)
	}
	return how + why
}

// defects lists where answers are as clients know them, and not as their document says.
func defects(b *strings.Builder) {
	b.WriteString("\n## Defects of the published documents\n\nAnswers differ from the documents here, as those of every Kratos do.\n\n" +
		"| document | operation | place | why |\n|---|---|---|---|\n")
	for _, e := range exceptions {
		of := "all"
		if e.operations != nil {
			of = "`" + strings.Join(e.operations, "`, `") + "`"
		}
		fmt.Fprintf(b, "| %s | %s | `%s` | %s |\n", e.document, of, e.at, e.why)
	}
}
