package infratest

import (
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"keyfob/internal/template"
)

// root is the repository, seen from this package.
const root = "../.."

func read(t *testing.T, path string) []byte {
	t.Helper()
	data, err := os.ReadFile(filepath.Join(root, path))
	if err != nil {
		t.Fatal(err)
	}
	return data
}

func load(t *testing.T, path string, parameters map[string]string) *template.Template {
	t.Helper()
	tm, err := template.Load(filepath.Join(root, path), template.Options{Parameters: parameters})
	if err != nil {
		t.Fatal(err)
	}
	return tm
}

func glob(t *testing.T, pattern string) []string {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(root, pattern))
	if err != nil || len(files) == 0 {
		t.Fatalf("no file matches %s (%v)", pattern, err)
	}
	return files
}

// tool finds a program that these tests need. A developer may lack it; CI may not.
func tool(t *testing.T, name string) string {
	t.Helper()
	path, err := exec.LookPath(name)
	if err != nil {
		if os.Getenv("CI") != "" {
			t.Fatalf("%s is not installed", name)
		}
		t.Skipf("%s is not installed", name)
	}
	return path
}

// properties gives the resolved properties of a resource.
func properties(t *testing.T, tm *template.Template, id string) map[string]any {
	t.Helper()
	p, err := tm.Properties(id)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// at walks into mappings; nil where there is nothing.
func at(v any, path ...string) any {
	for _, key := range path {
		m, _ := v.(map[string]any)
		v = m[key]
	}
	return v
}

func text(v any, path ...string) string { s, _ := at(v, path...).(string); return s }

// texts reads a text or a list of texts.
func texts(v any) []string {
	switch v := v.(type) {
	case string:
		return []string{v}
	case []any:
		var out []string
		for _, item := range v {
			s, _ := item.(string)
			out = append(out, s)
		}
		return out
	}
	return nil
}

func sorted(list []string) string {
	list = slices.Clone(list)
	slices.Sort(list)
	return strings.Join(list, " ")
}
