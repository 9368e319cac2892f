// Package scope says what a credential may do: the grammar of scopes and rights, and the one decision that
// lays them against what a route needs.
//
// It promises that nothing is allowed which is not named: the zero Scope, the zero Permission, an unknown
// category and an unlisted instance all end in a refusal with its reason.
//
// It is pure. Who holds which role, and whether a credential is valid at all, is decided elsewhere.
package scope

import (
	"fmt"
	"slices"
	"strings"
)

// A Category is a kind of thing in the catalogue.
type Category string

// The categories.
const (
	Connections Category = "connections"
	Exports     Category = "exports"
	Imports     Category = "imports"
	APIs        Category = "apis"
	MCPServers  Category = "mcpServers"
)

// Categories lists all of them, in the order in which scopes are written.
func Categories() []Category { return []Category{Connections, Exports, Imports, APIs, MCPServers} }

// Known reports whether c is one of the categories.
func (c Category) Known() bool {
	switch c {
	case Connections, Exports, Imports, APIs, MCPServers:
		return true
	}
	return false
}

// Actions is a set of what can be done to a thing.
type Actions uint8

// The actions.
const (
	Read Actions = 1 << iota
	Write
	Run
	AllActions = Read | Write | Run
)

var actionNames = [...]struct {
	action Actions
	name   string
	letter byte
}{{Read, "read", 'r'}, {Write, "write", 'w'}, {Run, "run", 'x'}}

// ParseAction reads an action's name.
func ParseAction(name string) (Actions, bool) {
	for _, a := range actionNames {
		if a.name == name {
			return a.action, true
		}
	}
	return 0, false
}

// Names lists the set's actions by name: read, write, run.
func (a Actions) Names() []string {
	names := []string{}
	for _, n := range actionNames {
		if a&n.action != 0 {
			names = append(names, n.name)
		}
	}
	return names
}

// A Grant gives actions on one instance of a category.
type Grant struct {
	Category Category
	ID       string
	Actions  Actions
}

// A Scope is what a token may touch. The zero Scope may touch nothing.
//
// Its text form, which is stored and handed from the authorizer to the functions, is
//
//	"*"                                    full
//	"integration:" id                      one integration's exports and imports: run, and read debug logs
//	"-" or grant *( " " grant )            custom; grant = category ":" id ":" 1*( "r" / "w" / "x" )
type Scope struct {
	full        bool
	integration string
	grants      []Grant
}

// Full is the scope without limits of its own.
func Full() Scope { return Scope{full: true} }

// Integration is the scope of an integration token.
func Integration(id string) Scope { return Scope{integration: id} }

// Limits of a custom scope. What the authorizer hands on has to stay small.
const (
	MaxGrants = 200
	MaxIDLen  = 64
)

// Custom is a scope of the grants and nothing else. Grants of the same instance are joined. It refuses an unknown
// category, a malformed id, an empty set of actions and more than MaxGrants, naming the grant by its index.
func Custom(grants ...Grant) (Scope, error) {
	if len(grants) > MaxGrants {
		return Scope{}, fmt.Errorf("scope: more than %d grants", MaxGrants)
	}
	joined := make([]Grant, 0, len(grants))
	for i, g := range grants {
		if !g.Category.Known() || !ValidID(g.ID) || g.Actions == 0 || g.Actions&^AllActions != 0 {
			return Scope{}, fmt.Errorf("scope: grant %d is malformed", i)
		}
		if j := slices.IndexFunc(joined, func(o Grant) bool { return o.Category == g.Category && o.ID == g.ID }); j >= 0 {
			joined[j].Actions |= g.Actions
			continue
		}
		joined = append(joined, g)
	}
	order := Categories()
	slices.SortFunc(joined, func(a, b Grant) int {
		if d := slices.Index(order, a.Category) - slices.Index(order, b.Category); d != 0 {
			return d
		}
		return strings.Compare(a.ID, b.ID)
	})
	return Scope{grants: joined}, nil
}

// ValidID reports whether s can name an instance: 1 to 64 of A-Z a-z 0-9 . _ -, not beginning with a dot.
func ValidID(s string) bool {
	if s == "" || len(s) > MaxIDLen || s[0] == '.' {
		return false
	}
	for i := range len(s) {
		c := s[i]
		if (c < '0' || c > '9') && (c < 'A' || c > 'Z') && (c < 'a' || c > 'z') && c != '.' && c != '_' && c != '-' {
			return false
		}
	}
	return true
}

// Grants lists what a custom scope grants, ordered by category and id.
func (s Scope) Grants() []Grant { return slices.Clone(s.grants) }

// IntegrationID gives the one integration that an integration's scope is about; empty for any other scope.
func (s Scope) IntegrationID() string { return s.integration }

// Name is the scope's kind as the API names it: full, custom or integration.
func (s Scope) Name() string {
	switch {
	case s.full:
		return "full"
	case s.integration != "":
		return "integration"
	}
	return "custom"
}

// String writes the text form.
func (s Scope) String() string {
	switch {
	case s.full:
		return "*"
	case s.integration != "":
		return integrationPrefix + s.integration
	case len(s.grants) == 0:
		return "-"
	}
	var b strings.Builder
	for i, g := range s.grants {
		if i > 0 {
			b.WriteByte(' ')
		}
		b.WriteString(string(g.Category))
		b.WriteByte(':')
		b.WriteString(g.ID)
		b.WriteByte(':')
		for _, n := range actionNames {
			if g.Actions&n.action != 0 {
				b.WriteByte(n.letter)
			}
		}
	}
	return b.String()
}

const integrationPrefix = "integration:"

// Parse reads the text form; it takes exactly what String writes.
func Parse(text string) (Scope, error) {
	if text == "*" {
		return Full(), nil
	}
	if text == "-" {
		return Scope{}, nil
	}
	if id, ok := strings.CutPrefix(text, integrationPrefix); ok {
		if !ValidID(id) {
			return Scope{}, errText
		}
		return Integration(id), nil
	}
	grants := make([]Grant, 0, 8)
	for part := range strings.SplitSeq(text, " ") {
		category, rest, _ := strings.Cut(part, ":")
		id, letters, _ := strings.Cut(rest, ":")
		g := Grant{Category: Category(category), ID: id}
		for i := range len(letters) {
			for _, n := range actionNames {
				if letters[i] == n.letter {
					g.Actions |= n.action
				}
			}
		}
		grants = append(grants, g)
	}
	s, err := Custom(grants...)
	if err != nil || s.String() != text {
		return Scope{}, errText
	}
	return s, nil
}

var errText = fmt.Errorf("scope: malformed text")

// Allows reports whether the scope by itself lets the actions be done to the instance. An empty id asks about the
// category as a whole: it is allowed if any instance of it is, and the answer then has to be cut to those.
func (s Scope) Allows(c Category, id string, a Actions) bool {
	if a == 0 || !c.Known() {
		return false
	}
	if s.full {
		return true
	}
	for _, g := range s.grants {
		if g.Category == c && (id == "" || g.ID == id) && g.Actions&a == a {
			return true
		}
	}
	return false
}
