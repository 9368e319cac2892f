package link

import (
	"context"
	"strings"

	"keyfob/internal/audit"
	"keyfob/internal/table"
	"keyfob/internal/table/key"
	"keyfob/internal/token"
)

// EndPresented ends the user's link that the text is: possession may end it, as it may revoke a token. Whatever else the
// text is does nothing and is no error.
func (l *Links) EndPresented(ctx context.Context, text, via string, from audit.Origin) error {
	_, err := l.end(ctx, text, audit.Actor{Via: via}, from, "A link was ended by somebody who presented it; nobody logged in.")
	return err
}

// EndLeaked ends the user's link that somebody has found in public, and notes where. Found says that it is one of this
// realm that is not forgotten yet.
func (l *Links) EndLeaked(ctx context.Context, text, where string, from audit.Origin) (found bool, err error) {
	return l.end(ctx, text, audit.Actor{Via: audit.ViaSystem}, from, strings.TrimSpace("A link was found in public. "+where))
}

// end ends the link with its event. One whose user may not use it just now ends too: it would be good again afterwards.
func (l *Links) end(ctx context.Context, text string, by audit.Actor, from audit.Origin, note string) (found bool, err error) {
	c, err := l.Form.Parse(text)
	if err != nil || c.Kind() != token.Link {
		return false, nil
	}
	err = table.Again(ctx, table.Hasty, func() error {
		r, err := l.Get(ctx, prefix+c.ID().String())
		if err != nil {
			return err
		}
		if found = r.has(c); !found || !l.Now().Before(r.ends(c)) {
			return nil
		}
		e := audit.New(audit.UserChanged, l.Now(), r.Account, by, from, audit.Subject{Kind: "user", ID: r.User})
		e.Changes, e.Note = []audit.Change{{Field: "link", From: string(r.Purpose)}}, note
		return l.Table.Commit(ctx, append(e.Ops(), table.Delete(key.Link(r.User).Key(), table.VersionIs(r.version)))...)
	})
	return found && err == nil, err
}
