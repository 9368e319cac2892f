package streams

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
)

// A pattern is a filter of Lambda's event filtering: an object of patterns and of lists of rules. All its members
// have to match; of a list of rules, one.
type pattern struct {
	fields  []field
	choices [][]pattern // each $or: one of these has to match too
}

type field struct {
	name   string
	nested *pattern // or
	rules  []rule
}

// parsePattern reads a filter. The error names what is not understood, so that nothing is let through or held back
// by a rule that AWS would read otherwise.
func parsePattern(text []byte) (pattern, error) {
	v, err := parseJSON(text)
	if err != nil {
		return pattern{}, fmt.Errorf("it is not JSON: %w", err)
	}
	m, ok := v.(map[string]any)
	if !ok {
		return pattern{}, errors.New("it is not a JSON object")
	}
	return compile(m)
}

func parseJSON(text []byte) (any, error) {
	d := json.NewDecoder(bytes.NewReader(text))
	var v any
	if err := d.Decode(&v); err != nil {
		return nil, err
	}
	if d.More() {
		return nil, errors.New("there is something behind it")
	}
	return v, nil
}

func compile(m map[string]any) (pattern, error) {
	var p pattern
	for name, v := range m {
		switch v := v.(type) {
		case map[string]any:
			nested, err := compile(v)
			if err != nil {
				return p, err
			}
			p.fields = append(p.fields, field{name: name, nested: &nested})
		case []any:
			if name == "$or" {
				if err := p.addChoice(v); err != nil {
					return p, err
				}
				continue
			}
			rules, err := compileRules(name, v)
			if err != nil {
				return p, err
			}
			p.fields = append(p.fields, field{name: name, rules: rules})
		default:
			return p, fmt.Errorf("%q has neither an object nor a list", name)
		}
	}
	if len(p.fields)+len(p.choices) == 0 {
		return p, errors.New("an object in it is empty")
	}
	return p, nil
}

func (p *pattern) addChoice(list []any) error {
	var choice []pattern
	for _, item := range list {
		m, ok := item.(map[string]any)
		if !ok {
			return errors.New("$or has something else than objects")
		}
		c, err := compile(m)
		if err != nil {
			return err
		}
		choice = append(choice, c)
	}
	if len(choice) == 0 {
		return errors.New("$or is empty")
	}
	p.choices = append(p.choices, choice)
	return nil
}

// matches reports whether the event satisfies the pattern. Where a list is found on the way, one of its elements
// has to.
func (p pattern) matches(event any) bool {
	if list, ok := event.([]any); ok {
		return slices.ContainsFunc(list, p.matches)
	}
	m, _ := event.(map[string]any)
	for _, f := range p.fields {
		v, present := m[f.name]
		if f.nested != nil {
			if !f.nested.matches(v) {
				return false
			}
		} else if !anyRule(f.rules, v, present) {
			return false
		}
	}
	for _, choice := range p.choices {
		if !slices.ContainsFunc(choice, func(c pattern) bool { return c.matches(event) }) {
			return false
		}
	}
	return true
}

func anyRule(rules []rule, v any, present bool) bool {
	for _, r := range rules {
		if list, ok := v.([]any); ok {
			if slices.ContainsFunc(list, func(e any) bool { return r(e, true) }) {
				return true
			}
		} else if r(v, present) {
			return true
		}
	}
	return false
}

func compileRules(name string, list []any) ([]rule, error) {
	if len(list) == 0 {
		return nil, fmt.Errorf("%q has an empty list", name)
	}
	var rules []rule
	for _, item := range list {
		r, err := compileRule(item)
		if err != nil {
			return nil, fmt.Errorf("%q: %w", name, err)
		}
		rules = append(rules, r)
	}
	return rules, nil
}
