package authority

import (
	"context"

	"keyfob/internal/audit"
	"keyfob/internal/table"
	"keyfob/internal/table/key"
	"keyfob/internal/token"
)

// MaxLine bounds how many tokens of a line are alive, so that all of them can be ended in one commit: each takes its record,
// three deletions and its event, all of them two for the counts, and whoever ends them has two more.
const MaxLine = (table.MaxCommit - 4) / (4 + audit.MostOps)

// maxSteps bounds how far a line is followed through those that have ended.
const maxSteps = 256

// Line gives those of the tokens that the account has, and of what has taken their places since what is Living: at most MaxLine
// besides those that were asked for. Who means a token means what it was rotated to as well, or a rotation would be a way out;
// so the line goes on through those that have ended, also where their records are gone. Whole says that it was followed to its
// end.
func (a *Authority) Line(ctx context.Context, acc string, handles ...string) (line []Token, whole bool, err error) {
	var next []token.ID
	for _, h := range handles {
		id, err := token.ParseHandle(token.API, h)
		if err != nil {
			return nil, false, errRecord
		}
		next = append(next, id)
	}
	asked, living := len(next), 0
	seen := map[token.ID]bool{}
	for len(next) > 0 {
		id := next[0]
		next = next[1:]
		if seen[id] {
			continue
		}
		if seen[id] = true; len(seen) > maxSteps || living == MaxLine {
			return line, false, nil
		}
		t, heirs, err := a.step(ctx, acc, id)
		if err != nil {
			return nil, false, err
		}
		next = append(next, heirs...)
		if t.ID.IsZero() {
			continue
		}
		alive := a.Living(t)
		if alive || len(seen) <= asked {
			line = append(line, t)
		}
		if alive {
			living++
		}
	}
	return line, true, nil
}

// step gives the account's token, the zero one where there is none or none any more, and what has taken its place.
func (a *Authority) step(ctx context.Context, acc string, id token.ID) (t Token, heirs []token.ID, err error) {
	items, err := a.Table.Get(ctx, key.Token(id.String()).Key())
	if err != nil {
		return Token{}, nil, err
	}
	if items[0] == nil {
		heirs, err = a.heirs(ctx, acc, id)
		return Token{}, heirs, err
	}
	if t, err = tokenFrom(items[0]); err != nil || t.Account != acc {
		return Token{}, nil, err
	}
	if !t.Successor.IsZero() {
		heirs = []token.ID{t.Successor}
	}
	return t, heirs, nil
}

// lookBack is how many of the last events of a token are looked at for its rotation. After that there are few: it may be
// used, and raise alarms, until it ends.
const lookBack = table.MaxGet

// heirs finds in the trail what has taken the place of a token whose record is gone.
func (a *Authority) heirs(ctx context.Context, acc string, id token.ID) (heirs []token.ID, err error) {
	handle := id.Handle(token.API)
	page, err := a.Table.Query(ctx, table.Query{PK: key.PrefixTrail + acc + "/" + handle, Limit: lookBack, Descending: true})
	if err != nil || len(page.Items) == 0 {
		return nil, err
	}
	keys := make([]table.Key, len(page.Items))
	for i, it := range page.Items {
		keys[i] = table.Key{PK: key.PrefixAudit + acc, SK: it.String("event")}
	}
	items, err := a.Table.Get(ctx, keys...)
	if err != nil {
		return nil, err
	}
	for _, it := range items {
		if it == nil {
			continue
		}
		e, err := audit.FromItem(it)
		if err != nil {
			return nil, err
		}
		if e.Type != audit.TokenRotated || e.Subject.ID != handle {
			continue
		}
		for _, s := range e.Also {
			if heir, err := token.ParseHandle(token.API, s.ID); err == nil {
				heirs = append(heirs, heir)
			}
		}
	}
	return heirs, nil
}

// Living reports whether the token is taken, or may be again: by the clock, and once its user and account may act, or its
// life is made longer. What is revoked, rotated out or due for purging stays refused.
func (a *Authority) Living(t Token) bool {
	now := a.Now()
	return t.visible(now) && t.denial(now) != Rotated
}
