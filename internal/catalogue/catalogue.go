// Package catalogue is the registry of the things a token can be scoped to: connections, exports, imports, APIs and
// MCP servers, by name. It is guarded by the authorizer like any API that attaches it.
//
// It promises that a list or a search shows only what the principal may read, and that each change commits with its
// audit event.
//
// It does not hold the things themselves, nor connect to them.
package catalogue

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"keyfob/internal/audit"
	"keyfob/internal/authority"
	"keyfob/internal/fault"
	"keyfob/internal/scope"
	"keyfob/internal/table"
	"keyfob/internal/table/key"
	"keyfob/internal/text"
)

// A Resource is one thing, registered.
type Resource struct {
	Account     string // acc_…
	Category    scope.Category
	ID          string // chosen by who registers it; see scope.ValidID
	Name        string
	Description string
	Creator     string // usr_…
	Created     time.Time
	Updated     time.Time
	Version     int64
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
		"name": table.S(r.Name), "description": table.S(r.Description), "creator": table.S(r.Creator),
		"created": table.N(r.Created.UnixMilli()), "updated": table.N(r.Updated.UnixMilli()),
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

// Put registers a resource, or replaces what is said about one; created tells which. Errors: NotFound for an unknown
// category; Invalid names the field; Conflict where others kept changing it at the same time.
func (c *Catalogue) Put(ctx context.Context, by authority.Principal, via string, from audit.Origin, r Resource) (put Resource, created bool, err error) {
	if !r.Category.Known() {
		return Resource{}, false, errNone()
	}
	if !scope.ValidID(r.ID) {
		return Resource{}, false, fault.Bad("id", "malformed", "id has 1 to 64 characters of A-Z, a-z, 0-9, dot, underscore and hyphen, and does not begin with a dot.")
	}
	if err := text.Name("name", r.Name); err != nil {
		return Resource{}, false, err
	}
	if err := text.Description("description", r.Description); err != nil {
		return Resource{}, false, err
	}
	for range tries {
		put, created, err = c.put(ctx, by, via, from, r)
		if _, moved := errors.AsType[*table.Conflict](err); !moved {
			return put, created, err
		}
	}
	return Resource{}, false, errContended()
}

// tries bounds how often a change is made again because the resource moved in between.
const tries = 5

func errContended() error {
	return fault.New(fault.Conflict, "conflict", "The resource is being changed by others. Try again.")
}

func (c *Catalogue) put(ctx context.Context, by authority.Principal, via string, from audit.Origin, r Resource) (Resource, bool, error) {
	now := c.Now().UTC().Truncate(time.Millisecond)
	r.Account, r.Creator, r.Created, r.Updated = by.Account, by.User, now, now
	kind := audit.ResourceCreated
	var op table.Op
	old, err := c.get(ctx, r.Account, r.Category, r.ID)
	switch {
	case fault.Is(err, fault.NotFound):
		op, r.Version = table.Create(r.item()), 1
	case err != nil:
		return Resource{}, false, err
	default:
		kind, r.Creator, r.Created, r.Version = audit.ResourceUpdated, old.Creator, old.Created, old.Version+1
		op = table.Replace(r.item(), old.Version)
	}
	actor := audit.Actor{User: by.User, Credential: by.Handle(), Via: via}
	ops := append([]table.Op{op}, audit.New(kind, now, r.Account, actor, from, r.subject()).Ops()...)
	if err := c.Table.Commit(ctx, ops...); err != nil {
		return Resource{}, false, err
	}
	return r, kind == audit.ResourceCreated, nil
}

// Delete removes a resource; NotFound where there is none.
func (c *Catalogue) Delete(ctx context.Context, by authority.Principal, via string, from audit.Origin, category scope.Category, id string) error {
	if !category.Known() || !scope.ValidID(id) {
		return errNone()
	}
	for range tries {
		r, err := c.get(ctx, by.Account, category, id)
		if err != nil {
			return err
		}
		actor := audit.Actor{User: by.User, Credential: by.Handle(), Via: via}
		k := key.Resource{Account: r.Account, Category: string(r.Category), ID: r.ID}.Key()
		ops := append([]table.Op{table.Delete(k, table.VersionIs(r.Version))}, audit.New(audit.ResourceDeleted, c.Now(), r.Account, actor, from, r.subject()).Ops()...)
		err = c.Table.Commit(ctx, ops...)
		if _, moved := errors.AsType[*table.Conflict](err); !moved {
			return err
		}
	}
	return errContended()
}
