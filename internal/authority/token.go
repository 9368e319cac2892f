package authority

import (
	"errors"
	"strings"
	"time"

	"keyfob/internal/audit"
	"keyfob/internal/purge"
	"keyfob/internal/scope"
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
	Role        scope.Role    // the creator's, kept in step with it
	Issuers     scope.Issuers // the account's policy, likewise
	Life        purge.Life
	Created     time.Time
	Revoked     time.Time // zero where it is not
	Version     int64
}

// Handle gives the token's public name.
func (t Token) Handle() string { return t.ID.Handle(token.API) }

// Subject names the token in audit events.
func (t Token) Subject() audit.Subject {
	return audit.Subject{Kind: "token", ID: t.Handle(), Name: t.Name}
}

// tombstoneLife is how long the record of a revoked token stays to tell a second revocation from a stranger's, unless
// it is due for purging earlier.
const tombstoneLife = 30 * 24 * time.Hour

func (t Token) item() table.Item {
	k := key.Token(t.ID.String()).Key()
	it := table.Item{
		table.AttrPK: table.S(k.PK), table.AttrSK: table.S(k.SK),
		"account": table.S(t.Account), "user": table.S(t.User), "name": table.S(t.Name), "description": table.S(t.Description),
		"digest": table.B(t.Digest.Bytes()), "scope": table.S(t.Scope.String()), "role": table.S(t.Role), "issuers": table.S(t.Issuers),
		"created": table.N(t.Created.UnixMilli()),
	}
	setTime(it, "expires", t.Life.ExpiresAt)
	setTime(it, "revoked", t.Revoked)
	purgeAt := t.Life.PurgeAt
	if !t.Revoked.IsZero() {
		if end := t.Revoked.Add(tombstoneLife); purgeAt.IsZero() || end.Before(purgeAt) {
			purgeAt = end
		}
	}
	setTime(it, table.AttrPurgeAt, purgeAt)
	return it
}

// pointers gives the token's places in the lists.
func (t Token) pointers() [2]table.Key {
	return [2]table.Key{
		key.AccountToken{Account: t.Account, Created: t.Created, ID: t.ID.String()}.Key(),
		key.UserToken{User: t.User, Created: t.Created, ID: t.ID.String()}.Key(),
	}
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
	return Token{
		ID: id, Account: it.String("account"), User: it.String("user"), Name: it.String("name"), Description: it.String("description"),
		Digest: digest, Scope: s, Role: scope.Role(it.String("role")), Issuers: scope.Issuers(it.String("issuers")),
		Life:    purge.Life{ExpiresAt: getTime(it, "expires"), PurgeAt: getTime(it, table.AttrPurgeAt)},
		Created: time.UnixMilli(it.Int("created")).UTC(), Revoked: getTime(it, "revoked"), Version: it.Version(),
	}, nil
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
func (t Token) visible(now time.Time) bool { return t.Revoked.IsZero() && !t.Life.Purged(now) }
