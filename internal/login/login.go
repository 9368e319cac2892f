// Package login is proving who one is.
//
// It promises that an unknown name, a wrong password, a user or account that may not act and a place that the account's
// policy does not let people log in from cost the same reads and the same hashing and are answered alike (S5); that
// failures slow down without ever locking the victim out (S4, by package throttle), and over many networks together only where
// the victim has not logged in from in the last 90 days; and that a person hears of a login
// from a network that they have not logged in from.
//
// It hands what was proven to package session, which says by its lock whether a second factor is still to be shown
// (packages factor and scope), and does not say what anybody may do.
package login

import (
	"context"
	"slices"
	"time"
	"unicode/utf8"

	"keyfob/internal/account"
	"keyfob/internal/audit"
	"keyfob/internal/fault"
	"keyfob/internal/password"
	"keyfob/internal/session"
	"keyfob/internal/throttle"
	"keyfob/internal/token"
)

// Logins decides about logins.
type Logins struct {
	Form     token.Form
	Now      func() time.Time
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
	State
	Credential token.Credential
}

// Login starts a session. Errors: Invalid names a missing field; Unauthenticated is every wrong name, password, tenant and
// place alike; Unprocessable asks whoever has the right password for the tenant, and names the accounts it is right for;
// TooMany says when to try again.
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
	found, err := l.candidates(ctx, a, from)
	if err != nil {
		return Login{}, err
	}
	if !slices.ContainsFunc(found, func(c candidate) bool { return c.may && c.visit.known(l.Now()) }) {
		if ticket, err = l.Throttle.AllowStranger(ctx, ticket); err != nil {
			return Login{}, err
		}
	}
	if err := l.judge(ctx, found, a.Password); err != nil {
		return Login{}, err
	}
	one, err := l.choose(found, from)
	if fault.Is(err, fault.Unauthenticated) {
		// Side by side: whoever has the right password in the wrong place is not to see by the time it takes that it is right.
		told := make(chan error, 1)
		go func() { told <- l.refused(ctx, found, from) }()
		failed := l.Throttle.Failed(ctx, ticket)
		if err := <-told; err != nil {
			return Login{}, err
		}
		if failed != nil {
			return Login{}, failed
		}
		return Login{}, err
	}
	if err != nil {
		_ = l.Throttle.Succeeded(ctx, ticket) // as below: it was the right password
		return Login{}, err
	}
	if err := l.upgrade(ctx, one, found, a.Password); err != nil {
		return Login{}, err
	}
	in, err := l.start(ctx, *one, via, from)
	if err != nil {
		return Login{}, err
	}
	// A counter that could not be cleared only means that the next typing error waits longer; the session stands.
	_ = l.Throttle.Succeeded(ctx, ticket)
	return in, nil
}

// errRefused is the answer to every wrong name, password, tenant and place.
func errRefused() error { return fault.New(fault.Unauthenticated, "", "Unauthenticated.") }
