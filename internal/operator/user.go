package operator

import (
	"context"
	"errors"
	"strconv"
	"strings"

	"keyfob/internal/account"
	"keyfob/internal/audit"
	"keyfob/internal/fault"
	"keyfob/internal/password"
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
	Password string // the first; a random one is made and answered where empty
}

// CreateUser makes a user, and gives the password where it was made up here; it is shown this once. Invalid and
// Unprocessable errors name the field; Conflict: the account has a user of that login name.
func (o *Operator) CreateUser(ctx context.Context, n NewUser, from audit.Origin) (account.User, string, error) {
	if err := n.check(); err != nil {
		return account.User{}, "", err
	}
	acc, err := o.account(ctx, n.Account)
	if err != nil {
		return account.User{}, "", err
	}
	var made string
	if n.Password == "" {
		made = token.NewName("") + token.NewName("")
		n.Password = made
	} else if err := password.Check(n.Password, password.Rules{Context: []string{acc.Name, n.Email, n.Name, "keyfob"}}); err != nil {
		return account.User{}, "", err
	}
	hash, err := o.Hasher.Hash(ctx, n.Password)
	if err != nil {
		return account.User{}, "", err
	}
	u := account.User{
		ID: token.NewName("usr_"), Account: acc.ID, Email: n.Email, Name: n.Name, Role: n.Role, Status: account.Active,
		Verified: true, PasswordHash: hash, Created: o.now(), Version: 1,
	}
	ops := append(u.Create(), table.Check(acc.Key(), table.Present()))
	ops = append(ops, audit.New(audit.UserCreated, u.Created, acc.ID, audit.Actor{Via: audit.ViaOperator}, from, audit.Subject{Kind: "user", ID: u.ID, Name: u.Name}).Ops()...)
	err = o.Table.Commit(ctx, ops...)
	if _, taken := errors.AsType[*table.Conflict](err); taken {
		const message = "The account has a user of this e-mail."
		err = &fault.Error{Kind: fault.Conflict, Code: "taken", Message: message, Fields: []fault.Field{{Name: "email", Code: "taken", Message: message}}}
	}
	if err != nil {
		return account.User{}, "", err
	}
	return u, made, nil
}

func (n *NewUser) check() error {
	if err := account.Email("email", n.Email); err != nil {
		return err
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
	acc, err := (&account.Accounts{Table: o.Table}).Get(ctx, id)
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
