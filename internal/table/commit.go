package table

import "maps"

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

// IsAnything reports whether c is Anything. With IsAbsent, IsPresent and Version it tells an adapter which condition it
// has to write in its own language.
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
