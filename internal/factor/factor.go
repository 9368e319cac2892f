// Package factor is the second factors of a login: the codes of an authenticator app, codes by mail, passkeys, and the
// recovery codes that stand in for them.
//
// It promises that
//   - a code, a recovery code and a passkey's answer are each taken once, however many try at the same time and in however
//     many sessions (S6, S7);
//   - what unlocks a session was asked for and shown in that session, which ends when five were wrong, however they arrive;
//   - guessing is slowed down for a user and network, and codes that can be guessed for a user as a whole, but nobody can
//     thereby keep a person out who has a passkey or a recovery code (S4);
//   - enrolling and removing take a fresh login (S12), and a factor is in force for all of the user's sessions before it is
//     acknowledged;
//   - the last factor stays where the account asks for one;
//   - of the secrets only digests are stored, and an app's seed only sealed for its user (S14);
//   - each change commits with its audit event (P5).
//
// It checks no passwords (package login does) and sends no mails (package notice does, with the code that an Enclosure of
// this package makes). How passkeys are checked is told to it: see Passkeys.
package factor

import (
	"context"
	"time"

	"keyfob/internal/account"
	"keyfob/internal/audit"
	"keyfob/internal/authority"
	"keyfob/internal/fault"
	"keyfob/internal/keyring"
	"keyfob/internal/scope"
	"keyfob/internal/session"
	"keyfob/internal/standing"
	"keyfob/internal/table"
	"keyfob/internal/table/key"
	"keyfob/internal/throttle"
	"keyfob/internal/token"
)

// A Name is the name of a kind of factor.
type Name string

// The kinds. Recovery is no factor to be enrolled: its codes come with the first one.
const (
	TOTP     Name = "totp"
	Email    Name = "email"
	Passkey  Name = "passkey"
	Recovery Name = "recovery"
)

// Factors decides about second factors.
type Factors struct {
	Table    table.Table
	Now      func() time.Time
	Form     token.Form
	Keys     keyring.Ring // that seals the seeds of authenticator apps; nil where no codes of theirs are dealt with
	Passkeys Passkeys     // nil where none are dealt with
	Prover   Prover       // that checks passwords, for StepUp; else nil
}

// A Prover checks the password of the person behind a session: *login.Logins is one.
type Prover interface {
	// Prove gives the generation of the user's password that it found plain to be. The errors are a login's, but that a wrong
	// password is Unprocessable, of the field password.
	Prove(ctx context.Context, by authority.Principal, plain string, from audit.Origin) (generation int64, err error)
}

// An Act is who asks for something, how, from where, and by which site.
type Act struct {
	By   authority.Principal
	Via  string
	From audit.Origin
	Site Site
}

// A Site is where the browser of the person who asks has the service: the relying party of passkeys.
type Site struct {
	ID     string // its host: console.example.com
	Origin string // https://console.example.com
}

func (a Act) actor() audit.Actor {
	return audit.Actor{User: a.By.User, Credential: a.By.Handle(), Via: a.Via}
}

// A Grant is a session that may do more than before. Where it travels as a browser's cookie it has another id by then, and
// another credential, which is shown this once; else Credential is the zero one and the session keeps the one it has.
type Grant struct {
	Session    session.Session
	Credential token.Credential
}

// Renewed reports whether there is a new credential to hand out.
func (g Grant) Renewed() bool { return !g.Credential.ID().IsZero() }

// scene is all that a decision is about, as it was read in one round trip.
type scene struct {
	act        Act
	now        time.Time
	account    account.Account
	user       account.User
	session    session.Session // with the standing that account and user lend it now
	record     Record
	challenges map[Name]challenge // expired ones too: see pending
}

// scene reads. The error is of kind Forbidden for what is no session, and Unauthenticated for one that has ended.
func (f *Factors) scene(ctx context.Context, act Act) (scene, error) {
	if act.By.Kind != token.Session {
		return scene{}, fault.New(fault.Forbidden, string(scope.NeedsASession), scope.NeedsASession.Sentence())
	}
	id, asked := act.By.ID.String(), []Name{TOTP, Email, Passkey}
	keys := []table.Key{
		key.Account(act.By.Account).Key(), key.User{Account: act.By.Account, User: act.By.User}.Key(), key.Session(id).Key(), key.Factors(act.By.User).Key(),
	}
	for _, n := range asked {
		keys = append(keys, key.Challenge{Session: id, Factor: string(n)}.Key())
	}
	items, err := f.Table.Get(ctx, keys...)
	if err != nil {
		return scene{}, err
	}
	gone := func(err error) error { return fault.New(fault.Unauthenticated, "", "Unauthenticated.").Because(err) }
	s := scene{act: act, now: f.Now().UTC(), challenges: map[Name]challenge{}}
	s.account, s.user, err = account.FromItems(items[0], items[1])
	if fault.Is(err, fault.NotFound) || items[2] == nil {
		return scene{}, gone(err)
	}
	if err == nil {
		s.session, err = session.FromItem(items[2])
	}
	if err == nil {
		s.record, err = FromItem(items[3])
	}
	if err != nil {
		return scene{}, err
	}
	s.session.Standing = standing.Of(s.account, s.user)
	if s.session.Ended() || s.session.User != s.user.ID || !s.now.Before(s.session.Ends()) {
		return scene{}, gone(nil)
	}
	s.record.Account, s.record.User = s.account.ID, s.user.ID
	for i, n := range asked {
		s.challenges[n] = challengeFrom(items[4+i], id, n)
	}
	return s, nil
}

// resting puts before a commit's operations that account, user and factors are still as they were read, but for those
// that it writes itself on the same condition.
func (s scene) resting(ops ...table.Op) []table.Op {
	checks := []table.Op{
		table.Check(s.account.Key(), table.VersionIs(s.account.Version)), table.Check(s.user.Key(), table.VersionIs(s.user.Version)), s.record.check(),
	}
	for _, op := range ops {
		for i, check := range checks {
			if op.Key == check.Key {
				checks = append(checks[:i], checks[i+1:]...)
				break
			}
		}
	}
	return append(checks, ops...)
}

// cookie reports whether a browser holds the session.
func (s scene) cookie() bool {
	return s.act.By.Via == audit.ViaDashboard || s.session.Via == audit.ViaDashboard
}

// grant gives the operations that put the session, changed, in the place of what was read: under another id where a
// browser holds it.
func (f *Factors) grant(s scene, after session.Session) (Grant, []table.Op) {
	if !s.cookie() {
		op := after.Replace()
		after.Version++
		return Grant{Session: after}, []table.Op{op}
	}
	renewed, credential, ops := after.Renewed(f.Form)
	return Grant{renewed, credential}, ops
}

// event makes an event of the person whose factors they are.
func (s scene) event(t audit.Type, also ...audit.Subject) audit.Event {
	e := audit.New(t, s.now, s.account.ID, s.act.actor(), s.act.From, subject(s.user))
	e.Also = also
	return e
}

func subject(u account.User) audit.Subject {
	return audit.Subject{Kind: "user", ID: u.ID, Name: u.Name}
}

func (f *Factors) throttle() *throttle.Throttle {
	return &throttle.Throttle{Table: f.Table, Now: f.Now}
}

func (f *Factors) carrier() *standing.Carrier {
	return &standing.Carrier{Table: f.Table, Accounts: &account.Accounts{Table: f.Table}}
}

// fresh refuses a session whose login lies too far back (S12).
func (s scene) fresh() error {
	if s.now.After(s.act.By.Login.Add(authority.FreshLogin)) {
		return fault.New(fault.Forbidden, "fresh_login_required", "Changing second factors needs a login of the last five minutes.")
	}
	return nil
}

// open refuses a session that has to be unlocked first; and, unless it is about to enrol, one that has to enrol.
func (s scene) open(enrolling bool) error {
	switch lock := s.session.Lock(); {
	case lock == scope.Open, lock == scope.Enrol && enrolling:
		return nil
	case lock == scope.Enrol:
		return fault.New(fault.Forbidden, string(scope.NeedsFactor), scope.NeedsFactor.Sentence())
	}
	return fault.New(fault.Forbidden, string(scope.SessionLocked), scope.SessionLocked.Sentence())
}
