package catalogue

import (
	"context"
	"strings"

	"keyfob/internal/authority"
	"keyfob/internal/fault"
	"keyfob/internal/scope"
	"keyfob/internal/table"
	"keyfob/internal/table/key"
)

// A Page is a run of resources. Next is the position to go on from, empty at the end.
type Page struct {
	Resources []Resource
	Next      string
}

// List gives the resources of one category that the principal may read, by id. NotFound for an unknown category.
// after is the position the last page ended at; Invalid where it is not one of this category. A page may be shorter than the limit and still have a Next, where
// what the principal may not read was left out.
func (c *Catalogue) List(ctx context.Context, by authority.Principal, category scope.Category, limit int, after string) (Page, error) {
	if !category.Known() {
		return Page{}, errNone()
	}
	prefix := string(category) + "#"
	if after != "" && !strings.HasPrefix(after, prefix) {
		return Page{}, errCursor()
	}
	return c.page(ctx, by, prefix, limit, after)
}

func errCursor() error {
	return fault.Bad("cursor", "malformed", "cursor is not one that this list has given.")
}

func (c *Catalogue) page(ctx context.Context, by authority.Principal, prefix string, limit int, after string) (Page, error) {
	page, err := c.Table.Query(ctx, table.Query{PK: key.PrefixCatalogue + by.Account, Prefix: prefix, Limit: limit, After: after})
	if err != nil {
		return Page{}, err
	}
	var out Page
	for _, it := range page.Items {
		r, err := resourceFrom(it)
		if err != nil {
			return Page{}, err
		}
		// An integration, which is in the same partition, is of no category that any scope allows.
		if by.Holder.Scope.Allows(r.Category, r.ID, scope.Read) {
			out.Resources = append(out.Resources, r)
		}
	}
	if page.More {
		out.Next = page.Items[len(page.Items)-1].String(table.AttrSK)
	}
	return out, nil
}

// A Search asks for what the principal may read, of all categories.
type Search struct {
	Query string // part of a name or id, in any case; empty for everything
	From  int    // how many to pass over
	Size  int    // how many to return at most
}

// A Found is what a search found. Total counts all that matched, not only what was returned.
type Found struct {
	Total     int
	Resources []Resource
}

// Search looks through the account's whole catalogue, ordered by category and id. It reads all of it, since the
// total is part of the answer.
func (c *Catalogue) Search(ctx context.Context, by authority.Principal, s Search) (Found, error) {
	var found Found
	query := strings.ToLower(s.Query)
	for after := ""; ; {
		page, err := c.page(ctx, by, "", 500, after)
		if err != nil {
			return Found{}, err
		}
		for _, r := range page.Resources {
			if !strings.Contains(strings.ToLower(r.Name), query) && !strings.Contains(strings.ToLower(r.ID), query) {
				continue
			}
			if found.Total >= s.From && len(found.Resources) < s.Size {
				found.Resources = append(found.Resources, r)
			}
			found.Total++
		}
		if page.Next == "" {
			return found, nil
		}
		after = page.Next
	}
}
