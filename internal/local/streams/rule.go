package streams

import (
	"errors"
	"fmt"
	"slices"
	"strings"
)

// A rule is asked about the value at a leaf. Present is false where there is none.
type rule func(value any, present bool) bool

func compileRule(item any) (rule, error) {
	switch item := item.(type) {
	case string, float64, bool, nil:
		return func(v any, present bool) bool { return present && v == item }, nil
	case map[string]any:
		if len(item) != 1 {
			return nil, errors.New("a rule has exactly one operator")
		}
		for operator, arg := range item {
			return compileOperator(operator, arg)
		}
	}
	return nil, errors.New("a list within the list of rules")
}

func compileOperator(operator string, arg any) (rule, error) {
	switch operator {
	case "prefix", "suffix", "equals-ignore-case":
		return compileText(operator, arg)
	case "exists":
		want, ok := arg.(bool)
		if !ok {
			return nil, errors.New("exists is neither true nor false")
		}
		return func(v any, present bool) bool {
			_, isObject := v.(map[string]any) // it is about leaves
			return (present && !isObject) == want
		}, nil
	case "numeric":
		return compileNumeric(arg)
	case "anything-but":
		return compileAnythingBut(arg)
	}
	return nil, fmt.Errorf("the operator %q is not supported", operator)
}

func compileText(operator string, arg any) (rule, error) {
	fold := operator == "equals-ignore-case"
	if m, ok := arg.(map[string]any); ok && len(m) == 1 && !fold {
		arg, fold = m["equals-ignore-case"], true
	}
	want, ok := arg.(string)
	if !ok {
		return nil, fmt.Errorf("%s is not a text", operator)
	}
	return func(v any, _ bool) bool {
		s, ok := v.(string)
		switch {
		case !ok:
			return false
		case operator == "prefix" && len(s) >= len(want):
			s = s[:len(want)]
		case operator == "suffix" && len(s) >= len(want):
			s = s[len(s)-len(want):]
		}
		return s == want || fold && strings.EqualFold(s, want)
	}, nil
}

func compileAnythingBut(arg any) (rule, error) {
	var but []rule
	list, ok := arg.([]any)
	if !ok {
		list = []any{arg}
	}
	for _, item := range list {
		r, err := compileRule(item)
		if err != nil {
			return nil, err
		}
		but = append(but, r)
	}
	if len(but) == 0 {
		return nil, errors.New("anything-but is empty")
	}
	return func(v any, present bool) bool {
		_, isObject := v.(map[string]any)
		return present && !isObject && !slices.ContainsFunc(but, func(r rule) bool { return r(v, true) })
	}, nil
}

func compileNumeric(arg any) (rule, error) {
	list, ok := arg.([]any)
	if !ok || len(list) == 0 || len(list)%2 != 0 {
		return nil, errors.New("numeric is not a list of comparisons and numbers")
	}
	type comparison struct {
		operator string
		number   float64
	}
	var all []comparison
	for i := 0; i < len(list); i += 2 {
		operator, ok1 := list[i].(string)
		number, ok2 := list[i+1].(float64)
		if !ok1 || !ok2 || !slices.Contains([]string{"=", "<", "<=", ">", ">="}, operator) {
			return nil, errors.New("numeric is not a list of comparisons and numbers")
		}
		all = append(all, comparison{operator, number})
	}
	return func(v any, _ bool) bool {
		n, ok := v.(float64)
		for _, c := range all {
			switch c.operator {
			case "=":
				ok = ok && n == c.number
			case "<":
				ok = ok && n < c.number
			case "<=":
				ok = ok && n <= c.number
			case ">":
				ok = ok && n > c.number
			case ">=":
				ok = ok && n >= c.number
			}
		}
		return ok
	}, nil
}
