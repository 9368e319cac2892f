package scope

import "slices"

// A Right is something a role lets its holder do beyond touching single things.
type Right string

// The rights.
const (
	IssueTokens    Right = "tokens.issue" // make tokens, rotate and edit any of the account's
	ReadTokens     Right = "tokens.read"
	RevokeTokens   Right = "tokens.revoke"
	RevealTokens   Right = "tokens.reveal"
	OwnTokens      Right = "tokens.own" // make, list, change and revoke tokens of one's own
	ReadResources  Right = "resources.read"
	WriteResources Right = "resources.write"
	RunResources   Right = "resources.run"
	ReadAudit      Right = "audit.read"
	ManageUsers    Right = "users.manage"
	ManageAccount  Right = "account.manage" // the account's policy
)

// A Role is what an account's user is in it.
type Role string

// The roles.
const (
	Owner  Role = "owner"
	Admin  Role = "admin"
	Member Role = "member"
)

// Known reports whether r is one of the roles.
func (r Role) Known() bool { return r == Owner || r == Admin || r == Member }

// Issuers is the account policy that says who may make tokens.
type Issuers string

// The policies.
const (
	IssuersAdmins   Issuers = "admins"
	IssuersEveryone Issuers = "everyone"
)

// The rights of each role; those of members under either policy.
var (
	adminRights   = []Right{IssueTokens, ReadTokens, RevokeTokens, RevealTokens, OwnTokens, ReadResources, WriteResources, RunResources, ReadAudit, ManageUsers}
	ownerRights   = slices.Concat(adminRights, []Right{ManageAccount})
	memberRights  = []Right{ReadResources, WriteResources, RunResources}
	issuingRights = slices.Concat(memberRights, []Right{OwnTokens})
)

// RightsOf tells what the role may do under the policy. An unknown role may do nothing. The list is not to be changed.
func RightsOf(r Role, issuers Issuers) []Right {
	switch {
	case r == Owner:
		return slices.Clip(ownerRights)
	case r == Admin:
		return slices.Clip(adminRights)
	case r == Member && issuers == IssuersEveryone:
		return slices.Clip(issuingRights)
	case r == Member:
		return slices.Clip(memberRights)
	}
	return nil
}
