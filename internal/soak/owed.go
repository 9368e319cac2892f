package soak

import (
	"cmp"

	"keyfob/internal/audit"
	"keyfob/internal/faulty"
	"keyfob/internal/table"
	"keyfob/internal/table/key"
)

// An owing is a notice that somebody has to get. Where perhaps is set they may get it: they came and went meanwhile.
type owing struct {
	event   audit.Event
	to      *person
	perhaps bool
}

// owed lists who is to be told of the event, as an account's people would expect it.
func (w *world) owed(e audit.Event) (all []owing) {
	if !e.Owed() {
		return nil
	}
	var t *tenant
	for _, other := range w.tenants {
		if other.id == e.Account {
			t = other
		}
	}
	if t == nil || t.muted[string(e.Type)] {
		return nil
	}
	about := map[string]bool{}
	for _, s := range append([]audit.Subject{e.Subject}, e.Also...) {
		if s.Kind == "user" {
			about[s.ID] = true
		}
	}
	for _, p := range append([]*person{t.owner, t.steward, t.guest, t.guarded}, t.members...) {
		o := owing{e, p, p == t.guest}
		switch e.Type {
		case audit.UserInvited, audit.PasswordRequested, audit.FactorRequested, audit.SessionNovel, audit.SessionRefused:
			if !about[p.id] {
				continue
			}
		case audit.AccountChanged, audit.AccountSuspended, audit.AccountResumed:
			if p != t.owner {
				continue
			}
		case audit.UserChanged, audit.UserJoined, audit.UserRemoved, audit.PasswordChanged, audit.FactorEnrolled, audit.FactorRemoved, audit.FactorRefused,
			audit.CodesRenewed, audit.CodeUsed:
			if p != t.owner && !about[p.id] {
				continue
			}
		default: // what happens to a token
			if p != t.owner && p != t.steward && p != t.guest && p.id != e.Subject.User {
				continue
			}
		}
		all = append(all, o)
	}
	return all
}

// lists reports whether the mail that was counted under one event tells of another too.
func (w *world) sentOf(sent map[faulty.Posted]int, o owing) int {
	return sent[faulty.Posted{Event: o.event.ID, To: o.to.email}]
}

// unsent lists the notices that are owed and were neither sent nor refused for good, nor have become pointless.
func (inv *inventory) unsent(w *world) (all []owing) {
	sent, rejected := w.house.post.Sent(), w.house.post.Rejected()
	for _, e := range inv.events {
		for _, o := range w.owed(e) {
			if o.perhaps || w.sentOf(sent, o) > 0 || rejected[faulty.Posted{Event: e.ID, To: o.to.email}] > 0 {
				continue
			}
			if d := inv.items[key.Notice{Event: e.ID, Recipient: o.to.id}.Key()]; d.String("state") == "moot" && pointless[e.Type] {
				continue
			}
			all = append(all, o)
		}
	}
	return all
}

// pointless are the types of events of which nobody need be told any more when what they ask for was done or has ended.
var pointless = map[audit.Type]bool{audit.UserInvited: true, audit.PasswordRequested: true, audit.FactorRequested: true}

// notices judges the mails: none is missing, none is of nothing, none came more often than there was cause for.
func (w *world) notices(inv *inventory, r *Report) {
	for _, o := range inv.unsent(w) {
		d := inv.items[key.Notice{Event: o.event.ID, Recipient: o.to.id}.Key()]
		w.broke(lost, "%s %s of %s was not told to %s (delivery %q, attempt %d)", o.event.Type, o.event.ID, o.event.At, o.to.email, d.String("state"), d.Int("attempt"))
	}
	expected := map[faulty.Posted]*person{}
	for _, e := range inv.events {
		for _, o := range w.owed(e) {
			expected[faulty.Posted{Event: e.ID, To: o.to.email}] = o.to
			if !o.perhaps {
				r.Owed++
			}
		}
	}
	sent, rejected, unheard := w.house.post.Sent(), w.house.post.Rejected(), w.house.post.Unheard()
	refused := w.house.post.Refused()
	w.house.mu.Lock()
	defer w.house.mu.Unlock()
	digested := w.house.post.Digested()
	cause := func(p faulty.Posted, to *person) int {
		return unheard[p] + w.house.unnoted[unnoted{p.Event, to.id}] + min(max(digested[p]-1, 0), w.house.unnotedDigests[to.id])
	}
	for p, n := range sent {
		r.Sent += n
		to := expected[p]
		if to == nil {
			w.broke(halfDone, "a mail of %s went to %s, who is owed none", p.Event, p.To)
			continue
		}
		r.Duplicates += n - 1
		if n-1 > cause(p, to) {
			w.broke(duplicated, "%s was told of %s %d times, with cause for %d", p.To, p.Event, n, 1+cause(p, to))
		}
	}
	for p, to := range expected {
		r.Allowed += cause(p, to)
	}
	told := map[string]bool{}
	for _, e := range inv.events {
		if e.Type == audit.NoticeRejected {
			told[e.Subject.ID] = true
		}
	}
	for p, n := range rejected {
		r.Rejected += n
		if to := expected[p]; to != nil && (n-1 > cause(p, to) || !told[cmp.Or(refused[p], p.Event)+"/"+to.id] && sent[p] == 0) {
			w.broke(odd, "the mail of %s to %s was refused for good %d times, and that is recorded: %t", p.Event, p.To, n, told[cmp.Or(refused[p], p.Event)+"/"+to.id])
		}
	}
	inv.under(key.PrefixNotice, func(event string, it table.Item) {
		to := w.people[it.Key().SK]
		if to != nil && it.String("state") == "sent" && sent[faulty.Posted{Event: event, To: to.email}] == 0 {
			w.broke(lost, "the mail of %s to %s is noted as sent, and was not", event, to.email)
		}
	})
}
