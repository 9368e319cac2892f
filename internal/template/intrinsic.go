package template

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
)

func (s *scope) ref(place, name string) (any, error) {
	if v, ok := s.pseudo[name]; ok {
		return v, nil
	}
	if v, ok := s.parameters[name]; ok {
		if v == nil {
			return nil, s.errorAt(place, "the parameter "+name+" has no default and no value was given")
		}
		return v, nil
	}
	if _, ok := s.resources[name]; ok {
		return name, nil
	}
	return nil, s.errorAt(place, "there is no parameter or resource "+name)
}

// getAtt gives the placeholder for what only a deployment knows: "${Table.StreamArn}".
func (s *scope) getAtt(place string, arg any) (any, error) {
	var path string
	switch arg := arg.(type) {
	case string:
		path = arg
	case []any:
		parts := make([]string, len(arg))
		for i, p := range arg {
			parts[i] = scalar(p)
		}
		path = strings.Join(parts, ".")
	}
	id, attribute, ok := strings.Cut(path, ".")
	if !ok || attribute == "" {
		return nil, s.errorAt(place, "GetAtt takes a resource and an attribute")
	}
	if _, ok := s.resources[id]; !ok {
		return nil, s.errorAt(place, "there is no resource "+id)
	}
	return "${" + path + "}", nil
}

// logicalID gives the resource that a resolved property refers to: by Ref, or by GetAtt of any attribute.
func logicalID(v string) string {
	if inner, ok := strings.CutPrefix(v, "${"); ok {
		inner, _, _ = strings.Cut(strings.TrimSuffix(inner, "}"), ".")
		return inner
	}
	return v
}

func (s *scope) choose(place string, arg any) (any, error) {
	list, _ := arg.([]any)
	if len(list) != 3 {
		return nil, s.errorAt(place, "If takes a condition and two values")
	}
	holds, err := s.condition(place, scalar(list[0]))
	if err != nil {
		return nil, err
	}
	if holds {
		return s.resolve(place, list[1])
	}
	return s.resolve(place, list[2])
}

// condition evaluates a named condition.
func (s *scope) condition(place, name string) (bool, error) {
	body, ok := s.conditions[name]
	if !ok {
		return false, s.errorAt(place, "there is no condition "+name)
	}
	if slices.Contains(s.evaluating, name) {
		return false, s.errorAt(place, "the condition "+name+" depends on itself")
	}
	s.evaluating = append(s.evaluating, name)
	defer func() { s.evaluating = s.evaluating[:len(s.evaluating)-1] }()
	return s.test(join("Conditions", name), body)
}

// test evaluates a condition's body.
func (s *scope) test(place string, body any) (bool, error) {
	m, ok := body.(map[string]any)
	if !ok || len(m) != 1 {
		return false, s.errorAt(place, "a condition is one function")
	}
	for name, arg := range m {
		list, _ := arg.([]any)
		switch name {
		case "Condition":
			return s.condition(place, scalar(arg))
		case "Fn::Equals":
			v, err := s.resolve(place, list)
			if err != nil {
				return false, err
			}
			pair, _ := v.([]any)
			if len(pair) != 2 {
				return false, s.errorAt(place, "Equals takes two values")
			}
			return fmt.Sprint(pair[0]) == fmt.Sprint(pair[1]), nil
		case "Fn::Not":
			if len(list) != 1 {
				return false, s.errorAt(place, "Not takes one condition")
			}
			holds, err := s.test(place, list[0])
			return !holds, err
		case "Fn::And", "Fn::Or":
			for _, item := range list {
				holds, err := s.test(place, item)
				if err != nil || holds == (name == "Fn::Or") {
					return holds, err
				}
			}
			return name == "Fn::And", nil
		default:
			return false, s.errorAt(place, "the function "+name+" is not supported in a condition")
		}
	}
	return false, nil
}

// sub replaces ${Name}, ${Resource.Attribute} and the variables given beside the text; ${!Name} stays as ${Name}.
func (s *scope) sub(place string, arg any) (any, error) {
	text, variables := arg, any(nil)
	if list, ok := arg.([]any); ok && len(list) == 2 {
		text, variables = list[0], list[1]
	}
	in, ok := text.(string)
	if !ok {
		return nil, s.errorAt(place, "Sub takes a text, or a text and variables")
	}
	resolved, err := s.resolve(place, variables)
	if err != nil {
		return nil, err
	}
	given, _ := resolved.(map[string]any)
	var out strings.Builder
	for {
		before, rest, found := strings.Cut(in, "${")
		out.WriteString(before)
		if !found {
			return out.String(), nil
		}
		name, after, closed := strings.Cut(rest, "}")
		if !closed {
			return nil, s.errorAt(place, "Sub has an unclosed ${")
		}
		in = after
		if literal, ok := strings.CutPrefix(name, "!"); ok {
			out.WriteString("${" + literal + "}")
			continue
		}
		v, ok := given[name]
		if !ok {
			if strings.Contains(name, ".") {
				v, err = s.getAtt(place, name)
			} else {
				v, err = s.ref(place, name)
			}
			if err != nil {
				return nil, err
			}
		}
		out.WriteString(scalar(v))
	}
}

func (s *scope) joinList(place string, list []any) (any, error) {
	if len(list) != 2 {
		return nil, s.errorAt(place, "Join takes a delimiter and a list")
	}
	items, ok := list[1].([]any)
	if !ok {
		return nil, s.errorAt(place, "Join takes a delimiter and a list")
	}
	parts := make([]string, len(items))
	for i, item := range items {
		parts[i] = scalar(item)
	}
	return strings.Join(parts, scalar(list[0])), nil
}

func (s *scope) split(place string, list []any) (any, error) {
	if len(list) != 2 {
		return nil, s.errorAt(place, "Split takes a delimiter and a text")
	}
	var out []any
	for part := range strings.SplitSeq(scalar(list[1]), scalar(list[0])) {
		out = append(out, part)
	}
	return out, nil
}

func (s *scope) selectOne(place string, list []any) (any, error) {
	if len(list) == 2 {
		items, _ := list[1].([]any)
		if i, err := strconv.Atoi(scalar(list[0])); err == nil && i >= 0 && i < len(items) {
			return items[i], nil
		}
	}
	return nil, s.errorAt(place, "Select takes an index and a list that has it")
}

func (s *scope) findInMap(place string, list []any) (any, error) {
	if len(list) == 3 {
		top, _ := s.mappings[scalar(list[0])].(map[string]any)
		second, _ := top[scalar(list[1])].(map[string]any)
		if v, ok := second[scalar(list[2])]; ok {
			return v, nil
		}
	}
	return nil, s.errorAt(place, "FindInMap names no value in Mappings")
}
