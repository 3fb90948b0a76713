// Renders trees with kustomize's own library, in the version that Flux's kustomize-controller pins.
//
// Each line of standard input is a tree, {"files": {path: text}, "path": directory}; each line of standard output
// its answer, {"yaml": stream} or {"error": text}. One process for thousands of trees: starting a binary costs more
// than rendering does.
package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"os"

	"sigs.k8s.io/kustomize/api/krusty"
	"sigs.k8s.io/kustomize/api/types"
	"sigs.k8s.io/kustomize/kyaml/filesys"
)

type tree struct {
	Files map[string]string `json:"files"`
	Path  string            `json:"path"`
}

type answer struct {
	YAML  string `json:"yaml,omitempty"`
	Error string `json:"error,omitempty"`
}

func main() {
	in := bufio.NewScanner(os.Stdin)
	in.Buffer(nil, 1<<28)
	out := json.NewEncoder(os.Stdout)
	for in.Scan() {
		var t tree
		if err := json.Unmarshal(in.Bytes(), &t); err != nil {
			fmt.Fprintln(os.Stderr, "a line of the input is not a tree:", err)
			os.Exit(1)
		}
		if err := out.Encode(render(t)); err != nil {
			os.Exit(1)
		}
	}
}

// render builds as Flux does: no load restriction, no plugins, no sorting. A panic in kustomize is an error as well.
func render(t tree) (a answer) {
	defer func() {
		if r := recover(); r != nil {
			a = answer{Error: fmt.Sprint("panic: ", r)}
		}
	}()
	fs := filesys.MakeFsInMemory()
	for path, text := range t.Files {
		if err := fs.WriteFile(path, []byte(text)); err != nil {
			return answer{Error: err.Error()}
		}
	}
	options := krusty.MakeDefaultOptions()
	options.LoadRestrictions = types.LoadRestrictionsNone
	options.PluginConfig = types.DisabledPluginConfig()
	objects, err := krusty.MakeKustomizer(options).Run(fs, t.Path)
	if err != nil {
		return answer{Error: err.Error()}
	}
	text, err := objects.AsYaml()
	if err != nil {
		return answer{Error: err.Error()}
	}
	return answer{YAML: string(text)}
}
