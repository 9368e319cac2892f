package apigateway

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	"github.com/go-json-experiment/json/jsontext"
)

// A scanner reads the small JSON documents that functions answer with. A general decoder costs more than all else
// that the gateway does with them. It takes what encoding/json takes. The texts it gives are parts of the document.
type scanner struct {
	data  string
	at    int
	depth int
}

var errJSON = errors.New("it is not JSON")

// maxDepth bounds how deep values may nest.
const maxDepth = 1000

// document reads one object, which has to be all there is.
func document(data []byte, member func(s *scanner, name string) error) error {
	s := &scanner{data: string(data)}
	if s.kind() != '{' {
		return errors.New("it is not a JSON object")
	}
	if err := s.object(member); err != nil {
		return err
	}
	if s.kind() != 0 || s.at != len(s.data) {
		return errors.New("there is something behind the JSON object")
	}
	return nil
}

// kind gives the first byte of the next value, '0' for a number and 0 at the end.
func (s *scanner) kind() byte {
	for s.at < len(s.data) {
		switch c := s.data[s.at]; c {
		case ' ', '\t', '\r', '\n':
			s.at++
		case '-', '0', '1', '2', '3', '4', '5', '6', '7', '8', '9':
			return '0'
		default:
			return c
		}
	}
	return 0
}

// take goes over the byte if it is next.
func (s *scanner) take(c byte) bool {
	if s.kind() != c || s.at == len(s.data) {
		return false
	}
	s.at++
	return true
}

// object calls member at each member's value, which member has to read.
func (s *scanner) object(member func(s *scanner, name string) error) error {
	if !s.take('{') {
		return errors.New("a value is not an object")
	}
	if s.depth++; s.depth > maxDepth {
		return errJSON
	}
	if s.take('}') {
		s.depth--
		return nil
	}
	for {
		name, err := s.text()
		if err != nil {
			return err
		}
		if !s.take(':') {
			return errJSON
		}
		if err := member(s, name); err != nil {
			return err
		}
		if s.take('}') {
			s.depth--
			return nil
		}
		if !s.take(',') {
			return errJSON
		}
	}
}

// each calls item at each element of an array, or at the value itself where it is none.
func (s *scanner) each(item func(s *scanner) error) error {
	if s.kind() != '[' {
		return item(s)
	}
	s.at++
	if s.depth++; s.depth > maxDepth {
		return errJSON
	}
	if s.take(']') {
		s.depth--
		return nil
	}
	for {
		if err := item(s); err != nil {
			return err
		}
		if s.take(']') {
			s.depth--
			return nil
		}
		if !s.take(',') {
			return errJSON
		}
	}
}

// text reads a string.
func (s *scanner) text() (string, error) {
	raw, plain, err := s.quoted()
	if err != nil || plain {
		return raw, err
	}
	if b, err := jsontext.AppendUnquote(nil, raw); err == nil {
		return string(b), nil
	}
	var v string // with halves of surrogate pairs, or with bytes that are not UTF-8, which are replaced
	if err := json.Unmarshal([]byte(raw), &v); err != nil {
		return "", errJSON
	}
	return v, nil
}

// quoted goes over a string. It gives what is between the quotes where that is plain, else all of it.
func (s *scanner) quoted() (raw string, plain bool, err error) {
	if s.kind() != '"' {
		return "", false, errors.New("a value is not a text")
	}
	start := s.at
	plain = true
	for s.at++; s.at < len(s.data); s.at++ {
		switch c := s.data[s.at]; {
		case c == '"':
			s.at++
			if plain {
				return s.data[start+1 : s.at-1], true, nil
			}
			return s.data[start:s.at], false, nil
		case c == '\\':
			plain = false
			s.at++
		case c < ' ':
			return "", false, errJSON
		case c >= 0x80:
			plain = false
		}
	}
	return "", false, errJSON
}

// literal reads a number, true, false or null as it is written.
func (s *scanner) literal() (string, error) {
	s.kind()
	start := s.at
	for s.at < len(s.data) && strings.IndexByte(",]} \t\r\n", s.data[s.at]) < 0 {
		s.at++
	}
	switch raw := s.data[start:s.at]; {
	case raw == "true", raw == "false", raw == "null":
		return raw, nil
	case json.Valid([]byte(raw)) && raw[0] != '"' && raw[0] != '{' && raw[0] != '[':
		return raw, nil
	}
	return "", errJSON
}

// skip goes over a value of any kind.
func (s *scanner) skip() error {
	switch s.kind() {
	case '{':
		return s.object(func(s *scanner, _ string) error { return s.skip() })
	case '[':
		return s.each((*scanner).skip)
	case '"':
		_, err := s.text()
		return err
	}
	_, err := s.literal()
	return err
}

// texts reads a list of strings, or a lone one.
func (s *scanner) texts() (out []string, err error) {
	err = s.each(func(s *scanner) error {
		v, err := s.text()
		out = append(out, v)
		return err
	})
	return out, err
}

// null goes over a null, if one is next.
func (s *scanner) null() bool {
	if s.kind() != 'n' {
		return false
	}
	v, err := s.literal()
	return err == nil && v == "null"
}

// unexpected is for a member that there may not be.
func unexpected(where, name string) error {
	return fmt.Errorf("%s has the element %s, which is not evaluated here", where, name)
}
