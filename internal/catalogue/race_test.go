package catalogue_test

import (
	"context"
	"testing"

	"keyfob/internal/audit"
	"keyfob/internal/catalogue"
	"keyfob/internal/scope"
	"keyfob/internal/table"
)

// between does something else before the first commit that it sees.
type between struct {
	table.Table
	first func()
}

func (b *between) Commit(ctx context.Context, ops ...table.Op) error {
	if f := b.first; f != nil {
		b.first = nil
		f()
	}
	return b.Table.Commit(ctx, ops...)
}

// What a change is judged by is what it is committed on, whatever happens between the two.
func TestWhatIsJudgedIsWhatIsCommittedOn(t *testing.T) {
	c, db := newCatalogue(t)
	owner, tok := person("acc_a"), principal("acc_a", scope.Full())
	putIntegration(t, c, owner, catalogue.Integration{ID: "shop", Name: "Shop"})
	putIntegration(t, c, owner, catalogue.Integration{ID: "office", Name: "Office"})
	setApp := func(app bool) { putIntegration(t, c, owner, catalogue.Integration{ID: "shop", Name: "Shop", App: app}) }
	move := func(to string) {
		if err := putIn(t, c, owner, "orders", "Orders", to); err != nil {
			t.Fatal(err)
		}
	}
	for what, race := range map[string]struct {
		meanwhile func()
		do        func(*catalogue.Catalogue) error
		want      string
	}{
		"a run, and the resource leaves": {func() { move("office") }, func(c *catalogue.Catalogue) error {
			_, err := run(t, c, principal("acc_a", scope.Integration("shop")), scope.Exports, "orders")
			return err
		}, "absent not_found"},
		"a run, and the resource is deleted": {func() {
			if err := c.Delete(t.Context(), owner, audit.ViaAPI, audit.Origin{}, scope.Exports, "orders"); err != nil {
				t.Fatal(err)
			}
		}, func(c *catalogue.Catalogue) error { _, err := run(t, c, tok, scope.Exports, "orders"); return err }, "absent not_found"},
		"renaming, and it becomes an app":    {func() { setApp(true) }, func(c *catalogue.Catalogue) error { return putIn(t, c, tok, "orders", "Other", "shop") }, "forbidden integration_app name"},
		"registering, and it becomes an app": {func() { setApp(true) }, func(c *catalogue.Catalogue) error { return putIn(t, c, tok, "new", "New", "shop") }, "forbidden integration_app integration"},
		"deleting, and it becomes an app": {func() { setApp(true) }, func(c *catalogue.Catalogue) error {
			return c.Delete(t.Context(), tok, audit.ViaAPI, audit.Origin{}, scope.Exports, "orders")
		}, "forbidden integration_app"},
		"dismissing, and a resource joins": {func() { move("office") }, func(c *catalogue.Catalogue) error {
			return c.DeleteIntegration(t.Context(), tok, audit.ViaAPI, audit.Origin{}, "office")
		}, "conflict in_use"},
	} {
		setApp(false)
		move("shop")
		racing := &catalogue.Catalogue{Table: &between{db, race.meanwhile}, Now: c.Now}
		if got := about(race.do(racing)); got != race.want {
			t.Errorf("%s: %s, want %s", what, got, race.want)
		}
	}
}
