package apigateway

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/go-json-experiment/json/jsontext"
)

// A decision is what an authorizer answered: a policy, and what it wants to tell the function and the caller.
type decision struct {
	principal  string
	statements []statement
	context    []param // values are texts, whatever they were
	json       []byte  // the members for requestContext.authorizer, each with a comma after it
}

type statement struct {
	deny      bool
	actions   []string
	resources []string
}

// parseDecision reads an authorizer's answer. The error says what API Gateway could not use.
func parseDecision(answer []byte) (*decision, error) {
	d := new(decision)
	hasPolicy := false
	err := readObject(answer, func(name string, value jsontext.Value) error {
		var err error
		switch name {
		case "principalId":
			d.principal, err = readString(value)
		case "policyDocument":
			hasPolicy = true
			d.statements, err = readPolicy(value)
		case "context":
			d.context, err = readContext(value)
		}
		return err
	})
	if err != nil {
		return nil, err
	}
	if !hasPolicy {
		return nil, errors.New("it has no policyDocument")
	}
	for _, p := range d.context {
		d.json = append(appendString(appendKey(d.json, 0, p.name), p.value), ',')
	}
	d.json = append(appendString(append(d.json, `"principalId":`...), d.principal), ',')
	return d, nil
}

func readPolicy(value jsontext.Value) (out []statement, err error) {
	err = readObject(value, func(name string, value jsontext.Value) error {
		switch name {
		case "Version", "Id":
			return nil
		case "Statement":
			return readEach(value, func(v jsontext.Value) error {
				s, err := readStatement(v)
				out = append(out, s)
				return err
			})
		}
		return fmt.Errorf("its policy has the element %s, which is not evaluated here", name)
	})
	return out, err
}

func readStatement(value jsontext.Value) (s statement, err error) {
	hasEffect := false
	err = readObject(value, func(name string, value jsontext.Value) error {
		var err error
		switch name {
		case "Sid":
		case "Effect":
			var effect string
			effect, err = readString(value)
			if err == nil && effect != "Allow" && effect != "Deny" {
				err = errors.New("an Effect is neither Allow nor Deny")
			}
			s.deny, hasEffect = effect == "Deny", true
		case "Action":
			s.actions, err = readStrings(value)
		case "Resource":
			s.resources, err = readStrings(value)
		default:
			err = fmt.Errorf("a statement has the element %s, which is not evaluated here", name)
		}
		return err
	})
	if err == nil && (!hasEffect || len(s.actions) == 0 || len(s.resources) == 0) {
		err = errors.New("a statement lacks Effect, Action or Resource")
	}
	return s, err
}

// readContext takes texts, numbers and truth values, which all become texts. API Gateway refuses the rest.
func readContext(value jsontext.Value) (out []param, err error) {
	if value.Kind() == 'n' {
		return nil, nil
	}
	err = readObject(value, func(name string, value jsontext.Value) error {
		switch value.Kind() {
		case '"':
			s, err := readString(value)
			out = append(out, param{name, s})
			return err
		case '0', 't', 'f':
			out = append(out, param{name, string(value)})
		case 'n':
		default:
			return fmt.Errorf("its context's %s is not a text, a number or a truth value", name)
		}
		return nil
	})
	return out, err
}

// evaluate decides the policy for a method. What is not allowed is denied, and a Deny beats every Allow.
func (d *decision) evaluate(methodARN string) (allowed, explicit bool) {
	for _, s := range d.statements {
		if !s.covers(methodARN) {
			continue
		}
		if s.deny {
			return false, true
		}
		allowed = true
	}
	return allowed, false
}

func (s statement) covers(methodARN string) bool {
	const invoke = "execute-api:Invoke"
	ok := false
	for _, a := range s.actions {
		ok = ok || wildcard(strings.ToLower(a), strings.ToLower(invoke))
	}
	if !ok {
		return false
	}
	for _, r := range s.resources {
		if wildcard(r, methodARN) {
			return true
		}
	}
	return false
}

// wildcard matches * with any text, slashes too, and ? with any one byte.
func wildcard(pattern, s string) bool {
	star, mark := -1, 0
	p, i := 0, 0
	for i < len(s) {
		switch {
		case p < len(pattern) && pattern[p] == '*':
			star, mark = p, i
			p++
		case p < len(pattern) && (pattern[p] == '?' || pattern[p] == s[i]):
			p++
			i++
		case star >= 0:
			mark++
			p, i = star+1, mark
		default:
			return false
		}
	}
	return strings.Trim(pattern[p:], "*") == ""
}

// readObject calls member with each member of a JSON object.
func readObject(data []byte, member func(name string, value jsontext.Value) error) error {
	d := jsontext.NewDecoder(bytes.NewBuffer(data), jsontext.AllowDuplicateNames(true), jsontext.AllowInvalidUTF8(true))
	if d.PeekKind() != '{' {
		return errors.New("it is not a JSON object")
	}
	if _, err := d.ReadToken(); err != nil {
		return err
	}
	for d.PeekKind() != '}' {
		name, err := d.ReadToken()
		if err != nil {
			return err
		}
		key := name.String()
		value, err := d.ReadValue()
		if err != nil {
			return err
		}
		if err := member(key, value); err != nil {
			return err
		}
	}
	if _, err := d.ReadToken(); err != nil {
		return err
	}
	if _, err := d.ReadToken(); !errors.Is(err, io.EOF) {
		return errors.New("there is something behind the JSON object")
	}
	return nil
}

// readEach calls item with each element of a JSON array, or with the value itself where it is none.
func readEach(data jsontext.Value, item func(jsontext.Value) error) error {
	if data.Kind() != '[' {
		return item(data)
	}
	d := jsontext.NewDecoder(bytes.NewBuffer(data), jsontext.AllowDuplicateNames(true), jsontext.AllowInvalidUTF8(true))
	if _, err := d.ReadToken(); err != nil {
		return err
	}
	for d.PeekKind() != ']' {
		v, err := d.ReadValue()
		if err != nil {
			return err
		}
		if err := item(v); err != nil {
			return err
		}
	}
	return nil
}

func readString(value jsontext.Value) (string, error) {
	if value.Kind() != '"' {
		return "", errors.New("a text is not one")
	}
	b, err := jsontext.AppendUnquote(nil, value)
	return string(b), err
}

func readStrings(value jsontext.Value) (out []string, err error) {
	err = readEach(value, func(v jsontext.Value) error {
		s, err := readString(v)
		out = append(out, s)
		return err
	})
	return out, err
}
