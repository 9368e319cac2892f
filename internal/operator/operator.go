// Package operator decides what the deployment's operators do: people with an IAM identity, outside of every account.
//
// It promises that an account comes to be together with its owner and the audit events of both, or not at all.
//
// It has no route and asks for no credential: whoever may invoke its function may do what it does.
package operator

import (
	"context"
	"strings"
	"time"

	"keyfob/internal/account"
	"keyfob/internal/audit"
	"keyfob/internal/password"
	"keyfob/internal/scope"
	"keyfob/internal/table"
	"keyfob/internal/text"
	"keyfob/internal/token"
)

// Operator carries out the operators' decisions.
type Operator struct {
	Table  table.Table
	Now    func() time.Time
	Hasher *password.Hasher
}

// A NewAccount asks for an account with its owner.
type NewAccount struct {
	Name     string // of the account
	Email    string // the owner's, which is also the login name
	Owner    string // the owner's display name; the e-mail's local part where empty
	Password string // the owner's first; a random one is made and answered where empty

	Unlicensed bool // without the licence for tokens that live longer than an hour
}

// A Created says what CreateAccount made. Password is set only where it was made up here; it is shown this once.
type Created struct {
	Account  account.Account
	Owner    account.User
	Password string
}

// CreateAccount makes an account with its owner, in one commit. Invalid and Unprocessable errors name the field. An
// e-mail may own several accounts.
func (o *Operator) CreateAccount(ctx context.Context, n NewAccount, from audit.Origin) (Created, error) {
	if err := n.check(); err != nil {
		return Created{}, err
	}
	var made string
	if n.Password == "" {
		made = token.NewName("") + token.NewName("")
		n.Password = made
	} else if err := password.Check(n.Password, password.Rules{Context: []string{n.Name, n.Email, n.Owner, "keyfob"}}); err != nil {
		return Created{}, err
	}
	hash, err := o.Hasher.Hash(ctx, n.Password)
	if err != nil {
		return Created{}, err
	}
	now := o.now()
	acc := account.Account{
		ID: token.NewName("acc_"), Name: n.Name, Status: account.Active, Policy: account.DefaultPolicy(), Created: now, APIManagement: !n.Unlicensed, Version: 1,
	}
	owner := account.User{
		ID: token.NewName("usr_"), Account: acc.ID, Email: n.Email, Name: n.Owner, Role: scope.Owner, Status: account.Active,
		Verified: true, PasswordHash: hash, Created: now, Version: 1,
	}
	by := audit.Actor{Via: audit.ViaOperator}
	ops := append(owner.Create(), acc.Create())
	ops = append(ops, audit.New(audit.AccountCreated, now, acc.ID, by, from, audit.Subject{Kind: "account", ID: acc.ID, Name: acc.Name}).Ops()...)
	ops = append(ops, audit.New(audit.UserCreated, now, acc.ID, by, from, audit.Subject{Kind: "user", ID: owner.ID, Name: owner.Name}).Ops()...)
	if err := o.Table.Commit(ctx, ops...); err != nil {
		return Created{}, err
	}
	return Created{Account: acc, Owner: owner, Password: made}, nil
}

// now gives the time as records keep it.
func (o *Operator) now() time.Time { return o.Now().UTC().Truncate(time.Millisecond) }

func (n *NewAccount) check() error {
	if err := text.Name("account.name", n.Name); err != nil {
		return err
	}
	if err := account.Email("owner.email", n.Email); err != nil {
		return err
	}
	if n.Owner == "" {
		n.Owner, _, _ = strings.Cut(n.Email, "@")
	}
	return text.Name("owner.name", n.Owner)
}
