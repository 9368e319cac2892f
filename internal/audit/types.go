package audit

import "strings"

// Types lists the types of events that accounts have, those of one noun together: all but what is the deployment's.
func Types() []Type {
	return []Type{
		AccountCreated, AccountChanged, AccountImported,
		UserCreated, UserChanged,
		TokenCreated, TokenImported, TokenEdited, TokenRotated, TokenRevealed, TokenAccessed, TokenReused, TokenLeaked, TokenRevoked, TokenPurged,
		SessionStarted, SessionEnded, SessionLeaked,
		ResourceCreated, ResourceUpdated, ResourceDeleted, ResourceRun,
		NoticeRejected,
	}
}

// Noun gives what the type is about: the part before the dot.
func (t Type) Noun() string {
	noun, _, _ := strings.Cut(string(t), ".")
	return noun
}
