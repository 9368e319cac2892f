package catalogue_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"keyfob/internal/audit"
	"keyfob/internal/authority"
	"keyfob/internal/catalogue"
	"keyfob/internal/scope"
	"keyfob/internal/table"
	"keyfob/internal/table/key"
	"keyfob/internal/token"
)

// C13: what belongs to an Integration App a token neither makes nor removes, and changes the description of alone. People
// may do all of it, and to what belongs to no app a token may, too.
func TestC13ATokenChangesOnlyDescriptionsOfAnApp(t *testing.T) {
	const app, name, field = "forbidden integration_app", "forbidden integration_app name", "forbidden integration_app integration"
	type resource = catalogue.Resource
	put := func(r resource) func(*catalogue.Catalogue, authority.Principal) error {
		return func(c *catalogue.Catalogue, by authority.Principal) error {
			r.Category = scope.Exports
			_, _, err := c.Put(t.Context(), by, audit.ViaAPI, audit.Origin{}, r)
			return err
		}
	}
	integration := func(i catalogue.Integration) func(*catalogue.Catalogue, authority.Principal) error {
		return func(c *catalogue.Catalogue, by authority.Principal) error {
			_, _, err := c.PutIntegration(t.Context(), by, audit.ViaAPI, audit.Origin{}, i)
			return err
		}
	}
	remove := func(id string) func(*catalogue.Catalogue, authority.Principal) error {
		return func(c *catalogue.Catalogue, by authority.Principal) error {
			return c.Delete(t.Context(), by, audit.ViaAPI, audit.Origin{}, scope.Exports, id)
		}
	}
	dismiss := func(id string) func(*catalogue.Catalogue, authority.Principal) error {
		return func(c *catalogue.Catalogue, by authority.Principal) error {
			return c.DeleteIntegration(t.Context(), by, audit.ViaAPI, audit.Origin{}, id)
		}
	}
	cases := map[string]struct {
		do   func(*catalogue.Catalogue, authority.Principal) error
		want string // to a token
	}{
		"describe":                   {put(resource{ID: "in", Name: "In", Description: "New.", Integration: "app"}), "<nil>"},
		"say the same again":         {put(resource{ID: "in", Name: "In", Integration: "app"}), "<nil>"},
		"say nothing of it":          {put(resource{ID: "in", Name: "In", Description: "New.", Integration: catalogue.Same}), "<nil>"},
		"rename":                     {put(resource{ID: "in", Name: "Other", Integration: "app"}), name},
		"register":                   {put(resource{ID: "new", Name: "New", Integration: "app"}), field},
		"delete":                     {remove("in"), app},
		"move in":                    {put(resource{ID: "free", Name: "Free", Integration: "app"}), field},
		"move out":                   {put(resource{ID: "in", Name: "In"}), field},
		"move to one that is no app": {put(resource{ID: "in", Name: "In", Integration: "plain"}), field},
		"move from one app to another, and rename": {put(resource{ID: "in", Name: "Other", Integration: "empty"}), field + " name"},
		"make an app":                  {integration(catalogue.Integration{ID: "new", Name: "New", App: true}), "forbidden integration_app app"},
		"make one an app":              {integration(catalogue.Integration{ID: "plain", Name: "Plain", App: true}), "forbidden integration_app app"},
		"make an app none":             {integration(catalogue.Integration{ID: "app", Name: "App"}), "forbidden integration_app app"},
		"rename an app":                {integration(catalogue.Integration{ID: "app", Name: "Other", App: true}), name},
		"describe an app":              {integration(catalogue.Integration{ID: "app", Name: "App", Description: "New.", App: true}), "<nil>"},
		"delete an app":                {dismiss("empty"), app},
		"make one that is no app":      {integration(catalogue.Integration{ID: "new", Name: "New"}), "<nil>"},
		"rename one that is no app":    {integration(catalogue.Integration{ID: "plain", Name: "Other"}), "<nil>"},
		"delete one that is no app":    {dismiss("bare"), "<nil>"},
		"rename elsewhere":             {put(resource{ID: "beside", Name: "Other", Integration: "plain"}), "<nil>"},
		"register elsewhere":           {put(resource{ID: "new", Name: "New", Integration: "plain"}), "<nil>"},
		"move to one that is no app, ": {put(resource{ID: "free", Name: "Free", Integration: "plain"}), "<nil>"},
		"move from none that is":       {put(resource{ID: "beside", Name: "Beside"}), "<nil>"},
		"delete elsewhere":             {remove("beside"), "<nil>"},
	}
	for what, of := range cases {
		tokens := map[string]scope.Scope{"full": scope.Full()}
		if !strings.Contains(what, " app") || strings.Contains(what, "move") {
			tokens["custom"] = custom(t, scope.Grant{Category: scope.Exports, ID: "in", Actions: scope.AllActions}, scope.Grant{Category: scope.Exports, ID: "new", Actions: scope.AllActions},
				scope.Grant{Category: scope.Exports, ID: "free", Actions: scope.AllActions}, scope.Grant{Category: scope.Exports, ID: "beside", Actions: scope.AllActions})
		}
		callers := map[string]authority.Principal{"a person": person("acc_a")}
		for kind, s := range tokens {
			callers["a token, "+kind] = principal("acc_a", s)
		}
		for who, by := range callers {
			c, db := newCatalogue(t)
			owner := person("acc_a")
			for _, id := range []string{"app", "empty", "plain", "bare"} {
				putIntegration(t, c, owner, catalogue.Integration{ID: id, Name: strings.ToUpper(id[:1]) + id[1:], App: id == "app" || id == "empty"})
			}
			for id, in := range map[string]string{"in": "app", "free": "", "beside": "plain"} {
				if err := putIn(t, c, owner, id, strings.ToUpper(id[:1])+id[1:], in); err != nil {
					t.Fatal(err)
				}
			}
			before := everything(t, db)
			want := of.want
			if by.Kind == token.Session {
				want = "<nil>"
			}
			if who == "a token, custom" && (strings.HasPrefix(what, "move") || strings.HasPrefix(what, "register")) {
				want = "forbidden needs_full_scope" // a grant on a resource does not reach to its integration
			}
			if got := about(of.do(c, by)); got != want {
				t.Errorf("%s, %s: %s, want %s", what, who, got, want)
			}
			if after := everything(t, db); want != "<nil>" && !slices.Equal(before, after) {
				t.Errorf("%s, %s: refused, and something was changed", what, who)
			}
		}
	}
}

// everything gives the keys and versions of what an account's catalogue and audit log hold.
func everything(t *testing.T, db table.Table) []string {
	t.Helper()
	var all []string
	for _, pk := range []string{key.PrefixCatalogue + "acc_a", key.PrefixAudit + "acc_a"} {
		page, err := db.Query(t.Context(), table.Query{PK: pk, Limit: 100})
		if err != nil || page.More {
			t.Fatal(err)
		}
		for _, it := range page.Items {
			all = append(all, fmt.Sprint(it.Key(), it.Version()))
		}
	}
	return all
}
