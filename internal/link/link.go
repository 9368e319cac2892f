// Package link is what a mail carries for its reader to set a password with: the invitation of somebody who has none yet,
// and the way back of somebody who forgot theirs.
//
// It promises that a link works once, for one user, until it ends, and only as long as the account is active and the user
// is what it was issued for; that of a user's links the last that was issued is the only one that works, but for the resets
// that anybody may ask for: each of those works until its own end, or a stranger could end the one that the person is about to
// use; that the first use ends them all; that nothing of a link but digests is kept, since its secret is made when the mail is sent; and that everything else that somebody may
// present, be it damaged, unknown, used, ended, withdrawn or another deployment's, is refused with the same words.
//
// It sets no passwords (package passwords does), sends no mail (package notice does), and does not say who may be invited
// (packages people and operator do).
package link

import (
	"context"
	"errors"
	"maps"
	"slices"
	"strings"
	"time"

	"keyfob/internal/account"
	"keyfob/internal/audit"
	"keyfob/internal/fault"
	"keyfob/internal/notice"
	"keyfob/internal/table"
	"keyfob/internal/table/key"
	"keyfob/internal/token"
)

// Links issues and finds links.
type Links struct {
	Table table.Table
	Now   func() time.Time
	Form  token.Form
	URL   string // where people reach the dashboard, without a slash at the end
}

// A Purpose is what a link is for.
type Purpose string

// The purposes.
const (
	Invitation Purpose = "invitation" // of a user who has not set a password yet
	Reset      Purpose = "reset"      // of a password that was forgotten
)

// Life is how long a link of the purpose works.
func (p Purpose) Life() time.Duration {
	if p == Invitation {
		return 7 * 24 * time.Hour
	}
	return 15 * time.Minute
}

// status is what a user has to be for a link of the purpose to work.
func (p Purpose) status() account.Status {
	if p == Invitation {
		return account.Invited
	}
	return account.Active
}

// Pause is how long after a link IssueAnew issues no other one of its purpose.
const Pause = time.Minute

// maxSecrets bounds how many secrets one link has: one for each mail that was tried and each answer to an operator. Resets are
// mailed so seldom (throttle.ResetsOf) that none is pushed out before it ends.
const maxSecrets = 16

// A Record is what is kept of a user's link.
type Record struct {
	Account string // acc_…
	User    string // usr_…
	Purpose Purpose
	Issued  time.Time
	Expires time.Time // of the last that was issued: refused from this instant on

	secrets []secret
	version int64
}

// A secret is what is kept of one text of a link.
type secret struct {
	digest token.Digest
	until  time.Time // refused from this instant on
}

// Issue gives the operation that issues a link to a user of the account and so ends the user's former one. Commit it with
// its event, audit.UserInvited or audit.PasswordRequested, of the same time or a later one: a mail is owed only for the
// event of the last link. A commit that somebody else's link got ahead of ends in a *table.Conflict.
func (l *Links) Issue(ctx context.Context, acc, user string, p Purpose, now time.Time) (table.Op, error) {
	former, err := l.Get(ctx, user)
	if err != nil {
		return table.Op{}, err
	}
	return issue(former, acc, user, p, now), nil
}

// IssueAnew is Issue for whoever asks for another one: it refuses with a fault of kind TooMany where a link of the purpose
// was issued less than Pause ago, and leaves the user's former resets good until they end.
func (l *Links) IssueAnew(ctx context.Context, acc, user string, p Purpose, now time.Time) (table.Op, error) {
	former, err := l.Get(ctx, user)
	if err != nil {
		return table.Op{}, err
	}
	if wait := former.Issued.Add(Pause).Sub(now); former.Purpose == p && wait > 0 {
		return table.Op{}, fault.Slow((min(wait, Pause) + time.Second - 1).Truncate(time.Second))
	}
	op := issue(former, acc, user, p, now)
	if former.Purpose == Reset && p == Reset {
		former.secrets = slices.DeleteFunc(former.secrets, func(s secret) bool { return !now.Before(s.until) })
		op.Item[attrSecrets] = former.item()[attrSecrets]
	}
	return op, nil
}

// First gives the operation that issues the first link of a user who is made in the same commit.
func First(acc, user string, p Purpose, now time.Time) table.Op {
	return issue(Record{}, acc, user, p, now)
}

func issue(former Record, acc, user string, p Purpose, now time.Time) table.Op {
	now = now.UTC().Truncate(time.Millisecond)
	it := Record{Account: acc, User: user, Purpose: p, Issued: now, Expires: now.Add(p.Life()).Truncate(time.Second)}.item()
	if former.version == 0 {
		return table.Create(it)
	}
	return table.Replace(it, former.version)
}

// Withdraw gives the operation that ends the user's link if there is one.
func Withdraw(user string) table.Op { return table.Delete(key.Link(user).Key(), table.Anything()) }

// Get gives the user's record; the zero one where there is none. One that has ended may still be there.
func (l *Links) Get(ctx context.Context, user string) (Record, error) {
	items, err := l.Table.Get(ctx, key.Link(user).Key())
	if err != nil || items[0] == nil {
		return Record{}, err
	}
	return fromItem(items[0])
}

// Minted gives an operation of First or Issue with a secret in it already, and the link as its reader gets it: for who is
// shown it in the answer, and not in a mail.
func (l *Links) Minted(op table.Op) (table.Op, notice.Enclosure, error) {
	r, err := fromItem(op.Item)
	if err != nil {
		return table.Op{}, notice.Enclosure{}, err
	}
	enclosed, err := l.mint(&r)
	if err != nil {
		return table.Op{}, notice.Enclosure{}, err
	}
	op.Item = maps.Clone(op.Item)
	op.Item[attrSecrets] = r.item()[attrSecrets]
	return op, enclosed, nil
}

// Enclose is the notice.Encloser of audit.UserInvited and audit.PasswordRequested. Nothing is owed where the link has
// ended, was used, or another one has been issued since: that has an event of its own.
func (l *Links) Enclose(ctx context.Context, e audit.Event) (enclosed notice.Enclosure, owed bool, err error) {
	purpose := Reset
	if e.Type == audit.UserInvited {
		purpose = Invitation
	}
	err = table.Again(ctx, table.Patient, func() error {
		r, err := l.Get(ctx, e.Subject.ID)
		owed = err == nil && r.Purpose == purpose && l.Now().Before(r.Expires) && !e.At.Before(r.Issued)
		if !owed {
			return err
		}
		if enclosed, err = l.mint(&r); err != nil {
			return err
		}
		return l.Table.Commit(ctx, table.Replace(r.item(), r.version))
	})
	if err != nil || !owed {
		return notice.Enclosure{}, false, err
	}
	return enclosed, true, nil
}

// mint adds a secret to the record, in the place of the oldest one where there would be too many.
func (l *Links) mint(r *Record) (notice.Enclosure, error) {
	id, err := token.ParseID(strings.TrimPrefix(r.User, prefix))
	if err != nil {
		return notice.Enclosure{}, errRecord
	}
	c := l.Form.NewOf(token.Link, id)
	r.secrets = append(r.secrets, secret{c.Digest(), r.Expires})
	r.secrets = r.secrets[max(0, len(r.secrets)-maxSecrets):]
	// Behind the #, which no browser sends: no log of any server has it.
	return notice.Enclosure{Link: l.URL + "/password#" + c.Plaintext().Reveal(), Until: r.Expires}, nil
}

// prefix is what a user's id begins with; the rest is the link's.
const prefix = "usr_"

// A Found link may be used now.
type Found struct {
	Purpose Purpose
	Account account.Account
	User    account.User
	version int64
}

// Use gives the operation that ends the link. Commit it with what it is used for, and with the user's record on its
// version; a *table.Conflict says that the link may be another by now, or none.
func (f Found) Use() table.Op {
	return table.Delete(key.Link(f.User.ID).Key(), table.VersionIs(f.version))
}

// Find gives the link that the text is. Every other text is refused with the one error of kind Unprocessable; what is
// not even well formed, without asking the table.
func (l *Links) Find(ctx context.Context, text string) (Found, error) {
	c, err := l.Form.Parse(text)
	if err != nil || c.Kind() != token.Link {
		return Found{}, errEnded()
	}
	r, err := l.Get(ctx, prefix+c.ID().String())
	if err != nil {
		return Found{}, err
	}
	if !l.Now().Before(r.ends(c)) {
		return Found{}, errEnded()
	}
	acc, user, err := (&account.Accounts{Table: l.Table}).WithUser(ctx, r.Account, r.User)
	if fault.Is(err, fault.NotFound) || err == nil && (acc.Status != account.Active || user.Status != r.Purpose.status()) {
		return Found{}, errEnded()
	}
	if err != nil {
		return Found{}, err
	}
	return Found{Purpose: r.Purpose, Account: acc, User: user, version: r.version}, nil
}

func errEnded() error {
	return fault.Refused("link", "link_ended", "This link does not work any more. Ask for another one.")
}

// has reports whether the credential is one of the link's.
func (r Record) has(c token.Credential) bool { return !r.ends(c).IsZero() }

// ends gives when the credential ends; the zero time where it is none of the link's.
func (r Record) ends(c token.Credential) (until time.Time) {
	digest := c.Digest()
	for i := range r.secrets {
		if r.secrets[i].digest.Equal(&digest) {
			until = r.secrets[i].until
		}
	}
	return until
}

const attrSecrets = "secrets"

func (r Record) item() table.Item {
	k := key.Link(r.User).Key()
	it := table.Item{
		table.AttrPK: table.S(k.PK), table.AttrSK: table.S(k.SK), table.AttrPurgeAt: table.N(r.Expires.Unix()),
		"account": table.S(r.Account), "purpose": table.S(r.Purpose), "issued": table.N(r.Issued.UnixMilli()), "expires": table.N(r.Expires.Unix()),
	}
	secrets := make(table.L, len(r.secrets))
	for i := range r.secrets {
		secrets[i] = table.Item{"digest": table.B(r.secrets[i].digest.Bytes()), "until": table.N(r.secrets[i].until.Unix())}
	}
	it[attrSecrets] = secrets
	return it
}

var errRecord = errors.New("link: a link's record is damaged")

func fromItem(it table.Item) (Record, error) {
	r := Record{
		Account: it.String("account"), User: strings.TrimPrefix(it.String(table.AttrPK), key.PrefixLink), Purpose: Purpose(it.String("purpose")),
		Issued: time.UnixMilli(it.Int("issued")).UTC(), Expires: time.Unix(it.Int("expires"), 0).UTC(), version: it.Version(),
	}
	if r.Purpose != Invitation && r.Purpose != Reset {
		return Record{}, errRecord
	}
	for _, v := range it.List(attrSecrets) {
		s, _ := v.(table.Item)
		d, err := token.DigestFrom(s.Bytes("digest"))
		if err != nil {
			return Record{}, errRecord
		}
		r.secrets = append(r.secrets, secret{d, time.Unix(s.Int("until"), 0).UTC()})
	}
	return r, nil
}
