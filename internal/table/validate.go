package table

import (
	"fmt"
	"strings"
	"unicode/utf8"
)

// Validate finds what no implementation may accept: no op or too many, a key twice, an empty or overlong key,
// a put or check without a condition, a put whose item has another key or no version, an item that is malformed
// or too large, too many bytes in all. Every implementation calls it first in Commit.
func Validate(ops []Op) error {
	if len(ops) == 0 || len(ops) > MaxCommit {
		return &Misuse{fmt.Sprintf("a commit has 1 to %d operations, not %d", MaxCommit, len(ops))}
	}
	total := 0
	seen := make(map[Key]bool, len(ops))
	for i, op := range ops {
		if err := ValidateKey(op.Key); err != nil {
			return err
		}
		if seen[op.Key] {
			return &Misuse{fmt.Sprintf("operation %d names a key for the second time", i)}
		}
		seen[op.Key] = true
		switch op.Kind {
		case KindPut:
			if reason := invalidPut(op); reason != "" {
				return &Misuse{fmt.Sprintf("operation %d puts %s", i, reason)}
			}
			total += op.Item.Size()
		case KindCheck:
			if op.Cond.IsAnything() {
				return &Misuse{fmt.Sprintf("operation %d checks nothing", i)}
			}
		case KindDelete:
		default:
			return &Misuse{fmt.Sprintf("operation %d is of no kind", i)}
		}
	}
	if total > MaxCommitSize {
		return &Misuse{fmt.Sprintf("a commit puts %d bytes", total)}
	}
	return nil
}

// invalidPut says what is wrong with a put, empty for nothing.
func invalidPut(op Op) string {
	switch {
	case op.Cond.IsAnything():
		return "without a condition"
	case op.Item.Key() != op.Key:
		return "an item that has another key"
	case op.Item.Version() < 1:
		return "an item without a version"
	}
	if reason := invalidValue(op.Item, -1); reason != "" {
		return reason
	}
	if n := op.Item.Size(); n > MaxItemSize {
		return fmt.Sprintf("an item of %d bytes", n)
	}
	return ""
}

// invalidValue says what is wrong with a value that lies under depth lists and maps, empty for nothing. The item
// itself is not one of them.
func invalidValue(v Value, depth int) string {
	switch v := v.(type) {
	case S:
		if !utf8.ValidString(string(v)) {
			return "a text that is not valid UTF-8"
		}
	case L:
		if depth == MaxDepth {
			return "values nested too deep"
		}
		for _, e := range v {
			if reason := invalidValue(e, depth+1); reason != "" {
				return reason
			}
		}
	case Item:
		if depth == MaxDepth {
			return "values nested too deep"
		}
		for name, e := range v {
			if name == "" || !utf8.ValidString(name) {
				return "an attribute whose name is empty or not valid UTF-8"
			}
			if reason := invalidValue(e, depth+1); reason != "" {
				return reason
			}
		}
	case N, B, Bool, Null:
	default:
		return fmt.Sprintf("a value of type %T", v)
	}
	return ""
}

// ValidateKey refuses a key with an empty or overlong part, or one that is not valid UTF-8.
func ValidateKey(k Key) error {
	if k.PK == "" || k.SK == "" || !validKeyPart(k.PK, 2*MaxKeySize) || !validKeyPart(k.SK, MaxKeySize) {
		return &Misuse{"a key's parts are not empty, within the size limits and valid UTF-8"}
	}
	return nil
}

func validKeyPart(s string, limit int) bool { return len(s) <= limit && utf8.ValidString(s) }

// ValidateGet refuses too many keys, none, and a key named twice. Every implementation calls it first in Get.
func ValidateGet(keys []Key) error {
	if len(keys) == 0 || len(keys) > MaxGet {
		return &Misuse{fmt.Sprintf("a get has 1 to %d keys, not %d", MaxGet, len(keys))}
	}
	for i, k := range keys {
		if err := ValidateKey(k); err != nil {
			return err
		}
		for _, other := range keys[:i] {
			if other == k {
				return &Misuse{"a get names a key twice"}
			}
		}
	}
	return nil
}

// ValidateQuery refuses a query without a partition or a limit, one whose texts could not be part of a key, and one
// that goes on after a sort key which does not begin with its prefix: no page can have ended there. Whoever takes After
// from a caller checks this first. Every implementation calls it first in Query.
func ValidateQuery(q Query) error {
	if q.PK == "" || q.Limit < 1 {
		return &Misuse{"a query names a partition and a limit of at least 1"}
	}
	if !validKeyPart(q.PK, 2*MaxKeySize) || !validKeyPart(q.Prefix, MaxKeySize) || !validKeyPart(q.After, MaxKeySize) {
		return &Misuse{"a query's texts are within the size limits and valid UTF-8"}
	}
	if q.After != "" && !strings.HasPrefix(q.After, q.Prefix) {
		return &Misuse{"a query goes on after a sort key outside its prefix"}
	}
	return nil
}
