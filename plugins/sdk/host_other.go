//go:build !wasm

package sdk

// unavailable is what the host answers when there is nothing to ask.
const unavailable = -6

func input([]byte) int32 { return unavailable }

func field(string, []byte) int32 { return unavailable }

func result([]byte) int32 { return unavailable }

func output(string) {}

func config(string, []byte) int32 { return unavailable }

func logLine(Level, string) {}
