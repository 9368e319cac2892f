package catalogue_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"keyfob/internal/audit"
	"keyfob/internal/authority"
	"keyfob/internal/catalogue"
	"keyfob/internal/scope"
	"keyfob/internal/table"
	"keyfob/internal/table/key"
)

func run(t *testing.T, c *catalogue.Catalogue, by authority.Principal, category scope.Category, id string) (catalogue.Run, error) {
	t.Helper()
	return c.Run(t.Context(), by, audit.ViaAPI, audit.Origin{}, category, id)
}

// entries reads a whole debug log, so many at a time, and gives the ids of its runs.
func entries(t *testing.T, c *catalogue.Catalogue, by authority.Principal, id string, limit int) string {
	t.Helper()
	var ids []string
	for after := ""; ; {
		page, err := c.DebugLog(t.Context(), by, scope.Exports, id, limit, after)
		if err != nil {
			t.Fatal(err)
		}
		for _, e := range page.Entries {
			ids = append(ids, e.ID)
		}
		if after = page.Next; after == "" {
			return strings.Join(ids, " ")
		}
	}
}

// C14: an integration's token runs the exports and imports of that integration and reads their debug logs; to it anything
// else is as if it did not exist, and it does nothing else.
func TestC14AnIntegrationsTokenRunsWhatBelongsToIt(t *testing.T) {
	c, db := newCatalogue(t)
	owner, other := person("acc_a"), person("acc_b")
	for _, by := range []authority.Principal{owner, other} {
		putIntegration(t, c, by, catalogue.Integration{ID: "shop", Name: "Shop"})
	}
	putIntegration(t, c, owner, catalogue.Integration{ID: "office", Name: "Office"})
	for _, r := range []catalogue.Resource{
		{Category: scope.Exports, ID: "orders", Integration: "shop"}, {Category: scope.Imports, ID: "orders", Integration: "shop"},
		{Category: scope.Exports, ID: "files", Integration: "office"}, {Category: scope.Exports, ID: "free"},
		{Category: scope.Connections, ID: "con", Integration: "shop"}, {Category: scope.APIs, ID: "api", Integration: "shop"}, {Category: scope.MCPServers, ID: "mcp", Integration: "shop"},
	} {
		r.Name = "N"
		if _, _, err := c.Put(t.Context(), owner, audit.ViaAPI, audit.Origin{}, r); err != nil {
			t.Fatal(err)
		}
	}
	if err := putIn(t, c, other, "theirs", "Theirs", "shop"); err != nil {
		t.Fatal(err)
	}
	by := principal("acc_a", scope.Integration("shop"))
	_, absent := run(t, c, by, scope.Exports, "nothing")
	if about(absent) != "absent not_found" {
		t.Fatal(absent)
	}
	for _, r := range []struct {
		category scope.Category
		id       string
		mine     bool
	}{
		{scope.Exports, "orders", true}, {scope.Imports, "orders", true}, {scope.Exports, "files", false}, {scope.Exports, "free", false},
		{scope.Exports, "theirs", false}, {scope.Connections, "con", false}, {scope.APIs, "api", false}, {scope.MCPServers, "mcp", false}, {"flows", "orders", false}, {scope.Exports, "a#b", false},
	} {
		_, ran := run(t, c, by, r.category, r.id)
		_, read := c.DebugLog(t.Context(), by, r.category, r.id, 10, "")
		for what, err := range map[string]error{"run": ran, "log": read} {
			if r.mine && err != nil || !r.mine && (err == nil || err.Error() != absent.Error()) {
				t.Errorf("%s of %s/%s: %v", what, r.category, r.id, err)
			}
		}
	}
	before := everything(t, db)
	if _, err := c.Get(t.Context(), by, scope.Exports, "orders"); about(err) != "absent not_found" {
		t.Errorf("get: %v", err)
	}
	if err := putIn(t, c, by, "orders", "Mine", "shop"); about(err) != "absent not_found" {
		t.Errorf("put: %v", err)
	}
	if err := c.Delete(t.Context(), by, audit.ViaAPI, audit.Origin{}, scope.Exports, "orders"); about(err) != "absent not_found" {
		t.Errorf("delete: %v", err)
	}
	if page, err := c.List(t.Context(), by, scope.Exports, 10, ""); err != nil || len(page.Resources) != 0 {
		t.Errorf("list: %+v, %v", page, err)
	}
	if found, err := c.Search(t.Context(), by, catalogue.Search{Size: 10}); err != nil || found.Total != 0 {
		t.Errorf("search: %+v, %v", found, err)
	}
	if after := everything(t, db); fmt.Sprint(before) != fmt.Sprint(after) {
		t.Error("something was changed")
	}
}

// C5: the action decides: run for running, read for the debug log.
func TestC5RunningAndReadingLogsAreActionsOfTheirOwn(t *testing.T) {
	c, _ := newCatalogue(t)
	put(t, c, person("acc_a"), scope.Exports, "orders", "Orders")
	put(t, c, person("acc_a"), scope.Exports, "parts", "Parts")
	for actions := scope.Actions(1); actions <= scope.AllActions; actions++ {
		by := principal("acc_a", custom(t, scope.Grant{Category: scope.Exports, ID: "orders", Actions: actions}))
		_, ran := run(t, c, by, scope.Exports, "orders")
		_, read := c.DebugLog(t.Context(), by, scope.Exports, "orders", 10, "")
		if (ran == nil) != (actions&scope.Run != 0) || (read == nil) != (actions&scope.Read != 0) {
			t.Errorf("%v: run: %v; log: %v", actions.Names(), ran, read)
		}
		if _, err := run(t, c, by, scope.Exports, "parts"); about(err) != "absent not_found" {
			t.Errorf("%v: another: %v", actions.Names(), err)
		}
	}
	for _, category := range scope.Categories() {
		put(t, c, person("acc_a"), category, "thing", "Thing")
		if _, err := run(t, c, person("acc_a"), category, "thing"); (err == nil) != (category == scope.Exports || category == scope.Imports) {
			t.Errorf("%s: %v", category, err)
		}
	}
}

// P5: a run is in the audit log, too; the record purges itself.
func TestP5ARunIsRecordedWithItsEventAndPurged(t *testing.T) {
	c, db := newCatalogue(t)
	by := person("acc_a")
	put(t, c, by, scope.Exports, "orders", "Orders")
	made, err := run(t, c, by, scope.Exports, "orders")
	if err != nil {
		t.Fatal(err)
	}
	page, err := db.Query(t.Context(), table.Query{PK: key.PrefixTrail + "acc_a/exports/orders", Limit: 10})
	if err != nil || len(page.Items) != 2 {
		t.Errorf("%d events in the trail, want 2: %v", len(page.Items), err)
	}
	items, err := db.Get(t.Context(), key.Run{Account: "acc_a", Category: "exports", ID: "orders", At: made.At, Run: made.ID}.Key())
	if err != nil || items[0] == nil || items[0].PurgeAt() != made.At.Add(30*24*time.Hour).Unix() {
		t.Errorf("%v, %v", items, err)
	}
}
