package courier

import (
	"embed"
	"fmt"
	"io/fs"
	"path"
	"sync"
)

// The built-in messages: one frame per part, which all share, and per language a
// file with the sentences of each message. A language is added by a directory.
//
//go:embed builtin
var builtinFiles embed.FS

// fallbackLocale is the language of people of whom none is known.
const fallbackLocale = "en"

// builtins parses the built-in templates, once per process.
var builtins = sync.OnceValue(func() map[slot]template {
	all := map[slot]template{}
	entries, err := fs.ReadDir(builtinFiles, "builtin")
	if err != nil {
		panic(err) // they are part of the program
	}
	for _, e := range entries {
		if e.IsDir() {
			addLanguage(all, e.Name())
		}
	}
	return all
})

func addLanguage(all map[slot]template, locale string) {
	for _, kind := range templateTypes {
		for _, p := range parts {
			frame := p.file + ".gotmpl"
			set, err := parseSet(p.html, []source{
				embedded(path.Join(locale, "common.gotmpl")),
				embedded(path.Join(locale, string(kind)+".gotmpl")),
				embedded(frame),
			})
			if err != nil {
				panic(fmt.Sprintf("parsing the built-in message %s/%s: %v", locale, kind, err))
			}
			all[slot{kind, p.key, locale}] = set[frame]
			if locale == fallbackLocale {
				all[slot{kind, p.key, ""}] = set[frame]
			}
		}
	}
}

func embedded(name string) source {
	text, err := builtinFiles.ReadFile(path.Join("builtin", name))
	if err != nil {
		panic(err)
	}
	return source{name, string(text)}
}
