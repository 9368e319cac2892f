package catalogue

import (
	"context"
	"fmt"
	"strconv"
	"strings"
	"time"

	"keyfob/internal/audit"
	"keyfob/internal/authority"
	"keyfob/internal/fault"
	"keyfob/internal/scope"
	"keyfob/internal/table"
	"keyfob/internal/table/key"
	"keyfob/internal/token"
)

// An Integration is what resources of any category may belong to. An App is installed and kept by who makes it, so that
// an account's tokens do not change what it consists of.
type Integration struct {
	Account     string // acc_…
	ID          string // chosen by who registers it; see scope.ValidID
	Name        string
	Description string
	App         bool
	Creator     string // usr_…
	Created     time.Time
	Updated     time.Time
	Version     int64

	resources int64 // how many belong to it
}

// item writes the record. How many resources belong to it is kept there, so that one can join in the commit that
// another leaves in, and none after the last look before it is deleted.
func (i Integration) item() table.Item {
	k := key.Integration{Account: i.Account, ID: i.ID}.Key()
	return table.Item{
		table.AttrPK: table.S(k.PK), table.AttrSK: table.S(k.SK),
		"name": table.S(i.Name), "description": table.S(i.Description), "app": table.Bool(i.App), "creator": table.S(i.Creator),
		"created": table.N(i.Created.UnixMilli()), "updated": table.N(i.Updated.UnixMilli()), "resources": table.N(i.resources),
	}
}

func integrationFrom(it table.Item) (Integration, error) {
	account, found := strings.CutPrefix(it.String(table.AttrPK), key.PrefixCatalogue)
	id, ok := strings.CutPrefix(it.String(table.AttrSK), key.PrefixIntegration)
	if !ok || !found {
		return Integration{}, fmt.Errorf("catalogue: the item at %s is not an integration", it.String(table.AttrPK))
	}
	return Integration{
		Account: account, ID: id, Name: it.String("name"), Description: it.String("description"), App: it.Bool("app"),
		Creator: it.String("creator"), Created: time.UnixMilli(it.Int("created")).UTC(), Updated: time.UnixMilli(it.Int("updated")).UTC(),
		Version: it.Version(), resources: it.Int("resources"),
	}, nil
}

func (i Integration) subject() audit.Subject {
	return audit.Subject{Kind: "integrations", ID: "integrations/" + i.ID, Name: i.Name}
}

func errNoIntegration() error {
	return fault.New(fault.NotFound, "not_found", "There is no such integration.")
}

// Integration gives one integration; NotFound where there is none.
func (c *Catalogue) Integration(ctx context.Context, by authority.Principal, id string) (Integration, error) {
	if !scope.ValidID(id) {
		return Integration{}, errNoIntegration()
	}
	found, err := c.integrations(ctx, by.Account, id)
	if err == nil && len(found) == 0 {
		err = errNoIntegration()
	}
	if err != nil {
		return Integration{}, err
	}
	return found[id], nil
}

// integrations gives those of the account that there are among the ids.
func (c *Catalogue) integrations(ctx context.Context, account string, ids ...string) (map[string]Integration, error) {
	keys := make([]table.Key, len(ids))
	for i, id := range ids {
		keys[i] = key.Integration{Account: account, ID: id}.Key()
	}
	items, err := c.Table.Get(ctx, keys...)
	if err != nil {
		return nil, err
	}
	found := map[string]Integration{}
	for _, it := range items {
		if it == nil {
			continue
		}
		i, err := integrationFrom(it)
		if err != nil {
			return nil, err
		}
		found[i.ID] = i
	}
	return found, nil
}

// An IntegrationPage is a run of integrations. Next is the position to go on from, empty at the end.
type IntegrationPage struct {
	Integrations []Integration
	Next         string
}

// Integrations gives the account's integrations by id. after is the position the last page ended at; Invalid where it is
// not one of this list.
func (c *Catalogue) Integrations(ctx context.Context, by authority.Principal, limit int, after string) (IntegrationPage, error) {
	if after != "" && !strings.HasPrefix(after, key.PrefixIntegration) {
		return IntegrationPage{}, errCursor()
	}
	page, err := c.Table.Query(ctx, table.Query{PK: key.PrefixCatalogue + by.Account, Prefix: key.PrefixIntegration, Limit: limit, After: after})
	if err != nil {
		return IntegrationPage{}, err
	}
	var out IntegrationPage
	for _, it := range page.Items {
		i, err := integrationFrom(it)
		if err != nil {
			return IntegrationPage{}, err
		}
		out.Integrations = append(out.Integrations, i)
	}
	if page.More {
		out.Next = page.Items[len(page.Items)-1].String(table.AttrSK)
	}
	return out, nil
}

// PutIntegration registers an integration, or replaces what is said about one; created tells which. Errors: Invalid
// names the field; Forbidden for what a token may not do to an Integration App.
func (c *Catalogue) PutIntegration(ctx context.Context, by authority.Principal, via string, from audit.Origin, i Integration) (put Integration, created bool, err error) {
	if err := described(i.ID, i.Name, i.Description); err != nil {
		return Integration{}, false, err
	}
	err = table.Again(ctx, table.Patient, func() error {
		put, created, err = c.putIntegration(ctx, by, via, from, i)
		return err
	})
	return put, created, err
}

func (c *Catalogue) putIntegration(ctx context.Context, by authority.Principal, via string, from audit.Origin, i Integration) (Integration, bool, error) {
	now := c.Now().UTC().Truncate(time.Millisecond)
	i.Account, i.Creator, i.Created, i.Updated = by.Account, by.User, now, now
	found, err := c.integrations(ctx, i.Account, i.ID)
	if err != nil {
		return Integration{}, false, err
	}
	old, there := found[i.ID]
	if by.Kind == token.API {
		var wrong []string
		if old.App != i.App { // also where there is none yet: to make one that is an app
			wrong = append(wrong, "app")
		}
		if old.App && old.Name != i.Name {
			wrong = append(wrong, "name")
		}
		if len(wrong) > 0 {
			return Integration{}, false, errApp(wrong...)
		}
	}
	kind, op := audit.ResourceCreated, table.Op{}
	if there {
		kind, i.Creator, i.Created, i.Version, i.resources = audit.ResourceUpdated, old.Creator, old.Created, old.Version+1, old.resources
		op = table.Replace(i.item(), old.Version)
	} else {
		i.Version, op = 1, table.Create(i.item())
	}
	e := event(kind, now, by, via, from, i.subject())
	e.Changes = changes([3]string{"name", old.Name, i.Name}, [3]string{"description", old.Description, i.Description},
		[3]string{"app", strconv.FormatBool(old.App), strconv.FormatBool(i.App)})
	if err := c.Table.Commit(ctx, append([]table.Op{op}, e.Ops()...)...); err != nil {
		return Integration{}, false, err
	}
	return i, !there, nil
}

// DeleteIntegration removes an integration. Errors: NotFound where there is none; Forbidden where it is an Integration
// App and the principal is a token; Conflict where resources still belong to it.
func (c *Catalogue) DeleteIntegration(ctx context.Context, by authority.Principal, via string, from audit.Origin, id string) error {
	return table.Again(ctx, table.Patient, func() error {
		i, err := c.Integration(ctx, by, id)
		switch {
		case err != nil:
			return err
		case i.App && by.Kind == token.API:
			return errApp()
		case i.resources > 0:
			return fault.New(fault.Conflict, "in_use", "Resources still belong to the integration.")
		}
		k := key.Integration{Account: i.Account, ID: i.ID}.Key()
		ops := event(audit.ResourceDeleted, c.Now(), by, via, from, i.subject()).Ops()
		return c.Table.Commit(ctx, append(ops, table.Delete(k, table.VersionIs(i.Version)))...)
	})
}
