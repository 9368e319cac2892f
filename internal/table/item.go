package table

import (
	"strconv"
)

// An Item is a set of named attributes: DynamoDB's own attribute map. Its JSON is DynamoDB's JSON
// ({"pk":{"S":"tok#…"},"ver":{"N":"1"}}), which is also how a stream event carries it.
type Item map[string]Value

// A Value is one of S, N, B, Bool, Null, L and Item (DynamoDB's M). DynamoDB's sets and fractional numbers
// are left out: nothing of Keyfob's needs them, and every store then agrees on equality.
type Value interface{ attribute() }

// The value types.
type (
	S    string   // text, valid UTF-8
	N    int64    // a whole number
	B    []byte   // bytes
	Bool bool     // a truth value
	Null struct{} // known to be nothing
	L    []Value  // a list
)

func (S) attribute()    {}
func (N) attribute()    {}
func (B) attribute()    {}
func (Bool) attribute() {}
func (Null) attribute() {}
func (L) attribute()    {}
func (Item) attribute() {}

// Key gives the item's key, from its pk and sk.
func (it Item) Key() Key { return Key{it.String(AttrPK), it.String(AttrSK)} }

// Version gives the version that Commit wrote, 0 where there is none.
func (it Item) Version() int64 { return it.Int(AttrVersion) }

// PurgeAt gives the time the store may delete the item from, in epoch seconds; 0 is never.
func (it Item) PurgeAt() int64 { return it.Int(AttrPurgeAt) }

// String gives the named text, empty where there is none.
func (it Item) String(name string) string { s, _ := it[name].(S); return string(s) }

// Int gives the named number, 0 where there is none.
func (it Item) Int(name string) int64 { n, _ := it[name].(N); return int64(n) }

// Bytes gives the named bytes, nil where there are none.
func (it Item) Bytes(name string) []byte { b, _ := it[name].(B); return b }

// Bool gives the named truth value, false where there is none.
func (it Item) Bool(name string) bool { b, _ := it[name].(Bool); return bool(b) }

// List gives the named list, nil where there is none.
func (it Item) List(name string) []Value { l, _ := it[name].(L); return l }

// Map gives the named map, nil where there is none.
func (it Item) Map(name string) Item { m, _ := it[name].(Item); return m }

// Size counts the item's bytes in the way DynamoDB bounds them: names and values, 3 bytes and 1 more per
// element for a list or map.
func (it Item) Size() int {
	n := 0
	for name, v := range it {
		n += len(name) + size(v)
	}
	return n
}

func size(v Value) int {
	switch v := v.(type) {
	case S:
		return len(v)
	case B:
		return len(v)
	case N:
		return len(strconv.FormatInt(int64(v), 10))/2 + 2
	case L:
		n := 3
		for _, e := range v {
			n += 1 + size(e)
		}
		return n
	case Item:
		return 3 + len(v) + v.Size()
	}
	return 1
}
