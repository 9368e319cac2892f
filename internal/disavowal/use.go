package disavowal

import (
	"context"

	"keyfob/internal/audit"
	"keyfob/internal/authority"
	"keyfob/internal/table"
)

// Use ends what the link that the text is ends, and gives the link as it was found: a Token that is not Ended has ended with
// this call, and one that is had ended before. The errors are Find's; of those who use a link at the same time one has none.
func (d *Disavowals) Use(ctx context.Context, text string, from audit.Origin) (used Found, err error) {
	err = table.Again(ctx, table.Hasty, func() error {
		if used, err = d.Find(ctx, text); err != nil {
			return err
		}
		return d.use(ctx, used, from)
	})
	if err != nil {
		return Found{}, err
	}
	return used, nil
}

func (d *Disavowals) use(ctx context.Context, f Found, from audit.Origin) error {
	by := audit.Actor{User: f.Reader.ID, Via: audit.ViaMail}
	note := "Ended with the link in " + f.record.mail() + "."
	var living []authority.Token
	for i, t := range f.tokens {
		if !f.Tokens[i].Ended {
			living = append(living, t)
		}
	}
	if f.Kind == Sessions {
		// In many commits, each of which may be made again; so the link is used up after them.
		if err := d.sessions().EndAll(ctx, f.Reader.ID, by, from); err != nil {
			return err
		}
	}
	// The reader's role is what lets them: it may be taken from them at this moment.
	ops := []table.Op{f.record.spent(d.Now(), false), table.Check(f.Reader.Key(), table.VersionIs(f.Reader.Version))}
	if len(living) == 0 {
		if f.Kind == Tokens {
			note = "Nothing was left to end: used the link in " + f.record.mail() + "."
		}
		return d.Table.Commit(ctx, append(ops, d.changed(f.record, by, from, note).Ops()...)...)
	}
	revocations, err := d.authority().Revocations(ctx, living, func(t authority.Token) audit.Event {
		e := audit.New(audit.TokenRevoked, d.Now(), t.Account, by, from, t.Subject())
		e.Note = note
		return e
	})
	if err != nil {
		return err
	}
	return d.Table.Commit(ctx, append(ops, revocations...)...)
}

// changed is the event of a link that comes to its end, in the trail of its reader. Nobody is mailed of it.
func (d *Disavowals) changed(r record, by audit.Actor, from audit.Origin, note string) audit.Event {
	e := audit.New(audit.UserChanged, d.Now(), r.account, by, from, audit.Subject{Kind: "user", ID: r.reader})
	e.Changes, e.Note = []audit.Change{{Field: "link", From: "disavowal"}}, note
	return e
}
