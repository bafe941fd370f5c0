// Package sdk calls the host from a plugin written in Go. It is a thin cover over the import module hook_v1: a plugin
// in need of less can declare the imports itself.
//
// Outside of WebAssembly there is no host. The package compiles there, so that editors and go vet work, and finds
// nothing.
package sdk

// Level is the weight of a log line.
type Level uint32

// Levels of Log.
const (
	Debug Level = iota
	Info
	Warn
	Error
)

// Results of a hook. Anything but Done is a failure of the plugin, and the server's on_error setting decides then.
const (
	Done   uint32 = 0
	Failed uint32 = 1
)

// fetch runs a host function that fills a buffer. It returns the full length and copies only what fits, so a longer
// value is fetched a second time.
func fetch(get func(buf []byte) int32) ([]byte, bool) {
	buf := make([]byte, 512)
	n := get(buf)
	if n < 0 {
		return nil, false
	}
	if int(n) > len(buf) {
		buf = make([]byte, n)
		n = result(buf)
	}
	return buf[:n], n >= 0
}

// Field is the value at an RFC 6901 pointer into the context, for example "/identity/traits/email": strings as they
// are, everything else as JSON.
func Field(pointer string) (string, bool) {
	value, ok := fetch(func(buf []byte) int32 { return field(pointer, buf) })
	return string(value), ok
}

// Config is the value of a key of the plugin's configuration, in the same form. The empty key is all of it.
func Config(key string) (string, bool) {
	value, ok := fetch(func(buf []byte) int32 { return config(key, buf) })
	return string(value), ok
}

// Input is the whole context as JSON. Field is much cheaper for a few values.
func Input() ([]byte, bool) { return fetch(input) }

// Output hands over the decision, a JSON document. The last one counts; none at all means continue.
func Output(document string) { output(document) }

// Log writes one line to the server's log.
func Log(level Level, text string) { logLine(level, text) }
