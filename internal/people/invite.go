package people

import (
	"context"
	"errors"
	"strings"
	"time"

	"keyfob/internal/account"
	"keyfob/internal/audit"
	"keyfob/internal/fault"
	"keyfob/internal/link"
	"keyfob/internal/scope"
	"keyfob/internal/table"
	"keyfob/internal/table/key"
	"keyfob/internal/text"
	"keyfob/internal/throttle"
	"keyfob/internal/token"
)

// An Invitation asks for a user who then makes themselves at home with a link that is mailed to them.
type Invitation struct {
	Email string // also the login name, which no other user of the account has
	Name  string // the display name; the e-mail's local part where empty
	Role  scope.Role
}

func (i *Invitation) check() error {
	if err := account.Email("email", i.Email); err != nil {
		return err
	}
	if i.Role == "" {
		return fault.Bad("role", "required", "role is required.")
	}
	if !i.Role.Known() {
		return fault.Bad("role", "unknown_value", "role is owner, admin or member.")
	}
	if i.Name == "" {
		i.Name = i.Email[:strings.LastIndexByte(i.Email, '@')]
	}
	return text.Name("name", i.Name)
}

// Invite makes a user who has no password yet, and a link to set one with, which is mailed to nobody but them. Until it is
// used they are of no account: they cannot log in, and count as no owner. Errors: Invalid names the field; Conflict, the
// field email: the account has a user of that login name; TooMany: the account invites too many, or too many invite the address.
func (p *People) Invite(ctx context.Context, act Act, i Invitation) (account.User, error) {
	if err := i.check(); err != nil {
		return account.User{}, err
	}
	if err := mayManage(act.By); err != nil {
		return account.User{}, err
	}
	u := account.User{
		ID: token.NewName("usr_"), Account: act.By.Account, Email: i.Email, Name: i.Name, Role: i.Role, Status: account.Invited, Version: 1,
	}
	err := table.Again(ctx, table.Patient, func() error {
		me, err := p.acting(ctx, act.By)
		if err == nil {
			err = p.may(act.By, me.user, u, u)
		}
		if err != nil {
			return err
		}
		spent, err := p.inviting(ctx, u)
		if err != nil {
			return err
		}
		u.Created = p.Now().UTC().Truncate(time.Millisecond)
		ops := append(u.Create(), link.First(u.Account, u.ID, link.Invitation, u.Created))
		ops = append(append(ops, spent...), invited(act, u, u.Created).Ops()...)
		err = p.Table.Commit(ctx, me.resting(ops...)...)
		if c, ok := errors.AsType[*table.Conflict](err); ok && c.Key == (key.Login{Email: u.Email, Account: u.Account}).Key() {
			return errTaken()
		}
		return err
	})
	if err != nil {
		return account.User{}, err
	}
	return u, nil
}

// inviting gives the operations that count an invitation to the user. Whoever is invited has asked for no mail, so they get few
// of them, whichever accounts they are from.
func (p *People) inviting(ctx context.Context, u account.User) ([]table.Op, error) {
	t := throttle.Throttle{Table: p.Table, Now: p.Now}
	return t.Spending(ctx, throttle.InvitationsBy(u.Account), throttle.InvitationsTo(u.Email))
}

func invited(act Act, u account.User, at time.Time) audit.Event {
	e := audit.New(audit.UserInvited, at, u.Account, act.actor(), act.From, subject(u))
	e.Changes = []audit.Change{{Field: "role", To: string(u.Role)}}
	return e
}

func errTaken() error {
	const message = "The account has a user of this e-mail."
	return &fault.Error{Kind: fault.Conflict, Code: "taken", Message: message, Fields: []fault.Field{{Name: "email", Code: "taken", Message: message}}}
}

// InviteAgain mails another link to somebody who has not used the one they were sent, which then ends. Errors: Conflict,
// not_invited: they are a user already; TooMany: the last was sent less than a minute ago, or too many as for Invite.
func (p *People) InviteAgain(ctx context.Context, act Act, id string) (account.User, error) {
	if err := mayManage(act.By); err != nil {
		return account.User{}, err
	}
	var u account.User
	err := table.Again(ctx, table.Patient, func() error {
		me, err := p.acting(ctx, act.By)
		if err != nil {
			return err
		}
		if u, err = p.user(ctx, act.By.Account, id); err != nil {
			return err
		}
		if err := p.may(act.By, me.user, u, u); err != nil {
			return err
		}
		if u.Status != account.Invited {
			return fault.New(fault.Conflict, "not_invited", "Only somebody who has not set a password yet can be invited again.")
		}
		if err := act.matches(u.Version); err != nil {
			return err
		}
		now := p.Now().UTC().Truncate(time.Millisecond)
		another, err := p.links().IssueAnew(ctx, u.Account, u.ID, link.Invitation, now)
		if err != nil {
			return err
		}
		spent, err := p.inviting(ctx, u)
		if err != nil {
			return err
		}
		ops := append(append(invited(act, u, now).Ops(), spent...), another, table.Check(u.Key(), table.VersionIs(u.Version)))
		return p.Table.Commit(ctx, me.resting(ops...)...)
	})
	return u, err
}

// Invitations gives, by their ids, until when those of the users who are invited can use the link they were sent.
func (p *People) Invitations(ctx context.Context, users ...account.User) (map[string]time.Time, error) {
	var invited []string
	for _, u := range users {
		if u.Status == account.Invited {
			invited = append(invited, u.ID)
		}
	}
	found, err := p.links().All(ctx, invited...)
	if err != nil {
		return nil, err
	}
	until := map[string]time.Time{}
	for id, l := range found {
		until[id] = l.Expires
	}
	return until, nil
}
