package session_test

import (
	"reflect"
	"slices"
	"testing"
	"time"

	"keyfob/internal/audit"
	"keyfob/internal/scope"
	"keyfob/internal/session"
	"keyfob/internal/table"
	"keyfob/internal/token"
)

// A list shows what can be used still, each once, whatever the size of its pages.
func TestAListShowsWhatHasNotEnded(t *testing.T) {
	w := newWorld(t)
	w.start("usr_other")
	idle, _ := w.start(w.user.ID)
	w.pass(30 * time.Minute)
	var want []token.ID
	for range 7 {
		s, _ := w.start(w.user.ID)
		want = append(want, s.ID)
		w.pass(time.Second)
	}
	slices.Reverse(want)
	w.pass(30*time.Minute - 7*time.Second)
	for _, limit := range []int{1, 3, 8, 100} {
		var got []token.ID
		for _, s := range w.list(w.user.ID, limit) {
			got = append(got, s.ID)
		}
		if limit == 100 && !slices.Equal(got, want) {
			t.Errorf("not the last used first: %v, want %v", got, want)
		}
		if slices.Contains(got, idle.ID) || len(got) != len(want) || slices.ContainsFunc(want, func(id token.ID) bool { return !slices.Contains(got, id) }) {
			t.Errorf("in pages of %d: %v, want %v", limit, got, want)
		}
	}
	if err := w.Table.Commit(t.Context(), table.Delete(w.record(want[0]).Key(), table.Present())); err != nil { // as the store purges
		t.Fatal(err)
	}
	if n := len(w.list(w.user.ID, 3)); n != 6 {
		t.Errorf("%d sessions where a record has gone before its pointer", n)
	}
	if page, err := w.List(t.Context(), "usr_none", "", 10); err != nil || len(page.Sessions) != 0 || page.Next != "" {
		t.Errorf("of nobody: %+v, %v", page, err)
	}
}

// S9: a session goes on under another id with all that it is, and the old one is none from then on.
func TestS9ARenewedSessionIsTheSameUnderAnotherID(t *testing.T) {
	w := newWorld(t)
	before, old := w.start(w.user.ID)
	w.pass(10 * time.Minute)
	proven := before
	proven.Proven, proven.Factor, proven.Tries = w.now(), true, 0
	after, c, ops := proven.Renewed(w.form)
	if err := w.Table.Commit(t.Context(), ops...); err != nil {
		t.Fatal(err)
	}
	kept, err := session.FromItem(w.record(after.ID))
	digest := c.Digest()
	if err != nil || !reflect.DeepEqual(kept, after) || c.ID() != after.ID || !digest.Equal(&after.Digest) || c.ID() == old.ID() {
		t.Errorf("%+v, want %+v: %v", kept, after, err)
	}
	after.ID, after.Digest, after.Version, after.Proven, after.Factor = before.ID, before.Digest, before.Version, before.Proven, before.Factor
	if !reflect.DeepEqual(after, before) || w.record(before.ID) != nil || len(w.list(w.user.ID, 100)) != 1 {
		t.Errorf("%+v, want %+v", after, before)
	}
	if err := w.Table.Commit(t.Context(), ops...); err == nil {
		t.Error("it was renewed twice")
	}
	if err := w.End(t.Context(), kept.ID, audit.Actor{User: w.user.ID}, audit.Origin{}); err != nil || len(w.list(w.user.ID, 100)) != 0 {
		t.Errorf("after its end: %v", err)
	}
}

func TestWhatLocksASession(t *testing.T) {
	for _, c := range []struct {
		factor, has, needs bool
		want               scope.Lock
	}{
		{false, false, false, scope.Open}, {false, true, false, scope.Locked}, {false, true, true, scope.Locked}, {false, false, true, scope.Enrol},
		{true, false, false, scope.Open}, {true, true, false, scope.Open}, {true, true, true, scope.Open}, {true, false, true, scope.Open},
	} {
		s := session.Session{Factor: c.factor}
		s.Standing.Factors, s.Standing.NeedsFactors = c.has, c.needs
		if got := s.Lock(); got != c.want || s.Holder().Lock != c.want {
			t.Errorf("%+v: %q", c, got)
		}
	}
}
