package factor

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/binary"
	"fmt"
	"slices"
	"strconv"
	"time"

	"keyfob/internal/account"
	"keyfob/internal/audit"
	"keyfob/internal/fault"
	"keyfob/internal/session"
	"keyfob/internal/table"
	"keyfob/internal/table/key"
	"keyfob/internal/throttle"
	"keyfob/internal/token"
)

// How long what was asked for may be answered.
const (
	CodeLife    = 10 * time.Minute // of a mailed code, and of an app that is being enrolled
	PasskeyLife = 5 * time.Minute
)

// maxTries is how many wrong answers end what they are given to: a session, or an enrolment.
const maxTries = 5

// maxMailed is how many mails of one request can have a code that works. More than one is sent only where a sender dies
// between sending and noting it.
const maxMailed = 3

// A purpose is what a challenge is for. One that was made to enrol a factor proves none that is enrolled, and the other way
// round.
type purpose string

const (
	toProve purpose = "prove"
	toEnrol purpose = "enrol"
)

// A challenge is what a session was asked to prove a kind of factor with. There is one for each session and kind, and a new
// one takes its place.
type challenge struct {
	session string // its bare id
	factor  Name
	purpose purpose
	asked   time.Time
	until   time.Time // not answerable from then on
	tries   int       // wrong answers, to enrol
	event   string    // that owes the mail of a code
	mailed  [][]byte  // the digests of the codes that were mailed
	kept    []byte    // a seed, sealed; or what Passkeys keeps
	version int64     // 0 where there is none
}

func (c challenge) answerable(now time.Time) bool { return c.version != 0 && now.Before(c.until) }

func (c challenge) key() table.Key {
	return key.Challenge{Session: c.session, Factor: string(c.factor)}.Key()
}

// put gives the operation that writes c in the place of the version it was read as.
func (c challenge) put() table.Op {
	k := c.key()
	it := table.Item{
		table.AttrPK: table.S(k.PK), table.AttrSK: table.S(k.SK), table.AttrPurgeAt: table.N(c.until.Unix() + 1), "purpose": table.S(c.purpose),
		"asked": table.N(c.asked.UnixMilli()), "until": table.N(c.until.UnixMilli()), "tries": table.N(c.tries), "event": table.S(c.event),
	}
	if len(c.kept) > 0 {
		it["kept"] = table.B(c.kept)
	}
	for _, d := range c.mailed {
		it["mailed"] = append(table.L(it.List("mailed")), table.B(d))
	}
	if c.version == 0 {
		return table.Create(it)
	}
	return table.Replace(it, c.version)
}

// done gives the operation that takes the challenge away: it is answered once.
func (c challenge) done() table.Op { return table.Delete(c.key(), table.VersionIs(c.version)) }

func challengeFrom(it table.Item, session string, factor Name) challenge {
	c := challenge{
		session: session, factor: factor, purpose: purpose(it.String("purpose")), asked: instant(it, "asked"), until: instant(it, "until"),
		tries: int(it.Int("tries")), event: it.String("event"), kept: it.Bytes("kept"), version: it.Version(),
	}
	for _, v := range it.List("mailed") {
		d, _ := v.(table.B)
		c.mailed = append(c.mailed, d)
	}
	return c
}

// again gives the challenge that takes the place of c.
func (c challenge) again(for_ purpose, now time.Time, life time.Duration) challenge {
	now = now.Truncate(time.Millisecond)
	return challenge{session: c.session, factor: c.factor, purpose: for_, asked: now, until: now.Add(life), version: c.version}
}

// pending gives the session's challenge of the kind, where it was made for the purpose and can still be answered.
func (s scene) pending(n Name, for_ purpose) (challenge, bool) {
	c := s.challenges[n]
	return c, c.answerable(s.now) && c.purpose == for_
}

// mailing gives the challenge whose code is to be mailed, with the event that owes the mail. The code itself is made when
// the mail is sent: see Enclose.
func (c challenge) mailing(for_ purpose, e audit.Event) (challenge, []table.Op) {
	c = c.again(for_, e.At, CodeLife)
	c.event = e.ID
	return c, append(e.Ops(), c.put())
}

// ByMail reports whether a code by mail is all that can unlock the user's sessions but for recovery codes.
func (r Record) ByMail(u account.User) bool {
	names := r.enrolled()
	return !u.Mailed && len(names) == 1 && names[0] == Email
}

// Ask gives what belongs into the commit that starts a session of a user with the factors: where a code by mail is all that
// can unlock it but for recovery codes, one is asked for at once.
func (r Record) Ask(s session.Session, u account.User, by audit.Actor, from audit.Origin, now time.Time) []table.Op {
	if !r.ByMail(u) {
		return nil
	}
	e := audit.New(audit.FactorRequested, now, u.Account, by, from, subject(u))
	e.Also = []audit.Subject{s.Subject()}
	_, ops := challenge{session: s.ID.String(), factor: Email}.mailing(toProve, e)
	return ops
}

// A Question is what was asked of a session.
type Question struct {
	Factor  Name
	Until   time.Time
	Options []byte // of a passkey: what the browser's API takes, as JSON
}

// Challenge asks the person behind the session, locked or open, for a factor: a code is mailed, or an authenticator is to
// answer the options. Errors: Invalid for a kind that is not asked for; Unprocessable, not_enrolled, for one that the user
// does not have, and mail_not_enough for a code by mail while account.User.Mailed; TooMany for a code within a minute
// of the user's last, or after ten in an hour.
func (f *Factors) Challenge(ctx context.Context, act Act, kind Name) (Question, error) {
	if kind == "" {
		return Question{}, fault.Bad("factor", "required", "factor is required.")
	}
	if kind != Email && kind != Passkey {
		return Question{}, fault.Bad("factor", "unknown_value", "factor is email or passkey.")
	}
	var q Question
	err := table.Again(ctx, table.Patient, func() error {
		s, err := f.scene(ctx, act)
		if err != nil {
			return err
		}
		if !s.record.has(kind) {
			return fault.Refused("factor", "not_enrolled", "You have not enrolled this factor.")
		}
		if kind == Email && s.user.Mailed {
			return errMailed("factor")
		}
		var c challenge
		var ops []table.Op
		if kind == Email {
			if c, ops, err = f.mail(ctx, s, toProve); err != nil {
				return err
			}
		} else {
			if q.Options, c, err = f.askPasskey(s); err != nil {
				return err
			}
			ops = []table.Op{c.put()}
		}
		q.Factor, q.Until = kind, c.until
		return f.Table.Commit(ctx, s.resting(append(ops, s.alive())...)...)
	})
	return q, err
}

// alive gives the condition that the session is there still. In which version does not matter: its use is noted in it.
func (s scene) alive() table.Op {
	return table.Check(key.Session(s.session.ID.String()).Key(), table.Present())
}

// mail asks for a code by mail, as often as the user's mailbox is to bear it.
func (f *Factors) mail(ctx context.Context, s scene, for_ purpose) (challenge, []table.Op, error) {
	spent, err := f.throttle().Spending(ctx, throttle.CodesOf(s.user.ID))
	if err != nil {
		return challenge{}, nil, err
	}
	c, ops := s.challenges[Email].mailing(for_, s.event(audit.FactorRequested, s.session.Subject()))
	return c, append(ops, spent...), nil
}

// Enclose makes the code that the mail of an event of the type factor.requested carries, and keeps its digest. It reports
// false where there is nothing to be mailed any more: the code was asked for anew, is no longer needed, or came too late.
func (f *Factors) Enclose(ctx context.Context, e audit.Event) (text string, until time.Time, owed bool, err error) {
	i := slices.IndexFunc(e.Also, func(s audit.Subject) bool { return s.Kind == "session" })
	if e.Type != audit.FactorRequested || i < 0 {
		return "", time.Time{}, false, fmt.Errorf("factor: the event %s asks for no code", e.ID)
	}
	id, err := token.ParseHandle(token.Session, e.Also[i].ID)
	if err != nil {
		return "", time.Time{}, false, fmt.Errorf("factor: the event %s names no session", e.ID)
	}
	err = table.Again(ctx, table.Patient, func() error {
		k, ses := key.Challenge{Session: id.String(), Factor: string(Email)}.Key(), key.Session(id.String()).Key()
		items, err := f.Table.Get(ctx, k, ses)
		if err != nil {
			return err
		}
		c := challengeFrom(items[0], id.String(), Email)
		if owed = c.answerable(f.Now()) && c.event == e.ID && items[1].String("user") == e.Subject.ID; !owed {
			return nil
		}
		text, until = digits(), c.until
		c.mailed = append(c.mailed, mailedDigest(c.session, text))
		c.mailed = c.mailed[max(0, len(c.mailed)-maxMailed):]
		return f.Table.Commit(ctx, c.put(), table.Check(ses, table.Present()))
	})
	if err != nil || !owed {
		return "", time.Time{}, false, err
	}
	return text, until, true, nil
}

// digits makes six random digits, each text as likely as any other.
func digits() string {
	const all = 1_000_000
	var b [8]byte
	for {
		_, _ = rand.Read(b[:]) // never fails
		// Above the last whole multiple some would be likelier than others.
		if n := binary.BigEndian.Uint64(b[:]); n < ^uint64(0)-^uint64(0)%all {
			text := strconv.FormatUint(n%all+all, 10)
			return text[1:]
		}
	}
}

// mailedDigest gives the digest of a code that was mailed for a session.
func mailedDigest(session, text string) []byte {
	d := sha256.Sum256([]byte("keyfob mailed code\x00" + session + "\x00" + text))
	return d[:]
}

// is reports whether the code is one of those that were mailed.
func (c challenge) is(text string) (ok bool) {
	d := mailedDigest(c.session, text)
	for _, m := range c.mailed {
		ok = subtle.ConstantTimeCompare(m, d) == 1 || ok
	}
	return ok
}
