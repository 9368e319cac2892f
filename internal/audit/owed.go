package audit

import "slices"

// owing are the types of events that people are mailed of. Who they are is for package notice to say.
var owing = []Type{
	AccountChanged, AccountSuspended, AccountResumed, AccountImported, NoticeHeld,
	UserInvited, UserJoined, UserChanged, UserRemoved, HandoverOffered, HandoverAccepted, HandoverWithdrawn,
	PasswordRequested, PasswordChanged, FactorRequested, FactorEnrolled, FactorRemoved, FactorRefused, CodesRenewed, CodeUsed,
	SessionNovel, SessionRefused, SessionLeaked,
	TokenCreated, TokenEdited, TokenRotated, TokenRevealed, TokenAccessed, TokenReused, TokenLeaked, TokenRevoked, TokenPurged, TokenExpiring,
}

// Owed reports whether people are to be mailed of the event, as far as the event itself tells. An account's policy, and
// the people themselves, may want no mail of it all the same.
func (e Event) Owed() bool {
	switch {
	case !slices.Contains(owing, e.Type):
		return false
	case e.Type == TokenRevoked:
		return !e.parting()
	case e.Type == UserChanged: // developer mode is in the trail only
		return slices.ContainsFunc(e.Changes, func(c Change) bool { return c.Field == "role" || c.Field == "status" || c.Field == "mutedMails" })
	}
	return true
}

// parting reports whether a token was revoked by the system and by nobody else: that happens only to the tokens of
// somebody who was removed, and of that people have been told.
func (e Event) parting() bool {
	return e.Actor.Via == ViaSystem && e.Actor.User == "" && e.Actor.Credential == ""
}
