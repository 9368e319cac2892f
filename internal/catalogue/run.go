package catalogue

import (
	"context"
	"strconv"
	"strings"
	"time"

	"keyfob/internal/audit"
	"keyfob/internal/authority"
	"keyfob/internal/scope"
	"keyfob/internal/table"
	"keyfob/internal/table/key"
	"keyfob/internal/token"
)

// A Run is one run of an export or import, asked for.
type Run struct {
	ID         string // run_…
	Category   scope.Category
	Resource   string
	At         time.Time
	Credential string // the public handle of the one it was asked for with
	Via        string
	Message    string // what the debug log says
}

// logLife is for how long a run and its debug log are kept.
const logLife = 30 * 24 * time.Hour

// Run runs an export or import: it records that this was asked for, in a commit that holds only while the resource is
// still what the principal was judged to reach. NotFound covers what the principal may not run, and what cannot be run.
func (c *Catalogue) Run(ctx context.Context, by authority.Principal, via string, from audit.Origin, category scope.Category, id string) (run Run, err error) {
	err = table.Again(ctx, table.Patient, func() error {
		r, err := c.reach(ctx, by, category, id, scope.Run)
		if err != nil {
			return err
		}
		run = Run{
			ID: token.NewName("run_"), Category: r.Category, Resource: r.ID, At: c.Now().UTC().Truncate(time.Millisecond),
			Credential: by.Handle(), Via: via, Message: "Run requested.",
		}
		if run.At.Before(r.Created) { // a clock was set back; a log is never older than what it is of
			run.At = r.Created
		}
		k := key.Run{Account: r.Account, Category: string(r.Category), ID: r.ID, At: run.At, Run: run.ID}.Key()
		ops := []table.Op{
			table.Check(key.Resource{Account: r.Account, Category: string(r.Category), ID: r.ID}.Key(), table.VersionIs(r.Version)),
			table.Create(table.Item{
				table.AttrPK: table.S(k.PK), table.AttrSK: table.S(k.SK), "credential": table.S(run.Credential), "via": table.S(run.Via),
				"message": table.S(run.Message), "registration": table.S(r.registration), table.AttrPurgeAt: table.N(run.At.Add(logLife).Unix()),
			}),
		}
		return c.Table.Commit(ctx, append(ops, event(audit.ResourceRun, run.At, by, via, from, r.subject()).Ops()...)...)
	})
	return run, err
}

// reach gives the export or import that the principal may do the action to. An integration's scope reaches those of its
// integration, whatever the action; that it only runs them and reads their debug logs, the authorizer sees to.
func (c *Catalogue) reach(ctx context.Context, by authority.Principal, category scope.Category, id string, action scope.Actions) (Resource, error) {
	integration := by.Holder.Scope.IntegrationID()
	if category != scope.Exports && category != scope.Imports || !scope.ValidID(id) ||
		integration == "" && !by.Holder.Scope.Allows(category, id, action) {
		return Resource{}, errNone()
	}
	r, err := c.get(ctx, by.Account, category, id)
	if err == nil && integration != "" && r.Integration != integration {
		return Resource{}, errNone()
	}
	return r, err
}

// A LogPage is a part of a debug log. Next is the position to go on from, empty at the end.
type LogPage struct {
	Entries []Run
	Next    string
}

// DebugLog gives what the runs of an export or import have logged, newest first, for as long as it is kept. What was
// registered under the id before is another resource, whose log is not shown. after is the position that the last page
// ended at; Invalid where it is not one of a debug log. NotFound is as of Run. A page may be shorter than the limit and
// still have a Next.
func (c *Catalogue) DebugLog(ctx context.Context, by authority.Principal, category scope.Category, id string, limit int, after string) (LogPage, error) {
	if _, _, ok := position(after); !ok && after != "" {
		return LogPage{}, errCursor()
	}
	r, err := c.reach(ctx, by, category, id, scope.Read)
	if err != nil {
		return LogPage{}, err
	}
	of := key.Run{Account: r.Account, Category: string(r.Category), ID: r.ID}.Key().PK
	page, err := c.Table.Query(ctx, table.Query{PK: of, Limit: limit, After: after, Descending: true})
	if err != nil {
		return LogPage{}, err
	}
	due := c.Now().Add(-logLife)
	var out LogPage
	for _, it := range page.Items {
		at, run, _ := position(it.String(table.AttrSK))
		if at.Before(r.Created) || !at.After(due) {
			return out, nil // and so is all that follows
		}
		if it.String("registration") == r.registration {
			out.Entries = append(out.Entries, Run{
				ID: run, Category: r.Category, Resource: r.ID, At: at, Credential: it.String("credential"), Via: it.String("via"), Message: it.String("message"),
			})
		}
	}
	if page.More {
		out.Next = page.Items[len(page.Items)-1].String(table.AttrSK)
	}
	return out, nil
}

// position reads a place in a debug log: the time of a run, and the run.
func position(sk string) (at time.Time, run string, ok bool) {
	stamp, run, found := strings.Cut(sk, "#")
	ms, err := strconv.ParseInt(stamp, 10, 64)
	if !found || err != nil || len(stamp) != 13 || !strings.HasPrefix(run, "run_") {
		return time.Time{}, "", false
	}
	return time.UnixMilli(ms).UTC(), run, true
}
