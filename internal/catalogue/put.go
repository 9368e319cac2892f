package catalogue

import (
	"context"
	"time"

	"keyfob/internal/audit"
	"keyfob/internal/authority"
	"keyfob/internal/fault"
	"keyfob/internal/scope"
	"keyfob/internal/table"
	"keyfob/internal/table/key"
	"keyfob/internal/text"
	"keyfob/internal/token"
)

// Same stands in a Resource to be put for the integration that the resource belongs to already; for none where it is new.
const Same = "*"

// Put registers a resource, or replaces what is said about one; created tells which. To a principal that may not read
// the resource, put says only what it sent and when that was. Errors: NotFound for an unknown category and what the
// principal may not write; Invalid names the field; Unprocessable where there is no such integration; Forbidden for what a token may not do to an Integration
// App, and for a scope that is not full where the integration is another than it was.
func (c *Catalogue) Put(ctx context.Context, by authority.Principal, via string, from audit.Origin, r Resource) (put Resource, created bool, err error) {
	if !r.Category.Known() || scope.ValidID(r.ID) && !by.Holder.Scope.Allows(r.Category, r.ID, scope.Write) {
		return Resource{}, false, errNone()
	}
	if err := described(r.ID, r.Name, r.Description); err != nil {
		return Resource{}, false, err
	}
	if r.Integration != "" && r.Integration != Same && !scope.ValidID(r.Integration) {
		return Resource{}, false, errID("integration")
	}
	err = table.Again(ctx, table.Patient, func() error {
		put, created, err = c.put(ctx, by, via, from, r)
		return err
	})
	if err == nil && !by.Holder.Scope.Allows(put.Category, put.ID, scope.Read) {
		put.Creator, put.Created, put.Integration = "", time.Time{}, ""
	}
	return put, created, err
}

// described refuses what does not do for a thing's id, name or description.
func described(id, name, description string) error {
	if !scope.ValidID(id) {
		return errID("id")
	}
	if err := text.Name("name", name); err != nil {
		return err
	}
	return text.Description("description", description)
}

func errID(field string) error {
	return fault.Bad(field, "malformed", field+" has 1 to 64 characters of A-Z, a-z, 0-9, dot, underscore and hyphen, and does not begin with a dot.")
}

func (c *Catalogue) put(ctx context.Context, by authority.Principal, via string, from audit.Origin, r Resource) (Resource, bool, error) {
	now := c.Now().UTC().Truncate(time.Millisecond)
	r.Account, r.Creator, r.Created, r.Updated = by.Account, by.User, now, now
	r.registration = token.NewName("")
	kind := audit.ResourceCreated
	var op table.Op
	old, err := c.get(ctx, r.Account, r.Category, r.ID)
	if r.Integration == Same {
		r.Integration = old.Integration
	}
	switch {
	case fault.Is(err, fault.NotFound):
		op, r.Version = table.Create(r.item()), 1
	case err != nil:
		return Resource{}, false, err
	default:
		kind, r.Creator, r.Created, r.Version, r.registration = audit.ResourceUpdated, old.Creator, old.Created, old.Version+1, old.registration
		op = table.Replace(r.item(), old.Version)
	}
	m, err := c.move(ctx, by, old, r)
	if err != nil {
		return Resource{}, false, err
	}
	e := event(kind, now, by, via, from, r.subject())
	e.Also = m.trails
	e.Changes = changes([3]string{"name", old.Name, r.Name}, [3]string{"description", old.Description, r.Description}, [3]string{"integration", old.Integration, r.Integration})
	ops := append(append([]table.Op{op}, m.ops...), e.Ops()...)
	if err := c.Table.Commit(ctx, ops...); err != nil {
		return Resource{}, false, err
	}
	return r, kind == audit.ResourceCreated, nil
}

// event makes the event of what the principal does.
func event(kind audit.Type, at time.Time, by authority.Principal, via string, from audit.Origin, on audit.Subject) audit.Event {
	return audit.New(kind, at, by.Account, audit.Actor{User: by.User, Credential: by.Handle(), Via: via}, from, on)
}

// changes lists the fields, each with what it was and what it is, that are other than they were.
func changes(fields ...[3]string) []audit.Change {
	var all []audit.Change
	for _, f := range fields {
		if f[1] != f[2] {
			all = append(all, audit.Change{Field: f[0], From: f[1], To: f[2]})
		}
	}
	return all
}

// Delete removes a resource; NotFound where there is none, Forbidden where it belongs to an Integration App and the
// principal is a token.
func (c *Catalogue) Delete(ctx context.Context, by authority.Principal, via string, from audit.Origin, category scope.Category, id string) error {
	if !category.Known() || !scope.ValidID(id) || !by.Holder.Scope.Allows(category, id, scope.Write) {
		return errNone()
	}
	return table.Again(ctx, table.Patient, func() error {
		r, err := c.get(ctx, by.Account, category, id)
		if err != nil {
			return err
		}
		m, err := c.move(ctx, by, r, Resource{})
		if err != nil {
			return err
		}
		e := event(audit.ResourceDeleted, c.Now(), by, via, from, r.subject())
		e.Also = m.trails
		k := key.Resource{Account: r.Account, Category: string(r.Category), ID: r.ID}.Key()
		ops := append(append([]table.Op{table.Delete(k, table.VersionIs(r.Version))}, m.ops...), e.Ops()...)
		return c.Table.Commit(ctx, ops...)
	})
}
