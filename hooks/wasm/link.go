package wasm

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/gatehouse-id/gatehouse/hooks/abi"
	"github.com/tetratelabs/wazero/api"
)

// link gives the plugin the functions it imports, and only those. The import list is the permission manifest: what is
// not granted is an error here, not a surprise at night.
func (p *Plugin) link(ctx context.Context) error {
	wanted := map[string]map[string]hostFunc{}
	for _, def := range p.compiled.ImportedFunctions() {
		from, name, _ := def.Import()
		f, err := grant(from, name)
		if err != nil {
			return err
		}
		if !sameTypes(def, f.params, f.results) {
			return fmt.Errorf("it imports %s.%s as %s: the function is %s",
				from, name, signature(def.ParamTypes(), def.ResultTypes()), signature(valueTypes(f.params), valueTypes(f.results)))
		}
		if wanted[from] == nil {
			wanted[from] = map[string]hostFunc{}
		}
		wanted[from][name] = f
	}
	for from, functions := range wanted {
		builder := p.runtime.NewHostModuleBuilder(from)
		for name, f := range functions {
			builder.NewFunctionBuilder().
				WithGoModuleFunction(f.adapt(), valueTypes(f.params), valueTypes(f.results)).Export(name)
		}
		if _, err := builder.Instantiate(ctx); err != nil {
			return fmt.Errorf("linking %s: %w", from, err)
		}
	}
	return nil
}

func grant(from, name string) (hostFunc, error) {
	f, ok := hostModules[from][name]
	if ok {
		return f, nil
	}
	if capability := later[name]; from == abi.Module && capability != "" {
		return f, fmt.Errorf("it imports %s.%s, and the capability %q is not granted", from, name, capability)
	}
	if hostModules[from] == nil {
		known := slices.Sorted(maps.Keys(hostModules))
		return f, fmt.Errorf("it imports %q from %q: a plugin can import from %s only", name, from, strings.Join(known, ", "))
	}
	return f, fmt.Errorf("it imports %s.%s, which does not exist: remove the import or update the server", from, name)
}

func sameTypes(def api.FunctionDefinition, params, results string) bool {
	return slices.Equal(def.ParamTypes(), valueTypes(params)) && slices.Equal(def.ResultTypes(), valueTypes(results))
}

func signature(params, results []api.ValueType) string {
	names := func(types []api.ValueType) string {
		all := make([]string, len(types))
		for i, t := range types {
			all[i] = api.ValueTypeName(t)
		}
		return "(" + strings.Join(all, ", ") + ")"
	}
	return names(params) + " -> " + names(results)
}

// checkExports finds the hooks and refuses exports that have a name of the contract and another type.
func (p *Plugin) checkExports() error {
	if p.compiled.ExportedMemories()[abi.ExportMemory] == nil {
		return fmt.Errorf("it exports no memory named %q", abi.ExportMemory)
	}
	hooks := []string{abi.ExportHook}
	for _, event := range abi.Events() {
		hooks = append(hooks, event.Export())
	}
	exports := p.compiled.ExportedFunctions()
	for _, name := range hooks {
		if exports[name] != nil {
			p.hooks = append(p.hooks, name)
		}
	}
	if len(p.hooks) == 0 {
		if exports["_start"] != nil {
			return errors.New("it is a program, not a plugin: build it as a reactor (Go: -buildmode=c-shared) that exports hook")
		}
		return fmt.Errorf("it exports no hook: export %s or a function of an event, such as %s",
			abi.ExportHook, abi.RegistrationPrePersist.Export())
	}
	p.reseeds = exports[abi.ExportReseed] != nil
	return checkSignatures(exports, p.hooks)
}

func checkSignatures(exports map[string]api.FunctionDefinition, hooks []string) error {
	types := map[string]struct{ params, results string }{
		abi.ExportInitialize: {"", ""}, abi.ExportInit: {"", "i"}, abi.ExportReseed: {"I", ""},
	}
	for _, name := range hooks {
		types[name] = struct{ params, results string }{"", "i"}
	}
	for _, name := range slices.Sorted(maps.Keys(types)) {
		def, want := exports[name], types[name]
		if def != nil && !sameTypes(def, want.params, want.results) {
			return fmt.Errorf("it exports %s as %s: the function has to be %s",
				name, signature(def.ParamTypes(), def.ResultTypes()), signature(valueTypes(want.params), valueTypes(want.results)))
		}
	}
	return nil
}
