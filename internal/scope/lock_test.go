package scope

import "testing"

// R2, S23: what is locked may do nothing but unlock, and what has to enrol nothing but that, whatever the permission;
// whoever comes from where the policy does not let them may do nothing at all.
func TestR2ALockLeavesNothingButItsWayOut(t *testing.T) {
	session := Holder{Session: true, Scope: Full(), Role: Owner, Issuers: IssuersEveryone}
	lock := func(l Lock) Holder {
		h := session
		h.Lock = l
		return h
	}
	outside := func(h Holder) Holder {
		h.Outside = true
		return h
	}
	bare := Holder{Scope: Full(), Role: Owner, Issuers: IssuersEveryone}
	for _, c := range []struct {
		permission                  string
		token, locked, enrol, other Reason // other is a lock that nobody knows
	}{
		{"valid", Allowed, SessionLocked, NeedsFactor, SessionLocked},
		{"session", NeedsASession, SessionLocked, NeedsFactor, SessionLocked},
		{"enrolling", NeedsASession, SessionLocked, Allowed, SessionLocked},
		{"locked", Allowed, Allowed, Allowed, Allowed},
		{"full|locked", Allowed, Allowed, Allowed, Allowed},
		{"full", Allowed, SessionLocked, NeedsFactor, SessionLocked},
		{"tokens.issue|tokens.own", Allowed, SessionLocked, NeedsFactor, SessionLocked},
		{"account.manage", Allowed, SessionLocked, NeedsFactor, SessionLocked},
		{"read exports/a", Allowed, SessionLocked, NeedsFactor, SessionLocked},
		{"run *", Allowed, SessionLocked, NeedsFactor, SessionLocked},
		{"logs exports/a", Allowed, SessionLocked, NeedsFactor, SessionLocked},
		{"", Allowed, SessionLocked, NeedsFactor, SessionLocked}, // a route that is not listed, and any of an attached API
	} {
		p, ok := ParsePermission(c.permission)
		if !ok && c.permission != "" {
			t.Fatalf("%q is no permission", c.permission)
		}
		for name, d := range map[string]struct {
			holder Holder
			want   Reason
		}{
			"a token": {bare, c.token}, "an open session": {session, Allowed}, "a locked one": {lock(Locked), c.locked},
			"one that has to enrol": {lock(Enrol), c.enrol}, "one of another lock": {lock("ajar"), c.other},
		} {
			if got := Decide(d.holder, p); got != d.want {
				t.Errorf("%s, for %q: %q, want %q", name, c.permission, got, d.want)
			}
			if got := Decide(outside(d.holder), p); got != NetworkForbids {
				t.Errorf("%s from outside, for %q: %q", name, c.permission, got)
			}
		}
	}
	narrow := bare
	narrow.Scope = Integration("shop")
	for word, want := range map[string]Reason{"locked": Allowed, "full|locked": NeedsFullScope, "full": NeedsFullScope} {
		if p, _ := ParsePermission(word); Decide(narrow, p) != want {
			t.Errorf("a narrow token, for %q: %q, want %q", word, Decide(narrow, p), want)
		}
	}
	for _, l := range []Lock{Locked, Enrol, "ajar"} {
		if rights := lock(l).Rights(); len(rights) != 0 {
			t.Errorf("%s has the rights %v", l, rights)
		}
	}
	for l, want := range map[Lock]bool{Open: true, Locked: true, Enrol: true, "ajar": false} {
		if l.Known() != want {
			t.Errorf("%q is known: %t", l, l.Known())
		}
	}
	for _, r := range []Reason{NetworkForbids, SessionLocked, NeedsFactor} {
		if r.Sentence() == "" {
			t.Errorf("%s says nothing", r)
		}
	}
}
