// Package passwords is how people come by their passwords: by a link that was mailed to them, or, once they have one, by
// changing it.
//
// It promises that
//   - nobody but the person sets a password, and only with a link from their mail or with the password they have (S8);
//   - of several uses of one link at the same time one succeeds, and one that is refused leaves it as it was;
//   - when a new password is acknowledged every session that rests on a former one is refused, also one that was renewed,
//     unlocked or proven while it was being set (P1), and that where this was interrupted it is finished without anybody asking;
//   - neither a link nor a change touches the second factors: whoever has the mailbox only is still outside;
//   - asking for a link tells nobody whether there is such a user, in words or in work (S5);
//   - each change commits with its audit event (P5).
//
// It does not judge or hash passwords itself (package password does), issues no sessions, and sends no mail.
package passwords

import (
	"context"
	"time"

	"keyfob/internal/account"
	"keyfob/internal/audit"
	"keyfob/internal/fault"
	"keyfob/internal/link"
	"keyfob/internal/password"
	"keyfob/internal/session"
	"keyfob/internal/standing"
	"keyfob/internal/table"
	"keyfob/internal/throttle"
)

// Passwords decides about people's passwords.
type Passwords struct {
	Table    table.Table
	Now      func() time.Time
	Links    *link.Links
	Hasher   *password.Hasher
	Throttle *throttle.Throttle
}

func (p *Passwords) accounts() *account.Accounts { return &account.Accounts{Table: p.Table} }

func (p *Passwords) sessions() *session.Sessions {
	return &session.Sessions{Table: p.Table, Now: p.Now}
}

// Chosen judges a password that is to be the user's, and hashes it as the other passwords of the same login name are, so
// that one hash tells at a login which of them it is (password.HashLike). Errors are password.Check's.
func Chosen(ctx context.Context, accounts *account.Accounts, hasher *password.Hasher, plain string, acc account.Account, u account.User) (hash string, err error) {
	rules := password.Rules{MFA: acc.Policy.MFA, Context: []string{acc.Name, u.Email, u.Name, "keyfob"}}
	if err := password.Check(plain, rules); err != nil {
		return "", err
	}
	namesakes, err := accounts.Namesakes(ctx, u.Email)
	if err != nil {
		return "", err
	}
	siblings := make([]string, len(namesakes))
	for i, n := range namesakes {
		siblings[i] = n.PasswordHash
	}
	return hasher.HashLike(ctx, plain, siblings...)
}

// SetByLink makes the password the link's user's, and an invited user an active one. Nobody is logged in by it. Errors:
// Unprocessable names the field link where the link does not work, and the field password where that may not be chosen,
// which the link outlives. An error of kind Unavailable may mean that the password has been set and sessions are left for
// Finish to end.
func (p *Passwords) SetByLink(ctx context.Context, text, plain, via string, from audit.Origin) (account.User, error) {
	found, err := p.Links.Find(ctx, text)
	if err != nil {
		return account.User{}, err
	}
	hash, err := Chosen(ctx, p.accounts(), p.Hasher, plain, found.Account, found.User)
	if err != nil {
		return account.User{}, err
	}
	var u account.User
	err = table.Again(ctx, table.Hasty, func() error {
		// Once more: hashing takes its time, and other uses of the link are under way.
		if found, err = p.Links.Find(ctx, text); err != nil {
			return err
		}
		what := audit.PasswordChanged
		u = set(found.User, hash)
		u.Verified = true                      // the link was in the user's mail, or the operator vouches for who has it
		u.Mailed = found.Purpose == link.Reset // codes by mail prove nothing more from now on (decision 21)
		if u.Status == account.Invited {
			what, u.Status = audit.UserJoined, account.Active
		}
		e := audit.New(what, p.Now(), u.Account, byLink(u, via), from, subject(u))
		return p.Table.Commit(ctx, append(e.Ops(), found.Use(), u.Replace())...)
	})
	if err != nil {
		return account.User{}, err
	}
	return u, p.superseded(ctx, u.Account, u.ID, u.Generation, byLink(u, via), from)
}

// byLink is a user who has shown a link and nothing else.
func byLink(u account.User, via string) audit.Actor { return audit.Actor{User: u.ID, Via: via} }

// set gives the user with another password. What rests on the former one is of another generation (decision 20).
func set(u account.User, hash string) account.User {
	u.PasswordHash, u.Behind = hash, true
	u.Generation++
	return u
}

// superseded has the user's sessions learn that there is a password of that generation, whereupon those that rest on a former
// one are refused, and then puts these away.
func (p *Passwords) superseded(ctx context.Context, acc, user string, generation int64, by audit.Actor, from audit.Origin) error {
	if err := (&standing.Carrier{Table: p.Table, Accounts: p.accounts()}).User(ctx, acc, user); err != nil {
		return err
	}
	return p.sessions().EndOlder(ctx, user, generation, by, from)
}

// Finish puts away the sessions that a change of password has left, where whoever made it did not come to that; that they
// are refused, every standing.Carrier sees to. The event is the change's. It may be called any number of times.
func (p *Passwords) Finish(ctx context.Context, e audit.Event) error {
	if e.Type != audit.PasswordChanged {
		return nil
	}
	_, u, err := p.accounts().WithUser(ctx, e.Account, e.Subject.ID)
	if fault.Is(err, fault.NotFound) {
		return nil
	}
	if err != nil {
		return err
	}
	return p.superseded(ctx, u.Account, u.ID, u.Generation, e.Actor, e.Origin)
}

func subject(u account.User) audit.Subject {
	return audit.Subject{Kind: "user", ID: u.ID, Name: u.Name}
}

func unauthenticated(cause error) error {
	return fault.New(fault.Unauthenticated, "", "Unauthenticated.").Because(cause)
}
