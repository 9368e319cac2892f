// Package trail reads the record of what happened: an account's, or the part of it that is about one token.
//
// It promises that events come newest first, from strongly consistent reads; that a request looks at no more than a fixed
// number of them, however few its filter lets through, and then ends short, with the position to go on from; and that
// the trail of a token is there for as long as its events are kept, whatever has become of the token.
//
// It writes nothing: an event is package audit's, and is committed with the change it tells of.
package trail

import (
	"context"
	"time"

	"keyfob/internal/audit"
	"keyfob/internal/authority"
	"keyfob/internal/fault"
	"keyfob/internal/scope"
	"keyfob/internal/table"
	"keyfob/internal/table/key"
	"keyfob/internal/token"
)

// Bounds of a page.
const (
	MaxPage   = 100  // events that are to be looked at
	MaxExport = 1000 // events that are to be kept elsewhere
)

// Trails reads.
type Trails struct {
	Table table.Table
	Now   func() time.Time
}

// A Page is a run of events, newest first. Next is the position to go on from, empty at the end. A page may be shorter
// than asked for, or empty, and still have a Next.
type Page struct {
	Events []audit.Event
	Next   string
}

// Account gives events of the principal's account. Forbidden where the principal may not read them; Invalid and
// Unprocessable name the filter's field. after is the position the last page ended at.
func (t *Trails) Account(ctx context.Context, by authority.Principal, f Filter, limit int, after string) (Page, error) {
	if reason := scope.Decide(by.Holder, readAll); reason != scope.Allowed {
		return Page{}, forbidden(reason)
	}
	if err := f.check(); err != nil {
		return Page{}, err
	}
	return t.read(ctx, source{t.Table, by.Account, f.Token}, f, limit, after)
}

// Token gives the events about one token, for who may read the account's, and for who made the token as long as its
// record is there. NotFound covers what the account never had and what the principal may not know of; the rest is as
// with Account.
func (t *Trails) Token(ctx context.Context, by authority.Principal, handle string, f Filter, limit int, after string) (Page, error) {
	id, err := token.ParseHandle(token.API, handle)
	if err != nil {
		return Page{}, errNoToken()
	}
	if err := t.mayRead(ctx, by, id); err != nil {
		return Page{}, err
	}
	f.Token = handle
	if err := f.check(); err != nil {
		return Page{}, err
	}
	from := source{t.Table, by.Account, handle}
	page, err := t.read(ctx, from, f, limit, after)
	if err != nil || len(page.Events) > 0 || page.Next != "" {
		return page, err
	}
	// Nothing that the filter lets through: is there nothing at all?
	if first, _, err := from.before(ctx, "", "", 1); err != nil || len(first) > 0 {
		return page, err
	}
	return Page{}, errNoToken()
}

var (
	readAll, _ = scope.ParsePermission(string(scope.ReadAudit))
	readOwn, _ = scope.ParsePermission(string(scope.OwnTokens))
)

// mayRead refuses a principal that may read neither every trail nor that of a token it made.
func (t *Trails) mayRead(ctx context.Context, by authority.Principal, id token.ID) error {
	reason := scope.Decide(by.Holder, readAll)
	if reason == scope.Allowed {
		return nil
	}
	if scope.Decide(by.Holder, readOwn) != scope.Allowed {
		return forbidden(reason)
	}
	items, err := t.Table.Get(ctx, key.Token(id.String()).Key())
	if err != nil {
		return err
	}
	it := items[0]
	// The clock decides when the record has gone, since nobody knows when the store deletes it.
	gone := it == nil || it.PurgeAt() != 0 && t.Now().Unix() >= it.PurgeAt()
	if gone || it.String("account") != by.Account || it.String("user") != by.User {
		return errNoToken()
	}
	return nil
}

func forbidden(r scope.Reason) error { return fault.New(fault.Forbidden, string(r), r.Sentence()) }

// errNoToken is what every route answers for a token that the caller may not know of.
func errNoToken() error { return fault.New(fault.NotFound, "not_found", "There is no such token.") }
