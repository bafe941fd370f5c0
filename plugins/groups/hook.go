//go:build wasip1

package main

import "github.com/gatehouse-id/gatehouse/plugins/sdk"

// check makes a policy that cannot be read an error when the server starts.
//
//go:wasmexport hook_init
func check() uint32 {
	_, err := policy()
	return done(err)
}

//go:wasmexport on_oidc_claims
func claims() uint32 {
	p, err := policy()
	if err != nil {
		return done(err)
	}
	context, _ := sdk.Input()
	answer, err := p.decide(context)
	if err != nil {
		return done(err)
	}
	sdk.Output(answer)
	return sdk.Done
}

func policy() (*Policy, error) {
	text, _ := sdk.Config("")
	return parsePolicy(text)
}

func done(err error) uint32 {
	if err == nil {
		return sdk.Done
	}
	sdk.Log(sdk.Error, err.Error())
	return sdk.Failed
}
