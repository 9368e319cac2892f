// Package scan reads the small JSON documents that travel between API Gateway and functions: events and answers.
//
// It promises to take exactly what encoding/json takes, and to give the same texts, in one pass and without a value for
// what nobody asks for. A general decoder costs more than all else that is done with them, on the path that everybody
// waits for.
//
// It fills no structs and writes nothing. What people send is read by a strict decoder instead (package gateway).
package scan

import (
	"encoding/json"
	"errors"
	"math/bits"
	"strings"

	"github.com/go-json-experiment/json/jsontext"
)

// A Scanner is at a value of a document. The texts it gives are parts of the document.
type Scanner struct {
	data  string
	at    int
	depth int
}

var errJSON = errors.New("it is not JSON")

// maxDepth bounds how deep values may nest.
const maxDepth = 1000

// Document reads one object, which has to be all there is, and calls member at each member's value, which member has to
// read.
func Document(data []byte, member func(s *Scanner, name string) error) error {
	s := &Scanner{data: string(data)}
	if s.Kind() != '{' {
		return errors.New("it is not a JSON object")
	}
	if err := s.Object(member); err != nil {
		return err
	}
	if s.Kind() != 0 || s.at != len(s.data) {
		return errors.New("there is something behind the JSON object")
	}
	return nil
}

// Kind gives the first byte of the next value, '0' for a number and 0 at the end.
func (s *Scanner) Kind() byte {
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
func (s *Scanner) take(c byte) bool {
	if s.Kind() != c || s.at == len(s.data) {
		return false
	}
	s.at++
	return true
}

// Object calls member at each member's value, which member has to read.
func (s *Scanner) Object(member func(s *Scanner, name string) error) error {
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
		name, err := s.Text()
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

// Each calls item at each element of an array, or at the value itself where it is none.
func (s *Scanner) Each(item func(s *Scanner) error) error {
	if s.Kind() != '[' {
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

// Text reads a string.
func (s *Scanner) Text() (string, error) {
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
func (s *Scanner) quoted() (raw string, plain bool, err error) {
	if s.Kind() != '"' {
		return "", false, errors.New("a value is not a text")
	}
	start := s.at
	plain = true
	for s.at++; s.at < len(s.data); s.at++ {
		if s.at += ordinary(s.data[s.at:]); s.at == len(s.data) {
			break
		}
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
		default:
			plain = false
		}
	}
	return "", false, errJSON
}

// Eight times each of the bytes that ordinary looks for, and what it needs to look for them eight at a time.
const (
	ones        = 0x0101010101010101
	highs       = ones * 0x80
	spaces      = ones * ' '
	quotes      = ones * '"'
	backslashes = ones * '\\'
)

// ordinary counts the bytes at the beginning that stand for themselves in a string and end nothing: ASCII but for
// control characters, quote and backslash. It looks at eight at a time, since most of what is scanned is in strings.
func ordinary(data string) int {
	n := 0
	for ; len(data)-n >= 8; n += 8 {
		d := data[n : n+8]
		x := uint64(d[0]) | uint64(d[1])<<8 | uint64(d[2])<<16 | uint64(d[3])<<24 | uint64(d[4])<<32 | uint64(d[5])<<40 | uint64(d[6])<<48 | uint64(d[7])<<56
		// A byte's highest bit is set in found where the byte is not ordinary. Borrows can set it in bytes above
		// such a one too, so that only the lowest is to be believed.
		q, b := x^quotes, x^backslashes
		found := (x | (x-spaces)&^x | (q-ones)&^q | (b-ones)&^b) & highs
		if found != 0 {
			return n + bits.TrailingZeros64(found)/8
		}
	}
	for ; n < len(data); n++ {
		if c := data[n]; c < ' ' || c == '"' || c == '\\' || c >= 0x80 {
			break
		}
	}
	return n
}

// Literal reads a number, true, false or null as it is written.
func (s *Scanner) Literal() (string, error) {
	s.Kind()
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

// Skip goes over a value of any kind.
func (s *Scanner) Skip() error {
	switch s.Kind() {
	case '{':
		return s.Object(func(s *Scanner, _ string) error { return s.Skip() })
	case '[':
		return s.Each((*Scanner).Skip)
	case '"':
		_, err := s.Text()
		return err
	}
	_, err := s.Literal()
	return err
}

// Texts reads a list of strings, or a lone one.
func (s *Scanner) Texts() (out []string, err error) {
	err = s.Each(func(s *Scanner) error {
		v, err := s.Text()
		out = append(out, v)
		return err
	})
	return out, err
}

// Null goes over a null, if one is next.
func (s *Scanner) Null() bool {
	if s.Kind() != 'n' {
		return false
	}
	start := s.at
	if v, err := s.Literal(); err == nil && v == "null" {
		return true
	}
	s.at = start
	return false
}

// Raw goes over a value of any kind and gives it as it is written.
func (s *Scanner) Raw() (string, error) {
	s.Kind()
	start := s.at
	err := s.Skip()
	return s.data[start:s.at], err
}

// Several reads an object whose members are strings or lists of strings; nil for null. Names for which wanted is false
// are passed over.
func (s *Scanner) Several(wanted func(name string) bool) (map[string][]string, error) {
	if s.Null() {
		return nil, nil
	}
	m := map[string][]string{}
	err := s.Object(func(s *Scanner, name string) error {
		if !wanted(name) {
			return s.Skip()
		}
		values, err := s.Texts()
		m[name] = append(m[name], values...)
		return err
	})
	return m, err
}
