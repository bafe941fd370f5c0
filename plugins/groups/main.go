// Command groups is a hook plugin that lets people sign in with a provider only while they are in certain groups there,
// and makes roles of the groups.
package main

// main is not called: the plugin is a reactor, and its hooks are in hook.go.
func main() {}
