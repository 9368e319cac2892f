package scope

import (
	"slices"
	"strings"
)

// A Permission is what a route needs of a credential. The zero Permission is what an unlisted route needs: full
// scope, and nothing less.
//
// Its text form stands in the authorizer's routes.yaml:
//
//	"valid"                         any valid credential
//	"session"                       a session, not a token
//	"enrolling"                     a session, also one that has to enrol a second factor first
//	"locked"                        any valid credential, also a session that is locked or has to enrol
//	"full|locked"                   full scope, likewise
//	"full"                          full scope, as unlisted routes
//	right *( "|" right )            full scope, and one of the rights
//	action " " category [ "/" id ]  the action on an instance, or on what the scope has of the category
//	action " *"                     the action on whatever the scope has in any category
//	"logs " category "/" id         the debug logs of an instance: whoever may read it, and its integration's tokens
//
// An integration's scope reaches the exports and imports of one integration, to run them and to read their debug logs.
// Which they are stands in the catalogue and not in the scope: such a permission is granted here for any export and
// import, and the function behind the route holds the instance against Scope.IntegrationID.
//
// Category and id are literal, or a path parameter of the route in braces.
type Permission struct {
	kind     permissionKind
	rights   []Right
	actions  Actions
	logs     bool // of an instance, not the instance itself
	category string
	id       string
}

type permissionKind uint8

const (
	needsFull permissionKind = iota
	needsNothing
	needsSession
	needsEnrolling
	needsLocked
	needsFullLocked
	needsRight
	needsAction
)

// ParsePermission reads the text form.
func ParsePermission(text string) (Permission, bool) {
	switch text {
	case "valid":
		return Permission{kind: needsNothing}, true
	case "session":
		return Permission{kind: needsSession}, true
	case "enrolling":
		return Permission{kind: needsEnrolling}, true
	case "locked":
		return Permission{kind: needsLocked}, true
	case "full|locked":
		return Permission{kind: needsFullLocked}, true
	case "full":
		return Permission{kind: needsFull}, true
	}
	verb, object, ok := strings.Cut(text, " ")
	if !ok {
		p := Permission{kind: needsRight}
		for name := range strings.SplitSeq(text, "|") {
			if !slices.Contains(RightsOf(Owner, IssuersEveryone), Right(name)) {
				return Permission{}, false
			}
			p.rights = append(p.rights, Right(name))
		}
		return p, true
	}
	a, ok := ParseAction(verb)
	logs := verb == "logs"
	if logs {
		a = Read
	} else if !ok {
		return Permission{}, false
	}
	category, id, _ := strings.Cut(object, "/")
	if !reference(category) && category != "*" && !Category(category).Known() || id != "" && !reference(id) && !ValidID(id) {
		return Permission{}, false
	}
	return Permission{kind: needsAction, actions: a, logs: logs, category: category, id: id}, true
}

// reference reports whether s stands for a path parameter.
func reference(s string) bool { return len(s) > 2 && s[0] == '{' && s[len(s)-1] == '}' }

// On fills the permission's references with the request's path parameters.
func (p Permission) On(params map[string]string) Permission {
	if reference(p.category) {
		p.category = params[p.category[1:len(p.category)-1]]
		if p.category == "" || p.category == "*" {
			p.category = "?" // known to nobody: a missing parameter must not widen the permission
		}
	}
	if reference(p.id) {
		p.id = params[p.id[1:len(p.id)-1]]
		if p.id == "" {
			p.id = "?"
		}
	}
	return p
}

// A Reason says why something is refused. The zero Reason is none: it is allowed.
type Reason string

// The reasons.
const (
	Allowed        Reason = ""
	NeedsFullScope Reason = "needs_full_scope"
	OutsideScope   Reason = "outside_scope"
	RoleForbids    Reason = "role_forbids"
	NeedsASession  Reason = "needs_session"
	NoRoute        Reason = "no_route"        // the path is none that any route takes
	NetworkForbids Reason = "network_forbids" // the account's policy names networks, and this is none of them
	SessionLocked  Reason = "session_locked"  // it has to be unlocked with a second factor first
	NeedsFactor    Reason = "factor_required" // its user has to enrol a second factor first
)

// A Lock is what a session still lacks. The zero Lock is none: the session is open, or it is a token.
type Lock string

// The locks.
const (
	Open   Lock = ""
	Locked Lock = "locked"    // a second factor has to be shown
	Enrol  Lock = "enrolling" // a second factor has to be enrolled
)

// Known reports whether l is one of the locks.
func (l Lock) Known() bool { return l == Open || l == Locked || l == Enrol }

// Holder is what a valid credential brings to a decision.
type Holder struct {
	Session bool
	Lock    Lock
	Outside bool // it is used from where the account's policy does not let it
	Scope   Scope
	Role    Role
	Issuers Issuers
}

// Rights lists what the holder may do, not to be changed: what the role lets it, and the scope reaches. A scope that is not full leaves of
// the role's rights those over resources, as far as it grants the action on any; a lock leaves none.
func (h Holder) Rights() []Right {
	if h.Lock != Open {
		return nil
	}
	all := RightsOf(h.Role, h.Issuers)
	if h.Scope.full {
		return all
	}
	if h.Scope.integration != "" {
		return slices.DeleteFunc(slices.Clone(all), func(r Right) bool { return r != RunResources })
	}
	var granted Actions
	for _, g := range h.Scope.grants {
		granted |= g.Actions
	}
	return slices.DeleteFunc(slices.Clone(all), func(r Right) bool {
		for _, n := range actionNames {
			if granted&n.action != 0 && rightFor(n.action) == r {
				return false
			}
		}
		return true
	})
}

// Decide says whether the holder may do what the permission is needed for: the intersection of the scope with
// what the role may do now.
func Decide(h Holder, p Permission) Reason {
	switch {
	case h.Outside:
		return NetworkForbids
	case p.kind == needsLocked, p.kind == needsFullLocked && h.Scope.full:
		return Allowed
	case h.Lock == Enrol && p.kind != needsEnrolling:
		return NeedsFactor
	case h.Lock != Open && h.Lock != Enrol:
		return SessionLocked
	}
	rights := RightsOf(h.Role, h.Issuers)
	switch p.kind {
	case needsNothing:
		return Allowed
	case needsSession, needsEnrolling:
		if !h.Session {
			return NeedsASession
		}
		return Allowed
	case needsRight:
		if !h.Scope.full {
			return NeedsFullScope
		}
		for _, r := range p.rights {
			if slices.Contains(rights, r) {
				return Allowed
			}
		}
		return RoleForbids
	case needsAction:
		for _, n := range actionNames {
			if p.actions&n.action != 0 && !slices.Contains(rights, rightFor(n.action)) {
				return RoleForbids
			}
		}
		return decideAction(h.Scope, p)
	}
	if !h.Scope.full {
		return NeedsFullScope
	}
	return Allowed
}

func decideAction(s Scope, p Permission) Reason {
	if s.full {
		// An unknown category is not refused here: the function behind the route answers that it does not exist.
		return Allowed
	}
	if s.integration != "" {
		if (p.logs || p.actions == Run) && (p.category == string(Exports) || p.category == string(Imports)) {
			return Allowed
		}
		return OutsideScope
	}
	if p.category == "*" {
		for _, c := range Categories() {
			if s.Allows(c, "", p.actions) {
				return Allowed
			}
		}
		return OutsideScope
	}
	if s.Allows(Category(p.category), p.id, p.actions) {
		return Allowed
	}
	return OutsideScope
}

func rightFor(a Actions) Right {
	switch a {
	case Read:
		return ReadResources
	case Write:
		return WriteResources
	}
	return RunResources
}

// Sentence says the reason to a person.
func (r Reason) Sentence() string {
	switch r {
	case NeedsFullScope:
		return "This needs a credential with full scope."
	case OutsideScope:
		return "The token's scope does not reach this."
	case RoleForbids:
		return "The role of the user behind this credential does not permit this."
	case NeedsASession:
		return "This needs a session: log in first."
	case NetworkForbids:
		return "The account's policy does not permit this from where the request comes."
	case SessionLocked:
		return "The session is locked: unlock it with a second factor first."
	case NeedsFactor:
		return "The account asks for a second factor: enrol one first."
	case NoRoute:
		return "No route takes this path: it is too long, or has one of the characters * ? and $ in it."
	}
	return ""
}
