//go:build wasip1

package main

import "github.com/gatehouse-id/gatehouse/plugins/sdk"

// check makes a list that cannot be read an error when the server starts.
//
//go:wasmexport hook_init
func check() uint32 {
	if _, err := allowed(); err != nil {
		sdk.Log(sdk.Error, err.Error())
		return sdk.Failed
	}
	return sdk.Done
}

//go:wasmexport on_registration_pre_persist
func registration() uint32 {
	domains, err := allowed()
	if err != nil {
		sdk.Log(sdk.Error, err.Error())
		return sdk.Failed
	}
	email, _ := sdk.Field("/identity/traits/email") // absent is refused like any other wrong address
	sdk.Output(decide(email, domains))
	return sdk.Done
}

func allowed() ([]string, error) {
	list, _ := sdk.Config("allow")
	return parseDomains(list)
}
