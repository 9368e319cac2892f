package catalogue_test

import (
	"path/filepath"
	"strings"
	"testing"
	"time"

	"keyfob/internal/audit"
	"keyfob/internal/catalogue"
	"keyfob/internal/scope"
	"keyfob/internal/table/bolt"
)

// What is registered under an id again is another thing: it shows no run of the one before it, not even in one instant.
func TestADebugLogEndsWithItsResource(t *testing.T) {
	c, _ := newCatalogue(t)
	by := person("acc_a")
	put(t, c, by, scope.Exports, "orders", "Orders")
	for range 3 {
		if _, err := run(t, c, by, scope.Exports, "orders"); err != nil {
			t.Fatal(err)
		}
	}
	put(t, c, by, scope.Exports, "orders", "All orders")
	if got := len(strings.Fields(entries(t, c, by, "orders", 2))); got != 3 {
		t.Fatalf("%d entries after it was renamed", got)
	}
	if err := c.Delete(t.Context(), by, audit.ViaAPI, audit.Origin{}, scope.Exports, "orders"); err != nil {
		t.Fatal(err)
	}
	if _, err := c.DebugLog(t.Context(), by, scope.Exports, "orders", 2, ""); about(err) != "absent not_found" {
		t.Error(err)
	}
	put(t, c, by, scope.Exports, "orders", "Orders")
	if got := entries(t, c, by, "orders", 2); got != "" {
		t.Errorf("it shows %s", got)
	}
	made, err := run(t, c, by, scope.Exports, "orders")
	if got := entries(t, c, by, "orders", 1); err != nil || got != made.ID {
		t.Errorf("it shows %s, want %s: %v", got, made.ID, err)
	}
}

// Newest first, each once, whatever the page; for 30 days by the clock, though no store has purged anything.
func TestADebugLogIsNewestFirstAndKeptFor30Days(t *testing.T) {
	now := time.Date(2030, 1, 2, 3, 4, 5, 0, time.UTC)
	db, err := bolt.Open(filepath.Join(t.TempDir(), "table"), func() time.Time { return time.Unix(0, 0) })
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = db.Close() })
	c := &catalogue.Catalogue{Table: db, Now: func() time.Time { return now }}
	by := person("acc_a")
	put(t, c, by, scope.Exports, "orders", "Orders")
	put(t, c, by, scope.Exports, "parts", "Parts")
	var want string
	for range 5 {
		now = now.Add(time.Minute)
		made, err := run(t, c, by, scope.Exports, "orders")
		if err != nil {
			t.Fatal(err)
		}
		want = strings.TrimSpace(made.ID + " " + want)
		if _, err := run(t, c, by, scope.Exports, "parts"); err != nil {
			t.Fatal(err)
		}
	}
	for limit := 1; limit <= 6; limit++ {
		if got := entries(t, c, by, "orders", limit); got != want {
			t.Errorf("%d at a time: %s, want %s", limit, got, want)
		}
	}
	newest, _, _ := strings.Cut(want, " ")
	if err := c.Delete(t.Context(), by, audit.ViaAPI, audit.Origin{}, scope.Exports, "parts"); err != nil {
		t.Fatal(err)
	}
	now = now.Add(time.Millisecond)
	put(t, c, by, scope.Exports, "parts", "Parts")
	if page, err := c.DebugLog(t.Context(), by, scope.Exports, "parts", 1, ""); err != nil || len(page.Entries) != 0 || page.Next != "" {
		t.Errorf("what is older than the resource is gone through: %+v, %v", page, err)
	}
	now = now.Add(30*24*time.Hour - 2*time.Millisecond)
	if got := entries(t, c, by, "orders", 10); got != newest {
		t.Errorf("a millisecond before: %s, want %s", got, newest)
	}
	now = now.Add(time.Millisecond)
	if got := entries(t, c, by, "orders", 10); got != "" {
		t.Errorf("after 30 days: %s", got)
	}
	for _, after := range []string{"x", "1893553445000", "1893553445000#evt_1", "#run_1", "a893553445000#run_1"} {
		if _, err := c.DebugLog(t.Context(), by, scope.Exports, "orders", 10, after); about(err) != "bad malformed cursor" {
			t.Errorf("%q: %v", after, err)
		}
	}
}
