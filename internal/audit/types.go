package audit

import (
	"slices"
	"strings"
)

// Types lists the types of events that accounts have, those of one noun together: all but what is the deployment's.
func Types() []Type {
	return []Type{
		AccountCreated, AccountChanged, AccountSuspended, AccountResumed, AccountImported,
		UserCreated, UserInvited, UserJoined, UserChanged, UserRemoved, HandoverOffered, HandoverAccepted, HandoverWithdrawn,
		PasswordRequested, PasswordChanged, FactorEnrolled, FactorRemoved, FactorRequested, FactorRefused, CodesRenewed, CodeUsed,
		TokenCreated, TokenImported, TokenEdited, TokenRotated, TokenRevealed, TokenAccessed, TokenReused, TokenLeaked, TokenRevoked, TokenPurged, TokenExpiring,
		SessionStarted, SessionEnded, SessionUnlocked, SessionProven, SessionNovel, SessionRefused, SessionLeaked,
		ResourceCreated, ResourceUpdated, ResourceDeleted, ResourceRun,
		NoticeRejected, NoticeHeld, NoticeResumed,
	}
}

// Mutable reports whether an account, or a person, may choose not to be mailed of events of the type: what is done with tokens in the
// ordinary course, and logins from new networks. What is an alarm, or concerns how people prove who they are, is always told.
func (t Type) Mutable() bool { return slices.Contains(mutable, t) }

var mutable = []Type{TokenCreated, TokenEdited, TokenRotated, TokenAccessed, TokenRevoked, TokenPurged, TokenExpiring, SessionNovel}

// Mutables lists the types that are Mutable.
func Mutables() []Type { return slices.Clone(mutable) }

// Noun gives what the type is about: the part before the dot.
func (t Type) Noun() string {
	noun, _, _ := strings.Cut(string(t), ".")
	return noun
}
