package template

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
)

// absent is what AWS::NoValue resolves to: the property is as if it were not there.
type absent struct{}

// A scope is what intrinsic functions are resolved against.
type scope struct {
	file       string
	lines      map[string]int
	pseudo     map[string]any
	parameters map[string]any // declared ones: given value or default, nil where there is neither
	mappings   map[string]any
	conditions map[string]any
	evaluating []string // the conditions being evaluated, to find a circle
	resources  map[string]resource
	globals    map[string]any
}

type resource struct {
	kind       string
	place      string
	properties any // not resolved
}

func newScope(file string, tree map[string]any, lines map[string]int, t *Template, given map[string]string) (*scope, error) {
	s := &scope{file: file, lines: lines, parameters: map[string]any{}, resources: map[string]resource{}}
	s.pseudo = map[string]any{
		"AWS::Region": t.Region, "AWS::AccountId": t.AccountID, "AWS::StackName": t.StackName,
		"AWS::Partition": t.Partition, "AWS::NoValue": absent{}, "AWS::URLSuffix": "amazonaws.com",
		"AWS::StackId":          fmt.Sprintf("arn:%s:cloudformation:%s:%s:stack/%s/local", t.Partition, t.Region, t.AccountID, t.StackName),
		"AWS::NotificationARNs": []any{},
	}
	s.mappings, _ = tree["Mappings"].(map[string]any)
	s.conditions, _ = tree["Conditions"].(map[string]any)
	s.globals, _ = tree["Globals"].(map[string]any)
	if err := s.readParameters(tree, given); err != nil {
		return nil, err
	}
	return s, s.readResources(tree)
}

func (s *scope) readParameters(tree map[string]any, given map[string]string) error {
	declared, _ := tree["Parameters"].(map[string]any)
	for name, v := range declared {
		place := join("Parameters", name)
		decl, ok := v.(map[string]any)
		if !ok {
			return s.errorAt(place, "it is not a mapping")
		}
		value, isGiven := given[name]
		if !isGiven {
			if decl["Default"] == nil {
				s.parameters[name] = nil
				continue
			}
			value = scalar(decl["Default"])
		}
		if allowed, ok := decl["AllowedValues"].([]any); ok && !slices.ContainsFunc(allowed, func(a any) bool { return scalar(a) == value }) {
			return s.errorAt(place, fmt.Sprintf("%q is not one of its AllowedValues", value))
		}
		if kind, _ := decl["Type"].(string); kind == "CommaDelimitedList" || strings.HasPrefix(kind, "List<") {
			list := []any{}
			for item := range strings.SplitSeq(value, ",") {
				list = append(list, strings.TrimSpace(item))
			}
			s.parameters[name] = list
			continue
		}
		s.parameters[name] = value
	}
	for name := range given {
		if _, ok := s.parameters[name]; !ok {
			return s.errorAt("Parameters", "there is no parameter "+name)
		}
	}
	return nil
}

func (s *scope) readResources(tree map[string]any) error {
	all, ok := tree["Resources"].(map[string]any)
	if !ok {
		return s.errorAt("Resources", "there are no resources")
	}
	for id, v := range all {
		place := join("Resources", id)
		m, ok := v.(map[string]any)
		kind, typed := m["Type"].(string)
		if !ok || !typed {
			return s.errorAt(place, "it is not a mapping with a Type")
		}
		if name, ok := m["Condition"].(string); ok {
			holds, err := s.condition(join(place, "Condition"), name)
			if err != nil {
				return err
			}
			if !holds {
				continue
			}
		}
		s.resources[id] = resource{kind: kind, place: place, properties: m["Properties"]}
	}
	return nil
}

// resolve gives v with every intrinsic function in it replaced by its value.
func (s *scope) resolve(place string, v any) (any, error) {
	switch v := v.(type) {
	case map[string]any:
		if name, arg, ok := intrinsic(v); ok {
			return s.call(place, name, arg)
		}
		out := make(map[string]any, len(v))
		for key, item := range v {
			r, err := s.resolve(join(place, key), item)
			if err != nil {
				return nil, err
			}
			if r != (absent{}) {
				out[key] = r
			}
		}
		return out, nil
	case []any:
		out := make([]any, 0, len(v))
		for i, item := range v {
			r, err := s.resolve(fmt.Sprintf("%s[%d]", place, i), item)
			if err != nil {
				return nil, err
			}
			if r != any(absent{}) {
				out = append(out, r)
			}
		}
		return out, nil
	}
	return v, nil
}

// intrinsic reports whether a map is a call: one key that is Ref or starts with Fn::.
func intrinsic(m map[string]any) (name string, arg any, ok bool) {
	if len(m) != 1 {
		return "", nil, false
	}
	for name, arg = range m {
	}
	return name, arg, name == "Ref" || strings.HasPrefix(name, "Fn::")
}

func (s *scope) call(place, name string, arg any) (any, error) {
	switch name {
	case "Ref":
		id, ok := arg.(string)
		if !ok {
			return nil, s.errorAt(place, "Ref takes a name")
		}
		return s.ref(place, id)
	case "Fn::GetAtt":
		return s.getAtt(place, arg)
	case "Fn::If":
		return s.choose(place, arg)
	case "Fn::Sub":
		return s.sub(place, arg)
	}
	arg, err := s.resolve(place, arg)
	if err != nil {
		return nil, err
	}
	list, _ := arg.([]any)
	switch name {
	case "Fn::Join":
		return s.joinList(place, list)
	case "Fn::Split":
		return s.split(place, list)
	case "Fn::Select":
		return s.selectOne(place, list)
	case "Fn::FindInMap":
		return s.findInMap(place, list)
	case "Fn::Base64":
		return base64.StdEncoding.EncodeToString([]byte(scalar(arg))), nil
	case "Fn::ToJsonString":
		data, err := json.Marshal(arg)
		return string(data), err
	case "Fn::Length":
		return int64(len(list)), nil
	case "Fn::ImportValue":
		return "${ImportValue:" + scalar(arg) + "}", nil
	case "Fn::GetAZs":
		region := or(scalar(arg), scalar(s.pseudo["AWS::Region"]))
		return []any{region + "a", region + "b", region + "c"}, nil
	}
	return nil, s.errorAt(place, "the function "+name+" is not supported")
}

// scalar writes a scalar as CloudFormation would as text.
func scalar(v any) string {
	switch v := v.(type) {
	case nil:
		return ""
	case string:
		return v
	}
	return fmt.Sprint(v)
}

// errorAt makes an error for a place, with the line of the nearest place around it that has one.
func (s *scope) errorAt(place, reason string) error {
	e := &Error{File: s.file, Place: place, Reason: reason}
	for p := place; p != "" && e.Line == 0; p = parent(p) {
		e.Line = s.lines[p]
	}
	return e
}

func parent(place string) string {
	return place[:max(strings.LastIndexAny(place, ".["), 0)]
}
