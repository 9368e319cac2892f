package catalogue

import (
	"context"

	"keyfob/internal/audit"
	"keyfob/internal/authority"
	"keyfob/internal/fault"
	"keyfob/internal/scope"
	"keyfob/internal/table"
	"keyfob/internal/table/key"
	"keyfob/internal/token"
)

// A move is what a resource's change means for the integrations that it stays in, joins or leaves.
type move struct {
	ops    []table.Op      // for the change's commit: they hold what it was judged by
	trails []audit.Subject // the integrations that it joins or leaves
}

// move judges a resource's change from before to after, the zero Resource for one that is not there. Errors:
// Unprocessable where the integration to join is not there, Forbidden for what a token may not do to an Integration App, and
// for a scope that is not full where the integration is another than it was.
func (c *Catalogue) move(ctx context.Context, by authority.Principal, before, after Resource) (move, error) {
	var ids []string
	if before.Integration != "" {
		ids = append(ids, before.Integration)
	}
	if after.Integration != "" && after.Integration != before.Integration {
		ids = append(ids, after.Integration)
	}
	stays := before.Integration == after.Integration
	if len(ids) == 0 || stays && by.Kind != token.API {
		return move{}, nil // it concerns none, or nothing depends on which
	}
	if !stays && after.ID != "" && by.Holder.Scope.Name() != scope.Full().Name() {
		// Which integration a resource belongs to says which tokens may run it; a grant on the resource does not reach that far.
		return move{}, fault.New(fault.Forbidden, string(scope.NeedsFullScope), scope.NeedsFullScope.Sentence())
	}
	found, err := c.integrations(ctx, by.Account, ids...)
	if err != nil {
		return move{}, err
	}
	joined, there := found[after.Integration]
	if after.Integration != "" && !stays && !there {
		return move{}, fault.Refused("integration", "unknown", "integration is not one that is registered.")
	}
	if left := found[before.Integration]; by.Kind == token.API && (left.App || joined.App) {
		if err := forApp(before, after, left.App); err != nil {
			return move{}, err
		}
	}
	var m move
	for _, id := range ids {
		i, there := found[id]
		switch {
		case !there:
		case stays:
			m.ops = append(m.ops, table.Check(key.Integration{Account: i.Account, ID: i.ID}.Key(), table.VersionIs(i.Version)))
		default:
			i.resources--
			if id == after.Integration {
				i.resources += 2
			}
			m.ops, m.trails = append(m.ops, table.Replace(i.item(), i.Version)), append(m.trails, i.subject())
		}
	}
	return m, nil
}

// forApp says what of the change a token may not do where the resource belongs to an Integration App, before (was) or
// after it.
func forApp(before, after Resource, was bool) error {
	if after.ID == "" {
		return errApp()
	}
	var wrong []string
	if before.Integration != after.Integration {
		wrong = append(wrong, "integration")
	}
	if was && before.Name != after.Name {
		wrong = append(wrong, "name")
	}
	if len(wrong) == 0 {
		return nil
	}
	return errApp(wrong...)
}

// errApp refuses a token what belongs to an Integration App, naming the fields at fault.
func errApp(fields ...string) error {
	const code = "integration_app"
	e := fault.New(fault.Forbidden, code, "A token may change nothing but the description of what belongs to an Integration App, nor make or delete any of it.")
	for _, name := range fields {
		e.Fields = append(e.Fields, fault.Field{Name: name, Code: code, Message: "A token may not set " + name + " so: it is about an Integration App."})
	}
	return e
}
