package catalogue_test

import (
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"

	"keyfob/internal/audit"
	"keyfob/internal/authority"
	"keyfob/internal/catalogue"
	"keyfob/internal/fault"
	"keyfob/internal/scope"
	"keyfob/internal/token"
)

// person is the account's owner, logged in.
func person(account string) authority.Principal {
	p := principal(account, scope.Full())
	p.Kind, p.Holder.Session = token.Session, true
	return p
}

func putIntegration(t *testing.T, c *catalogue.Catalogue, by authority.Principal, i catalogue.Integration) {
	t.Helper()
	if _, _, err := c.PutIntegration(t.Context(), by, audit.ViaAPI, audit.Origin{}, i); err != nil {
		t.Fatal(err)
	}
}

// putIn registers an export, or says something else about it.
func putIn(t *testing.T, c *catalogue.Catalogue, by authority.Principal, id, name, integration string) error {
	t.Helper()
	_, _, err := c.Put(t.Context(), by, audit.ViaAPI, audit.Origin{}, catalogue.Resource{Category: scope.Exports, ID: id, Name: name, Integration: integration})
	return err
}

func custom(t *testing.T, grants ...scope.Grant) scope.Scope {
	t.Helper()
	s, err := scope.Custom(grants...)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// about says of which kind an error is, with its code and the fields it names: "Forbidden integration_app name".
func about(err error) string {
	e, ok := errors.AsType[*fault.Error](err)
	if !ok {
		return fmt.Sprint(err)
	}
	said := []string{map[fault.Kind]string{fault.Forbidden: "forbidden", fault.NotFound: "absent", fault.Conflict: "conflict", fault.Unprocessable: "refused", fault.Invalid: "bad"}[e.Kind], e.Code}
	for _, f := range e.Fields {
		said = append(said, f.Name)
	}
	return strings.Join(said, " ")
}

func TestAResourceBelongsToAnIntegrationThatIsThere(t *testing.T) {
	c, _ := newCatalogue(t)
	by := person("acc_a")
	if err := putIn(t, c, by, "orders", "Orders", "shop"); about(err) != "refused unknown integration" {
		t.Errorf("an integration that is not there: %v", err)
	}
	if err := putIn(t, c, by, "orders", "Orders", "a#b"); about(err) != "bad malformed integration" {
		t.Errorf("a malformed id: %v", err)
	}
	putIntegration(t, c, person("acc_b"), catalogue.Integration{ID: "shop", Name: "Theirs"})
	if err := putIn(t, c, by, "orders", "Orders", "shop"); about(err) != "refused unknown integration" {
		t.Errorf("another account's: %v", err)
	}
	if _, err := c.Integration(t.Context(), by, "shop"); about(err) != "absent not_found" {
		t.Errorf("another account's: %v", err)
	}
	putIntegration(t, c, by, catalogue.Integration{ID: "shop", Name: "Shop"})
	if err := putIn(t, c, by, "orders", "Orders", "shop"); err != nil {
		t.Fatal(err)
	}
	if r, err := c.Get(t.Context(), by, scope.Exports, "orders"); err != nil || r.Integration != "shop" {
		t.Errorf("%+v, %v", r, err)
	}
}

// It goes only when nothing belongs to it any more, whichever way the resources left.
func TestAnIntegrationWithResourcesStays(t *testing.T) {
	c, _ := newCatalogue(t)
	by := person("acc_a")
	remove := func(id string) string {
		return about(c.DeleteIntegration(t.Context(), by, audit.ViaAPI, audit.Origin{}, id))
	}
	putIntegration(t, c, by, catalogue.Integration{ID: "shop", Name: "Shop"})
	putIntegration(t, c, by, catalogue.Integration{ID: "office", Name: "Office"})
	for _, step := range []struct {
		do   func() error
		want string // what deleting the shop would say
	}{
		{func() error { return putIn(t, c, by, "a", "A", "shop") }, "conflict in_use"},
		{func() error { return putIn(t, c, by, "b", "B", "shop") }, "conflict in_use"},
		{func() error { return putIn(t, c, by, "a", "Another", "shop") }, "conflict in_use"},
		{func() error { return putIn(t, c, by, "a", "A", "office") }, "conflict in_use"},
		{func() error {
			_, _, err := c.PutIntegration(t.Context(), by, audit.ViaAPI, audit.Origin{}, catalogue.Integration{ID: "shop", Name: "Shop!", App: true})
			return err
		}, "conflict in_use"},
		{func() error {
			return c.Delete(t.Context(), by, audit.ViaAPI, audit.Origin{}, scope.Exports, "b")
		}, "<nil>"},
	} {
		if err := step.do(); err != nil {
			t.Fatal(err)
		}
		if got := remove("shop"); got != step.want {
			t.Fatalf("%s, want %s", got, step.want)
		}
	}
	for _, id := range []string{"shop", "nothing", "a#b"} {
		if got := remove(id); got != "absent not_found" {
			t.Errorf("%s: %s", id, got)
		}
	}
	if got := remove("office"); got != "conflict in_use" {
		t.Error(got)
	}
	if err := putIn(t, c, by, "a", "A", ""); err != nil {
		t.Fatal(err)
	}
	if got := remove("office"); got != "<nil>" {
		t.Error(got)
	}
}

// Of resources that join and an integration that is deleted at the same time, one side finds the other.
func TestNothingJoinsAnIntegrationThatIsDeleted(t *testing.T) {
	c, _ := newCatalogue(t)
	by := person("acc_a")
	for round := range 8 {
		name := fmt.Sprintf("i%d", round)
		putIntegration(t, c, by, catalogue.Integration{ID: name, Name: name})
		var wg sync.WaitGroup
		joined := make([]error, 8)
		var deleted error
		for i := range joined {
			wg.Go(func() { joined[i] = putIn(t, c, by, fmt.Sprintf("%s-e%d", name, i), "E", name) })
		}
		wg.Go(func() { deleted = c.DeleteIntegration(t.Context(), by, audit.ViaAPI, audit.Origin{}, name) })
		wg.Wait()
		in := 0
		for i := range joined {
			r, err := c.Get(t.Context(), by, scope.Exports, fmt.Sprintf("%s-e%d", name, i))
			if joined[i] == nil && err == nil && r.Integration == name {
				in++
			} else if about(joined[i]) != "refused unknown integration" {
				t.Errorf("joining: %v; then %v", joined[i], err)
			}
		}
		_, err := c.Integration(t.Context(), by, name)
		if gone := about(err) == "absent not_found"; gone != (deleted == nil) || gone && in > 0 || !gone && in != len(joined) {
			t.Errorf("deleted: %v; there: %v; %d of %d belong to it", deleted, err, in, len(joined))
		}
	}
}

// An integration is no category: it is in no list of resources, no search, and reached by no grant.
func TestIntegrationsAreNoResources(t *testing.T) {
	c, _ := newCatalogue(t)
	by := person("acc_a")
	for i := range 5 {
		putIntegration(t, c, by, catalogue.Integration{ID: fmt.Sprintf("shop%d", i), Name: "Shop"})
	}
	put(t, c, by, scope.MCPServers, "server", "Shop server")
	found, err := c.Search(t.Context(), by, catalogue.Search{Query: "shop", Size: 10})
	if err != nil || found.Total != 1 || found.Resources[0].ID != "server" {
		t.Errorf("%+v, %v", found, err)
	}
	for what, err := range map[string]error{
		"list": func() error { _, err := c.List(t.Context(), by, "integrations", 10, ""); return err }(),
		"get":  func() error { _, err := c.Get(t.Context(), by, "integrations", "shop1"); return err }(),
		"put": func() error {
			_, _, err := c.Put(t.Context(), by, audit.ViaAPI, audit.Origin{}, catalogue.Resource{Category: "integrations", ID: "shop1", Name: "x"})
			return err
		}(),
		"delete": c.Delete(t.Context(), by, audit.ViaAPI, audit.Origin{}, "integrations", "shop1"),
		"run": func() error {
			_, err := c.Run(t.Context(), by, audit.ViaAPI, audit.Origin{}, "integrations", "shop1")
			return err
		}(),
	} {
		if about(err) != "absent not_found" {
			t.Errorf("%s: %v", what, err)
		}
	}
	var ids []string
	for after := ""; ; {
		page, err := c.Integrations(t.Context(), by, 2, after)
		if err != nil {
			t.Fatal(err)
		}
		for _, i := range page.Integrations {
			ids = append(ids, i.ID)
		}
		if after = page.Next; after == "" {
			break
		}
	}
	if got := strings.Join(ids, " "); got != "shop0 shop1 shop2 shop3 shop4" {
		t.Error(got)
	}
	if _, err := c.Integrations(t.Context(), by, 2, "exports#a"); about(err) != "bad malformed cursor" {
		t.Error(err)
	}
}
