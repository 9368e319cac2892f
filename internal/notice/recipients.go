package notice

import (
	"slices"

	"keyfob/internal/account"
	"keyfob/internal/audit"
	"keyfob/internal/mail"
	"keyfob/internal/scope"
)

// An audience is who is told of an event.
type audience uint8

const (
	nobody  audience = iota
	keepers          // the owners and admins, who can act on a token, and whoever made it
	owners           // the owners
	others           // the owners but the person it is about
	person           // the person it is about, and nobody else
	both             // the people it is about, and the owners
)

// audienceOf says who is told of what. What is not named here is in the audit trail only.
func audienceOf(e audit.Event) audience {
	if !e.Owed() {
		return nobody
	}
	switch e.Type {
	case audit.TokenCreated, audit.TokenEdited, audit.TokenRotated, audit.TokenRevealed, audit.TokenAccessed, audit.TokenReused,
		audit.TokenLeaked, audit.TokenRevoked, audit.TokenPurged, audit.TokenExpiring, audit.SessionLeaked, audit.AccountImported:
		return keepers
	case audit.AccountChanged, audit.AccountSuspended, audit.AccountResumed:
		return owners
	case audit.NoticeHeld:
		return others
	case audit.UserInvited, audit.PasswordRequested, audit.FactorRequested, audit.SessionNovel, audit.SessionRefused:
		return person
	case audit.UserChanged, audit.UserJoined, audit.UserRemoved, audit.PasswordChanged, audit.FactorEnrolled, audit.FactorRemoved, audit.FactorRefused,
		audit.CodesRenewed, audit.CodeUsed, audit.HandoverOffered, audit.HandoverAccepted, audit.HandoverWithdrawn:
		return both
	}
	return nobody
}

// A recipient is a user who is told of an event, and why.
type recipient struct {
	user account.User
	why  mail.Why
}

// recipients picks those of the account's users who are told of the event, each once. Who wants no mail of an ordinary event
// gets none.
func recipients(e audit.Event, members []account.User) []recipient {
	who := audienceOf(e)
	about := concerned(e, who)
	var to []recipient
	for _, u := range members {
		is := slices.Contains(about, u.ID)
		switch {
		case e.Type.Mutable() && u.Muted.Has(string(e.Type)):
		case (who == person || who == both) && is && reachable(e, u):
			why := mail.Concerned
			if e.Type == audit.UserInvited {
				why = mail.Invited
			}
			to = append(to, recipient{u, why})
		case u.Status != account.Active || !u.Verified:
		case who == keepers && (u.Role == scope.Owner || u.Role == scope.Admin):
			to = append(to, recipient{u, mail.Keeper})
		case who == keepers && u.ID == e.Subject.User:
			to = append(to, recipient{u, mail.Maker})
		case u.Role == scope.Owner && (who == owners || who == both || who == others && !is):
			to = append(to, recipient{u, mail.Owner})
		}
	}
	return to
}

// concerned lists the users whom the event is about. What only one person is told, and may be a secret of theirs, is about
// its subject and nobody else.
func concerned(e audit.Event, who audience) []string {
	subjects := []audit.Subject{e.Subject}
	if who != person {
		subjects = append(subjects, e.Also...)
	}
	var ids []string
	for _, s := range subjects {
		if s.Kind == "user" {
			ids = append(ids, s.ID)
		}
	}
	return ids
}

// reachable reports whether the user is written to about themselves: who may act, at an address that is known to be
// theirs. But somebody is invited at an address that only the invitation can show to be theirs; and whom an account takes
// the right to act from is told so.
func reachable(e audit.Event, u account.User) bool {
	switch u.Status {
	case account.Active:
		return u.Verified && e.Type != audit.UserInvited
	case account.Invited:
		return e.Type == audit.UserInvited
	case account.Disabled:
		return u.Verified && e.Type == audit.UserChanged
	case account.Removed:
		return u.Verified && e.Type == audit.UserRemoved
	}
	return false
}
