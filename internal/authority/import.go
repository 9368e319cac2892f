package authority

import (
	"context"
	"errors"
	"strings"
	"time"

	"keyfob/internal/account"
	"keyfob/internal/audit"
	"keyfob/internal/fault"
	"keyfob/internal/purge"
	"keyfob/internal/scope"
	"keyfob/internal/standing"
	"keyfob/internal/table"
	"keyfob/internal/table/key"
	"keyfob/internal/tokenfile"
)

// An ImportReport says what became of the rows of an import.
type ImportReport struct {
	Imported  int
	Unchanged int // were imported before, whatever has become of them since
	Refused   []tokenfile.Problem
	Next      int // the line to go on from, where the time ran out before the last row; else 0
}

// Import takes tokens over that another system issued, by their hashes, so that they go on working here: each in a
// commit of its own, which depends on account and owner as they were read. What was imported once is never made again, not
// when it was revoked or rotated since: its record stays. So an import that was cut short is simply made again.
//
// Licence, the policy's maximum life and the quotas hold for them as for tokens that are made here.
//
// Shortly before ctx's deadline it ends and says where to go on; it gets at least one row further. Errors: Unprocessable
// where there is no such account.
func (a *Authority) Import(ctx context.Context, acc string, rows []tokenfile.Row, from audit.Origin) (ImportReport, error) {
	accounts := account.Accounts{Table: a.Table}
	if _, err := accounts.Get(ctx, acc); fault.Is(err, fault.NotFound) {
		return ImportReport{}, fault.Refused("account", "unknown_account", "There is no such account.")
	} else if err != nil {
		return ImportReport{}, err
	}
	var report ImportReport
	var tokens []tokenfile.Token
	problems := make(map[int][]tokenfile.Problem) // by the row's place, which then has no token
	for i, r := range rows {
		t, bad := r.Token()
		if len(bad) > 0 {
			problems[i] = bad
		}
		tokens = append(tokens, t)
	}
	im := &importing{Authority: a, account: acc, from: from, full: make(map[string]error)}
	if err := im.lookUp(ctx, tokens); err != nil {
		return ImportReport{}, err
	}
	for i, r := range rows {
		if i > 0 && !enough(ctx) {
			report.Next = r.Line
			break
		}
		if bad := problems[i]; bad != nil {
			report.Refused = append(report.Refused, bad...)
			continue
		}
		made, err := im.row(ctx, tokens[i])
		refusal, refused := errors.AsType[*fault.Error](err)
		switch {
		case refused && refusal.Kind != fault.Unavailable:
			p := tokenfile.Problem{Line: r.Line, Field: "owner", Code: refusal.Code, Message: refusal.Message}
			if len(refusal.Fields) > 0 {
				p.Field = refusal.Fields[0].Name
			}
			report.Refused = append(report.Refused, p)
		case err != nil:
			return ImportReport{}, err
		case made:
			report.Imported++
		default:
			report.Unchanged++
		}
	}
	return report, nil
}

// leave is how long before its deadline an import begins no other row: what one takes at worst, and the way back.
const leave = 4 * time.Second

func enough(ctx context.Context) bool {
	deadline, ok := ctx.Deadline()
	return !ok || time.Until(deadline) > leave
}

// importing is one import under way.
type importing struct {
	*Authority
	account string
	from    audit.Origin
	owners  map[string]string     // user by e-mail, folded
	there   map[string]table.Item // what was imported before, by token id
	full    map[string]error      // users for whom there is no room, so that it is counted once
	told    bool                  // an event of the import as a whole is committed
}

// lookUp finds the owners, and what was imported before.
func (im *importing) lookUp(ctx context.Context, tokens []tokenfile.Token) error {
	im.owners, im.there = make(map[string]string), make(map[string]table.Item)
	var keys []table.Key
	var found []func(table.Item)
	for _, t := range tokens {
		if t.Foreign == "" {
			continue
		}
		owner, id := strings.ToLower(t.Owner), t.ID.String()
		if _, known := im.owners[owner]; !known {
			im.owners[owner] = ""
			keys = append(keys, key.Login{Email: t.Owner, Account: im.account}.Key())
			found = append(found, func(it table.Item) { im.owners[owner] = it.String("user") })
		}
		if _, known := im.there[id]; !known {
			im.there[id] = nil
			keys = append(keys, key.Token(id).Key())
			found = append(found, func(it table.Item) { im.there[id] = it })
		}
	}
	for len(keys) > 0 {
		n := min(len(keys), table.MaxGet)
		items, err := im.Table.Get(ctx, keys[:n]...)
		if err != nil {
			return err
		}
		for i, it := range items {
			if it != nil {
				found[i](it)
			}
		}
		keys, found = keys[n:], found[n:]
	}
	return nil
}

// row imports one token, and says whether it was not there before. A refusal is an error of another kind than Unavailable.
func (im *importing) row(ctx context.Context, t tokenfile.Token) (made bool, err error) {
	if it := im.there[t.ID.String()]; it != nil {
		return false, im.same(t, it)
	}
	user := im.owners[strings.ToLower(t.Owner)]
	if user == "" {
		return false, errNoOwner()
	}
	if err := im.full[user]; err != nil {
		return false, err
	}
	err = table.Again(ctx, table.Patient, func() error {
		made, err = im.create(ctx, t, user)
		return err
	})
	return made, err
}

// same refuses an id that stands for another token than t.
func (im *importing) same(t tokenfile.Token, it table.Item) error {
	was, err := tokenFrom(it)
	if err != nil || was.Account == im.account && was.Foreign == t.Foreign && was.Digest.Equal(&t.Digest) {
		return err
	}
	return fault.Refused("id", "taken", "Another token was imported under this id.")
}

func errNoOwner() error {
	return fault.Refused("owner", "unknown_owner", "The account has no user with this e-mail address.")
}

func (im *importing) create(ctx context.Context, from tokenfile.Token, owner string) (made bool, err error) {
	accountKey, userKey := key.Account(im.account).Key(), key.User{Account: im.account, User: owner}.Key()
	quota := quotaKeys(im.account, owner)
	items, err := im.Table.Get(ctx, key.Token(from.ID.String()).Key(), accountKey, userKey, quota[0], quota[1])
	if err != nil {
		return false, err
	}
	if items[0] != nil {
		return false, im.same(from, items[0])
	}
	acc, user, err := account.FromItems(items[1], items[2])
	if fault.Is(err, fault.NotFound) {
		return false, errNoOwner()
	}
	if err != nil {
		return false, err
	}
	if err := im.room(ctx, acc, owner, items[3:]); err != nil {
		if fault.Is(err, fault.Conflict) {
			im.full[owner] = err
		}
		return false, err
	}
	now := im.Now().UTC()
	life, err := basis{account: acc}.life(&purge.Life{ExpiresAt: from.Expires}, false, now)
	if err != nil {
		e, ok := errors.AsType[*fault.Error](err)
		if !ok {
			return false, err
		}
		return false, errField(fault.Unprocessable, "expiry", e.Code, e.Message)
	}
	t := Token{
		ID: from.ID, Account: im.account, User: owner, Name: from.Name, Digest: from.Digest, Foreign: from.Foreign,
		Scope: scope.Full(), Standing: standing.OfToken(acc, user), Life: life,
		Created: now.Truncate(time.Millisecond), LifeSet: 1, Edition: 1, Version: 1,
	}
	ops := append(t.create(), table.Check(accountKey, table.VersionIs(items[1].Version())), table.Check(userKey, table.VersionIs(items[2].Version())))
	ops = append(ops, count(quota, items[3:], 1)...)
	e := audit.New(audit.TokenImported, now, im.account, audit.Actor{Via: audit.ViaOperator}, im.from, t.Subject())
	e.Note = "Its id in the system that issued it is " + from.Foreign + "."
	ops = append(ops, e.Ops()...)
	if !im.told {
		// With the first token goes the event that the owners and admins are told of, so that it cannot be lost: one mail, and
		// not one for each token.
		whole := audit.New(audit.AccountImported, now, im.account, audit.Actor{Via: audit.ViaOperator}, im.from, audit.Subject{Kind: "account", ID: im.account, Name: acc.Name})
		whole.Note = "The first of them is " + t.Name + "."
		ops = append(ops, whole.Ops()...)
	}
	if err := im.Table.Commit(ctx, ops...); err != nil {
		return false, err
	}
	im.told = true
	return true, nil
}
