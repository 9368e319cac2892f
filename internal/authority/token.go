package authority

import (
	"errors"
	"strings"
	"time"

	"keyfob/internal/audit"
	"keyfob/internal/purge"
	"keyfob/internal/scope"
	"keyfob/internal/standing"
	"keyfob/internal/table"
	"keyfob/internal/table/key"
	"keyfob/internal/token"
)

// A Token is an API token's record. It holds all that a decision about the token needs, so that a validation reads
// nothing else; whoever changes a role or a policy pays by updating it (P2).
type Token struct {
	ID          token.ID
	Account     string // acc_…
	User        string // usr_…, who made it
	Name        string
	Description string
	Digest      token.Digest
	Scope       scope.Scope
	Standing    standing.Standing // the creator's, kept in step
	Life        purge.Life
	Created     time.Time
	Revoked     time.Time // zero where it is not
	Foreign     string    // the id under which another system issued it; empty for a token of ours
	Sealed      []byte    // the credential under the key ring's key, where it was made to be revealable

	Predecessor token.ID  // that it took the place of; zero for none
	Successor   token.ID  // that took its place; zero where it was not rotated
	RotatedOut  time.Time // refused from this instant on because of that; zero where it was not rotated
	NoOverlap   bool      // refused because of that whatever the clock says

	LastUsed   time.Time // to within five minutes; zero where it never was
	Reused     time.Time // when it first raised an alarm, within an hour, because it was presented after it was rotated out
	ReusedFrom []string  // the networks that it did so from within that hour
	Networks   []Network // that it was used from, oldest first

	Look    time.Time // when the agenda looks at its purge, where the store is late with that; else zero
	LifeSet int64     // the edition in which its life was last set; 0 for a token from before there were reminders
	Edition int64     // counts its changes by people: 1 when made, one more at each edit, rotation and revocation
	Version int64     // counts all changes of the record
}

// Handle gives the token's public name.
func (t Token) Handle() string { return t.ID.Handle(token.API) }

// Subject names the token in audit events.
func (t Token) Subject() audit.Subject {
	return audit.Subject{Kind: "token", ID: t.Handle(), Name: t.Name, User: t.User}
}

// key gives the key of the token's record.
func (t Token) key() table.Key { return key.Token(t.ID.String()).Key() }

// tombstoneLife is how long the record of a token that was revoked or rotated out stays, unless it is due for purging
// earlier: to tell a second revocation from a stranger's, and to recognise the old token if it is used again.
const tombstoneLife = 30 * 24 * time.Hour

func (t Token) item() table.Item {
	k := t.key()
	it := table.Item{
		table.AttrPK: table.S(k.PK), table.AttrSK: table.S(k.SK),
		"account": table.S(t.Account), "user": table.S(t.User), "name": table.S(t.Name), "description": table.S(t.Description),
		"digest": table.B(t.Digest.Bytes()), "scope": table.S(t.Scope.String()),
		"created": table.N(t.Created.UnixMilli()), "edition": table.N(t.Edition),
	}
	t.Standing.Put(it)
	setTime(it, "expires", t.Life.ExpiresAt)
	setTime(it, "revoked", t.Revoked)
	setTime(it, "rotatedOut", t.RotatedOut)
	if t.NoOverlap {
		it["noOverlap"] = table.Bool(true)
	}
	setTime(it, "lifeEnd", t.Life.PurgeAt)
	setTime(it, table.AttrPurgeAt, t.recordEnds())
	setText(it, "auto", t.Life.Auto)
	setText(it, "foreign", t.Foreign)
	setText(it, "predecessor", t.Predecessor.String())
	setText(it, "successor", t.Successor.String())
	setTime(it, "look", t.Look)
	if t.LifeSet != 0 {
		it["lifeSet"] = table.N(t.LifeSet)
	}
	if t.Life.For != 0 {
		it["for"] = table.N(t.Life.For / time.Second)
	}
	if len(t.Sealed) > 0 {
		it["sealed"] = table.B(t.Sealed)
	}
	t.putUse(it)
	return it
}

// listed gives the time from which the token is no longer to be found, if it is not revoked before; zero is never.
func (t Token) listed() time.Time {
	if t.RotatedOut.IsZero() {
		return t.Life.PurgeAt
	}
	return earlier(t.Life.PurgeAt, t.RotatedOut.Add(tombstoneLife))
}

// recordEnds gives the time from which the store may delete the record; zero is never. The record of a token that came
// from elsewhere stays when it has ended here, since another import of the same list would bring it to life again.
func (t Token) recordEnds() time.Time {
	switch {
	case t.Foreign != "" && (!t.Revoked.IsZero() || !t.RotatedOut.IsZero()):
		return time.Time{}
	case !t.Revoked.IsZero():
		return earlier(t.listed(), t.Revoked.Add(tombstoneLife))
	}
	return t.listed()
}

// earlier gives the earlier of two times, of which a may be zero for never.
func earlier(a, b time.Time) time.Time {
	if a.IsZero() || b.Before(a) {
		return b
	}
	return a
}

// pointers gives the token's places in the lists.
func (t Token) pointers() [2]table.Key {
	return [2]table.Key{
		key.AccountToken{Account: t.Account, Created: t.Created, ID: t.ID.String()}.Key(),
		key.UserToken{User: t.User, Created: t.Created, ID: t.ID.String()}.Key(),
	}
}

// pointerItems gives the items at the token's places in the lists.
func (t Token) pointerItems() [2]table.Item {
	var items [2]table.Item
	for i, k := range t.pointers() {
		items[i] = table.Item{table.AttrPK: table.S(k.PK), table.AttrSK: table.S(k.SK)}
		setTime(items[i], table.AttrPurgeAt, t.listed())
		if !t.Successor.IsZero() {
			items[i]["replaced"] = table.Bool(true) // it no longer counts
		}
	}
	return items
}

var errRecord = errors.New("authority: a token's record is damaged")

func tokenFrom(it table.Item) (Token, error) {
	id, err := token.ParseID(strings.TrimPrefix(it.String(table.AttrPK), key.PrefixToken))
	if err != nil {
		return Token{}, errRecord
	}
	digest, err := token.DigestFrom(it.Bytes("digest"))
	if err != nil {
		return Token{}, errRecord
	}
	s, err := scope.Parse(it.String("scope"))
	if err != nil {
		return Token{}, errRecord
	}
	t := Token{
		ID: id, Account: it.String("account"), User: it.String("user"), Name: it.String("name"), Description: it.String("description"),
		Digest: digest, Scope: s, Standing: standing.From(it), Foreign: it.String("foreign"), Sealed: it.Bytes("sealed"),
		Life: purge.Life{
			ExpiresAt: getTime(it, "expires"), PurgeAt: getTime(it, "lifeEnd"), Auto: it.String("auto"), For: time.Duration(it.Int("for")) * time.Second,
		},
		Created: time.UnixMilli(it.Int("created")).UTC(), Revoked: getTime(it, "revoked"), RotatedOut: getTime(it, "rotatedOut"), NoOverlap: it.Bool("noOverlap"),
		Look: getTime(it, "look"), LifeSet: it.Int("lifeSet"), Edition: it.Int("edition"), Version: it.Version(),
	}
	if t.Life.PurgeAt.IsZero() && t.Revoked.IsZero() && t.RotatedOut.IsZero() {
		t.Life.PurgeAt = getTime(it, table.AttrPurgeAt) // a record from before the two were told apart
	}
	if t.Predecessor, err = optionalID(it.String("predecessor")); err != nil {
		return Token{}, errRecord
	}
	if t.Successor, err = optionalID(it.String("successor")); err != nil {
		return Token{}, errRecord
	}
	t.getUse(it)
	return t, nil
}

func optionalID(s string) (token.ID, error) {
	if s == "" {
		return token.ID{}, nil
	}
	return token.ParseID(s)
}

func setText(it table.Item, name, s string) {
	if s != "" {
		it[name] = table.S(s)
	}
}

func setTime(it table.Item, name string, t time.Time) {
	if !t.IsZero() {
		it[name] = table.N(t.Unix())
	}
}

func getTime(it table.Item, name string) time.Time {
	if n := it.Int(name); n != 0 {
		return time.Unix(n, 0).UTC()
	}
	return time.Time{}
}

// visible reports whether the token is to be found in lists and by its handle: not revoked, not due for purging.
func (t Token) visible(now time.Time) bool {
	end := t.listed()
	return t.Revoked.IsZero() && (end.IsZero() || now.Before(end))
}

// Status says how things stand with the token: active, expired, rotated (its overlap is over) or suspended (the user or
// the account behind it may not act).
func (t Token) Status(now time.Time) string {
	switch t.denial(now) {
	case Rotated:
		return "rotated"
	case Ended:
		return "suspended"
	case Expired:
		return "expired"
	}
	return "active"
}

// Ends gives the instant from which the credential is refused by the clock; zero is never.
func (t Token) Ends() time.Time {
	if t.RotatedOut.IsZero() {
		return t.Life.ExpiresAt
	}
	return earlier(t.Life.ExpiresAt, t.RotatedOut)
}

// denial says why the token is refused, whoever presents it; None where it is not.
func (t Token) denial(now time.Time) Denial {
	switch {
	case !t.Revoked.IsZero():
		return Revoked
	case t.NoOverlap || !t.RotatedOut.IsZero() && !now.Before(t.RotatedOut):
		return Rotated
	case t.Standing.Ended():
		return Ended
	case t.Life.Expired(now) || t.Life.Purged(now):
		return Expired
	}
	return None
}
