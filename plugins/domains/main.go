// Command domains is a hook plugin that lets people register with e-mail addresses of certain domains only.
//
// It asks the host for two values instead of decoding the whole context, and uses no encoding/json: the module is
// half the size and the answer is ready some hundred microseconds earlier.
package main

// main is not called: the plugin is a reactor, and its hooks are in hook.go.
func main() {}
