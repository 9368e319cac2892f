package authority_test

import (
	"testing"

	"keyfob/internal/authority"
	"keyfob/internal/fault"
	"keyfob/internal/scope"
)

// S23: nobody comes by the secret of a token that may do more than they may, and a successor follows the first creator.
func TestS23ARotationGivesNobodyMoreThanTheyHave(t *testing.T) {
	w := newWorld(t)
	owner, _ := w.login(w.acc, w.owner)
	theirs, c := w.issue(owner, full)
	u := w.user(scope.Admin)
	admin, _ := w.login(w.acc, u)
	_, _, err := w.rotate(admin, theirs.Handle(), authority.Rotation{})
	w.refused(err, fault.Forbidden, "outranked")
	w.verify(c)
	mine, _ := w.issue(admin, full)
	next, after, err := w.rotate(owner, mine.Handle(), authority.Rotation{})
	if err != nil || next.User != u.ID || w.verify(after).Holder.Role != scope.Admin {
		t.Errorf("%+v, %v", next, err)
	}
	w.set(u.Key(), "status", "disabled")
	_, _, err = w.rotate(owner, next.Handle(), authority.Rotation{})
	w.refused(err, fault.Conflict, "creator_ended")
}

// S23: a scope or a life is not given to a token whose creator may do more than the one who edits it: they might hold it.
func TestS23AnEditGivesNobodyMoreThanTheyHave(t *testing.T) {
	w := newWorld(t)
	w.register("exports/orders")
	narrow, err := scope.Custom(scope.Grant{Category: scope.Exports, ID: "orders", Actions: scope.Read})
	if err != nil {
		t.Fatal(err)
	}
	owner, _ := w.login(w.acc, w.owner)
	theirs, c := w.issue(owner, authority.Request{Scope: narrow})
	admin, _ := w.login(w.acc, w.user(scope.Admin))
	all, name := scope.Full(), "renamed"
	_, err = w.edit(admin, theirs.Handle(), authority.Edit{Scope: &all})
	w.refused(err, fault.Forbidden, "outranked")
	_, err = w.edit(admin, theirs.Handle(), authority.Edit{Life: w.choose("never")})
	w.refused(err, fault.Forbidden, "outranked")
	if got := w.verify(c); got.Holder.Scope.String() != narrow.String() {
		t.Errorf("its scope is %s", got.Holder.Scope)
	}
	if _, err := w.edit(admin, theirs.Handle(), authority.Edit{Name: &name, Scope: &narrow}); err != nil {
		t.Errorf("its name, with the scope that it has: %v", err)
	}
}

// S23: whose token somebody may touch is decided by what they may do when it is touched, not when the request was let
// through.
func TestS23ADemotedAdminReachesNobodysToken(t *testing.T) {
	w := newWorld(t)
	acc, m := w.member(scope.IssuersEveryone)
	member, _ := w.login(acc, m)
	theirs, c := w.issue(member, full)
	u := w.user(scope.Admin)
	admin, _ := w.login(acc, u)
	w.set(u.Key(), "role", "member")
	_, _, err := w.rotate(admin, theirs.Handle(), authority.Rotation{})
	w.refused(err, fault.NotFound, "not_found")
	name := "x"
	_, err = w.edit(admin, theirs.Handle(), authority.Edit{Name: &name})
	w.refused(err, fault.NotFound, "not_found")
	w.verify(c)
}
