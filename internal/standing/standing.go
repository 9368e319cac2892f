// Package standing is what a credential owes to the user and the account behind it: the role, whether they may act at
// all, and those of the account's policies that every request is held against.
//
// It promises that each credential carries its standing in its own record, so that a request needs no second read (P2);
// that a change of user or account has reached every credential before it is acknowledged (P1), however many there are;
// that an interrupted change goes on with what is left of it; and that no credential, whenever it was made, is left with more
// than its user may do.
//
// It does not say what a role may do (package scope does) nor who may change one.
package standing

import (
	"keyfob/internal/account"
	"keyfob/internal/scope"
	"keyfob/internal/table"
)

// A Standing is what user and account lend to their credentials. It is comparable.
type Standing struct {
	Role      scope.Role
	Issuers   scope.Issuers
	NoQuery   bool // the account takes no credentials from the query string
	Disabled  bool // the user is not active
	Suspended bool // the account is not active

	Factors       bool         // the user has a second factor
	NeedsFactors  bool         // the account asks for one
	TokenNetworks account.List // that tokens may be used from; empty for any
	LoginNetworks account.List // that sessions may be used from; empty for any
	Generation    int64        // of the user's password; lent to sessions only
}

// Of gives the standing of a user in an account, as it is lent to sessions.
func Of(acc account.Account, user account.User) Standing {
	return Standing{}.ofAccount(acc).ofUser(user)
}

// OfToken gives the standing that is lent to tokens. They do not rest on the password, and are not rewritten when it changes.
func OfToken(acc account.Account, user account.User) Standing {
	return Of(acc, user).forTokens()
}

func (s Standing) forTokens() Standing {
	s.Generation = 0
	return s
}

// ofAccount gives s with what the account lends to it now.
func (s Standing) ofAccount(acc account.Account) Standing {
	p := acc.Policy
	s.Issuers, s.NoQuery, s.Suspended = p.Issuers, !p.QueryCredentials, acc.Status != account.Active
	s.NeedsFactors, s.TokenNetworks, s.LoginNetworks = p.MFA, p.TokenNetworks, p.LoginNetworks
	return s
}

// ofUser gives s with what the user lends to it now.
func (s Standing) ofUser(user account.User) Standing {
	s.Role, s.Disabled, s.Factors, s.Generation = user.Role, user.Status != account.Active, user.Factors, user.Generation
	return s
}

// Ended reports whether the credential is refused for now, because its user or account may not act.
func (s Standing) Ended() bool { return s.Disabled || s.Suspended }

// Holder gives what a credential of the scope brings to a decision.
func (s Standing) Holder(session bool, sc scope.Scope) scope.Holder {
	return scope.Holder{Session: session, Scope: sc, Role: s.Role, Issuers: s.Issuers}
}

// Put writes the standing into a credential's item.
func (s Standing) Put(it table.Item) {
	it["role"], it["issuers"] = table.S(s.Role), table.S(s.Issuers)
	for name, set := range map[string]bool{
		"noQuery": s.NoQuery, "disabled": s.Disabled, "suspended": s.Suspended, "factors": s.Factors, "needsFactors": s.NeedsFactors,
	} {
		if delete(it, name); set {
			it[name] = table.Bool(true)
		}
	}
	if delete(it, attrGeneration); s.Generation > 0 {
		it[attrGeneration] = table.N(s.Generation)
	}
	for name, l := range map[string]account.List{"tokenNetworks": s.TokenNetworks, "loginNetworks": s.LoginNetworks} {
		if delete(it, name); l != "" {
			it[name] = table.S(l)
		}
	}
}

const attrGeneration = "generation"

// From reads the standing from a credential's item.
func From(it table.Item) Standing {
	return Standing{
		Role: scope.Role(it.String("role")), Issuers: scope.Issuers(it.String("issuers")),
		NoQuery: it.Bool("noQuery"), Disabled: it.Bool("disabled"), Suspended: it.Bool("suspended"),
		Factors: it.Bool("factors"), NeedsFactors: it.Bool("needsFactors"),
		TokenNetworks: account.List(it.String("tokenNetworks")), LoginNetworks: account.List(it.String("loginNetworks")),
		Generation: it.Int(attrGeneration),
	}
}
