package session_test

import (
	"context"
	"strings"
	"testing"
	"time"

	"keyfob/internal/audit"
	"keyfob/internal/session"
	"keyfob/internal/standing"
	"keyfob/internal/table"
	"keyfob/internal/table/key"
)

// listed is a table on which something happens after each list of sessions was read. It counts the lists.
type listed struct {
	table.Table
	lists int
	after func(list int)
}

func (l *listed) Query(ctx context.Context, q table.Query) (table.Page, error) {
	page, err := l.Table.Query(ctx, q)
	if strings.HasPrefix(q.PK, key.PrefixUserSessions) || strings.HasPrefix(q.PK, key.PrefixAccountSessions) {
		l.lists++
		l.after(l.lists)
	}
	return page, err
}

// P1, S9: a session that is renewed between the list and the look at its record is ended under its new id, however often that
// happens; the pointers of records that were purged are no reason to go on for ever.
func TestP1ASessionThatIsRenewedMeanwhileIsEndedToo(t *testing.T) {
	for name, end := range map[string]func(s *session.Sessions, w *world, keep session.Session) error{
		"others": func(s *session.Sessions, w *world, keep session.Session) error {
			n, err := s.EndOthers(t.Context(), w.user.ID, keep.ID, audit.Actor{}, audit.Origin{})
			if n != 1 {
				t.Errorf("%d ended", n)
			}
			return err
		},
		"all": func(s *session.Sessions, w *world, _ session.Session) error {
			return s.EndAll(t.Context(), w.user.ID, audit.Actor{}, audit.Origin{})
		},
		"of the account": func(s *session.Sessions, w *world, _ session.Session) error {
			return s.EndAccount(t.Context(), w.acc.ID, audit.Actor{}, audit.Origin{})
		},
	} {
		w := newWorld(t)
		mine, _ := w.start(w.user.ID)
		other, _ := w.start(w.user.ID)
		for range 3 {
			purged, _ := w.start(w.user.ID)
			if err := w.Table.Commit(t.Context(), table.Delete(w.record(purged.ID).Key(), table.Present())); err != nil { // as the store does
				t.Fatal(err)
			}
		}
		db := &listed{Table: w.Table, after: func(list int) {
			if list > 3 {
				return
			}
			var ops []table.Op
			other, _, ops = other.Renewed(w.form)
			if err := w.Table.Commit(t.Context(), ops...); err != nil {
				t.Errorf("%s: %v", name, err)
			}
		}}
		if err := end(&session.Sessions{Table: db, Now: w.now}, w, mine); err != nil {
			t.Fatal(err)
		}
		if w.record(other.ID) != nil {
			t.Errorf("%s: the renewed session is alive after %d lists", name, db.lists)
		}
		if kept := w.record(mine.ID) != nil; kept != (name == "others") || db.lists > 6 {
			t.Errorf("%s: kept %t, after %d lists", name, kept, db.lists)
		}
	}
}

// P1: the account's list has the sessions of all its users, and none that has ended, whichever way.
func TestP1TheAccountsListIsThatOfItsUsers(t *testing.T) {
	w := newWorld(t)
	ids := func(list string) (all []string) {
		page, err := w.Table.Query(t.Context(), table.Query{PK: list, Limit: 100})
		if err != nil {
			t.Fatal(err)
		}
		for _, it := range page.Items {
			all = append(all, it.String(table.AttrSK))
			if it.Int(table.AttrPurgeAt) != w.now().Add(24*time.Hour).Unix() {
				t.Errorf("the pointer stays until %d", it.Int(table.AttrPurgeAt))
			}
		}
		return all
	}
	s, _ := w.start(w.user.ID)
	other, _ := w.start("usr_other")
	renewed, _, ops := s.Renewed(w.form)
	if err := w.Table.Commit(t.Context(), ops...); err != nil {
		t.Fatal(err)
	}
	if got := ids(key.PrefixAccountSessions + w.acc.ID); len(got) != 2 || strings.Contains(strings.Join(got, " "), s.ID.String()) {
		t.Errorf("%v", got)
	}
	if err := w.End(t.Context(), other.ID, audit.Actor{}, audit.Origin{}); err != nil {
		t.Fatal(err)
	}
	if got := ids(key.PrefixAccountSessions + w.acc.ID); len(got) != 1 || got[0] != renewed.ID.String() {
		t.Errorf("%v", got)
	}
	if err := w.Table.Commit(t.Context(), renewed.Delete()...); err != nil {
		t.Fatal(err)
	}
	if got := append(ids(key.PrefixAccountSessions+w.acc.ID), ids(key.PrefixUserSessions+w.user.ID)...); len(got) != 0 {
		t.Errorf("%v", got)
	}
}

// S8: what is older ends, what is as old as the password stays; a record from before there were generations is of the first.
func TestS8WhatRestsOnAnOlderPasswordEnds(t *testing.T) {
	w := newWorld(t)
	older, _ := w.start(w.user.ID)
	if it := w.record(older.ID); it["begunUnder"] != nil || standing.From(it).Generation != 0 || older.Ended() {
		t.Errorf("%v", it)
	}
	w.user.Generation = 3
	newer, _ := w.start(w.user.ID)
	if kept, err := session.FromItem(w.record(newer.ID)); err != nil || kept.Generation != 3 || kept.Ended() {
		t.Errorf("%+v, %v", kept, err)
	}
	if err := w.EndOlder(t.Context(), w.user.ID, 3, audit.Actor{}, audit.Origin{}); err != nil || w.record(older.ID) != nil || w.record(newer.ID) == nil {
		t.Errorf("%v", err)
	}
}
