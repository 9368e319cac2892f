package apigateway

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"keyfob/internal/scan"
)

// A decision is what an authorizer answered: a policy, and what it wants to tell the function and the caller.
type decision struct {
	principal  string
	statements []statement
	json       []byte // the context's members for requestContext.authorizer, all texts, each with a comma after it
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
	err := scan.Document(answer, func(s *scan.Scanner, name string) (err error) {
		switch name {
		case "principalId":
			d.principal, err = s.Text()
		case "policyDocument":
			hasPolicy = true
			d.statements, err = readPolicy(s)
		case "context":
			d.json, err = readContext(s)
		default:
			err = s.Skip()
		}
		return err
	})
	if err != nil {
		return nil, err
	}
	if !hasPolicy {
		return nil, errors.New("it has no policyDocument")
	}
	d.json = append(appendMember(d.json, `"principalId":`, d.principal), ',')
	return d, nil
}

// value gives what the authorizer put into its context under the name, empty where there is nothing.
func (d *decision) value(name string) (value string) {
	members := append(append([]byte{'{'}, d.json...), `"":""}`...)
	_ = scan.Document(members, func(s *scan.Scanner, key string) error { // it was written here, so it can be read
		v, err := s.Text()
		if key == name {
			value = v
		}
		return err
	})
	return value
}

func readPolicy(s *scan.Scanner) (out []statement, err error) {
	err = s.Object(func(s *scan.Scanner, name string) error {
		switch name {
		case "Version", "Id":
			return s.Skip()
		case "Statement":
			return s.Each(func(s *scan.Scanner) error {
				st, err := readStatement(s)
				out = append(out, st)
				return err
			})
		}
		return unexpected("its policy", name)
	})
	return out, err
}

func readStatement(s *scan.Scanner) (st statement, err error) {
	hasEffect := false
	err = s.Object(func(s *scan.Scanner, name string) (err error) {
		switch name {
		case "Sid":
			err = s.Skip()
		case "Effect":
			var effect string
			effect, err = s.Text()
			if err == nil && effect != "Allow" && effect != "Deny" {
				err = errors.New("an Effect is neither Allow nor Deny")
			}
			st.deny, hasEffect = effect == "Deny", true
		case "Action":
			st.actions, err = s.Texts()
		case "Resource":
			st.resources, err = s.Texts()
		default:
			err = unexpected("a statement", name)
		}
		return err
	})
	for _, r := range st.resources {
		if err == nil && len(r) > maxResource {
			err = fmt.Errorf("a Resource is longer than %d characters", maxResource)
		}
	}
	if err == nil && (!hasEffect || len(st.actions) == 0 || len(st.resources) == 0) {
		err = errors.New("a statement lacks Effect, Action or Resource")
	}
	return st, err
}

// maxResource is how long API Gateway lets a policy's resource be, in characters.
const maxResource = 512

// readContext takes texts, numbers and truth values, which all become texts, as members of an object, each with a
// comma after it. API Gateway refuses the rest.
func readContext(s *scan.Scanner) ([]byte, error) {
	if s.Null() {
		return nil, nil
	}
	out := make([]byte, 0, 512)
	err := s.Object(func(s *scan.Scanner, name string) error {
		kind := s.Kind()
		if kind == 'n' {
			return s.Skip()
		}
		read := s.Text
		if kind != '"' {
			read = s.Literal
		}
		value, err := read()
		if err != nil {
			return fmt.Errorf("its context's %s is not a text, a number or a truth value", name)
		}
		out = append(appendString(appendKey(out, 0, name), value), ',')
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
	if !slices.ContainsFunc(s.actions, func(a string) bool { return wildcard(strings.ToLower(a), "execute-api:invoke") }) {
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

// unexpected is for a member that there may not be.
func unexpected(where, name string) error {
	return fmt.Errorf("%s has the element %s, which is not evaluated here", where, name)
}
