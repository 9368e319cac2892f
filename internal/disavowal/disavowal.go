// Package disavowal is the link in a mail with which its reader says that it was not them, and ends the credential that the
// mail is about, or all their sessions.
//
// It promises that
//   - a link ends what its mail names and nothing else, once, within seven days, and only for as long as whoever it was
//     mailed to may end that themselves;
//   - what a link ends is ended, recorded and the link used up in one commit, so that of two who use it at the same time one
//     ends it; where it is all of somebody's sessions, the link is used up when none of them is left;
//   - finding a link changes nothing: whoever merely opens it, as programs that look through mail do, ends nothing;
//   - nothing of a link but its digest is kept, since it is made when the mail is sent;
//   - what is unknown, damaged, another deployment's or long over is refused with the same words.
//
// It sends no mail and decides about none (package notice does), and does not say which tokens there are (package authority
// does).
package disavowal

import (
	"context"
	"slices"
	"time"

	"keyfob/internal/account"
	"keyfob/internal/audit"
	"keyfob/internal/authority"
	"keyfob/internal/session"
	"keyfob/internal/table"
	"keyfob/internal/token"
)

// Life is how long a link works.
const Life = 7 * 24 * time.Hour

// keep is how long it is remembered after that, so that whoever comes late is told so.
const keep = 7 * 24 * time.Hour

// Disavowals makes links, finds them and does what they are for.
type Disavowals struct {
	Table table.Table
	Now   func() time.Time
	Form  token.Form
	URL   string // where people reach the API's pages, without a slash at the end; empty where no mail has a link
}

// A Kind is what a link ends.
type Kind string

// The kinds.
const (
	Tokens   Kind = "tokens"   // those that the event is about, and what they have been rotated to since
	Sessions Kind = "sessions" // all of the reader's
)

// Offered tells what the reader of a mail about the event may say was not them, and so end: the kind, and the ids of what it
// is, of which there is at least one. It reports false where there is nothing: what the event is about has ended with it, it
// is about somebody else, or it is none that a thief would cause.
func Offered(e audit.Event, reader string) (k Kind, ids []string, ok bool) {
	subjects := append([]audit.Subject{e.Subject}, e.Also...)
	switch e.Type {
	case audit.TokenCreated, audit.TokenEdited, audit.TokenRotated, audit.TokenRevealed, audit.TokenAccessed, audit.TokenReused:
		for _, s := range subjects {
			if s.Kind == "token" {
				ids = append(ids, s.ID)
			}
		}
		return Tokens, ids, len(ids) > 0
	// A session from a new network is ended with all the others: it may go on under another id once it is unlocked, and whoever
	// has the password may have begun more of them.
	case audit.SessionNovel, audit.PasswordChanged, audit.FactorEnrolled, audit.FactorRemoved, audit.CodesRenewed, audit.CodeUsed:
		if slices.ContainsFunc(subjects, func(s audit.Subject) bool { return s.Kind == "user" && s.ID == reader }) {
			return Sessions, []string{reader}, true
		}
	}
	return "", nil, false
}

// Mint gives the operations that make a link for a mail of the event to the reader, its URL and when it ends; none and an
// empty URL where the mail offers none. Commit them before the mail is sent. A mail that is tried again may have another.
func (d *Disavowals) Mint(_ context.Context, e audit.Event, to account.User) (ops []table.Op, url string, until time.Time, err error) {
	kind, ids, ok := Offered(e, to.ID)
	if !ok || d.URL == "" {
		return nil, "", time.Time{}, nil
	}
	c := d.Form.New(token.Disavowal)
	r := record{
		id: c.ID(), account: e.Account, reader: to.ID, event: e.ID, eventAt: e.At, about: e.Type, kind: kind, ids: ids,
		digest: c.Digest(), expires: d.Now().Add(Life).UTC().Truncate(time.Second),
	}
	// It stands in the path, where a page without any script can be asked for and sent back (docs/decisions/0023-disavowals.md).
	return []table.Op{table.Create(r.item())}, d.URL + "/disavow/" + c.Plaintext().Reveal(), r.expires, nil
}

func (d *Disavowals) authority() *authority.Authority {
	return &authority.Authority{Table: d.Table, Now: d.Now, Form: d.Form}
}

func (d *Disavowals) sessions() *session.Sessions {
	return &session.Sessions{Table: d.Table, Now: d.Now}
}
