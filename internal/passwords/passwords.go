// Package passwords is how people come by their passwords: by a link that was mailed to them, or, once they have one, by
// changing it.
//
// It promises that
//   - nobody but the person sets a password, and only with a link from their mail or with the password they have (S8);
//   - of several uses of one link at the same time one succeeds, and one that is refused leaves it as it was;
//   - when a new password is acknowledged every session that rested on the former one has ended (P1), and that where this was
//     interrupted it is finished without anybody asking (Finish);
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
	"keyfob/internal/token"
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
		u = found.User
		u.PasswordHash, u.Verified = hash, true // the link was in the user's mail, or the operator vouches for who has it
		if u.Status == account.Invited {
			what, u.Status, u.Behind = audit.UserJoined, account.Active, true
		}
		e := audit.New(what, p.Now(), u.Account, byLink(u, via), from, subject(u))
		return p.Table.Commit(ctx, append(e.Ops(), found.Use(), u.Replace())...)
	})
	if err != nil {
		return account.User{}, err
	}
	if err := p.endOthers(ctx, u, token.ID{}, byLink(u, via), from); err != nil {
		return account.User{}, err
	}
	return u, (&standing.Carrier{Table: p.Table, Accounts: p.accounts()}).User(ctx, u.Account, u.ID)
}

// byLink is a user who has shown a link and nothing else.
func byLink(u account.User, via string) audit.Actor { return audit.Actor{User: u.ID, Via: via} }

// endOthers ends the user's sessions but the one to keep.
func (p *Passwords) endOthers(ctx context.Context, u account.User, keep token.ID, by audit.Actor, from audit.Origin) error {
	// A session that is put under another id meanwhile may have got past: so until a round finds none.
	for {
		ended, err := p.sessions().EndOthers(ctx, u.ID, keep, by, from)
		if err != nil || ended == 0 {
			return err
		}
	}
}

// Finish sees a change of password through that whoever made it may have left: it ends the sessions that rest on the
// former one. The event is the change's. It may be called any number of times.
func (p *Passwords) Finish(ctx context.Context, e audit.Event) error {
	if e.Type != audit.PasswordChanged {
		return nil
	}
	keep, _ := token.ParseHandle(token.Session, e.Actor.Credential)
	for after := ""; ; {
		page, err := p.sessions().List(ctx, e.Subject.ID, after, table.MaxGet)
		if err != nil {
			return err
		}
		for _, s := range page.Sessions {
			// Who has proven themselves since has done so with the new one.
			if s.ID == keep || s.Proven.After(e.At) {
				continue
			}
			if err := p.sessions().End(ctx, s.ID, e.Actor, e.Origin); err != nil {
				return err
			}
		}
		if after = page.Next; after == "" {
			return nil
		}
	}
}

func subject(u account.User) audit.Subject {
	return audit.Subject{Kind: "user", ID: u.ID, Name: u.Name}
}

func unauthenticated(cause error) error {
	return fault.New(fault.Unauthenticated, "", "Unauthenticated.").Because(cause)
}
