// Templates, examples and samples as projects of their own.

package tests

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

const goMod = "module project\n\ngo 1.25\n\nrequire weir v0.0.0\n\nreplace weir => \"SDK\"\n"

// inProject runs go in a project of these files.
func inProject(t *testing.T, files map[string]string, env []string, args ...string) string {
	t.Helper()
	sdk, err := filepath.Abs("..")
	if err != nil {
		t.Fatal(err)
	}
	folder := t.TempDir()
	for name, text := range files {
		text = strings.NewReplacer("{{sdk}}", sdk, "SDK", sdk, "{{name}}", "my-project", "{{identifier}}", "my_project").Replace(text)
		if err := os.WriteFile(filepath.Join(folder, name), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	command := exec.Command("go", args...)
	command.Dir, command.Env = folder, append(os.Environ(), append(env, "GOWORK=off", "GOFLAGS=")...)
	output, err := command.CombinedOutput()
	if err != nil {
		t.Errorf("go %s: %v\n%s", strings.Join(args, " "), err, output)
	}
	return folder
}

func read(t *testing.T, path string) string {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

func TestTemplatesPassTheirTests(t *testing.T) {
	for _, template := range []string{"transform", "keyed", "aggregate"} {
		files := map[string]string{"go.mod": read(t, "../template/go.mod.tmpl")}
		for _, name := range []string{"main.go", "main_test.go"} {
			files[name] = read(t, filepath.Join("../template", template, name))
		}
		inProject(t, files, nil, "test", ".")
	}
}

var block = regexp.MustCompile("(?ms)^```go\n(.*?)^```$")

// TestExamplesInDocs runs the programs in a page and their tests: a program is followed by its test.
func TestExamplesInDocs(t *testing.T) {
	for _, page := range []string{"../README.md", "../../../docs/guide/go.md"} {
		var program string
		tested := 0
		for _, found := range block.FindAllStringSubmatch(read(t, page), -1) {
			switch text := found[1]; {
			case strings.Contains(text, "import (\n\t\"testing\"") || strings.Contains(text, "\t\"testing\"\n"):
				inProject(t, map[string]string{"go.mod": goMod, "main.go": program, "main_test.go": text}, nil, "test", ".")
				tested++
			case strings.Contains(text, "package main"):
				program = text
			}
		}
		if tested == 0 {
			t.Errorf("%s has no example with a test", page)
		}
	}
}

func TestExampleOfColumns(t *testing.T) {
	for _, found := range block.FindAllStringSubmatch(read(t, "../README.md"), -1) {
		if strings.Contains(found[1], "transform.NewColumns") {
			program := "package main\n\nimport (\n\t\"weir\"\n\t\"weir/transform\"\n)\n\n" + found[1] + "\nfunc main() {}\n"
			inProject(t, map[string]string{"go.mod": goMod, "main.go": program}, nil, "vet", ".")
			return
		}
	}
	t.Error("there is none")
}

// TestComponentsExportOneWorld builds the samples as `weir build` does.
func TestComponentsExportOneWorld(t *testing.T) {
	worlds := map[string]string{"types": "transform", "counter": "keyed", "average": "aggregate"}
	for sample, world := range worlds {
		files := map[string]string{"go.mod": goMod, "main.go": read(t, filepath.Join("../samples", sample, "main.go"))}
		env := []string{"GOOS=wasip1", "GOARCH=wasm"}
		folder := inProject(t, files, env, "build", "-buildmode=c-shared", "-trimpath", "-buildvcs=false", "-o", "out.wasm", ".")
		module := read(t, filepath.Join(folder, "out.wasm"))
		for _, other := range worlds {
			if has := strings.Contains(module, "weir:operator/"+other+"@0.1.0#describe"); has != (other == world) {
				t.Errorf("%s exports %s: %v", sample, other, has)
			}
		}
	}
}
