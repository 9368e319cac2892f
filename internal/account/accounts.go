package account

import (
	"context"
	"errors"
	"net/mail"
	"strings"
	"unicode"
	"unicode/utf8"

	"keyfob/internal/fault"
	"keyfob/internal/table"
	"keyfob/internal/table/key"
)

// Accounts finds accounts and their users.
type Accounts struct{ Table table.Table }

// Key gives the key of the account's record, for commits that depend on it.
func (a Account) Key() table.Key { return key.Account(a.ID).Key() }

// Create gives the operation that makes a new account.
func (a Account) Create() table.Op { return table.Create(a.item()) }

// Replace gives the operation that puts a in the place of the version it was read as.
func (a Account) Replace() table.Op { return table.Replace(a.item(), a.Version) }

// Replace gives the operation that puts u in the place of the version it was read as. E-mail and account stay.
func (u User) Replace() table.Op { return table.Replace(u.item(), u.Version) }

// Create gives the operations that make a new user, bound to the e-mail as the login name.
func (u User) Create() []table.Op {
	login := key.Login{Email: u.Email, Account: u.Account}.Key()
	return []table.Op{
		table.Create(u.item()),
		table.Create(table.Item{table.AttrPK: table.S(login.PK), table.AttrSK: table.S(login.SK), "account": table.S(u.Account), "user": table.S(u.ID)}),
	}
}

// MaxEmail bounds an e-mail address, in bytes (RFC 5321 §4.5.3.1.3).
const MaxEmail = 254

// Email refuses what is not one bare address of at most MaxEmail bytes, all of whose characters can be seen; the error
// names the field.
func Email(field, s string) error {
	if s == "" {
		return fault.Bad(field, "required", field+" is required.")
	}
	addr, err := mail.ParseAddress(s)
	if err != nil || addr.Address != s || addr.Name != "" || len(s) > MaxEmail || !utf8.ValidString(s) || strings.ContainsAny(s, "\"<>") || strings.ContainsFunc(s, unseen) {
		return fault.Bad(field, "malformed", field+" is not an e-mail address.")
	}
	return nil
}

// unseen reports whether a character leaves no mark: two addresses that look alike would be two people's.
func unseen(r rune) bool { return !unicode.IsGraphic(r) || unicode.IsSpace(r) || r == utf8.RuneError }

// Get gives the account; NotFound where there is none.
func (a *Accounts) Get(ctx context.Context, id string) (Account, error) {
	items, err := a.Table.Get(ctx, key.Account(id).Key())
	if err != nil {
		return Account{}, err
	}
	if items[0] == nil {
		return Account{}, errNoAccount()
	}
	return accountFrom(items[0])
}

// WithUser gives an account and one of its users in one round trip; NotFound where either is missing.
func (a *Accounts) WithUser(ctx context.Context, id, user string) (Account, User, error) {
	items, err := a.Table.Get(ctx, key.Account(id).Key(), key.User{Account: id, User: user}.Key())
	if err != nil {
		return Account{}, User{}, err
	}
	return FromItems(items[0], items[1])
}

// WithUsers gives an account and those of the users whom it has, in one round trip; NotFound where there is no account.
func (a *Accounts) WithUsers(ctx context.Context, id string, users ...string) (Account, []User, error) {
	keys := []table.Key{key.Account(id).Key()}
	for _, u := range users {
		keys = append(keys, key.User{Account: id, User: u}.Key())
	}
	items, err := a.Table.Get(ctx, keys...)
	if err != nil {
		return Account{}, nil, err
	}
	if items[0] == nil {
		return Account{}, nil, errNoAccount()
	}
	acc, err := accountFrom(items[0])
	if err != nil {
		return Account{}, nil, err
	}
	var found []User
	for _, it := range items[1:] {
		if it == nil {
			continue
		}
		u, err := userFrom(it)
		if err != nil {
			return Account{}, nil, err
		}
		found = append(found, u)
	}
	return acc, found, nil
}

// FromItems reads an account and one of its users from their records; NotFound where either is missing.
func FromItems(acc, user table.Item) (Account, User, error) {
	if acc == nil || user == nil {
		return Account{}, User{}, errNoAccount()
	}
	a, err := accountFrom(acc)
	if err != nil {
		return Account{}, User{}, err
	}
	u, err := userFrom(user)
	return a, u, err
}

func errNoAccount() error { return fault.New(fault.NotFound, "not_found", "There is no such account.") }

// Members lists all users of the account.
func (a *Accounts) Members(ctx context.Context, id string) ([]User, error) {
	var users []User
	for after := ""; ; {
		page, more, err := a.Users(ctx, id, after, 200)
		if err != nil {
			return nil, err
		}
		if users = append(users, page...); !more {
			return users, nil
		}
		after = page[len(page)-1].ID
	}
}

// Users gives up to limit users of the account, ordered by id, after the one of that id, empty for the first page; and
// whether there are more.
func (a *Accounts) Users(ctx context.Context, id, after string, limit int) (users []User, more bool, err error) {
	q := table.Query{PK: key.Account(id).Key().PK, Prefix: key.PrefixUser, Limit: limit}
	if after != "" {
		q.After = key.PrefixUser + after
	}
	page, err := a.Table.Query(ctx, q)
	if err != nil {
		return nil, false, err
	}
	for _, it := range page.Items {
		u, err := userFrom(it)
		if err != nil {
			return nil, false, err
		}
		users = append(users, u)
	}
	return users, page.More, nil
}

// Logins lists the accounts and users that a login name of at most MaxEmail bytes belongs to, ordered by account.
func (a *Accounts) Logins(ctx context.Context, email string) ([]key.User, error) {
	return a.LoginsOf(ctx, email, "", maxLogins)
}

// LoginsOf is Logins for up to limit accounts whose id begins with the prefix, which may be empty.
func (a *Accounts) LoginsOf(ctx context.Context, email, prefix string, limit int) ([]key.User, error) {
	k := key.Login{Email: email, Account: "-"}.Key()
	page, err := a.Table.Query(ctx, table.Query{PK: k.PK, Prefix: prefix, Limit: limit})
	if err != nil {
		return nil, err
	}
	found := make([]key.User, 0, len(page.Items))
	for _, it := range page.Items {
		found = append(found, key.User{Account: it.String("account"), User: it.String("user")})
	}
	return found, nil
}

// maxLogins bounds the accounts one e-mail is looked for in.
const maxLogins = 100

// UpgradePassword replaces the user's stored hash after a login with the right password found it outdated, and gives
// the user as it is then. Where the user has changed since it was read, the error is of kind Unavailable: what was
// judged of it is to be judged again.
func (a *Accounts) UpgradePassword(ctx context.Context, u User, hash string) (User, error) {
	u.PasswordHash = hash
	err := a.Table.Commit(ctx, table.Replace(u.item(), u.Version))
	if _, lost := errors.AsType[*table.Conflict](err); lost {
		err = fault.Retry(err)
	}
	if err != nil {
		return User{}, err
	}
	u.Version++
	return u, nil
}
