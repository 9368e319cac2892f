// Package people is what an account's people may decide about each other and about their account: who is in it, in which
// role, who may act, what its policy is.
//
// It promises that
//   - nobody changes what their own role, as it is in the commit, does not let them, or with a credential that has ended
//     before it; only owners touch owners, and only with a fresh login (S12);
//   - an account always has an active owner, whoever changes what at the same time (S23), and changes hands only when both
//     want it;
//   - somebody who was removed is nobody from the acknowledgement on, and their e-mail is free again;
//   - a change has reached every credential before it is acknowledged (P1), and one that was interrupted is finished by
//     asking for it again;
//   - each change commits with its audit event (P5);
//   - a user of another account is answered like one that does not exist.
//
// It does not make accounts (package operator does), knows no passwords (package passwords does) and no second factors but
// for taking them away (package factor does), does not carry changes itself (package standing does), and leaves it to
// upkeep to revoke, one after the other, the tokens of who was removed (package authority does).
package people

import (
	"context"
	"slices"
	"strings"
	"time"

	"keyfob/internal/account"
	"keyfob/internal/audit"
	"keyfob/internal/authority"
	"keyfob/internal/fault"
	"keyfob/internal/link"
	"keyfob/internal/scope"
	"keyfob/internal/session"
	"keyfob/internal/standing"
	"keyfob/internal/table"
	"keyfob/internal/token"
)

// People decides about users and about the account's policy.
type People struct {
	Table table.Table
	Now   func() time.Time
}

// An Act is who asks for a change, how, and under which condition.
type Act struct {
	By    authority.Principal
	Via   string
	From  audit.Origin
	Match []int64 // the versions of the record that the caller takes; nil for any
}

func (a Act) actor() audit.Actor {
	return audit.Actor{User: a.By.User, Credential: a.By.Handle(), Via: a.Via}
}

// matches refuses a record of another version than the caller takes.
func (a Act) matches(version int64) error {
	if a.Match == nil || slices.Contains(a.Match, version) {
		return nil
	}
	const message = "It has changed since it was read: If-Match names another version."
	return &fault.Error{Kind: fault.Precondition, Code: "stale", Message: message, Fields: []fault.Field{{Name: "If-Match", Code: "stale", Message: message}}}
}

func (p *People) accounts() *account.Accounts { return &account.Accounts{Table: p.Table} }

func (p *People) carrier() *standing.Carrier {
	return &standing.Carrier{Table: p.Table, Accounts: p.accounts()}
}

func (p *People) sessions() *session.Sessions {
	return &session.Sessions{Table: p.Table, Now: p.Now}
}

func (p *People) links() *link.Links { return &link.Links{Table: p.Table, Now: p.Now} }

// A UserPage is a run of users, without those who were removed, ordered by id. Next is the position to go on from, empty at the end.
type UserPage struct {
	Users []account.User
	Next  string
}

// List gives the users of the principal's account.
func (p *People) List(ctx context.Context, by authority.Principal, limit int, after string) (UserPage, error) {
	if err := mayManage(by); err != nil {
		return UserPage{}, err
	}
	if after != "" && !isUser(after) {
		return UserPage{}, fault.Bad("cursor", "malformed", "cursor is not one that this list has given.")
	}
	var page UserPage
	for { // until the page is full: those who have been removed do not fill it
		users, more, err := p.accounts().Users(ctx, by.Account, after, limit-len(page.Users))
		if err != nil {
			return UserPage{}, err
		}
		for _, u := range users {
			if after = u.ID; u.Status != account.Removed {
				page.Users = append(page.Users, u)
			}
		}
		if !more {
			return page, nil
		}
		if len(page.Users) == limit {
			page.Next = after
			return page, nil
		}
	}
}

// Get gives one user of the principal's account.
func (p *People) Get(ctx context.Context, by authority.Principal, id string) (account.User, error) {
	if err := mayManage(by); err != nil {
		return account.User{}, err
	}
	return p.user(ctx, by.Account, id)
}

// user reads a user of the account who has not been removed.
func (p *People) user(ctx context.Context, acc, id string) (account.User, error) {
	u, err := p.record(ctx, acc, id)
	if err == nil && u.Status == account.Removed {
		return account.User{}, errNoUser()
	}
	return u, err
}

// record reads a user of the account.
func (p *People) record(ctx context.Context, acc, id string) (account.User, error) {
	if !isUser(id) {
		return account.User{}, errNoUser()
	}
	_, u, err := p.accounts().WithUser(ctx, acc, id)
	if fault.Is(err, fault.NotFound) {
		err = errNoUser()
	}
	return u, err
}

// errNoUser answers alike for what does not exist and what the caller may not know of.
func errNoUser() error { return fault.New(fault.NotFound, "not_found", "There is no such user.") }

// isUser reports whether the text has the form of a user's id.
func isUser(id string) bool {
	bare, ok := strings.CutPrefix(id, "usr_")
	_, err := token.ParseID(bare)
	return ok && err == nil
}

func forbids() error {
	return fault.New(fault.Forbidden, string(scope.RoleForbids), scope.RoleForbids.Sentence())
}

func mayManage(by authority.Principal) error {
	if !slices.Contains(by.Holder.Rights(), scope.ManageUsers) {
		return forbids()
	}
	return nil
}
