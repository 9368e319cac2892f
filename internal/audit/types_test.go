package audit_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"regexp"
	"slices"
	"strconv"
	"testing"

	"keyfob/internal/audit"
)

// deployments are the types of events that no account has.
var deployments = []string{"leakkeys.changed"}

// What is not listed could not be asked for.
func TestTypesListsEveryTypeThatIsDeclared(t *testing.T) {
	file, err := parser.ParseFile(token.NewFileSet(), "audit.go", nil, 0)
	if err != nil {
		t.Fatal(err)
	}
	var declared []string
	ast.Inspect(file, func(n ast.Node) bool {
		spec, ok := n.(*ast.ValueSpec)
		if !ok {
			return true
		}
		if kind, ok := spec.Type.(*ast.Ident); ok && kind.Name == "Type" {
			text, err := strconv.Unquote(spec.Values[0].(*ast.BasicLit).Value)
			if err != nil {
				t.Fatal(err)
			}
			if !slices.Contains(deployments, text) {
				declared = append(declared, text)
			}
		}
		return true
	})
	listed := audit.Types()
	for _, d := range declared {
		if !slices.Contains(listed, audit.Type(d)) {
			t.Errorf("%s is declared, and not listed", d)
		}
	}
	if len(declared) != len(listed) || len(declared) < 20 {
		t.Errorf("%d are declared, %d listed", len(declared), len(listed))
	}
}

func TestATypeIsANounAndAVerb(t *testing.T) {
	form := regexp.MustCompile(`^[a-z]+\.[a-z]+$`)
	for _, typ := range audit.Types() {
		if !form.MatchString(string(typ)) || string(typ[:len(typ.Noun())+1]) != typ.Noun()+"." {
			t.Errorf("%s, its noun %s", typ, typ.Noun())
		}
	}
}
