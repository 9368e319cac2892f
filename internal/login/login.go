// Package login is proving who one is.
//
// It promises that an unknown name, a wrong password and a disabled user cost the same reads and the same hashing
// and are answered alike (S5), and that failures slow down without ever locking the victim out (S4, by package
// throttle).
//
// It hands what was proven to package session, and does not say what anybody may do.
package login

import (
	"context"
	"unicode/utf8"

	"keyfob/internal/account"
	"keyfob/internal/audit"
	"keyfob/internal/fault"
	"keyfob/internal/password"
	"keyfob/internal/session"
	"keyfob/internal/standing"
	"keyfob/internal/table"
	"keyfob/internal/table/key"
	"keyfob/internal/throttle"
	"keyfob/internal/token"
)

// Logins decides about logins.
type Logins struct {
	Form     token.Form
	Accounts *account.Accounts
	Sessions *session.Sessions
	Hasher   *password.Hasher
	Throttle *throttle.Throttle
}

// An Attempt is somebody trying to log in.
type Attempt struct {
	Name     string // the login name: an e-mail
	Password string
	Tenant   string // acc_…; needed only where the name belongs to several accounts
}

// A Login that succeeded comes with the credential of the session it started, shown this once.
type Login struct {
	Session    session.Session
	Credential token.Credential
	Account    account.Account
	User       account.User
}

// Login starts a session. Errors: Invalid names a missing field; Unauthenticated is every wrong name, password or
// tenant alike; TooMany says when to try again.
func (l *Logins) Login(ctx context.Context, a Attempt, via string, from audit.Origin) (Login, error) {
	if a.Name == "" {
		return Login{}, fault.Bad("name", "required", "name is required.")
	}
	if len(a.Name) > account.MaxEmail || !utf8.ValidString(a.Name) {
		return Login{}, fault.Bad("name", "too_long", "name is an e-mail address of at most 254 bytes.")
	}
	if a.Password == "" {
		return Login{}, fault.Bad("password", "required", "password is required.")
	}
	ticket, err := l.Throttle.Allow(ctx, a.Name, from.IP)
	if err != nil {
		return Login{}, err
	}
	acc, user, ok, err := l.authenticate(ctx, a)
	if err != nil {
		return Login{}, err
	}
	if !ok {
		if err := l.Throttle.Failed(ctx, ticket); err != nil {
			return Login{}, err
		}
		return Login{}, fault.New(fault.Unauthenticated, "", "Unauthenticated.")
	}
	s, credential, err := l.Sessions.Start(ctx, l.Form, session.Basis{
		Account: acc.ID, User: user.ID, Standing: standing.Of(acc, user),
		Checks: []table.Op{table.Check(acc.Key(), table.VersionIs(acc.Version)), table.Check(user.Key(), table.VersionIs(user.Version))},
	}, via, from)
	if err != nil {
		return Login{}, err
	}
	// A counter that could not be cleared only means that the next typing error waits longer; the session stands.
	_ = l.Throttle.Succeeded(ctx, ticket)
	return Login{Session: s, Credential: credential, Account: acc, User: user}, nil
}

// authenticate finds the user and checks the password, with the same reads and the same hashing whether the user
// exists, may log in, or not.
func (l *Logins) authenticate(ctx context.Context, a Attempt) (acc account.Account, user account.User, ok bool, err error) {
	candidates, err := l.Accounts.Logins(ctx, a.Name)
	if err != nil {
		return acc, user, false, err
	}
	who := key.User{Account: "none", User: "none"}
	for _, c := range candidates {
		if a.Tenant == "" || a.Tenant == c.Account {
			who = c
			break
		}
	}
	acc, user, err = l.Accounts.WithUser(ctx, who.Account, who.User)
	if err != nil && !fault.Is(err, fault.NotFound) {
		return acc, user, false, err
	}
	encoded := user.PasswordHash
	known := err == nil && acc.Status == account.Active && user.Status == account.Active && encoded != ""
	if !known {
		encoded = password.Dummy()
	}
	match, err := l.Hasher.Verify(ctx, encoded, a.Password)
	if err != nil || !known || !match {
		return account.Account{}, account.User{}, false, err
	}
	if password.NeedsUpgrade(encoded) {
		hash, err := l.Hasher.Hash(ctx, a.Password)
		if err != nil {
			return acc, user, false, err
		}
		if user, err = l.Accounts.UpgradePassword(ctx, user, hash); err != nil {
			return acc, user, false, err
		}
	}
	return acc, user, true, nil
}
