package schema

import (
	"embed"
	"fmt"
)

//go:embed preset/*.json
var presets embed.FS

func preset(name string) ([]byte, error) {
	raw, err := presets.ReadFile("preset/" + name + ".json")
	if err != nil {
		return nil, fmt.Errorf("there is no preset %q: use email, username or phone", name)
	}
	return raw, nil
}
