package people

import (
	"context"
	"slices"
	"strconv"

	"keyfob/internal/account"
	"keyfob/internal/audit"
	"keyfob/internal/authority"
	"keyfob/internal/fault"
	"keyfob/internal/link"
	"keyfob/internal/scope"
	"keyfob/internal/table"
)

// A UserChange is what is to become of a user; what is nil stays as it is.
type UserChange struct {
	Role   *scope.Role
	Status *account.Status
}

func (c UserChange) check() error {
	if c.Role == nil && c.Status == nil {
		return fault.Bad("body", "required", "role or status is required.")
	}
	if c.Role != nil && !c.Role.Known() {
		return fault.Bad("role", "unknown_value", "role is owner, admin or member.")
	}
	if c.Status != nil && *c.Status != account.Active && *c.Status != account.Disabled {
		return fault.Bad("status", "unknown_value", "status is active or disabled.")
	}
	return nil
}

// Change changes the role or the status of a user. When it returns without an error, every credential of the user has
// followed; the sessions of a disabled user have ended, and do not come back. An error of kind Unavailable says that it
// may be decided and not have reached all of them yet: asking for the same again finishes it.
func (p *People) Change(ctx context.Context, act Act, id string, c UserChange) (account.User, error) {
	if err := c.check(); err != nil {
		return account.User{}, err
	}
	if err := mayManage(act.By); err != nil {
		return account.User{}, err
	}
	var u account.User
	err := table.Again(ctx, table.Patient, func() (err error) {
		u, err = p.change(ctx, act, id, c)
		return err
	})
	if err != nil {
		return account.User{}, err
	}
	if err := p.carrier().User(ctx, u.Account, u.ID); err != nil {
		return account.User{}, err
	}
	if u.Status == account.Disabled {
		if err := p.sessions().EndAll(ctx, u.ID, act.actor(), act.From); err != nil {
			return account.User{}, err
		}
	}
	return p.user(ctx, u.Account, u.ID)
}

// change decides, and commits where anything is other than it was.
func (p *People) change(ctx context.Context, act Act, id string, c UserChange) (account.User, error) {
	me, err := p.acting(ctx, act.By)
	if err != nil {
		return account.User{}, err
	}
	u, err := p.user(ctx, act.By.Account, id)
	if err != nil {
		return account.User{}, err
	}
	next := u
	if c.Role != nil {
		next.Role = *c.Role
	}
	if c.Status != nil {
		next.Status = *c.Status
	}
	if err := p.may(act.By, me.user, u, next); err != nil {
		return account.User{}, err
	}
	if c.Status != nil && u.Status == account.Invited {
		return account.User{}, fault.Refused("status", "invited", "Somebody who is invited becomes active by setting a password. The invitation can be withdrawn.")
	}
	if next == u && u.Behind {
		return u, nil // decided before, under whichever condition; what is left of it will be carried
	}
	if err := act.matches(u.Version); err != nil || next == u {
		return u, err
	}
	ops, err := p.leaving(ctx, act, me, u, next)
	if err != nil {
		return account.User{}, err
	}
	if u.Status != account.Active && next.Status == account.Active {
		// While the user is disabled no session begins. So none that was there before comes to life again.
		if err := p.sessions().EndAll(ctx, u.ID, act.actor(), act.From); err != nil {
			return account.User{}, err
		}
	}
	next.Behind = true
	e := audit.New(audit.UserChanged, p.Now(), u.Account, act.actor(), act.From, subject(u))
	if next.Role != u.Role {
		e.Changes = append(e.Changes, audit.Change{Field: "role", From: string(u.Role), To: string(next.Role)})
	}
	if next.Status != u.Status {
		e.Changes = append(e.Changes, audit.Change{Field: "status", From: string(u.Status), To: string(next.Status)})
	}
	if next.Status == account.Disabled {
		ops = append(ops, link.Withdraw(u.ID)) // or it would work again where the user is soon active once more
	}
	ops = append(append(ops, next.Replace()), e.Ops()...)
	return next, p.Table.Commit(ctx, me.resting(ops...)...)
}

// may refuses what the actor's role, as it is now, does not permit.
func (p *People) may(by authority.Principal, actor, u, next account.User) error {
	switch {
	case actor.Role != scope.Owner && actor.Role != scope.Admin:
		return forbids()
	case u.Role != scope.Owner && next.Role != scope.Owner:
		return nil
	case actor.Role != scope.Owner:
		return forbids()
	}
	return p.fresh(by, "Changing who is an owner")
}

// owns reports whether the user is an owner who may act.
func owns(u account.User) bool { return u.Role == scope.Owner && u.Status == account.Active }

// leaving gives what else has to be committed where a user becomes what next says: that the account keeps an active owner,
// and that the offer to hand the account over ends where it was made on the strength of what the user is no longer.
func (p *People) leaving(ctx context.Context, act Act, me acting, u, next account.User) ([]table.Op, error) {
	ops, err := p.endOffer(ctx, act, u, next)
	if err != nil {
		return nil, err
	}
	if owns(u) && !owns(next) && me.user.ID == u.ID { // else the actor is an owner, and is checked to stay one
		other, err := p.otherOwner(ctx, u)
		if err != nil {
			return nil, err
		}
		ops = append(ops, table.Check(other.Key(), table.VersionIs(other.Version)))
	}
	return ops, nil
}

// otherOwner finds an active owner besides the user.
func (p *People) otherOwner(ctx context.Context, u account.User) (account.User, error) {
	members, err := p.accounts().Members(ctx, u.Account)
	if err != nil {
		return account.User{}, err
	}
	i := slices.IndexFunc(members, func(m account.User) bool { return m.ID != u.ID && owns(m) })
	if i < 0 {
		return account.User{}, fault.New(fault.Conflict, "last_owner", "The last active owner of an account stays its owner.")
	}
	return members[i], nil
}

func subject(u account.User) audit.Subject {
	return audit.Subject{Kind: "user", ID: u.ID, Name: u.Name}
}

// Me gives the principal's own user.
func (p *People) Me(ctx context.Context, by authority.Principal) (account.User, error) {
	me, err := p.acting(ctx, by)
	return me.user, err
}

// A SelfChange is what people change of themselves; what is nil stays as it is.
type SelfChange struct {
	Developer  *bool
	MutedMails *[]string // types of events
}

// ChangeSelf changes the principal's own user. Which mails the user wants takes a session with a fresh login: they tell
// what is done with a credential that was stolen.
func (p *People) ChangeSelf(ctx context.Context, act Act, c SelfChange) (account.User, error) {
	if c == (SelfChange{}) {
		return account.User{}, fault.Bad("developerMode", "required", "developerMode or mutedMails is required.")
	}
	var u account.User
	err := table.Again(ctx, table.Patient, func() error {
		me, err := p.acting(ctx, act.By)
		if err == nil {
			err = act.matches(me.user.Version)
		}
		if u = me.user; err != nil {
			return err
		}
		next, err := c.on(u)
		if err != nil || next == u {
			return err
		}
		e := audit.New(audit.UserChanged, p.Now(), u.Account, act.actor(), act.From, subject(u))
		if next.Developer != u.Developer {
			e.Changes = append(e.Changes, audit.Change{Field: "developerMode", From: strconv.FormatBool(u.Developer), To: strconv.FormatBool(next.Developer)})
		}
		if next.Muted != u.Muted {
			if err := p.fresh(act.By, "Changing which mails are sent"); err != nil {
				return err
			}
			e.Changes = append(e.Changes, audit.Change{Field: "mutedMails", From: list(u.Muted), To: list(next.Muted)})
		}
		if err := p.Table.Commit(ctx, me.resting(append(e.Ops(), next.Replace())...)...); err != nil {
			return err
		}
		u = next
		u.Version++
		return nil
	})
	return u, err
}

// on gives the user with the change. Errors name the field.
func (c SelfChange) on(u account.User) (_ account.User, err error) {
	if c.Developer != nil {
		u.Developer = *c.Developer
	}
	if c.MutedMails != nil {
		u.Muted, err = muted("mutedMails", *c.MutedMails)
	}
	return u, err
}
