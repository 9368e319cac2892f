// Package table is the role that a database plays for Keyfob: the few things asked of it, and nothing more,
// so that DynamoDB (table/dynamo) and an embedded file (table/bolt) can both give them. The contract suite
// table/tabletest runs against both.
//
// It promises, of every implementation:
//   - Get and Query are strongly consistent: what a returned Commit wrote, they see, on every instance.
//   - Commit is all or nothing, also when the process dies within it; a failed condition is a *Conflict.
//   - An item whose purgeAt has passed is deleted some time later. Readers never trust that it happened.
//   - Every change appears once in the change feed, in order per partition, with the item before and after.
//   - Any other error than a *Conflict, a *Misuse or the context's own is a fault of kind Unavailable: the
//     answer is not known. After such an error from Commit the change may or may not have been made.
//
// It is not a query language: there are no secondary indexes, no filters, no scans and no partial updates.
// A list is kept as pointer items written in the same commit as what they point to.
package table

import (
	"context"
	"fmt"
)

// Limits that hold for every implementation; they are DynamoDB's.
const (
	MaxGet        = 100       // keys in one Get
	MaxCommit     = 100       // operations in one Commit
	MaxCommitSize = 4 << 20   // bytes of the items that one Commit puts
	MaxItemSize   = 400 << 10 // bytes of one item, as Item.Size counts them
	MaxKeySize    = 1024      // bytes of a sort key; a partition key may have twice as many
	MaxDepth      = 30        // lists and maps within each other in one item
)

// The attributes that the role itself reads.
const (
	AttrPK      = "pk"      // partition key, S
	AttrSK      = "sk"      // sort key, S
	AttrVersion = "ver"     // N, written by Commit: 1 when created, one more at each replacement
	AttrPurgeAt = "purgeAt" // N, epoch seconds; the store deletes the item some time after it
)

// A Key names one item.
type Key struct{ PK, SK string }

// Table is the role.
type Table interface {
	// Get returns the items under the keys, in the keys' order, nil where there is none, in one round trip
	// for up to MaxGet distinct keys. Several keys are not a snapshot: each is read consistently by itself.
	Get(ctx context.Context, keys ...Key) ([]Item, error)

	// Query returns up to q.Limit items of one partition, ordered by the bytes of their sort keys.
	Query(ctx context.Context, q Query) (Page, error)

	// Commit makes all the changes or none. Each op names a different key. A *Conflict says which op's
	// condition did not hold; where several did not, the first of them.
	Commit(ctx context.Context, ops ...Op) error
}

// A Query asks for a run of one partition.
type Query struct {
	PK         string
	Prefix     string // of the sort key; empty for the whole partition
	After      string // exclusive: the sort key the last page ended at, empty for the first page; begins with Prefix
	Limit      int    // at least 1
	Descending bool   // highest sort key first
}

// A Page is a run of items. More says that there are further ones after the last of these.
type Page struct {
	Items []Item
	More  bool
}

// A Conflict is a commit refused because a condition did not hold. Nothing was changed.
type Conflict struct {
	Index int // of the op in the Commit's arguments
	Key   Key
}

// Error names the key's partition and sort key; both are ids, never secrets.
func (c *Conflict) Error() string {
	return fmt.Sprintf("table: condition of operation %d does not hold (%s, %s)", c.Index, c.Key.PK, c.Key.SK)
}

// A Misuse is a call that breaks the role's own rules: a defect of the caller, not of the store.
type Misuse struct{ Reason string }

func (m *Misuse) Error() string { return "table: " + m.Reason }
