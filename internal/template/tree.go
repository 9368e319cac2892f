package template

import (
	"errors"
	"fmt"
	"strings"

	"github.com/goccy/go-yaml"
	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/parser"
)

// parseTree reads YAML into maps, slices and scalars, with CloudFormation's short tags written out (!Ref A as
// {"Ref": "A"}), and the line each place starts at.
func parseTree(name string, data []byte) (map[string]any, map[string]int, error) {
	file, err := parser.ParseBytes(data, 0)
	if err != nil {
		e := &Error{File: name, Reason: "it is not YAML"}
		if syntax, ok := errors.AsType[yaml.Error](err); ok {
			e.Reason = "it is not YAML: " + syntax.GetMessage()
			if tok := syntax.GetToken(); tok != nil && tok.Position != nil {
				e.Line = tok.Position.Line
			}
		}
		return nil, nil, e
	}
	p := &treeParser{name: name, lines: make(map[string]int)}
	if len(file.Docs) != 1 || file.Docs[0].Body == nil {
		return nil, nil, &Error{File: name, Reason: "it is not one YAML document"}
	}
	v, err := p.value("", file.Docs[0].Body)
	if err != nil {
		return nil, nil, err
	}
	tree, ok := v.(map[string]any)
	if !ok {
		return nil, nil, &Error{File: name, Line: 1, Reason: "it is not a mapping"}
	}
	return tree, p.lines, nil
}

type treeParser struct {
	name  string
	lines map[string]int
}

func (p *treeParser) value(place string, n ast.Node) (any, error) {
	switch n := n.(type) {
	case *ast.MappingNode:
		m := make(map[string]any, len(n.Values))
		for _, entry := range n.Values {
			if err := p.entry(place, m, entry); err != nil {
				return nil, err
			}
		}
		return m, nil
	case *ast.MappingValueNode:
		m := make(map[string]any, 1)
		err := p.entry(place, m, n)
		return m, err
	case *ast.SequenceNode:
		list := make([]any, len(n.Values))
		for i, item := range n.Values {
			at := fmt.Sprintf("%s[%d]", place, i)
			p.mark(at, item)
			v, err := p.value(at, item)
			if err != nil {
				return nil, err
			}
			list[i] = v
		}
		return list, nil
	case *ast.TagNode:
		return p.tagged(place, n)
	case *ast.StringNode:
		return n.Value, nil
	case *ast.LiteralNode:
		return n.Value.Value, nil
	case *ast.IntegerNode:
		return integer(n), nil
	case *ast.FloatNode:
		return n.Value, nil
	case *ast.BoolNode:
		return n.Value, nil
	case *ast.NullNode, nil:
		return nil, nil
	}
	return nil, p.errorAt(place, n, "CloudFormation has no "+n.Type().String())
}

func (p *treeParser) entry(place string, m map[string]any, n *ast.MappingValueNode) error {
	key, ok := n.Key.(ast.ScalarNode)
	if !ok {
		return p.errorAt(place, n, "a key is not a scalar")
	}
	name := fmt.Sprint(key.GetValue())
	at := join(place, name)
	p.mark(at, n.Key)
	v, err := p.value(at, n.Value)
	if err != nil {
		return err
	}
	m[name] = v
	return nil
}

// tagged writes a short form out. Only CloudFormation's own tags have a meaning.
func (p *treeParser) tagged(place string, n *ast.TagNode) (any, error) {
	name := strings.TrimPrefix(n.Start.Value, "!")
	if strings.HasPrefix(name, "!") {
		return nil, p.errorAt(place, n, "the tag "+n.Start.Value+" is not CloudFormation's")
	}
	if name != "Ref" && name != "Condition" {
		name = "Fn::" + name
	}
	v, err := p.value(place, n.Value)
	if err != nil {
		return nil, err
	}
	return map[string]any{name: v}, nil
}

func (p *treeParser) mark(place string, n ast.Node) {
	if tok := n.GetToken(); tok != nil && tok.Position != nil {
		p.lines[place] = tok.Position.Line
	}
}

func (p *treeParser) errorAt(place string, n ast.Node, reason string) error {
	e := &Error{File: p.name, Place: place, Reason: reason}
	if tok := n.GetToken(); tok != nil && tok.Position != nil {
		e.Line = tok.Position.Line
	}
	return e
}

// integer keeps an account id's leading zeros: CloudFormation reads 012345678901 as text where text is wanted.
func integer(n *ast.IntegerNode) any {
	text := n.Token.Value
	if len(text) > 1 && text[0] == '0' {
		return text
	}
	switch v := n.Value.(type) {
	case int64:
		return v
	case uint64:
		return int64(v) //#nosec G115 -- a template's number that large is nobody's setting, and out of every setting's range
	}
	return text
}

// join makes the place of a key within a place.
func join(place, key string) string {
	if place == "" {
		return key
	}
	return place + "." + key
}
