package scope

import (
	"slices"
	"strings"
	"testing"
)

func custom(t *testing.T, grants ...Grant) Scope {
	t.Helper()
	s, err := Custom(grants...)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// C5: an unlisted instance cannot be reached, and an empty category grants nothing of its type.
func TestC5ACustomScopeReachesOnlyWhatItLists(t *testing.T) {
	s := custom(t, Grant{Exports, "orders", Read | Run}, Grant{Connections, "shop", AllActions})
	for _, c := range []struct {
		scope    Scope
		category Category
		id       string
		actions  Actions
		want     bool
	}{
		{s, Exports, "orders", Read, true},
		{s, Exports, "orders", Run, true},
		{s, Exports, "orders", Read | Run, true},
		{s, Exports, "orders", Write, false},
		{s, Exports, "orders", AllActions, false},
		{s, Exports, "order", Read, false},
		{s, Exports, "ORDERS", Read, false},
		{s, Imports, "orders", Read, false},
		{s, Connections, "shop", AllActions, true},
		{s, Exports, "", Read, true},
		{s, Exports, "", Write, false},
		{s, APIs, "", Read, false},
		{s, MCPServers, "shop", Read, false},
		{s, "unknown", "orders", Read, false},
		{s, Exports, "orders", 0, false},
		{Full(), Imports, "anything", AllActions, true},
		{Full(), "unknown", "anything", Read, false},
		{Full(), Imports, "anything", 0, false},
		{Scope{}, Exports, "orders", Read, false},
		{Scope{}, Exports, "", Read, false},
		{Integration("crm"), Exports, "orders", Read, false},
	} {
		if got := c.scope.Allows(c.category, c.id, c.actions); got != c.want {
			t.Errorf("%s allows %v on %s/%s = %v, want %v", c.scope, c.actions.Names(), c.category, c.id, got, c.want)
		}
	}
}

func TestCustomRefusesWhatItCannotWrite(t *testing.T) {
	for name, grants := range map[string][]Grant{
		"unknown category": {{"files", "a", Read}},
		"empty id":         {{Exports, "", Read}},
		"id with a space":  {{Exports, "a b", Read}},
		"id with a colon":  {{Exports, "a:r", Read}},
		"id with a slash":  {{Exports, "a/b", Read}},
		"dot dot":          {{Exports, "..", Read}},
		"long id":          {{Exports, strings.Repeat("a", 65), Read}},
		"no action":        {{Exports, "a", 0}},
		"unknown action":   {{Exports, "a", 8}},
		"too many":         make([]Grant, MaxGrants+1),
	} {
		if s, err := Custom(grants...); err == nil {
			t.Errorf("%s: accepted as %s", name, s)
		}
	}
}

func TestTheTextFormHoldsTheWholeScope(t *testing.T) {
	for want, s := range map[string]Scope{
		"*":               Full(),
		"-":               {},
		"integration:crm": Integration("crm"),
		"connections:shop:rwx exports:b:w exports:z:rx": custom(t, Grant{Exports, "z", Run}, Grant{Exports, "b", Write}, Grant{Connections, "shop", AllActions}, Grant{Exports, "z", Read}),
	} {
		if got := s.String(); got != want {
			t.Errorf("written as %q, want %q", got, want)
		}
		back, err := Parse(want)
		if err != nil || back.String() != want || back.Name() != s.Name() {
			t.Errorf("%q is read as %q: %v", want, back, err)
		}
	}
}

func FuzzParseTakesExactlyWhatStringWrites(f *testing.F) {
	for _, s := range []string{"*", "-", "", "integration:a", "integration:", "exports:a:r", "exports:a:rr", "exports:a:xr", "exports:a:r ", "exports:a:r exports:a:w", "imports:a:r exports:a:r"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, text string) {
		s, err := Parse(text)
		if err == nil && s.String() != text {
			t.Fatalf("%q is written again as %q", text, s)
		}
		if err != nil && (s.full || s.grants != nil || s.integration != "") {
			t.Fatal("an error with a scope")
		}
	})
}

// S23: what a credential may do is the intersection of its scope with what the role may do now.
func TestS23DecisionsIntersectScopeAndRole(t *testing.T) {
	orders := custom(t, Grant{Exports, "orders", Read | Run})
	owner := Holder{Scope: Full(), Role: Owner, Issuers: IssuersAdmins}
	session := Holder{Session: true, Scope: Full(), Role: Owner, Issuers: IssuersAdmins}
	member := Holder{Scope: Full(), Role: Member, Issuers: IssuersAdmins}
	issuing := Holder{Scope: Full(), Role: Member, Issuers: IssuersEveryone}
	narrow := Holder{Scope: orders, Role: Owner, Issuers: IssuersAdmins}
	nobody := Holder{Scope: Full(), Role: "", Issuers: IssuersEveryone}
	on := func(category, id string) map[string]string { return map[string]string{"category": category, "id": id} }
	for _, c := range []struct {
		name       string
		holder     Holder
		permission string
		params     map[string]string
		want       Reason
	}{
		{"anybody valid", narrow, "valid", nil, Allowed},
		{"a token where a session is needed", owner, "session", nil, NeedsASession},
		{"a session where one is needed", session, "session", nil, Allowed},
		{"a custom token where full scope is needed", narrow, "full", nil, NeedsFullScope},
		{"a full token where full scope is needed", member, "full", nil, Allowed},
		{"an owner issues", owner, "tokens.issue|tokens.own", nil, Allowed},
		{"a member issues where only admins may", member, "tokens.issue|tokens.own", nil, RoleForbids},
		{"a member issues where everyone may", issuing, "tokens.issue|tokens.own", nil, Allowed},
		{"a member reads others' tokens", issuing, "tokens.read", nil, RoleForbids},
		{"a custom token issues", narrow, "tokens.issue|tokens.own", nil, NeedsFullScope},
		{"a custom token reads what it lists", narrow, "read {category}/{id}", on("exports", "orders"), Allowed},
		{"a custom token writes it", narrow, "write {category}/{id}", on("exports", "orders"), OutsideScope},
		{"a custom token reads another", narrow, "read {category}/{id}", on("exports", "other"), OutsideScope},
		{"a custom token lists its category", narrow, "read {category}", on("exports", ""), Allowed},
		{"a custom token lists another category", narrow, "read {category}", on("imports", ""), OutsideScope},
		{"a custom token lists a category called star", narrow, "read {category}", on("*", ""), OutsideScope},
		{"a missing parameter", narrow, "read {category}/{id}", on("exports", ""), OutsideScope},
		{"no parameters at all", narrow, "read {category}", nil, OutsideScope},
		{"a custom token searches", narrow, "read *", nil, Allowed},
		{"an empty scope searches", Holder{Role: Owner}, "read *", nil, OutsideScope},
		{"full scope reads anything", owner, "read {category}/{id}", on("exports", "x"), Allowed},
		{"full scope asks for an unknown category", owner, "read {category}", on("files", ""), Allowed},
		{"no role reads", nobody, "read {category}/{id}", on("exports", "x"), RoleForbids},
		{"no role issues", nobody, "tokens.issue|tokens.own", nil, RoleForbids},
	} {
		p, ok := ParsePermission(c.permission)
		if !ok {
			t.Fatalf("%s: %q is no permission", c.name, c.permission)
		}
		if got := Decide(c.holder, p.On(c.params)); got != c.want {
			t.Errorf("%s: %q, want %q", c.name, got, c.want)
		}
	}
	for _, c := range []struct {
		holder Holder
		want   []Right
	}{
		{owner, RightsOf(Owner, IssuersAdmins)}, {narrow, []Right{ReadResources, RunResources}}, {nobody, nil}, {Holder{Role: Owner}, nil}, {Holder{Scope: orders, Role: ""}, nil},
	} {
		if got := c.holder.Rights(); !slices.Equal(got, c.want) {
			t.Errorf("rights %v, want %v", got, c.want)
		}
	}
	if got := Decide(narrow, Permission{}); got != NeedsFullScope {
		t.Errorf("a custom token on an unlisted route: %q", got)
	}
	if got := Decide(owner, Permission{}); got != Allowed {
		t.Errorf("a full token on an unlisted route: %q", got)
	}
}

func TestOnlyKnownPermissionsAreRead(t *testing.T) {
	for _, bad := range []string{"", "anything", "tokens.issue|", "tokens.issue|x", "delete exports/a", "read", "read files", "read exports/a b", "read exports/..", "read {}/{id}"} {
		if p, ok := ParsePermission(bad); ok {
			t.Errorf("%q is read as %+v", bad, p)
		}
	}
}
