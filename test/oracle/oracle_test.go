package main

import (
	"encoding/json"
	"net"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
)

func TestReduceKeepsOurAreas(t *testing.T) {
	kit, dst := t.TempDir(), t.TempDir()
	put := func(name, content string) {
		t.Helper()
		if err := write(filepath.Join(kit, name), []byte(content)); err != nil {
			t.Fatal(err)
		}
	}
	put("scenarios/login-a.json", `{"name":"login-a","area":"login","needs":["short"]}`)
	const want = `{"nodes":[{"group":"password","max":12345678901234567890}],"address":{"status":"sent"}}`
	put("expected/login-a.json", want)
	put("scenarios/later-a.json", `{"name":"later-a","area":"of-a-later-issue","needs":["default"]}`)
	put("expected/later-a.json", `{}`)

	cases, err := reduce(kit, dst)
	if err != nil {
		t.Fatal(err)
	}
	if want := []testCase{{Name: "login-a", Area: "login", Needs: []string{"short"}}}; !reflect.DeepEqual(cases, want) {
		t.Errorf("got %v, want %v", cases, want)
	}
	got, err := os.ReadFile(filepath.Join(dst, "expected", "login-a.json"))
	if err != nil {
		t.Fatal(err)
	}
	if string(got) != want {
		t.Errorf("got %s, want %s", got, want)
	}
	if _, err := os.Stat(filepath.Join(dst, "scenarios", "later-a.json")); !os.IsNotExist(err) {
		t.Errorf("later-a was copied: %v", err)
	}
}

func TestReduceNeedsARecordingForEveryCase(t *testing.T) {
	kit := t.TempDir()
	if err := write(filepath.Join(kit, "scenarios/login-a.json"), []byte(`{"name":"login-a","area":"login"}`)); err != nil {
		t.Fatal(err)
	}
	if _, err := reduce(kit, t.TempDir()); err == nil {
		t.Error("got no error for a case without a recording")
	}
}

func TestJudge(t *testing.T) {
	later, err := parseLater("# comment\n\nlogin-code-*  4  needs codes  # until then\nlogout-x 3 early\n")
	if err != nil {
		t.Fatal(err)
	}
	cases := []testCase{{Name: "login-a"}, {Name: "login-b"}, {Name: "login-c"}, {Name: "login-code-a"}, {Name: "login-code-b"}, {Name: "logout-x"}}
	v := judge(cases, map[string]result{
		"login-a":      {Name: "login-a", Passed: true},
		"login-b":      {Name: "login-b", Must: []difference{{Step: "init", Path: "status", Expected: 200, Got: 404}}},
		"login-code-a": {Name: "login-code-a"},
		"logout-x":     {Name: "logout-x", Passed: true},
	}, later)

	var out strings.Builder
	v.print(&out, "today")
	want := `today: 2 passed, 3 failed, 1 left to later issues
  FAIL login-b
       init: status: expected 200, got 404
  FAIL login-c
       all: run: expected a result, got none
  FAIL login-code-b
       all: run: expected a result, got none
  later login-code-a (issue 4): needs codes
  passes now: delete logout-x from later.txt
`
	if out.String() != want {
		t.Errorf("got\n%s\nwant\n%s", out.String(), want)
	}
}

func TestLaterTableParses(t *testing.T) {
	if _, err := parseLater(laterTable); err != nil {
		t.Error(err)
	}
	for _, bad := range []string{"login-a 3", "login-[ 3 why"} {
		if _, err := parseLater(bad); err == nil {
			t.Errorf("%q: got no error", bad)
		}
	}
}

func TestReadReportsAsTheCheckerWritesThem(t *testing.T) {
	dir := t.TempDir()
	report := map[string]any{"profile": "short", "scenarios": []any{map[string]any{
		"name": "login-a", "area": "login", "passed": false,
		"must": []any{map[string]any{"step": "init", "level": "MUST", "path": "status", "expected": "200", "got": "404"}},
	}}}
	content, err := json.Marshal(report)
	if err != nil {
		t.Fatal(err)
	}
	if err := write(filepath.Join(dir, "short.json"), content); err != nil {
		t.Fatal(err)
	}
	got, err := readReports(dir)
	if err != nil {
		t.Fatal(err)
	}
	want := map[string]result{"login-a": {Name: "login-a", Must: []difference{{Step: "init", Path: "status", Expected: "200", Got: "404"}}}}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
}

func TestPortsInUseAreNamed(t *testing.T) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	port := listener.Addr().(*net.TCPAddr).Port
	if err := checkPorts([]int{port}); err == nil {
		t.Errorf("port %d is in use: got no error", port)
	}
	listener.Close()
	if err := checkPorts([]int{port}); err != nil {
		t.Errorf("port %d is free: got %v", port, err)
	}
}
