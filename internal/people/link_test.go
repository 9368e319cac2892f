package people_test

import (
	"testing"

	"keyfob/internal/account"
	"keyfob/internal/link"
	"keyfob/internal/scope"
)

// S8: the link of somebody who is disabled has ended for good. It does not work again when they are active again.
func TestS8DisablingWithdrawsTheLink(t *testing.T) {
	w := newWorld(t)
	u := w.user(w.acc, scope.Member)
	links := &link.Links{Table: w.table, Now: w.clock.Now, Form: w.form, URL: "https://keys.example.com"}
	op, err := links.Issue(t.Context(), u.Account, u.ID, link.Reset, w.clock.Now())
	if err != nil {
		t.Fatal(err)
	}
	w.commit(op)
	boss := w.act(w.owner)
	w.change(boss, u, role(scope.Admin))
	if all, err := links.All(t.Context(), u.ID); err != nil || len(all) != 1 {
		t.Fatalf("after another change: %v, %v", all, err)
	}
	w.change(boss, u, status(account.Disabled))
	w.change(boss, u, status(account.Active))
	if all, err := links.All(t.Context(), u.ID); err != nil || len(all) != 0 {
		t.Errorf("%v, %v", all, err)
	}
}
