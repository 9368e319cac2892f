package notice

import (
	"context"
	"errors"
	"slices"
	"time"

	"keyfob/internal/account"
	"keyfob/internal/agenda"
	"keyfob/internal/audit"
	"keyfob/internal/fault"
	"keyfob/internal/mail"
	"keyfob/internal/table"
	"keyfob/internal/table/key"
	"keyfob/internal/token"
)

// maxDigest is how many events one digest tells of. What is beyond is in the next one, which follows at once; so none is
// left out, and all of one are taken off in one commit.
const maxDigest = mail.MaxEntries

// Digest is the agenda.See of agenda.Digest: it sends what is gathered for the user, as many digests as that takes.
func (n *Notices) Digest(ctx context.Context, entry agenda.Entry) (agenda.Verdict, error) {
	for {
		if !timely(ctx) {
			return agenda.Verdict{}, agenda.ErrNoTime
		}
		next, more, err := n.digest(ctx, entry)
		if err != nil || !more {
			return agenda.Verdict{Next: next}, err
		}
	}
}

// digest sends one digest. More says that there is enough for another already, next when there will be one; zero for never.
func (n *Notices) digest(ctx context.Context, entry agenda.Entry) (next time.Time, more bool, err error) {
	g, err := n.gathered(ctx, entry)
	if err != nil || g == nil {
		return time.Time{}, false, err
	}
	now := n.Now()
	if g.meter.digest != "" && held(g.meter.until, now) {
		return g.meter.until, false, nil // another sender is at work on it
	}
	g.meter.digest, g.meter.until = token.NewName("dgs_"), now.Add(Lease)
	entries, links, err := n.entries(ctx, g)
	if err != nil {
		return time.Time{}, false, err
	}
	if err := n.Table.Commit(ctx, append([]table.Op{g.meter.put(now)}, links...)...); err != nil {
		return time.Time{}, false, err
	}
	failed := agenda.ErrNoTime // the claim has taken long
	if timely(ctx) {
		failed = n.sendDigest(ctx, g, entries)
	}
	var with []table.Op
	rejected, ok := errors.AsType[*mail.Rejected](failed)
	if !ok && failed != nil && !errors.Is(failed, agenda.ErrNoTime) && now.Sub(g.oldest) > giveUp {
		rejected, ok = &mail.Rejected{Reason: "It could not be sent for two weeks."}, true
	}
	switch {
	case ok:
		n.observe(Rejected, g.meter.due)
		missed := n.rejection(entry.Account, g.meter.digest+"/"+entry.Ref, rejected.Reason)
		for _, said := range entries {
			missed.Changes = append(missed.Changes, audit.Change{Field: "event", To: said.EventID})
		}
		with = missed.Ops()
	case failed != nil:
		return time.Time{}, false, errors.Join(failed, n.release(ctx, g))
	}
	return n.settle(ctx, g, with)
}

// A gathering is what a digest is made of.
type gathering struct {
	meter    meter
	account  account.Account
	to       account.User
	pointers []table.Item // the oldest of those there are, at most maxDigest
	more     bool         // there are further ones
	oldest   time.Time    // when the first of the events happened
	held     bool         // the address is not written to
}

// has reports whether the digest tells of what the pointer leads to.
func (g *gathering) has(pointer table.Item) bool {
	return slices.ContainsFunc(g.pointers, func(it table.Item) bool { return it.Key() == pointer.Key() })
}

// gathered reads what is gathered for a user; nil where there is nothing, or nobody any more.
func (n *Notices) gathered(ctx context.Context, entry agenda.Entry) (*gathering, error) {
	acc, u, err := n.Accounts.WithUser(ctx, entry.Account, entry.Ref)
	if fault.Is(err, fault.NotFound) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	items, err := n.Table.Get(ctx, key.Digest(u.ID).Key(), key.Suppression(u.Email).Key())
	if err != nil || items[0] == nil {
		return nil, err
	}
	g := &gathering{meter: meterFrom(u, items[0]), account: acc, to: u, held: suppressionFrom(items[1]).holds()}
	page, err := n.Table.Query(ctx, table.Query{PK: key.Digest(u.ID).Key().PK, Prefix: key.PrefixGathered, Limit: maxDigest})
	if err != nil {
		return nil, err
	}
	if g.pointers, g.more = page.Items, page.More; len(g.pointers) > 0 {
		g.oldest = key.GatheredAt(g.pointers[0].String(table.AttrSK))
		return g, nil
	}
	g.meter.due = time.Time{}
	return nil, n.Table.Commit(ctx, g.meter.put(n.Now()))
}

// entries gives what the digest tells of, and the operations that make the links in it. What its reader is not to be told of
// any more, because they have left, is not in it. But what was muted since it happened is: or who mutes could hide what they
// have done.
func (n *Notices) entries(ctx context.Context, g *gathering) (entries []mail.Notice, links []table.Op, err error) {
	if g.held {
		return nil, nil, nil
	}
	members, err := n.Accounts.Members(ctx, g.account.ID)
	if err != nil {
		return nil, nil, err
	}
	for i := range members {
		members[i].Muted = ""
	}
	keys := make([]table.Key, len(g.pointers))
	for i, it := range g.pointers {
		keys[i] = table.Key{PK: key.PrefixAudit + g.account.ID, SK: it.String("place")}
	}
	items, err := n.Table.Get(ctx, keys...)
	if err != nil {
		return nil, nil, err
	}
	for _, it := range slices.DeleteFunc(items, func(it table.Item) bool { return it == nil }) {
		e, err := audit.FromItem(it)
		if err != nil {
			return nil, nil, err
		}
		to := recipients(e, members)
		i := slices.IndexFunc(to, func(r recipient) bool { return r.user.ID == g.to.ID })
		if i < 0 {
			continue
		}
		said := n.said(e, g.account, members, to[i])
		link, err := n.disavow(ctx, e, g.to, &said)
		if err != nil {
			return nil, nil, err
		}
		entries, links = append(entries, said), append(links, link...)
	}
	return entries, links, nil
}

// sendDigest writes and sends the digest, if there is anything to tell.
func (n *Notices) sendDigest(ctx context.Context, g *gathering, entries []mail.Notice) error {
	if g.held {
		n.observe(Suppressed, g.meter.due)
	}
	if len(entries) == 0 {
		return nil
	}
	message, err := digestOf(g, entries)
	if err != nil {
		return err
	}
	if err := n.Sender.Send(ctx, message); err != nil {
		return err
	}
	n.observe(Sent, g.meter.due)
	return nil
}

// digestOf writes the digest: of a single event it is that event's mail, which says more.
func digestOf(g *gathering, entries []mail.Notice) (mail.Message, error) {
	if len(entries) == 1 {
		return mail.Compose(entries[0])
	}
	return mail.ComposeDigest(mail.Digest{
		ID: g.meter.digest, To: entries[0].To, Account: g.account.Name, Dashboard: entries[0].Dashboard,
		Since: entries[0].At, Until: entries[len(entries)-1].At, Entries: entries,
	})
}

// release gives the claim back, so that the next try need not wait for the lease to run out.
func (n *Notices) release(ctx context.Context, g *gathering) error {
	_, _, err := n.rewrite(ctx, g, func(m *meter, _ bool) {}, nil)
	return err
}

// settle takes the events that were told off what is gathered. What has come to it meanwhile is told at the end of another
// window, within which nothing is sent between.
func (n *Notices) settle(ctx context.Context, g *gathering, with []table.Op) (next time.Time, more bool, err error) {
	for _, it := range g.pointers {
		with = append(with, table.Delete(it.Key(), table.Anything()))
	}
	now := n.Now().UTC().Truncate(time.Millisecond)
	m, left, err := n.rewrite(ctx, g, func(m *meter, left bool) {
		m.since, m.count, m.due = now, Burst, time.Time{}
		if left {
			m.due = now.Add(Window)
		}
	}, with)
	if err != nil || !left {
		return time.Time{}, false, err
	}
	return m.due, g.more, nil
}

// rewrite takes the claim off the meter, with what else is to be changed of it. It insists: a digest that was sent and is
// not noted would be sent again. Left says whether something is gathered beyond what the digest has.
func (n *Notices) rewrite(ctx context.Context, g *gathering, change func(m *meter, left bool), with []table.Op) (m meter, left bool, err error) {
	ours, tried := g.meter.digest, int64(-1)
	err = insist(ctx, func(ctx context.Context) error {
		return table.Again(ctx, table.Patient, func() error {
			items, err := n.Table.Get(ctx, key.Digest(g.to.ID).Key())
			if err != nil {
				return err
			}
			is := meterFrom(g.to, items[0])
			if is.digest == "" && is.version == tried+1 {
				return nil // it was done, and the answer was lost
			}
			if m = is; m.digest != ours {
				return errOvertaken
			}
			tried = m.version
			page, err := n.Table.Query(ctx, table.Query{PK: key.Digest(g.to.ID).Key().PK, Prefix: key.PrefixGathered, Limit: maxDigest + 1})
			if err != nil {
				return err
			}
			left = slices.ContainsFunc(page.Items, func(it table.Item) bool { return !g.has(it) })
			m.digest, m.until = "", time.Time{}
			change(&m, left)
			return n.Table.Commit(ctx, append([]table.Op{m.put(n.Now())}, with...)...)
		})
	})
	return m, left, err
}
