package factor

import (
	"bytes"
	"context"
	"fmt"
	"slices"
	"time"

	"keyfob/internal/account"
	"keyfob/internal/table"
	"keyfob/internal/table/key"
	"keyfob/internal/token"
)

// A Record is a user's factors.
type Record struct {
	Account string // acc_…
	User    string // usr_…

	TOTP     time.Time // when an authenticator app was enrolled; zero where none is
	Email    time.Time // when codes by mail were
	Passkeys []Key

	sealed  []byte // the app's seed
	last    int64  // the step of the last code that was taken
	codes   []code // recovery codes that were not used yet
	version int64  // 0 where there is no record
}

// A Key is a passkey: the public half of what an authenticator keeps.
type Key struct {
	ID       string // psk_…
	Name     string // that the person gave it
	Enrolled time.Time
	LastUsed time.Time // zero for never
	Site     string    // the id of the site that it works for

	Credential []byte // its id with its authenticator
	Stored     []byte // all else that Passkeys keeps of it
}

// MaxPasskeys bounds a user's passkeys.
const MaxPasskeys = 10

// Names lists the kinds that can unlock the sessions of u, whose factors they are: what is enrolled, and recovery codes where
// any are left. Codes by mail are not among them while u.Mailed.
func (r Record) Names(u account.User) []Name {
	names := r.enrolled()
	enrolled := len(names) > 0
	if u.Mailed {
		names = slices.DeleteFunc(names, func(n Name) bool { return n == Email })
	}
	if enrolled && len(r.codes) > 0 {
		names = append(names, Recovery)
	}
	return names
}

// enrolled lists the kinds that are, without recovery codes.
func (r Record) enrolled() []Name {
	names := []Name{}
	for _, n := range []struct {
		name Name
		is   bool
	}{{TOTP, !r.TOTP.IsZero()}, {Email, !r.Email.IsZero()}, {Passkey, len(r.Passkeys) > 0}} {
		if n.is {
			names = append(names, n.name)
		}
	}
	return names
}

// has reports whether the kind is enrolled.
func (r Record) has(n Name) bool { return slices.Contains(r.enrolled(), n) }

// RecoveryCodes counts those that were not used yet.
func (r Record) RecoveryCodes() int { return len(r.codes) }

// Of reads the factors of a user.
func (f *Factors) Of(ctx context.Context, user string) (Record, error) {
	items, err := f.Table.Get(ctx, key.Factors(user).Key())
	if err != nil {
		return Record{}, err
	}
	return FromItem(items[0])
}

// Forget gives what takes all factors away from a user who has lost them, or is gone: the user to be committed, by
// user.Replace, and the operation to be committed with that. Whoever commits runs a standing.Carrier afterwards.
func Forget(u account.User) (account.User, table.Op) {
	u.Factors, u.Mailed, u.Behind = false, false, true
	return u, table.Delete(key.Factors(u.ID).Key(), table.Anything())
}

func (r Record) key() table.Key { return key.Factors(r.User).Key() }

// check gives the condition that the record is as it was read.
func (r Record) check() table.Op {
	if r.version == 0 {
		return table.Check(r.key(), table.Absent())
	}
	return table.Check(r.key(), table.VersionIs(r.version))
}

// put gives the operation that writes r in the place of what was read; where no factor is left, the record goes.
func (r Record) put() table.Op {
	switch {
	case len(r.enrolled()) == 0:
		return table.Delete(r.key(), table.VersionIs(r.version))
	case r.version == 0:
		return table.Create(r.item())
	}
	return table.Replace(r.item(), r.version)
}

func (r Record) item() table.Item {
	k := r.key()
	it := table.Item{table.AttrPK: table.S(k.PK), table.AttrSK: table.S(k.SK), "account": table.S(r.Account), "user": table.S(r.User)}
	if !r.TOTP.IsZero() {
		it["totp"] = table.Item{"enrolled": table.N(r.TOTP.UnixMilli()), "sealed": table.B(r.sealed), "last": table.N(r.last)}
	}
	if !r.Email.IsZero() {
		it["email"] = table.Item{"enrolled": table.N(r.Email.UnixMilli())}
	}
	codes, keys := make(table.L, len(r.codes)), make(table.L, len(r.Passkeys))
	for i, c := range r.codes {
		codes[i] = table.B(c[:])
	}
	for i, p := range r.Passkeys {
		key := table.Item{
			"id": table.S(p.ID), "name": table.S(p.Name), "enrolled": table.N(p.Enrolled.UnixMilli()), "site": table.S(p.Site),
			"credential": table.B(p.Credential), "stored": table.B(p.Stored),
		}
		if !p.LastUsed.IsZero() {
			key["used"] = table.N(p.LastUsed.UnixMilli())
		}
		keys[i] = key
	}
	it["codes"], it["passkeys"] = codes, keys
	return it
}

// FromItem reads a user's factors from their record, nil for none.
func FromItem(it table.Item) (Record, error) {
	if it == nil {
		return Record{}, nil
	}
	r := Record{Account: it.String("account"), User: it.String("user"), version: it.Version()}
	if app := it.Map("totp"); app != nil {
		r.TOTP, r.sealed, r.last = instant(app, "enrolled"), app.Bytes("sealed"), app.Int("last")
	}
	r.Email = instant(it.Map("email"), "enrolled")
	for _, v := range it.List("codes") {
		b, _ := v.(table.B)
		c, ok := codeFrom(b)
		if !ok {
			return Record{}, errRecord
		}
		r.codes = append(r.codes, c)
	}
	for _, v := range it.List("passkeys") {
		p, _ := v.(table.Item)
		r.Passkeys = append(r.Passkeys, Key{
			ID: p.String("id"), Name: p.String("name"), Enrolled: instant(p, "enrolled"), LastUsed: instant(p, "used"), Site: p.String("site"),
			Credential: p.Bytes("credential"), Stored: p.Bytes("stored"),
		})
	}
	if r.Account == "" || r.User == "" {
		return Record{}, errRecord
	}
	return r, nil
}

var errRecord = fmt.Errorf("factor: a record of factors is damaged")

// instant reads a time, zero where there is none.
func instant(it table.Item, name string) time.Time {
	if ms := it.Int(name); ms != 0 {
		return time.UnixMilli(ms).UTC()
	}
	return time.Time{}
}

// newKeyID makes the public name of a passkey.
func newKeyID() string { return token.NewName("psk_") }

// knows reports whether a passkey of the same credential is enrolled.
func (r Record) knows(k Key) bool {
	return slices.ContainsFunc(r.Passkeys, func(o Key) bool { return bytes.Equal(o.Credential, k.Credential) })
}
