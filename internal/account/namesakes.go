package account

import (
	"context"

	"keyfob/internal/table"
)

// Namesakes gives the users that a login name of at most MaxEmail bytes belongs to, in all accounts, in two round trips:
// ordered by account, at most maxLogins of them.
func (a *Accounts) Namesakes(ctx context.Context, email string) ([]User, error) {
	logins, err := a.Logins(ctx, email)
	if err != nil || len(logins) == 0 {
		return nil, err
	}
	keys := make([]table.Key, len(logins))
	for i, l := range logins {
		keys[i] = l.Key()
	}
	items, err := a.Table.Get(ctx, keys...)
	if err != nil {
		return nil, err
	}
	var users []User
	for _, it := range items {
		if it == nil {
			continue // removed since
		}
		u, err := userFrom(it)
		if err != nil {
			return nil, err
		}
		users = append(users, u)
	}
	return users, nil
}
