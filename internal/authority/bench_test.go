package authority_test

import (
	"fmt"
	"testing"
	"time"

	"keyfob/internal/audit"
	"keyfob/internal/authority"
	"keyfob/internal/table"
	"keyfob/internal/table/key"
	"keyfob/internal/token"
)

// fill puts n tokens of the owner into the table, as Issue would, but many to a commit.
func (w *world) fill(like authority.Token, n int) {
	w.Helper()
	items, err := w.table.Get(w.Context(), key.Token(like.ID.String()).Key())
	if err != nil {
		w.Fatal(err)
	}
	var ops []table.Op
	for i := range n {
		id, created := w.form.New(token.API).ID().String(), like.Created.Add(time.Duration(i+1)*time.Millisecond)
		it := table.Item{}
		for name, v := range items[0] {
			it[name] = v
		}
		it[table.AttrPK], it["created"] = table.S(key.PrefixToken+id), table.N(created.UnixMilli())
		ops = append(ops, table.Create(it))
		for _, k := range []table.Key{
			key.AccountToken{Account: like.Account, Created: created, ID: id}.Key(), key.UserToken{User: like.User, Created: created, ID: id}.Key(),
		} {
			ops = append(ops, table.Create(table.Item{table.AttrPK: table.S(k.PK), table.AttrSK: table.S(k.SK)}))
		}
		if len(ops)+3 > table.MaxCommit || i == n-1 {
			if err := w.table.Commit(w.Context(), ops...); err != nil {
				w.Fatal(err)
			}
			ops = nil
		}
	}
}

// A page of 50 costs the same among a thousand tokens and among a hundred thousand.
func BenchmarkListOf50(b *testing.B) {
	for _, n := range []int{1_000, 10_000, 100_000} {
		b.Run(fmt.Sprintf("among %d", n), func(b *testing.B) {
			w := newWorld(b)
			p, _ := w.login(w.acc, w.owner)
			made, _ := w.issue(p, full)
			w.fill(made, n-1)
			a := w.authority()
			page, err := a.List(b.Context(), p, authority.ListRequest{Limit: 50})
			for range 10 { // into the middle
				if err != nil || len(page.Tokens) != 50 && page.Next != "" {
					b.Fatal(len(page.Tokens), err)
				}
				page, err = a.List(b.Context(), p, authority.ListRequest{Limit: 50, After: page.Next})
			}
			after := page.Next
			for b.Loop() {
				if page, err = a.List(b.Context(), p, authority.ListRequest{Limit: 50, After: after}); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

func BenchmarkCreateRotateRevoke(b *testing.B) {
	w := newWorld(b)
	p, _ := w.login(w.acc, w.owner)
	for b.Loop() {
		made, _ := w.issue(p, full)
		next, _, err := w.rotate(p, made.Handle(), authority.Rotation{})
		if err == nil {
			err = w.authority().Revoke(b.Context(), p, audit.ViaAPI, audit.Origin{}, next.Handle())
		}
		if err != nil {
			b.Fatal(err)
		}
	}
}

// Creating, rotating, editing, revoking and showing take one commit each, and a page of the list two round trips,
// however many tokens there are.
func TestEachChangeIsOneCommitAndAPageTwoRoundTrips(t *testing.T) {
	w := newWorld(t)
	w.developer(w.owner, true)
	p, _ := w.login(w.acc, w.owner)
	db := &counted{Table: w.table}
	a := authority.Authority{Table: db, Now: w.clock.Now, Form: w.form}
	one := func(what string, change func() error) {
		t.Helper()
		db.commits = 0
		if err := change(); err != nil || db.commits != 1 {
			t.Errorf("%s: %d commits, %v", what, db.commits, err)
		}
	}
	var made, next authority.Token
	one("create", func() (err error) {
		made, _, err = a.Issue(t.Context(), p, audit.ViaAPI, audit.Origin{}, authority.Request{Name: "x", Scope: full.Scope})
		return err
	})
	name := "y"
	one("edit", func() error {
		_, err := a.Edit(t.Context(), p, audit.ViaAPI, audit.Origin{}, made.Handle(), authority.Edit{Name: &name, Life: w.choose("4h")})
		return err
	})
	one("rotate", func() (err error) {
		next, _, err = a.Rotate(t.Context(), p, audit.ViaAPI, audit.Origin{}, made.Handle(), authority.Rotation{})
		return err
	})
	one("revoke", func() error { return a.Revoke(t.Context(), p, audit.ViaAPI, audit.Origin{}, next.Handle()) })
	w.fill(made, 300)
	db.queries, db.trips = 0, 0
	page, err := a.List(t.Context(), p, authority.ListRequest{Limit: 50})
	if err != nil || len(page.Tokens) != 50 || db.queries+db.trips != 2 {
		t.Errorf("%d tokens in %d round trips, %v", len(page.Tokens), db.queries+db.trips, err)
	}
}
