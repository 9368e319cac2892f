package authority

import (
	"context"

	"keyfob/internal/audit"
	"keyfob/internal/table"
	"keyfob/internal/table/key"
	"keyfob/internal/token"
)

// MaxLine bounds a line, so that all of it can be ended in one commit: each takes its record, three deletions and its event,
// all of them two for the counts, and whoever ends them has two more.
const MaxLine = (table.MaxCommit - 4) / (4 + audit.MostOps)

// Line gives those of the tokens that the account has, and what has taken their places since, each once and in that order: at
// most MaxLine. Who means a token means what it was rotated to as well, or a rotation would be a way out.
func (a *Authority) Line(ctx context.Context, acc string, handles ...string) ([]Token, error) {
	var line []Token
	seen := map[token.ID]bool{}
	var next []token.ID
	for _, h := range handles {
		id, err := token.ParseHandle(token.API, h)
		if err != nil {
			return nil, errRecord
		}
		next = append(next, id)
	}
	for len(next) > 0 {
		var keys []table.Key
		for _, id := range next {
			if !seen[id] && len(seen) < MaxLine {
				seen[id] = true
				keys = append(keys, key.Token(id.String()).Key())
			}
		}
		if next = nil; len(keys) == 0 {
			break
		}
		items, err := a.Table.Get(ctx, keys...)
		if err != nil {
			return nil, err
		}
		for _, it := range items {
			if it == nil {
				continue
			}
			t, err := tokenFrom(it)
			if err != nil {
				return nil, err
			}
			if t.Account != acc {
				continue
			}
			line = append(line, t)
			if !t.Successor.IsZero() {
				next = append(next, t.Successor)
			}
		}
	}
	return line, nil
}

// Living reports whether the token is taken, or may be again: by the clock, and once its user and account may act, or its
// life is made longer. What is revoked, rotated out or due for purging stays refused.
func (a *Authority) Living(t Token) bool {
	now := a.Now()
	return t.visible(now) && t.denial(now) != Rotated
}
