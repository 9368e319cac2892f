package catalogue_test

import (
	"slices"
	"testing"

	"keyfob/internal/audit"
	"keyfob/internal/catalogue"
	"keyfob/internal/scope"
	"keyfob/internal/table"
	"keyfob/internal/table/key"
)

// P5: what a change changed is in its event, which stands in the trails of the integrations that it concerns, too.
func TestP5AMoveIsInTheTrailsOfBothIntegrations(t *testing.T) {
	c, db := newCatalogue(t)
	by := person("acc_a")
	putIntegration(t, c, by, catalogue.Integration{ID: "shop", Name: "Shop"})
	putIntegration(t, c, by, catalogue.Integration{ID: "office", Name: "Office"})
	for _, in := range []string{"shop", "shop", "office"} {
		if err := putIn(t, c, by, "orders", "Orders", in); err != nil {
			t.Fatal(err)
		}
	}
	for trail, want := range map[string]int{"exports/orders": 3, "integrations/shop": 3, "integrations/office": 2} {
		page, err := db.Query(t.Context(), table.Query{PK: key.PrefixTrail + "acc_a/" + trail, Limit: 10})
		if err != nil || len(page.Items) != want {
			t.Errorf("%s: %d events, want %d: %v", trail, len(page.Items), want, err)
		}
	}
	page, err := db.Query(t.Context(), table.Query{PK: key.PrefixAudit + "acc_a", Limit: 10})
	if err != nil {
		t.Fatal(err)
	}
	var moved []audit.Change
	for _, it := range page.Items {
		e, err := audit.FromItem(it)
		if err != nil {
			t.Fatal(err)
		}
		if e.Type == audit.ResourceUpdated && len(e.Changes) > 0 {
			moved = e.Changes
		}
	}
	if !slices.Equal(moved, []audit.Change{{Field: "integration", From: "shop", To: "office"}}) {
		t.Errorf("%+v", moved)
	}
}

// Who may write a resource and not read it is not told who registered it.
func TestAWriterThatMayNotReadIsShownWhatItSent(t *testing.T) {
	c, _ := newCatalogue(t)
	put(t, c, person("acc_a"), scope.Exports, "orders", "Orders")
	for _, may := range []scope.Actions{scope.Write, scope.Write | scope.Read} {
		by := principal("acc_a", custom(t, scope.Grant{Category: scope.Exports, ID: "orders", Actions: may}))
		r, _, err := c.Put(t.Context(), by, audit.ViaAPI, audit.Origin{}, catalogue.Resource{Category: scope.Exports, ID: "orders", Name: "Mine"})
		if knows := r.Creator != "" || !r.Created.IsZero(); err != nil || knows != (may&scope.Read != 0) || r.Updated.IsZero() || r.Name != "Mine" {
			t.Errorf("%v: %+v, %v", may.Names(), r, err)
		}
	}
	if r, err := c.Get(t.Context(), person("acc_a"), scope.Exports, "orders"); err != nil || r.Creator == "" {
		t.Errorf("%+v, %v", r, err)
	}
	reader := principal("acc_a", custom(t, scope.Grant{Category: scope.Exports, ID: "orders", Actions: scope.Read}))
	if err := putIn(t, c, reader, "orders", "Orders", ""); about(err) != "absent not_found" {
		t.Error(err)
	}
	if err := c.Delete(t.Context(), reader, audit.ViaAPI, audit.Origin{}, scope.Exports, "orders"); about(err) != "absent not_found" {
		t.Error(err)
	}
}
