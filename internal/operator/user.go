package operator

import (
	"context"
	"errors"
	"strconv"
	"strings"
	"time"

	"keyfob/internal/account"
	"keyfob/internal/audit"
	"keyfob/internal/fault"
	"keyfob/internal/link"
	"keyfob/internal/notice"
	"keyfob/internal/passwords"
	"keyfob/internal/scope"
	"keyfob/internal/table"
	"keyfob/internal/text"
	"keyfob/internal/token"
)

// A NewUser asks for a user of an account that there is.
type NewUser struct {
	Account  string // acc_…
	Email    string // also the login name, which no other user of the account has
	Name     string // the display name; the e-mail's local part where empty
	Role     scope.Role
	Password string // the first; where empty, the user is invited to set it
}

// CreateUser makes a user, and gives the link to set a password with where none was given; it is shown this once. Invalid and
// Unprocessable errors name the field; Conflict: the account has a user of that login name.
func (o *Operator) CreateUser(ctx context.Context, n NewUser, from audit.Origin) (account.User, notice.Enclosure, error) {
	if err := n.check(); err != nil {
		return account.User{}, notice.Enclosure{}, err
	}
	acc, err := o.account(ctx, n.Account)
	if err != nil {
		return account.User{}, notice.Enclosure{}, err
	}
	if acc.Status != account.Active {
		return account.User{}, notice.Enclosure{}, fault.Refused("account", "suspended", "The account is suspended: nobody could log in.")
	}
	u, ops, enclosed, err := o.newUser(ctx, acc, n, o.now(), from)
	if err != nil {
		return account.User{}, notice.Enclosure{}, err
	}
	err = o.Table.Commit(ctx, append(ops, table.Check(acc.Key(), table.Present()))...)
	if _, taken := errors.AsType[*table.Conflict](err); taken {
		const message = "The account has a user of this e-mail."
		err = &fault.Error{Kind: fault.Conflict, Code: "taken", Message: message, Fields: []fault.Field{{Name: "email", Code: "taken", Message: message}}}
	}
	if err != nil {
		return account.User{}, notice.Enclosure{}, err
	}
	return u, enclosed, nil
}

// newUser gives the operations that make a user of the account with the event: one who has the password, or one who is
// invited, with the link.
func (o *Operator) newUser(ctx context.Context, acc account.Account, n NewUser, now time.Time, from audit.Origin) (u account.User, ops []table.Op, enclosed notice.Enclosure, err error) {
	u = account.User{
		ID: token.NewName("usr_"), Account: acc.ID, Email: n.Email, Name: n.Name, Role: n.Role, Status: account.Active, Verified: true, Created: now, Version: 1,
	}
	what := audit.UserCreated
	if n.Password == "" {
		what, u.Status, u.Verified = audit.UserInvited, account.Invited, false
		var put table.Op
		if put, enclosed, err = o.Links.Minted(link.First(u.Account, u.ID, link.Invitation, now)); err != nil {
			return account.User{}, nil, notice.Enclosure{}, err
		}
		ops = append(ops, put)
	} else if u.PasswordHash, err = passwords.Chosen(ctx, o.accounts(), o.Hasher, n.Password, acc, u); err != nil {
		return account.User{}, nil, notice.Enclosure{}, err
	}
	ops = append(ops, u.Create()...)
	e := audit.New(what, now, acc.ID, audit.Actor{Via: audit.ViaOperator}, from, subject(u))
	return u, append(ops, e.Ops()...), enclosed, nil
}

// LinkUser issues a link to a user who has not joined yet, or has forgotten the password, and gives it; it is mailed too. The
// former one works no more. Unprocessable errors name the field.
func (o *Operator) LinkUser(ctx context.Context, acc, user string, from audit.Origin) (account.User, notice.Enclosure, error) {
	var u account.User
	var enclosed notice.Enclosure
	err := table.Again(ctx, table.Patient, func() error {
		a, err := o.account(ctx, acc)
		if err != nil {
			return err
		}
		if u, err = o.user(ctx, acc, user); err != nil {
			return err
		}
		purpose, what := link.Reset, audit.PasswordRequested
		if u.Status == account.Invited {
			purpose, what = link.Invitation, audit.UserInvited
		}
		switch {
		case a.Status != account.Active:
			return fault.Refused("account", "suspended", "The account is suspended: no link would work.")
		case u.Status != account.Active && u.Status != account.Invited:
			return fault.Refused("user", "disabled", "The user is disabled: no link would work.")
		}
		now := o.now()
		put, err := o.Links.Issue(ctx, u.Account, u.ID, purpose, now)
		if err != nil {
			return err
		}
		if put, enclosed, err = o.Links.Minted(put); err != nil {
			return err
		}
		e := audit.New(what, now, u.Account, audit.Actor{Via: audit.ViaOperator}, from, subject(u))
		return o.Table.Commit(ctx, append(e.Ops(), put, table.Check(u.Key(), table.VersionIs(u.Version)))...)
	})
	return u, enclosed, err
}

func subject(u account.User) audit.Subject {
	return audit.Subject{Kind: "user", ID: u.ID, Name: u.Name}
}

func (o *Operator) accounts() *account.Accounts { return &account.Accounts{Table: o.Table} }

// user finds the user of the account that a command names. A removed one is none.
func (o *Operator) user(ctx context.Context, acc, id string) (account.User, error) {
	if id == "" {
		return account.User{}, fault.Bad("user", "required", "user is required.")
	}
	unknown := fault.Refused("user", "unknown", "The account has no such user.")
	bare, ok := strings.CutPrefix(id, "usr_")
	if _, err := token.ParseID(bare); !ok || err != nil {
		return account.User{}, unknown
	}
	_, u, err := o.accounts().WithUser(ctx, acc, id)
	if fault.Is(err, fault.NotFound) || err == nil && u.Status == account.Removed {
		err = unknown
	}
	return u, err
}

func (n *NewUser) check() error {
	if err := account.Email("email", n.Email); err != nil {
		return err
	}
	if n.Role == "" {
		return fault.Bad("role", "required", "role is required.")
	}
	if !n.Role.Known() {
		return fault.Bad("role", "unknown_value", "role is owner, admin or member.")
	}
	if n.Name == "" {
		n.Name, _, _ = strings.Cut(n.Email, "@")
	}
	return text.Name("name", n.Name)
}

// account finds the account that a command names.
func (o *Operator) account(ctx context.Context, id string) (account.Account, error) {
	if id == "" {
		return account.Account{}, fault.Bad("account", "required", "account is required.")
	}
	bare, ok := strings.CutPrefix(id, "acc_")
	if _, err := token.ParseID(bare); !ok || err != nil {
		return account.Account{}, errNoAccount()
	}
	acc, err := o.accounts().Get(ctx, id)
	if fault.Is(err, fault.NotFound) {
		err = errNoAccount()
	}
	return acc, err
}

func errNoAccount() error {
	return fault.Refused("account", "unknown", "There is no such account.")
}

// License gives the account the licence for tokens that live longer than an hour, or takes it. Tokens that there are
// live on as they are.
func (o *Operator) License(ctx context.Context, id string, apiManagement bool, from audit.Origin) (acc account.Account, err error) {
	err = table.Again(ctx, table.Patient, func() error {
		if acc, err = o.account(ctx, id); err != nil || acc.APIManagement == apiManagement {
			return err
		}
		e := audit.New(audit.AccountChanged, o.now(), acc.ID, audit.Actor{Via: audit.ViaOperator}, from, audit.Subject{Kind: "account", ID: acc.ID, Name: acc.Name})
		e.Changes = []audit.Change{{Field: "apiManagement", From: strconv.FormatBool(acc.APIManagement), To: strconv.FormatBool(apiManagement)}}
		acc.APIManagement = apiManagement
		return o.Table.Commit(ctx, append(e.Ops(), acc.Replace())...)
	})
	return acc, err
}
