package passwords

import (
	"context"
	"errors"
	"slices"
	"time"
	"unicode/utf8"

	"keyfob/internal/account"
	"keyfob/internal/agenda"
	"keyfob/internal/audit"
	"keyfob/internal/fault"
	"keyfob/internal/link"
	"keyfob/internal/table"
	"keyfob/internal/table/key"
	"keyfob/internal/throttle"
	"keyfob/internal/token"
)

// RequestReset notes that somebody has forgotten the password of a login name, in one tenant or in all that it belongs to.
// That is all it does, whoever it may be: ServeReset finds out later, when the stream or the agenda brings the request. Errors: Invalid names the field; TooMany says when to
// try again.
func (p *Passwords) RequestReset(ctx context.Context, name, tenant string, via string, from audit.Origin) error {
	switch {
	case name == "":
		return fault.Bad("name", "required", "name is required.")
	case len(name) > account.MaxEmail || !utf8.ValidString(name):
		return fault.Bad("name", "too_long", "name is an e-mail address of at most 254 bytes.")
	case len(tenant) > account.MaxEmail || !utf8.ValidString(tenant):
		return fault.Bad("tenant", "too_long", "tenant is the id of an account.")
	}
	// Every request counts as a failure would: nobody needs many.
	ticket, err := p.Throttle.AllowReset(ctx, name, from.IP)
	if err != nil {
		return err
	}
	if err := p.Throttle.Failed(ctx, ticket); err != nil {
		return err
	}
	noted := audit.New(audit.PasswordRequested, p.Now(), "", audit.Actor{Via: via}, from, audit.Subject{}) // for its bounds
	id := token.NewName("")
	k := key.ResetRequest(id).Key()
	look := agenda.Entry{Due: noted.At.Add(audit.Grace), Kind: agenda.Reset, Ref: id}
	return p.Table.Commit(ctx, look.Add(), table.Create(table.Item{
		table.AttrPK: table.S(k.PK), table.AttrSK: table.S(k.SK), table.AttrPurgeAt: table.N(noted.At.Add(link.Reset.Life()).Unix()),
		"name": table.S(name), "tenant": table.S(tenant), "at": table.N(noted.At.UnixMilli()), "via": table.S(via),
		"ip": table.S(noted.Origin.IP), "agent": table.S(noted.Origin.UserAgent), "request": table.S(noted.Origin.RequestID),
	}))
}

// ServeReset issues the links that a noted request asks for: to each active user of the login name who has a password, in an
// active account, unless one was issued less than link.Pause ago or they have been sent too many. It takes the request as the stream tells of it and may be
// called any number of times with the same: once served, it is gone from the table.
func (p *Passwords) ServeReset(ctx context.Context, request table.Item) error {
	now := p.Now()
	if now.Sub(time.UnixMilli(request.Int("at"))) >= link.Reset.Life() {
		return nil // nobody waits for this mail any more
	}
	logins, err := p.accounts().Logins(ctx, request.String("name"))
	if err != nil {
		return err
	}
	if tenant := request.String("tenant"); tenant != "" {
		logins = slices.DeleteFunc(logins, func(l key.User) bool { return l.Account != tenant })
	}
	// As many as go into one commit at a time; the last of them takes the request away, and before that each depends on it.
	for chunk := range slices.Chunk(append(logins, key.User{}), perCommit) {
		last := chunk[len(chunk)-1] == key.User{}
		err := table.Again(ctx, table.Patient, func() error { return p.serve(ctx, request, now, chunk, last) })
		if err != nil {
			return err
		}
	}
	return nil
}

// perCommit is how many users are served with one commit: each takes a link, an event, a look at the user, and a part of what
// they may be mailed.
const perCommit = (table.MaxCommit - 1) / (audit.MostOps + 3)

// Reset is the agenda.See of agenda.Reset: it serves a request that the stream has not brought.
func (p *Passwords) Reset(ctx context.Context, entry agenda.Entry) (agenda.Verdict, error) {
	items, err := p.Table.Get(ctx, key.ResetRequest(entry.Ref).Key())
	if err != nil || items[0] == nil {
		return agenda.Verdict{}, err
	}
	return agenda.Verdict{}, p.ServeReset(ctx, items[0])
}

func (p *Passwords) serve(ctx context.Context, request table.Item, now time.Time, logins []key.User, last bool) error {
	taken := table.Check(request.Key(), table.Present())
	if last {
		taken = table.Delete(request.Key(), table.Present())
	}
	ops := []table.Op{taken}
	for _, l := range logins {
		more, err := p.reset(ctx, request, now, l)
		if err != nil {
			return err
		}
		ops = append(ops, more...)
	}
	err := p.Table.Commit(ctx, ops...)
	if c, ok := conflict(err); ok && c.Index == 0 {
		return nil // served before
	}
	return err
}

// reset gives the operations that issue the user's link; none where the user gets none.
func (p *Passwords) reset(ctx context.Context, request table.Item, now time.Time, l key.User) ([]table.Op, error) {
	if l.User == "" {
		return nil, nil
	}
	acc, u, err := p.accounts().WithUser(ctx, l.Account, l.User)
	if fault.Is(err, fault.NotFound) || err == nil && (acc.Status != account.Active || u.Status != account.Active || u.PasswordHash == "") {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	put, err := p.Links.IssueAnew(ctx, u.Account, u.ID, link.Reset, now)
	if fault.Is(err, fault.TooMany) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	spent, err := p.Throttle.Spending(ctx, throttle.ResetsOf(u.ID))
	if fault.Is(err, fault.TooMany) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	from := audit.Origin{IP: request.String("ip"), UserAgent: request.String("agent"), RequestID: request.String("request")}
	e := audit.New(audit.PasswordRequested, now, u.Account, audit.Actor{Via: request.String("via")}, from, subject(u))
	return append(append(e.Ops(), spent...), put, table.Check(u.Key(), table.VersionIs(u.Version))), nil
}

func conflict(err error) (*table.Conflict, bool) { return errors.AsType[*table.Conflict](err) }
