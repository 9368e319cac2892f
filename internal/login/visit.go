package login

import (
	"context"
	"errors"
	"maps"
	"time"

	"keyfob/internal/audit"
	"keyfob/internal/fault"
	"keyfob/internal/network"
	"keyfob/internal/session"
	"keyfob/internal/standing"
	"keyfob/internal/table"
	"keyfob/internal/table/key"
	"keyfob/internal/throttle"
)

// A visit is what is remembered of a user and a network. The zero times are never.
type visit struct {
	key     table.Key
	item    table.Item // as it was read; nil where there is none
	last    time.Time  // a login from there, to within visitEvery
	refused time.Time  // the right password from there, where the policy did not let it be used, and the person was told
}

const (
	visitForgets = 90 * 24 * time.Hour // after which a network is new again
	visitEvery   = 24 * time.Hour      // between two notes of a network that is known
	refusedEvery = time.Hour           // between two events about logins that the policy refused, of one user and network
)

// anywhere is the network under which it is remembered, for good, that a user has ever logged in: the first login ever is
// from a network that is new to nobody.
const anywhere = "any"

// elsewhere is the network of what is no address.
const elsewhere = "unknown"

func visitKey(user, ip string) table.Key {
	prefix, ok := network.Of(ip)
	if !ok {
		prefix = elsewhere
	}
	return key.UserNetwork{User: user, Network: prefix}.Key()
}

func visitFrom(k table.Key, it table.Item) visit {
	v := visit{key: k, item: it}
	for name, t := range map[string]*time.Time{"last": &v.last, "refused": &v.refused} {
		if it[name] != nil {
			*t = time.UnixMilli(it.Int(name)).UTC()
		}
	}
	return v
}

// known reports whether the user has logged in from there, and not too long ago.
func (v visit) known(now time.Time) bool { return !v.last.IsZero() && now.Sub(v.last) < visitForgets }

// noted gives the operation that remembers the time under the name, in the place of what was read.
func (v visit) noted(name string, now time.Time) table.Op {
	it := maps.Clone(v.item)
	if it == nil {
		it = table.Item{table.AttrPK: table.S(v.key.PK), table.AttrSK: table.S(v.key.SK)}
	}
	it[name], it[table.AttrPurgeAt] = table.N(now.UnixMilli()), table.N(now.Add(visitForgets).Unix())
	if v.item == nil {
		return table.Create(it)
	}
	return table.Replace(it, v.item.Version())
}

// visitTries bounds how often a session is started anew because another login from the same network, or a change of the user
// or the account, was faster.
const visitTries = 5

// start starts the candidate's session, and remembers the network with it; where that is new, with an event.
func (l *Logins) start(ctx context.Context, c candidate, via string, from audit.Origin) (Login, error) {
	mail, err := l.mayMail(ctx, c)
	if err != nil {
		return Login{}, err
	}
	var moved error
	for range visitTries {
		visited, err := l.visited(ctx, c, via, from)
		if err != nil {
			return Login{}, err
		}
		with := func(s session.Session) []table.Op {
			by := audit.Actor{User: c.user.ID, Credential: s.Handle(), Via: via}
			if !mail {
				return visited(s)
			}
			return append(visited(s), c.kept.Ask(s, c.user, by, from, s.Created)...)
		}
		s, credential, err := l.Sessions.Start(ctx, l.Form, session.Basis{
			Account: c.account.ID, User: c.user.ID, Standing: standing.Of(c.account, c.user),
			Life: c.account.Policy.SessionLife, Idle: c.account.Policy.SessionIdle, With: with,
			Checks: []table.Op{
				table.Check(c.account.Key(), table.VersionIs(c.account.Version)), table.Check(c.user.Key(), table.VersionIs(c.user.Version)),
			},
		}, via, from)
		conflict, ok := errors.AsType[*table.Conflict](err)
		if err == nil {
			return Login{State{Account: c.account, User: c.user, Session: s, Factors: c.kept.Names(c.user)}, credential}, nil
		}
		if !ok || conflict.Key.PK != c.visit.key.PK && conflict.Key.PK != c.account.Key().PK {
			return Login{}, err
		}
		moved = err
		if c, err = l.again(ctx, c, from, moved); err != nil {
			return Login{}, err
		}
	}
	return Login{}, moved
}

// again reads a candidate anew whose records have changed since the password was judged. That stands as long as the hash is
// the same; who may not log in any more is refused like everybody else, and with another hash the error is why.
func (l *Logins) again(ctx context.Context, c candidate, from audit.Origin, why error) (candidate, error) {
	found, err := l.read(ctx, []key.User{{Account: c.account.ID, User: c.user.ID}}, from)
	if err != nil {
		return candidate{}, err
	}
	switch now := found[0]; {
	case !now.may || !within(now.account.Policy, from):
		return candidate{}, errRefused()
	case now.user.PasswordHash != c.user.PasswordHash:
		return candidate{}, why
	default:
		return now, nil
	}
}

// mayMail reports whether the candidate may be mailed a code now, where the session is one that begins with a code. Whoever
// knows the password could otherwise fill the mailbox; a login without a code is locked, and one can be asked for later.
func (l *Logins) mayMail(ctx context.Context, c candidate) (bool, error) {
	if !c.kept.ByMail(c.user) {
		return false, nil
	}
	err := l.Throttle.Spend(ctx, throttle.CodesOf(c.user.ID))
	if fault.Is(err, fault.TooMany) {
		return false, nil
	}
	return err == nil, err
}

// visited gives what is to be remembered of a login that succeeds.
func (l *Logins) visited(ctx context.Context, c candidate, via string, from audit.Origin) (func(session.Session) []table.Op, error) {
	now, v := l.Now().UTC(), c.visit
	since := now.Sub(v.last)
	if !v.last.IsZero() && since < visitEvery {
		return func(session.Session) []table.Op { return nil }, nil
	}
	ops := []table.Op{v.noted("last", now)}
	if v.known(now) {
		return func(session.Session) []table.Op { return ops }, nil
	}
	ever := key.UserNetwork{User: c.user.ID, Network: anywhere}.Key()
	items, err := l.Accounts.Table.Get(ctx, ever)
	if err != nil {
		return nil, err
	}
	if items[0] == nil {
		ops = append(ops, table.Create(table.Item{table.AttrPK: table.S(ever.PK), table.AttrSK: table.S(ever.SK)}))
		return func(session.Session) []table.Op { return ops }, nil
	}
	return func(s session.Session) []table.Op {
		by := audit.Actor{User: c.user.ID, Credential: s.Handle(), Via: via}
		e := audit.New(audit.SessionNovel, now, c.account.ID, by, from, c.subject())
		e.Also = []audit.Subject{s.Subject()}
		e.Changes = []audit.Change{{Field: "network", To: v.key.SK}}
		return append(ops, e.Ops()...)
	}, nil
}

// refused tells those whose password was right that it was used where their account's policy does not let it be. Whoever
// does so again within the hour, or at the same time, is told of once.
func (l *Logins) refused(ctx context.Context, found []candidate, from audit.Origin) error {
	now := l.Now().UTC()
	for _, c := range found {
		if !c.right || now.Sub(c.visit.refused) < refusedEvery {
			continue
		}
		// Nobody has shown more than a password, so nobody is named as who did it.
		e := audit.New(audit.SessionRefused, now, c.account.ID, audit.Actor{Via: audit.ViaAPI}, from, c.subject())
		e.Changes = []audit.Change{{Field: "network", To: c.visit.key.SK}}
		err := l.Accounts.Table.Commit(ctx, append(e.Ops(), c.visit.noted("refused", now))...)
		if _, told := errors.AsType[*table.Conflict](err); err != nil && !told {
			return fault.Retry(err)
		}
	}
	return nil
}

func (c candidate) subject() audit.Subject {
	return audit.Subject{Kind: "user", ID: c.user.ID, Name: c.user.Name}
}
