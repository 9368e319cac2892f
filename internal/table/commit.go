package table

import (
	"fmt"
	"maps"
)

// A Kind is what an Op does.
type Kind uint8

// The kinds of Op.
const (
	KindPut Kind = iota + 1
	KindDelete
	KindCheck
)

// A Cond is the state an op requires of its key. The zero Cond is none, and is valid for Delete only.
type Cond struct {
	want    want
	version int64
}

type want uint8

const (
	wantAnything want = iota
	wantAbsent
	wantPresent
	wantVersion
)

// Anything requires nothing. It is for deleting what may be gone already.
func Anything() Cond { return Cond{} }

// Absent requires that there is no item under the key. An item that is due for purging but still there is present.
func Absent() Cond { return Cond{want: wantAbsent} }

// Present requires that there is one.
func Present() Cond { return Cond{want: wantPresent} }

// VersionIs requires that there is one and that its version is n.
func VersionIs(n int64) Cond { return Cond{want: wantVersion, version: n} }

// Holds decides the condition for the item found under the key, nil for none.
func (c Cond) Holds(it Item) bool {
	switch c.want {
	case wantAbsent:
		return it == nil
	case wantPresent:
		return it != nil
	case wantVersion:
		return it != nil && it.Version() == c.version
	}
	return true
}

// IsAnything, IsAbsent, IsPresent and Version tell an adapter which condition it has to write in its own language.
func (c Cond) IsAnything() bool { return c.want == wantAnything }

// IsAbsent reports whether c is Absent.
func (c Cond) IsAbsent() bool { return c.want == wantAbsent }

// IsPresent reports whether c is Present.
func (c Cond) IsPresent() bool { return c.want == wantPresent }

// Version gives n where c is VersionIs(n).
func (c Cond) Version() (n int64, ok bool) { return c.version, c.want == wantVersion }

// An Op is one part of a Commit. Make it with Create, Replace, Delete or Check.
type Op struct {
	Kind Kind
	Key  Key
	Cond Cond
	Item Item // for KindPut: with its key and its new version
}

// Create puts a new item; its version will be 1. Conflict: there is one already.
func Create(it Item) Op { return put(it, 1, Absent()) }

// Replace puts an item in the place of version n of it; its version will be n+1. Conflict: it has changed or gone since.
func Replace(it Item, n int64) Op { return put(it, n+1, VersionIs(n)) }

func put(it Item, version int64, c Cond) Op {
	it = maps.Clone(it)
	if it == nil {
		it = Item{}
	}
	it[AttrVersion] = N(version)
	return Op{Kind: KindPut, Key: it.Key(), Cond: c, Item: it}
}

// Delete removes the item under the key.
func Delete(k Key, c Cond) Op { return Op{Kind: KindDelete, Key: k, Cond: c} }

// Check changes nothing but makes the commit depend on the condition.
func Check(k Key, c Cond) Op { return Op{Kind: KindCheck, Key: k, Cond: c} }

// Validate finds what no implementation may accept: no op or too many, a key twice, an empty or overlong key,
// a put or check without a condition, an item that is too large. Every implementation calls it first in Commit.
func Validate(ops []Op) error {
	if len(ops) == 0 || len(ops) > MaxCommit {
		return &Misuse{fmt.Sprintf("a commit has 1 to %d operations, not %d", MaxCommit, len(ops))}
	}
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
			if n := op.Item.Size(); n > MaxItemSize {
				return &Misuse{fmt.Sprintf("operation %d puts an item of %d bytes", i, n)}
			}
			if op.Cond.IsAnything() {
				return &Misuse{fmt.Sprintf("operation %d puts without a condition", i)}
			}
		case KindCheck:
			if op.Cond.IsAnything() {
				return &Misuse{fmt.Sprintf("operation %d checks nothing", i)}
			}
		case KindDelete:
		default:
			return &Misuse{fmt.Sprintf("operation %d is of no kind", i)}
		}
	}
	return nil
}

// ValidateKey refuses a key with an empty or overlong part.
func ValidateKey(k Key) error {
	if k.PK == "" || k.SK == "" || len(k.PK) > 2*MaxKeySize || len(k.SK) > MaxKeySize {
		return &Misuse{"a key's parts are not empty and within the size limits"}
	}
	return nil
}

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

// ValidateQuery refuses a query without a partition or a limit. Every implementation calls it first in Query.
func ValidateQuery(q Query) error {
	if q.PK == "" || q.Limit < 1 {
		return &Misuse{"a query names a partition and a limit of at least 1"}
	}
	return nil
}
