package apigateway

import (
	"unicode/utf8"

	"github.com/go-json-experiment/json/jsontext"

	"keyfob/internal/local/wire"
)

func same(a, b string) bool { return a == b }

// appendSingle writes an object with the last value of each name, under the name's first spelling.
func appendSingle(b []byte, fields []wire.Field, equal func(a, b string) bool) []byte {
	b = append(b, '{')
	n := 0
	for i, f := range fields {
		if seen(fields[:i], f.Name, equal) {
			continue
		}
		last := f.Value
		for _, later := range fields[i+1:] {
			if equal(later.Name, f.Name) {
				last = later.Value
			}
		}
		b = appendKey(b, n, f.Name)
		b = appendString(b, last)
		n++
	}
	return append(b, '}')
}

// appendMulti writes an object with all values of each name, under the name's first spelling.
func appendMulti(b []byte, fields []wire.Field, equal func(a, b string) bool) []byte {
	b = append(b, '{')
	n := 0
	for i, f := range fields {
		if seen(fields[:i], f.Name, equal) {
			continue
		}
		b = appendKey(b, n, f.Name)
		b = append(b, '[')
		b = appendString(b, f.Value)
		for _, later := range fields[i+1:] {
			if equal(later.Name, f.Name) {
				b = append(b, ',')
				b = appendString(b, later.Value)
			}
		}
		b = append(b, ']')
		n++
	}
	return append(b, '}')
}

func seen(before []wire.Field, name string, equal func(a, b string) bool) bool {
	for _, f := range before {
		if equal(f.Name, name) {
			return true
		}
	}
	return false
}

// appendKey writes the n-th name of an object.
func appendKey(b []byte, n int, name string) []byte {
	if n > 0 {
		b = append(b, ',')
	}
	b = appendString(b, name)
	return append(b, ':')
}

func appendMember(b []byte, before, value string) []byte {
	return appendString(append(b, before...), value)
}

// appendString writes a JSON string. Bytes that are not UTF-8 become the replacement character.
func appendString[T []byte | string](b []byte, s T) []byte {
	plain := true
	for i := range len(s) {
		if c := s[i]; c < ' ' || c == '"' || c == '\\' || c >= utf8.RuneSelf {
			plain = false
			break
		}
	}
	if plain {
		b = append(b, '"')
		b = append(b, s...)
		return append(b, '"')
	}
	b, _ = jsontext.AppendQuote(b, s) // the error only says that something was replaced
	return b
}

// appendOr appends the part, or what stands in for it where it is empty.
func appendOr(b, part []byte, otherwise string) []byte {
	if len(part) > 0 {
		return append(b, part...)
	}
	return append(b, otherwise...)
}
