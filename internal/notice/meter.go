package notice

import (
	"time"

	"keyfob/internal/account"
	"keyfob/internal/agenda"
	"keyfob/internal/audit"
	"keyfob/internal/table"
	"keyfob/internal/table/key"
)

// How many mails of ordinary events a person gets one by one, and what becomes of those beyond.
const (
	Burst  = 10               // mails within a Window; further ones are gathered for a digest
	Window = 10 * time.Minute // at its end the digest is sent; as long as there is one at each end, nothing is sent between
)

// gatherable reports whether the event may be told in a digest: what is done with tokens in the ordinary course may. An alarm,
// or what concerns people and how they prove who they are, is told at once.
func gatherable(e audit.Event) bool { return e.Type.Mutable() && e.Type.Noun() == "token" }

// A meter is what is known of how much mail a user got lately.
type meter struct {
	user, account string
	since         time.Time // when the window began
	count         int64     // mails in it
	due           time.Time // of the digest for which something is gathered; zero where nothing is
	digest        string    // dgs_…, that a sender is at work on; empty for none
	until         time.Time // when that sender's claim ends
	version       int64
}

// meterFrom reads the user's meter; a new one of nil.
func meterFrom(u account.User, it table.Item) meter {
	m := meter{user: u.ID, account: u.Account}
	if it == nil {
		return m
	}
	m.since, m.count, m.digest, m.version = instantOf(it, "since"), it.Int("count"), it.String("digest"), it.Version()
	m.due, m.until = instantOf(it, "due"), instantOf(it, "until")
	return m
}

// instantOf reads a time in milliseconds; the zero time where there is none.
func instantOf(it table.Item, name string) time.Time {
	if it[name] == nil {
		return time.Time{}
	}
	return time.UnixMilli(it.Int(name)).UTC()
}

func (m meter) put(now time.Time) table.Op {
	k := key.Digest(m.user).Key()
	it := table.Item{
		table.AttrPK: table.S(k.PK), table.AttrSK: table.S(k.SK), "account": table.S(m.account), "count": table.N(m.count),
		table.AttrPurgeAt: table.N(now.Add(Keep).Unix()),
	}
	for name, t := range map[string]time.Time{"since": m.since, "due": m.due, "until": m.until} {
		if !t.IsZero() {
			it[name] = table.N(t.UnixMilli())
		}
	}
	if m.digest != "" {
		it["digest"] = table.S(m.digest)
	}
	if m.version == 0 {
		return table.Create(it)
	}
	return table.Replace(it, m.version)
}

// take counts a mail, and tells whether it is to be gathered and not sent. The operations are to be committed with the
// delivery's claim.
func (m meter) take(e audit.Event, now time.Time) (gather bool, ops []table.Op) {
	now = now.Truncate(time.Millisecond)
	if m.due.IsZero() && (now.Sub(m.since) >= Window || m.since.After(now)) { // also where the clock has stepped back
		m.since, m.count = now, 0
	}
	if m.due.IsZero() && m.count < Burst {
		m.count++
		return false, []table.Op{m.put(now)}
	}
	if m.due.IsZero() || m.due.After(now.Add(Window)) { // likewise: nobody is to wait until the clock is there again
		m.due = now.Add(Window)
		if since := m.since.Add(Window); since.After(now) && since.Before(m.due) {
			m.due = since
		}
		ops = append(ops, agenda.Entry{Due: m.due, Kind: agenda.Digest, Ref: m.user, Account: m.account}.Add())
	}
	k := key.Gathered{User: m.user, At: e.At, Event: e.ID}.Key()
	gathered := table.Item{table.AttrPK: table.S(k.PK), table.AttrSK: table.S(k.SK), "place": table.S(e.Key().SK)}
	return true, append(ops, m.put(now), table.Create(gathered))
}
