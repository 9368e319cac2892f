// Package agenda is what has to be looked at again when its time has come: events whose mails may be outstanding, mails
// that are gathered for a digest, tokens that are to be reminded of or were to be deleted, changes that were interrupted.
//
// It promises that an entry which was committed is seen by every sweep from when it is due until somebody has seen to it,
// whatever became of the stream or of whoever was to see to it first; that one which cannot be seen to comes again after
// pauses that grow, and keeps none of the others waiting; and that what is done about an entry and its end, or its next
// time, are one commit.
//
// It does not know what is to be done about an entry: those do who put it on.
package agenda

import (
	"hash/fnv"
	"time"

	"keyfob/internal/table"
	"keyfob/internal/table/key"
)

// A Kind says what an entry is about.
type Kind string

// The kinds.
const (
	Owed     Kind = "owed"     // an event that owes mails; Ref is its id, Place its sort key in the account's trail
	Digest   Kind = "digest"   // mails gathered for a user; Ref is the user's id
	Reminder Kind = "reminder" // a token that will end; Ref is its id, Place the edition in which its life was last set
	Purge    Kind = "purge"    // a token whose record the store is to delete; Ref is its id, Place who made it
	Finish   Kind = "finish"   // a change that may have been left half way; Ref is its event's id, Place its sort key
	Reset    Kind = "reset"    // a forgotten password; Ref is the request's id
)

// An Entry is one thing to look at.
type Entry struct {
	Due     time.Time // not before; whole milliseconds
	Kind    Kind
	Ref     string // what it is about; has no #
	Account string // acc_…
	Place   string // what else it takes to find what it is about

	since   time.Time // when it was first due; zero for one that was not read from the table
	tries   int       // that failed
	version int64
}

// shards is over how many partitions the entries are spread, so that no partition takes all writes.
const shards = 8

func shardOf(ref string) int {
	h := fnv.New32a()
	_, _ = h.Write([]byte(ref))
	return int(h.Sum32() % shards)
}

// Key gives the key of the entry's item. Two of one kind about the same thing at the same time are the same entry where
// their places are.
func (e Entry) Key() table.Key {
	return key.Due{Shard: shardOf(e.Ref), At: e.Due, Kind: string(e.Kind), Ref: e.Ref, Place: e.Place}.Key()
}

// Add gives the operation that puts the entry onto the agenda. Conflict: it is there already.
func (e Entry) Add() table.Op {
	k := e.Key()
	it := table.Item{
		table.AttrPK: table.S(k.PK), table.AttrSK: table.S(k.SK), "kind": table.S(e.Kind), "ref": table.S(e.Ref),
		"due": table.N(e.Due.UnixMilli()), "account": table.S(e.Account), "place": table.S(e.Place),
	}
	if e.tries > 0 {
		it["tries"], it["since"] = table.N(e.tries), table.N(e.since.UnixMilli())
	}
	return table.Create(it)
}

// Drop gives the operation that takes the entry off the agenda if it is there.
func (e Entry) Drop() table.Op { return table.Delete(e.Key(), table.Anything()) }

// fromItem reads an entry.
func fromItem(it table.Item) Entry {
	e := Entry{
		Due: time.UnixMilli(it.Int("due")).UTC(), Kind: Kind(it.String("kind")), Ref: it.String("ref"), Account: it.String("account"),
		Place: it.String("place"), tries: int(it.Int("tries")), version: it.Version(),
	}
	if e.since = e.Due; e.tries > 0 {
		e.since = time.UnixMilli(it.Int("since")).UTC()
	}
	return e
}

// Overdue is how long ago the entry was first due.
func (e Entry) Overdue(now time.Time) time.Duration { return now.Sub(e.since) }

// at gives the entry at another time; one that has failed keeps for how long.
func (e Entry) at(due time.Time) Entry {
	if e.Due = due.UTC().Truncate(time.Millisecond); e.tries == 0 {
		e.since = e.Due
	}
	return e
}
