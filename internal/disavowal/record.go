package disavowal

import (
	"errors"
	"strings"
	"time"

	"keyfob/internal/audit"
	"keyfob/internal/table"
	"keyfob/internal/table/key"
	"keyfob/internal/token"
)

// A record is what is kept of a link.
type record struct {
	id        token.ID
	account   string
	reader    string // usr_…, to whom it was mailed
	event     string // evt_…, that the mail is about
	eventAt   time.Time
	about     audit.Type // the event's
	kind      Kind
	ids       []string // of what it ends: tok_…, or the reader's
	digest    token.Digest
	expires   time.Time
	used      time.Time // zero where it was not
	withdrawn bool      // used by somebody who ended the link itself, and nothing else
	version   int64
}

// mail names the mail that the link was in, for the audit trail.
func (r record) mail() string { return "the mail about " + r.event + " (" + string(r.about) + ")" }

// spent gives the operation that uses the link up; a *table.Conflict says that somebody else has.
func (r record) spent(at time.Time, withdrawn bool) table.Op {
	r.used, r.withdrawn = at, withdrawn
	return table.Replace(r.item(), r.version)
}

func (r record) key() table.Key { return key.Disavowal(r.id.String()).Key() }

func (r record) item() table.Item {
	k := r.key()
	it := table.Item{
		table.AttrPK: table.S(k.PK), table.AttrSK: table.S(k.SK), table.AttrPurgeAt: table.N(r.expires.Add(keep).Unix()),
		"account": table.S(r.account), "reader": table.S(r.reader), "event": table.S(r.event), "eventAt": table.N(r.eventAt.UnixMilli()),
		"about": table.S(r.about), "kind": table.S(r.kind), "digest": table.B(r.digest.Bytes()), "expires": table.N(r.expires.Unix()),
	}
	ids := make(table.L, len(r.ids))
	for i, id := range r.ids {
		ids[i] = table.S(id)
	}
	it["ids"] = ids
	if !r.used.IsZero() {
		it["used"] = table.N(r.used.Unix())
	}
	if r.withdrawn {
		it["withdrawn"] = table.Bool(true)
	}
	return it
}

var errRecord = errors.New("disavowal: a link's record is damaged")

func fromItem(it table.Item) (record, error) {
	id, err := token.ParseID(strings.TrimPrefix(it.String(table.AttrPK), key.PrefixDisavowal))
	if err != nil {
		return record{}, errRecord
	}
	r := record{
		id: id, account: it.String("account"), reader: it.String("reader"), event: it.String("event"), eventAt: time.UnixMilli(it.Int("eventAt")).UTC(),
		about: audit.Type(it.String("about")), kind: Kind(it.String("kind")), expires: time.Unix(it.Int("expires"), 0).UTC(),
		withdrawn: it.Bool("withdrawn"), version: it.Version(),
	}
	if n := it.Int("used"); n != 0 {
		r.used = time.Unix(n, 0).UTC()
	}
	for _, v := range it.List("ids") {
		s, ok := v.(table.S)
		if !ok {
			return record{}, errRecord
		}
		r.ids = append(r.ids, string(s))
	}
	if r.digest, err = token.DigestFrom(it.Bytes("digest")); err != nil || r.kind != Tokens && r.kind != Sessions {
		return record{}, errRecord
	}
	return r, nil
}
