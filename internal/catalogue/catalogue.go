// Package catalogue is the registry of the things a token can be scoped to: connections, exports, imports, APIs and
// MCP servers, by name, of the integrations that they may belong to, and of the runs of exports and imports. It is
// guarded by the authorizer like any API that attaches it.
//
// It promises that
//   - a list or a search shows only what the principal may read, and an answer to a change tells no more than that;
//   - each change commits with its audit event, and on what it was judged by;
//   - a token neither makes nor removes what belongs to an Integration App, and changes nothing of it but its
//     description (C13);
//   - an integration's token reaches the exports and imports of that integration, to run them and to read their debug
//     logs, and anything else is to it as if it did not exist (C14).
//
// It does not hold the things themselves, nor connect to them: to run one is to record that it was asked for.
package catalogue

import (
	"context"
	"fmt"
	"strings"
	"time"

	"keyfob/internal/audit"
	"keyfob/internal/authority"
	"keyfob/internal/fault"
	"keyfob/internal/scope"
	"keyfob/internal/table"
	"keyfob/internal/table/key"
)

// A Resource is one thing, registered.
type Resource struct {
	Account     string // acc_…
	Category    scope.Category
	ID          string // chosen by who registers it; see scope.ValidID
	Name        string
	Description string
	Integration string // the id of the one it belongs to; may be empty
	Creator     string // usr_…
	Created     time.Time
	Updated     time.Time
	Version     int64

	registration string // tells it from what is registered under the same id after it was deleted
}

// Catalogue decides about resources.
type Catalogue struct {
	Table table.Table
	Now   func() time.Time
}

func (r Resource) item() table.Item {
	k := key.Resource{Account: r.Account, Category: string(r.Category), ID: r.ID}.Key()
	return table.Item{
		table.AttrPK: table.S(k.PK), table.AttrSK: table.S(k.SK),
		"name": table.S(r.Name), "description": table.S(r.Description), "integration": table.S(r.Integration), "creator": table.S(r.Creator),
		"created": table.N(r.Created.UnixMilli()), "updated": table.N(r.Updated.UnixMilli()), "registration": table.S(r.registration),
	}
}

func resourceFrom(it table.Item) (Resource, error) {
	category, id, ok := strings.Cut(it.String(table.AttrSK), "#")
	account, found := strings.CutPrefix(it.String(table.AttrPK), key.PrefixCatalogue)
	if !ok || !found {
		return Resource{}, fmt.Errorf("catalogue: the item at %s is not a resource", it.String(table.AttrPK))
	}
	return Resource{
		Account: account, Category: scope.Category(category), ID: id, Name: it.String("name"), Description: it.String("description"),
		Integration: it.String("integration"), registration: it.String("registration"),
		Creator: it.String("creator"), Created: time.UnixMilli(it.Int("created")).UTC(), Updated: time.UnixMilli(it.Int("updated")).UTC(),
		Version: it.Version(),
	}, nil
}

func (r Resource) subject() audit.Subject {
	return audit.Subject{Kind: string(r.Category), ID: string(r.Category) + "/" + r.ID, Name: r.Name}
}

// errNone answers alike for what does not exist and what the principal may not read.
func errNone() error { return fault.New(fault.NotFound, "not_found", "There is no such resource.") }

// Get gives one resource. NotFound covers an unknown category, an unknown id, and what the principal may not read.
func (c *Catalogue) Get(ctx context.Context, by authority.Principal, category scope.Category, id string) (Resource, error) {
	if !category.Known() || !scope.ValidID(id) || !by.Holder.Scope.Allows(category, id, scope.Read) {
		return Resource{}, errNone()
	}
	return c.get(ctx, by.Account, category, id)
}

func (c *Catalogue) get(ctx context.Context, account string, category scope.Category, id string) (Resource, error) {
	items, err := c.Table.Get(ctx, key.Resource{Account: account, Category: string(category), ID: id}.Key())
	if err != nil {
		return Resource{}, err
	}
	if items[0] == nil {
		return Resource{}, errNone()
	}
	return resourceFrom(items[0])
}
