package audit

// carried are the types of events of changes that are brought to each credential one by one after their commit, before they are
// acknowledged. Whoever does that may die over it, and the stream may lose what it tells of it: so each is looked at once more.
var carried = []Type{
	AccountChanged, AccountSuspended, AccountResumed, UserChanged, UserRemoved, UserJoined, PasswordChanged, FactorEnrolled, FactorRemoved,
	CodesRenewed, HandoverAccepted,
}
