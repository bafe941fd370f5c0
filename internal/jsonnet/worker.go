package jsonnet

import (
	"bufio"
	"encoding/json"
	"io"
	"os"
	"runtime/debug"
	"runtime/metrics"
	"time"
)

// workerVariable makes a process a worker.
const workerVariable = "GATEHOUSE_JSONNET_WORKER"

// init turns the process into a worker when it was started as one. It has to
// happen here: the gateway is a module in programs whose main is not ours (any
// Caddy, any test), and most of their packages need not even be initialised.
func init() {
	if os.Getenv(workerVariable) == "1" {
		work(os.Stdin, os.Stdout)
		os.Exit(0)
	}
}

// Limits of a worker.
const (
	maxMemory     = 128 << 20
	watchInterval = 2 * time.Millisecond
)

// request and response are the lines that a worker reads and writes.
type request struct {
	Name   string `json:"name"`
	Source string `json:"source"`
	Input
}

type response struct {
	Result json.RawMessage `json:"result,omitempty"`
	Error  string          `json:"error,omitempty"`
}

// work answers requests until its parent closes the pipe or ends.
func work(in io.Reader, out io.Writer) {
	debug.SetMemoryLimit(maxMemory / 2) // collect in time
	debug.SetMaxStack(maxMemory / 2)
	go watch()
	lines := bufio.NewReader(in)
	if _, err := out.Write([]byte("\n")); err != nil { // the parent waits for this one
		return
	}
	for {
		line, err := lines.ReadBytes('\n')
		if err != nil {
			return
		}
		if _, err := out.Write(append(answer(line), '\n')); err != nil {
			return
		}
	}
}

// watch ends the process when it has too much memory: Go has no hard limit.
func watch() {
	sample := []metrics.Sample{{Name: "/memory/classes/total:bytes"}, {Name: "/memory/classes/heap/released:bytes"}}
	for range time.Tick(watchInterval) {
		metrics.Read(sample)
		if sample[0].Value.Uint64()-sample[1].Value.Uint64() > maxMemory {
			os.Exit(2)
		}
	}
}

func answer(line []byte) []byte {
	var r request
	var res response
	if err := json.Unmarshal(line, &r); err != nil {
		res.Error = "reading the request: " + err.Error()
	} else if result, err := evaluate(r); err != nil {
		res.Error = firstLine(err.Error())
	} else {
		res.Result = json.RawMessage(result)
	}
	out, err := json.Marshal(res) // on one line
	if err != nil {
		out, _ = json.Marshal(response{Error: "the result is not JSON"})
	}
	return out
}
