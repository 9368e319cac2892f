package catalogue_test

import (
	"fmt"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"keyfob/internal/audit"
	"keyfob/internal/authority"
	"keyfob/internal/catalogue"
	"keyfob/internal/fault"
	"keyfob/internal/scope"
	"keyfob/internal/table"
	"keyfob/internal/table/bolt"
	"keyfob/internal/table/key"
	"keyfob/internal/token"
)

func newCatalogue(t *testing.T) (*catalogue.Catalogue, table.Table) {
	t.Helper()
	now := func() time.Time { return time.Date(2030, 1, 2, 3, 4, 5, 0, time.UTC) }
	db, err := bolt.Open(filepath.Join(t.TempDir(), "table"), now)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = db.Close() })
	return &catalogue.Catalogue{Table: db, Now: now}, db
}

func principal(account string, s scope.Scope) authority.Principal {
	return authority.Principal{Kind: token.API, Account: account, User: "usr_" + account, Holder: scope.Holder{Scope: s, Role: scope.Owner}}
}

func put(t *testing.T, c *catalogue.Catalogue, by authority.Principal, category scope.Category, id, name string) {
	t.Helper()
	if _, _, err := c.Put(t.Context(), by, audit.ViaAPI, audit.Origin{}, catalogue.Resource{Category: category, ID: id, Name: name}); err != nil {
		t.Fatal(err)
	}
}

// S22: what is another account's, or outside the scope, is answered exactly like what does not exist.
func TestS22ForeignIsAbsent(t *testing.T) {
	c, _ := newCatalogue(t)
	mine, theirs := principal("acc_a", scope.Full()), principal("acc_b", scope.Full())
	put(t, c, theirs, scope.Exports, "orders", "Orders")
	put(t, c, mine, scope.Exports, "secret", "Secret")
	other, err := scope.Custom(scope.Grant{Category: scope.Exports, ID: "x", Actions: scope.Read})
	if err != nil {
		t.Fatal(err)
	}
	narrow := principal("acc_a", other)
	_, absent := c.Get(t.Context(), mine, scope.Exports, "nothing")
	for name, ask := range map[string]func() error{
		"another account's": func() error { _, err := c.Get(t.Context(), mine, scope.Exports, "orders"); return err },
		"outside the scope": func() error { _, err := c.Get(t.Context(), narrow, scope.Exports, "secret"); return err },
		"unknown category":  func() error { _, err := c.Get(t.Context(), mine, "files", "orders"); return err },
		"malformed id":      func() error { _, err := c.Get(t.Context(), mine, scope.Exports, "a#b"); return err },
		"deleting another's": func() error {
			return c.Delete(t.Context(), mine, audit.ViaAPI, audit.Origin{}, scope.Exports, "orders")
		},
	} {
		if err := ask(); !fault.Is(err, fault.NotFound) || err.Error() != absent.Error() {
			t.Errorf("%s: %v; absent: %v", name, err, absent)
		}
	}
	if _, err := c.Get(t.Context(), theirs, scope.Exports, "orders"); err != nil {
		t.Error(err)
	}
}

// C5, R6: a list and a search show what the principal may read, and count nothing else.
func TestR6ASearchShowsOnlyWhatThePrincipalMaySee(t *testing.T) {
	c, _ := newCatalogue(t)
	all := principal("acc_a", scope.Full())
	for i := range 25 {
		put(t, c, all, scope.Exports, fmt.Sprintf("e%02d", i), fmt.Sprintf("Export %d", i))
	}
	put(t, c, all, scope.Imports, "e03", "Import 3")
	put(t, c, principal("acc_b", scope.Full()), scope.Exports, "e00", "Theirs")
	two, err := scope.Custom(scope.Grant{Category: scope.Exports, ID: "e03", Actions: scope.Read}, scope.Grant{Category: scope.Exports, ID: "e04", Actions: scope.Write})
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range []struct {
		by    authority.Principal
		ask   catalogue.Search
		total int
		ids   string
	}{
		{all, catalogue.Search{From: 0, Size: 3}, 26, "e00 e01 e02"},
		{all, catalogue.Search{From: 24, Size: 10}, 26, "e24 e03"},
		{all, catalogue.Search{From: 100, Size: 10}, 26, ""},
		{all, catalogue.Search{Size: 10, Query: "IMPORT"}, 1, "e03"},
		{all, catalogue.Search{Size: 0}, 26, ""},
		{principal("acc_a", two), catalogue.Search{Size: 10}, 1, "e03"},
		{principal("acc_c", scope.Full()), catalogue.Search{Size: 10}, 0, ""},
	} {
		found, err := c.Search(t.Context(), s.by, s.ask)
		var ids []string
		for _, r := range found.Resources {
			ids = append(ids, r.ID)
		}
		if got := strings.Join(ids, " "); err != nil || got != s.ids || found.Total != s.total {
			t.Errorf("%+v by %s: %d in all, %q, %v; want %d, %q", s.ask, s.by.Holder.Scope, found.Total, got, err, s.total, s.ids)
		}
	}
	var seen int
	for after := ""; ; {
		page, err := c.List(t.Context(), all, scope.Exports, 10, after)
		if err != nil {
			t.Fatal(err)
		}
		seen += len(page.Resources)
		if after = page.Next; after == "" {
			break
		}
	}
	if seen != 25 {
		t.Errorf("%d exports listed, want 25", seen)
	}
}

// P5: each of many changes at the same time leaves its event.
func TestP5ConcurrentChangesAreAllRecorded(t *testing.T) {
	c, db := newCatalogue(t)
	by := principal("acc_a", scope.Full())
	var wg sync.WaitGroup
	var mu sync.Mutex
	done := 0
	for i := range 16 {
		wg.Go(func() {
			_, _, err := c.Put(t.Context(), by, audit.ViaAPI, audit.Origin{}, catalogue.Resource{Category: scope.Exports, ID: "orders", Name: fmt.Sprintf("Orders %d", i)})
			if err == nil {
				mu.Lock()
				done++
				mu.Unlock()
			} else if !fault.Is(err, fault.Conflict) {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	page, err := db.Query(t.Context(), table.Query{PK: key.PrefixAudit + "acc_a", Limit: 100})
	if err != nil || len(page.Items) != done || done == 0 {
		t.Errorf("%d events for %d changes: %v", len(page.Items), done, err)
	}
	r, err := c.Get(t.Context(), by, scope.Exports, "orders")
	if err != nil || int(r.Version) != done {
		t.Errorf("version %d after %d changes: %v", r.Version, done, err)
	}
}

func TestBadResourcesAreRefusedByField(t *testing.T) {
	c, _ := newCatalogue(t)
	by := principal("acc_a", scope.Full())
	for _, r := range []catalogue.Resource{
		{Category: scope.Exports, ID: "a/b", Name: "x"}, {Category: scope.Exports, ID: strings.Repeat("a", 65), Name: "x"},
		{Category: scope.Exports, ID: "a"}, {Category: scope.Exports, ID: "a", Name: strings.Repeat("x", 201)},
		{Category: scope.Exports, ID: "a", Name: "x\u202ey"}, {Category: scope.Exports, ID: "a", Name: "x", Description: "a\nb"},
	} {
		if _, _, err := c.Put(t.Context(), by, audit.ViaAPI, audit.Origin{}, r); !fault.Is(err, fault.Invalid) {
			t.Errorf("%+v: %v", r, err)
		}
	}
}
