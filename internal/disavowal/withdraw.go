package disavowal

import (
	"context"
	"strings"

	"keyfob/internal/audit"
	"keyfob/internal/fault"
	"keyfob/internal/table"
)

// WithdrawPresented ends the link that the text is, and leaves what it was for: possession may end it, as it may revoke a token.
// Whatever else the text is does nothing and is no error.
func (d *Disavowals) WithdrawPresented(ctx context.Context, text, via string, from audit.Origin) error {
	_, err := d.withdraw(ctx, text, audit.Actor{Via: via}, from, "The link in {mail} was ended by somebody who presented it; nobody logged in.")
	return err
}

// WithdrawLeaked ends the link that somebody has found in public, and notes where. Found says that it is one of this realm that
// is not forgotten yet.
func (d *Disavowals) WithdrawLeaked(ctx context.Context, text, where string, from audit.Origin) (found bool, err error) {
	return d.withdraw(ctx, text, audit.Actor{Via: audit.ViaSystem}, from, strings.TrimSpace("The link in {mail} was found in public. "+where))
}

func (d *Disavowals) withdraw(ctx context.Context, text string, by audit.Actor, from audit.Origin, note string) (found bool, err error) {
	err = table.Again(ctx, table.Hasty, func() error {
		r, err := d.read(ctx, text)
		if found = err == nil; fault.Is(err, fault.NotFound) {
			return nil
		}
		if err != nil || r.over(d.Now()) != nil {
			return err
		}
		e := d.changed(r, by, from, strings.Replace(note, "{mail}", r.mail(), 1))
		return d.Table.Commit(ctx, append(e.Ops(), r.spent(d.Now(), true))...)
	})
	return found && err == nil, err
}
