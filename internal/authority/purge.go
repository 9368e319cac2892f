package authority

import (
	"context"
	"strconv"
	"strings"
	"time"

	"keyfob/internal/agenda"
	"keyfob/internal/audit"
	"keyfob/internal/table"
	"keyfob/internal/table/key"
	"keyfob/internal/token"
)

// The store deletes the record of a token some time after it is due, and its stream tells of that (Purged). A stream can lose
// it, and then nothing is left by which anybody could know. So as long as a token's record is to be deleted by itself there is
// an entry on the agenda, and whoever records the purge takes it off in the same commit: once, whoever that is.

const (
	purgeGrace = 5 * time.Minute // that store and stream have from when the record is due
	purgeAgain = 6 * time.Hour   // until the next look at a record that the store is late with
)

// place is what an entry has to say of a token whose record may be gone: who made it, when it was due, and whether its
// successor has its place in the quotas.
func (t Token) place(end time.Time) string {
	place := t.User + "/" + strconv.FormatInt(end.Unix(), 10)
	if !t.Successor.IsZero() {
		place += "/" + replaced
	}
	return place
}

const replaced = "replaced"

// purging gives the entry of the agenda for the purge of the token's record; false where the store deletes none, or one
// that is revoked, of which nothing is recorded any more.
func (t Token) purging() (e agenda.Entry, is bool) {
	end := t.recordEnds()
	if end.IsZero() || !t.Revoked.IsZero() {
		return agenda.Entry{}, false
	}
	e = agenda.Entry{Due: end.Add(purgeGrace), Kind: agenda.Purge, Ref: t.ID.String(), Account: t.Account, Place: t.place(end)}
	if !t.Look.IsZero() {
		e.Due = t.Look
	}
	return e, true
}

// repurge gives the operations that bring the agenda from the purge of the token as it was to that of the token as it is.
func repurge(was, is Token) []table.Op {
	from, had := was.purging()
	to, has := is.purging()
	if had == has && from == to {
		return nil
	}
	var ops []table.Op
	if had {
		ops = append(ops, from.Drop())
	}
	if has {
		ops = append(ops, to.Add())
	}
	return ops
}

// Purged records that the store has deleted a token which was due (P4), and gives its place in the quotas back. old is
// the record as it was last, at the time of the deletion. It may be told of the same deletion any number of times. What
// is no token, or one that was revoked before, is none of its business.
func (a *Authority) Purged(ctx context.Context, old table.Item, at time.Time) error {
	t, err := tokenFrom(old)
	if err != nil || !t.Revoked.IsZero() {
		return err
	}
	entry, _ := t.purging()
	return table.Again(ctx, table.Patient, func() error {
		keys := quotaKeys(t.Account, t.User)
		e := purged(t.Account, t.ID, t.Subject(), old.PurgeAt(), at)
		items, err := a.Table.Get(ctx, keys[0], keys[1], e.Key(), entry.Key())
		if err != nil || items[2] != nil {
			return err
		}
		ops := e.Ops()
		switch {
		case items[3] != nil:
			ops = append(ops, table.Delete(entry.Key(), table.VersionIs(items[3].Version())))
		case t.LifeSet > 0:
			return nil // it is recorded
		}
		if t.Successor.IsZero() {
			ops = append(ops, count(keys, items, -1)...)
		}
		return a.Table.Commit(ctx, ops...)
	})
}

// purged is the event of a purge.
func purged(account string, id token.ID, subject audit.Subject, due int64, at time.Time) audit.Event {
	e := audit.New(audit.TokenPurged, at, account, audit.Actor{Via: audit.ViaSystem}, audit.Origin{}, subject)
	e.ID = "evt_" + id.String() // a token is purged once
	e.Changes = []audit.Change{
		{Field: "dueAt", To: time.Unix(due, 0).UTC().Format(time.RFC3339)},
		{Field: "purgedAt", To: at.UTC().Format(time.RFC3339)},
	}
	return e
}

// Purge is the agenda.See of agenda.Purge: it records the purge that the stream did not tell of, and looks again later where
// the store has not deleted the record yet.
func (a *Authority) Purge(ctx context.Context, entry agenda.Entry) (agenda.Verdict, error) {
	id, err := token.ParseID(entry.Ref)
	if err != nil {
		return agenda.Verdict{}, errRecord
	}
	user, place, _ := strings.Cut(entry.Place, "/")
	due, place, _ := strings.Cut(place, "/")
	end, err := strconv.ParseInt(due, 10, 64)
	if err != nil {
		return agenda.Verdict{}, errRecord
	}
	keys := quotaKeys(entry.Account, user)
	items, err := a.Table.Get(ctx, key.Token(entry.Ref).Key(), keys[0], keys[1])
	if err != nil {
		return agenda.Verdict{}, err
	}
	now := a.Now().UTC()
	if items[0] != nil {
		return a.late(items[0], entry, now)
	}
	subject, err := a.last(ctx, entry.Account, id.Handle(token.API))
	if err != nil {
		return agenda.Verdict{}, err
	}
	subject.User = user
	verdict := agenda.Verdict{With: purged(entry.Account, id, subject, end, now).Ops()}
	if place != replaced {
		verdict.With = append(verdict.With, count(keys, items[1:], -1)...)
	}
	return verdict, nil
}

// late looks again later at a record that the store has not deleted yet. The record says when, so that whoever is told of its
// deletion finds the entry.
func (a *Authority) late(it table.Item, entry agenda.Entry, now time.Time) (agenda.Verdict, error) {
	t, err := tokenFrom(it)
	if err != nil {
		return agenda.Verdict{}, err
	}
	if is, due := t.purging(); !due || is.Key() != entry.Key() {
		return agenda.Verdict{}, nil // it is another life's
	}
	t.Look = now.Add(purgeAgain).Truncate(time.Second)
	return agenda.Verdict{Next: t.Look, With: []table.Op{table.Replace(t.item(), t.Version)}}, nil
}

// last names a token whose record is gone as the last event about it did.
func (a *Authority) last(ctx context.Context, account, handle string) (audit.Subject, error) {
	subject := audit.Subject{Kind: "token", ID: handle}
	page, err := a.Table.Query(ctx, table.Query{PK: key.PrefixTrail + account + "/" + handle, Limit: 1, Descending: true})
	if err != nil || len(page.Items) == 0 {
		return subject, err
	}
	items, err := a.Table.Get(ctx, table.Key{PK: key.PrefixAudit + account, SK: page.Items[0].String("event")})
	if err != nil || items[0] == nil {
		return subject, err
	}
	e, err := audit.FromItem(items[0])
	for _, s := range append([]audit.Subject{e.Subject}, e.Also...) {
		if s.ID == handle {
			subject.Name = s.Name
		}
	}
	return subject, err
}
