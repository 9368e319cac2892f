package standing

import (
	"context"
	"errors"

	"keyfob/internal/account"
	"keyfob/internal/fault"
	"keyfob/internal/table"
	"keyfob/internal/table/key"
	"keyfob/internal/token"
)

// A Carrier brings a change of a user or an account to all credentials that rest on it.
//
// Whoever decides on such a change commits the record marked as Behind, and then has a carrier run before the change is
// acknowledged. The carrier rewrites credential after credential, each time on condition that the record still is as it
// was read, so that one that was overtaken can never write what has been taken away; in the end it takes the mark away.
// Of a user only the user's part is written, of an account only the account's, so that neither needs to know the other.
//
// It may stop anywhere, and any number may run for the same record at once: as long as the mark is there, another run
// finishes what is left. Credentials that are made meanwhile are no concern of it. They come into being on condition that
// the records are as they were read, and with the standing that those lend.
type Carrier struct {
	Table    table.Table
	Accounts *account.Accounts
}

// tries bounds how often in a row a run is overtaken by other changes before it gives up.
const tries = 20

// User brings what the user's record says to the user's credentials, if it is marked as Behind. An error of kind
// Unavailable says that some may be left, as where ctx ended: run again, what has been done is kept.
func (c *Carrier) User(ctx context.Context, acc, user string) error {
	return c.run(ctx, func() (change, error) {
		_, u, err := c.Accounts.WithUser(ctx, acc, user)
		if err != nil || !u.Behind {
			return change{}, err
		}
		ch := change{
			behind: true, check: table.Check(u.Key(), table.VersionIs(u.Version)),
			lists: []list{tokensOf(key.PrefixUserTokens + user), sessionsOf(key.PrefixUserSessions + user)},
			lend:  func(s Standing) Standing { return s.ofUser(u) },
		}
		u.Behind = false
		ch.done = u.Replace()
		return ch, nil
	})
}

// Account brings what the account's record says to all credentials of the account, as User does.
func (c *Carrier) Account(ctx context.Context, acc string) error {
	return c.run(ctx, func() (change, error) {
		a, err := c.Accounts.Get(ctx, acc)
		if err != nil || !a.Behind {
			return change{}, err
		}
		ch := change{
			behind: true, check: table.Check(a.Key(), table.VersionIs(a.Version)),
			lists: []list{tokensOf(key.PrefixAccountTokens + acc), sessionsOf(key.PrefixAccountSessions + acc)},
			lend:  func(s Standing) Standing { return s.ofAccount(a) },
		}
		a.Behind = false
		ch.done = a.Replace()
		return ch, nil
	})
}

// A change is what a record lends, and to whom.
type change struct {
	behind bool
	check  table.Op // that the record still is as it was read
	lend   func(Standing) Standing
	lists  []list
	done   table.Op // takes the mark off the record, where that still is as it was read
}

// A list is a partition of pointers to credentials.
type list struct {
	pk       string
	sessions bool // else tokens
}

func tokensOf(pk string) list   { return list{pk, false} }
func sessionsOf(pk string) list { return list{pk, true} }

// record gives the key of the credential that the pointer leads to.
func (l list) record(sk string) table.Key {
	if l.sessions {
		return key.Session(sk).Key()
	}
	return key.Token(sk[max(0, len(sk)-token.IDLen):]).Key()
}

// lent gives what the change makes of a credential's standing.
func (l list) lent(ch change, was Standing) Standing {
	is := ch.lend(was)
	if !l.sessions {
		is = is.forTokens()
	}
	return is
}

func (c *Carrier) run(ctx context.Context, read func() (change, error)) error {
	for range tries {
		ch, err := read()
		if fault.Is(err, fault.NotFound) || err == nil && !ch.behind {
			return nil
		}
		if err == nil {
			err = c.carry(ctx, ch)
		}
		if _, overtaken := errors.AsType[*table.Conflict](err); overtaken {
			continue
		}
		if err != nil && ctx.Err() != nil {
			err = fault.Retry(err)
		}
		return err
	}
	return errOvertaken()
}

func errOvertaken() error {
	return fault.Retry(errors.New("standing: carrying a change kept being overtaken by others"))
}

// carry brings the change to every credential, and then says so in the record. A *table.Conflict says that the record is
// no longer as it was read: all has to be looked at again.
func (c *Carrier) carry(ctx context.Context, ch change) error {
	for _, l := range ch.lists {
		// Oldest first: what takes a token's place has its pointer after it.
		q := table.Query{PK: l.pk, Limit: table.MaxCommit - 1}
		for more := true; more; {
			page, err := c.Table.Query(ctx, q)
			if err != nil {
				return err
			}
			var keys []table.Key
			for _, pointer := range page.Items {
				q.After = pointer.String(table.AttrSK)
				keys = append(keys, l.record(q.After))
			}
			if err := c.page(ctx, ch, l, keys); err != nil {
				return err
			}
			more = page.More
		}
	}
	return c.Table.Commit(ctx, ch.done)
}

// page brings the change to a page of credentials. Where one of them changes meanwhile, the page is looked at again.
func (c *Carrier) page(ctx context.Context, ch change, l list, keys []table.Key) error {
	if len(keys) == 0 {
		return nil
	}
	for range tries {
		err := c.rewrite(ctx, ch, l, keys)
		if conflict, moved := errors.AsType[*table.Conflict](err); !moved || conflict.Key == ch.check.Key {
			return err
		}
	}
	return errOvertaken()
}

// rewrite replaces those of the credentials whose standing is other than it should be, as many in a commit as go into one.
func (c *Carrier) rewrite(ctx context.Context, ch change, l list, keys []table.Key) error {
	items, err := c.Table.Get(ctx, keys...)
	if err != nil {
		return err
	}
	ops, size := []table.Op{ch.check}, 0
	for _, it := range items {
		if it == nil {
			continue // gone since it was listed
		}
		was := From(it)
		is := l.lent(ch, was)
		if is == was {
			continue
		}
		is.Put(it)
		if size += it.Size(); size > maxSize {
			if err := c.Table.Commit(ctx, ops...); err != nil {
				return err
			}
			ops, size = []table.Op{ch.check}, it.Size()
		}
		ops = append(ops, table.Replace(it, it.Version()))
	}
	if len(ops) == 1 {
		return nil
	}
	return c.Table.Commit(ctx, ops...)
}

// maxSize bounds the bytes put in one commit, well within what a commit takes and above any one item.
const maxSize = table.MaxCommitSize / 2
