package disavowal

import (
	"context"
	"slices"
	"time"

	"keyfob/internal/account"
	"keyfob/internal/audit"
	"keyfob/internal/authority"
	"keyfob/internal/fault"
	"keyfob/internal/scope"
	"keyfob/internal/table"
	"keyfob/internal/table/key"
	"keyfob/internal/token"
)

// A Found link may be used now. Nothing has happened by its being found.
type Found struct {
	Kind    Kind
	Tokens  []Token // that it ends; none where it ends sessions
	Account account.Account
	Reader  account.User
	Event   audit.Event // that the mail was about
	Who     string      // did it, by name; empty where it was no user of the account, or is none any more
	Until   time.Time

	record record
	tokens []authority.Token
}

// A Token is one that a link ends.
type Token struct {
	Handle string
	Name   string
	Ended  bool // it cannot be used any more, with or without the link
}

// Find gives the link that the text is. NotFound is everything that is none, or is none any more, in the same words; what is
// not even well formed costs no read. Gone is a link that was used, has expired, or is of no use to its reader now.
func (d *Disavowals) Find(ctx context.Context, text string) (Found, error) {
	r, err := d.read(ctx, text)
	if err != nil {
		return Found{}, err
	}
	if err := r.over(d.Now()); err != nil {
		return Found{}, err
	}
	f := Found{Kind: r.kind, Until: r.expires, record: r}
	if err := d.people(ctx, &f); err != nil {
		return Found{}, err
	}
	if r.kind == Sessions {
		return f, nil
	}
	whole := false
	if f.tokens, whole, err = d.authority().Line(ctx, r.account, r.ids...); err != nil {
		return Found{}, err
	}
	if !f.may() {
		return Found{}, gone("role_forbids", "Your role does not let you end this token any more. Ask an owner of the account to revoke it.")
	}
	living := false
	for _, t := range f.tokens {
		ended := !d.authority().Living(t)
		f.Tokens, living = append(f.Tokens, Token{t.Handle(), t.Name, ended}), living || !ended
	}
	if !whole && !living {
		return Found{}, gone("line_too_long", "This token was rotated too often since for the link to find what it is now. Log in to the dashboard and revoke what is not yours there.")
	}
	return f, nil
}

// read gives the record of the link that the text is, used or not.
func (d *Disavowals) read(ctx context.Context, text string) (record, error) {
	c, err := d.Form.Parse(text)
	if err != nil || c.Kind() != token.Disavowal {
		return record{}, errUnknown()
	}
	items, err := d.Table.Get(ctx, key.Disavowal(c.ID().String()).Key())
	if err != nil {
		return record{}, err
	}
	if items[0] == nil {
		return record{}, errUnknown()
	}
	r, err := fromItem(items[0])
	if err != nil {
		return record{}, err
	}
	if digest := c.Digest(); !digest.Equal(&r.digest) || !d.Now().Before(r.expires.Add(keep)) {
		return record{}, errUnknown()
	}
	return r, nil
}

// over refuses a link that does nothing any more.
func (r record) over(now time.Time) error {
	switch {
	case r.withdrawn:
		return gone("link_withdrawn", "This link was withdrawn: somebody who had it ended the link itself. Log in to the dashboard and revoke what is not yours there.")
	case !r.used.IsZero():
		return gone("link_used", "This link was used before: what it was for has ended. If something is not yours still, log in to the dashboard and revoke it there.")
	case !now.Before(r.expires):
		return gone("link_expired", "This link has expired: it worked for seven days. Log in to the dashboard and revoke what is not yours there.")
	}
	return nil
}

// people reads who and what the link was mailed about, and refuses it where its reader may not act any more. An account that
// is suspended is no hindrance: nothing of it is taken just now, and what is ended then does not come back when it is resumed.
func (d *Disavowals) people(ctx context.Context, f *Found) error {
	r := f.record
	at := audit.Event{ID: r.event, At: r.eventAt, Account: r.account}.Key()
	keys := []table.Key{key.Account(r.account).Key(), key.User{Account: r.account, User: r.reader}.Key(), at}
	items, err := d.Table.Get(ctx, keys...)
	if err != nil {
		return err
	}
	f.Account, f.Reader, err = account.FromItems(items[0], items[1])
	if fault.Is(err, fault.NotFound) || err == nil && (f.Reader.Status != account.Active || !f.Reader.Verified) {
		return gone("user_ended", "You are no active user of the account any more. Ask an owner of the account.")
	}
	if err != nil || items[2] == nil {
		return err
	}
	if f.Event, err = audit.FromItem(items[2]); err != nil {
		return err
	}
	switch by := f.Event.Actor.User; by {
	case "":
	case f.Reader.ID:
		f.Who = f.Reader.Name
	default:
		_, u, err := (&account.Accounts{Table: d.Table}).WithUser(ctx, r.account, by)
		if err != nil && !fault.Is(err, fault.NotFound) {
			return err
		}
		f.Who = u.Name
	}
	return nil
}

// may reports whether the reader may end the tokens: by their role now, or because they made them.
func (f Found) may() bool {
	return slices.Contains(scope.RightsOf(f.Reader.Role, f.Account.Policy.Issuers), scope.RevokeTokens) ||
		!slices.ContainsFunc(f.tokens, func(t authority.Token) bool { return t.User != f.Reader.ID })
}

func errUnknown() error {
	return fault.New(fault.NotFound, "not_found", "There is no such link any more, or it is not whole: open it as the mail has it, to its end.")
}

func gone(code, message string) error { return fault.New(fault.Gone, code, message) }
