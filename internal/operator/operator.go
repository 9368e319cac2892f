// Package operator decides what the deployment's operators do: people with an IAM identity, outside of every account.
//
// It promises that an account comes to be together with its owner and the audit events of both, or not at all; and that it
// makes up no passwords: who is given none sets it by a link, which is mailed, and shown to the operator too.
//
// It has no route and asks for no credential: whoever may invoke its function may do what it does.
package operator

import (
	"context"
	"errors"
	"strings"
	"time"

	"keyfob/internal/account"
	"keyfob/internal/audit"
	"keyfob/internal/fault"
	"keyfob/internal/link"
	"keyfob/internal/notice"
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
	Links  *link.Links
}

// A NewAccount asks for an account with its owner.
type NewAccount struct {
	Name     string // of the account
	Email    string // the owner's, which is also the login name
	Owner    string // the owner's display name; the e-mail's local part where empty
	Password string // the owner's first; where empty, the owner is invited to set it

	Unlicensed bool // without the licence for tokens that live longer than an hour
}

// A Created says what CreateAccount made. Link is the zero one where the owner has a password already; it is shown this once.
type Created struct {
	Account account.Account
	Owner   account.User
	Link    notice.Enclosure
}

// CreateAccount makes an account with its owner, in one commit. Invalid and Unprocessable errors name the field. An
// e-mail may own several accounts.
func (o *Operator) CreateAccount(ctx context.Context, n NewAccount, from audit.Origin) (Created, error) {
	if err := n.check(); err != nil {
		return Created{}, err
	}
	now := o.now()
	acc := account.Account{
		ID: token.NewName("acc_"), Name: n.Name, Status: account.Active, Policy: account.DefaultPolicy(), Created: now, APIManagement: !n.Unlicensed, Version: 1,
	}
	owner, ops, enclosed, err := o.newUser(ctx, acc, NewUser{Email: n.Email, Name: n.Owner, Role: scope.Owner, Password: n.Password}, now, from)
	if e, ok := errors.AsType[*fault.Error](err); ok && len(e.Fields) == 1 && e.Fields[0].Name == "password" {
		e.Fields[0].Name = "owner.password"
	}
	if err != nil {
		return Created{}, err
	}
	ops = append(ops, acc.Create())
	ops = append(ops, audit.New(audit.AccountCreated, now, acc.ID, audit.Actor{Via: audit.ViaOperator}, from, audit.Subject{Kind: "account", ID: acc.ID, Name: acc.Name}).Ops()...)
	if err := o.Table.Commit(ctx, ops...); err != nil {
		return Created{}, err
	}
	return Created{Account: acc, Owner: owner, Link: enclosed}, nil
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
