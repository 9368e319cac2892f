package factor

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"keyfob/internal/audit"
	"keyfob/internal/fault"
	"keyfob/internal/scope"
	"keyfob/internal/session"
	"keyfob/internal/table"
	"keyfob/internal/throttle"
)

// Unlock opens a locked session to whoever shows at least one of the user's factors and no wrong one.
//
// Errors: Invalid names what is no proof; Forbidden is for tokens, and for a session that has to enrol a factor; Conflict,
// not_locked, for one that is open; Unprocessable, wrong_factor, for what is wrong in whichever way, the fifth of which ends
// the session, and mail_not_enough for a code by mail while account.User.Mailed; TooMany says when to try again.
func (f *Factors) Unlock(ctx context.Context, act Act, shown []Proof) (Grant, error) {
	if err := checkProofs(shown); err != nil {
		return Grant{}, err
	}
	s, err := f.scene(ctx, act)
	if err == nil {
		err = s.locked()
	}
	if err != nil {
		return Grant{}, err
	}
	return f.throttled(ctx, s, shown, audit.SessionUnlocked, scene.locked)
}

// locked refuses a session that there is nothing to unlock of.
func (s scene) locked() error {
	switch s.session.Lock() {
	case scope.Locked:
		return nil
	case scope.Enrol:
		return s.open(false)
	}
	return fault.New(fault.Conflict, "not_locked", "The session is not locked.")
}

// StepUp proves once more who is behind an open session: by the password, and by a factor where the user has one. The
// session's login then is of now. Errors are Unlock's and those of the password's Prover.
func (f *Factors) StepUp(ctx context.Context, act Act, password string, shown []Proof) (Grant, error) {
	if len(shown) > 0 {
		if err := checkProofs(shown); err != nil {
			return Grant{}, err
		}
	}
	s, err := f.scene(ctx, act)
	if err == nil {
		err = s.open(false)
	}
	switch {
	case err != nil:
		return Grant{}, err
	case s.user.Factors && len(shown) == 0:
		return Grant{}, fault.Bad("factors", "required", "factors is required: you have a second factor.")
	}
	generation, err := f.Prover.Prove(ctx, act.By, password, act.From)
	if err != nil {
		return Grant{}, err
	}
	may := func(s scene) error {
		if s.user.Generation != generation {
			return fault.Refused("password", "wrong_password", "This is not your password any more.")
		}
		if s.user.Factors && len(shown) == 0 {
			return fault.Retry(errors.New("factor: one was enrolled meanwhile"))
		}
		return s.open(false)
	}
	if len(shown) == 0 {
		return f.shown(ctx, act, nil, audit.SessionProven, may)
	}
	return f.throttled(ctx, s, shown, audit.SessionProven, may)
}

// throttled lets the proofs be checked where the user may try now.
func (f *Factors) throttled(ctx context.Context, s scene, shown []Proof, what audit.Type, may func(scene) error) (Grant, error) {
	ticket, err := f.throttle().AllowFactor(ctx, s.user.ID, s.act.From.IP, guessable(shown))
	if err != nil {
		return Grant{}, err
	}
	g, err := f.shown(ctx, s.act, shown, what, may)
	if wrong, ok := errors.AsType[*errWrong](err); ok {
		if err := f.throttle().Failed(ctx, ticket); err != nil {
			return Grant{}, err
		}
		if err := f.alarm(ctx, s, ticket, wrong); err != nil {
			return Grant{}, err
		}
		return Grant{}, wrong.refusal()
	}
	if err != nil {
		_ = f.throttle().Undecided(ctx, ticket) // as below
		return Grant{}, err
	}
	// Counters that could not be cleared only mean that the next wrong code waits longer; the session is open.
	_ = f.throttle().Succeeded(ctx, ticket)
	return g, nil
}

// alarm tells of guesses that end no session, because they are few in each.
func (f *Factors) alarm(ctx context.Context, s scene, ticket throttle.Ticket, wrong *errWrong) error {
	n, due := f.throttle().Alarm(ticket)
	if !due {
		return nil
	}
	e := s.event(audit.FactorRefused, s.session.Subject())
	e.Changes = []audit.Change{{Field: "factor", To: string(wrong.factor)}}
	e.Note = fmt.Sprintf("%d codes in all sessions were wrong of late.", n)
	return f.Table.Commit(ctx, e.Ops()...)
}

// shown checks the proofs and commits what comes of them: the session that was proven, or one try fewer. Both are committed
// on condition that the session is as it was read. So of many tries at once each is judged after the one before it was
// counted, and no more than five are.
func (f *Factors) shown(ctx context.Context, act Act, shown []Proof, what audit.Type, may func(scene) error) (g Grant, err error) {
	open := f.opener()
	err = table.Again(ctx, table.Patient, func() error {
		s, err := f.scene(ctx, act)
		if err == nil {
			err = may(s)
		}
		if err == nil {
			err = s.enough(shown)
		}
		if err != nil {
			return err
		}
		p, err := f.prove(ctx, s, shown, open)
		if wrong, ok := errors.AsType[*errWrong](err); ok {
			if err := f.Table.Commit(ctx, s.resting(s.refused(wrong)...)...); err != nil {
				return err
			}
			return wrong
		}
		if err != nil {
			return err
		}
		after := s.session
		after.Tries, after.Proven, after.Factor = 0, s.now, after.Factor || len(shown) > 0
		var ops []table.Op
		g, ops = f.grant(s, after)
		for _, e := range append(p.events, s.proved(what, g.Session, shown)) {
			ops = append(ops, e.Ops()...)
		}
		if ops = append(ops, p.ops...); uses(shown) {
			ops = append(ops, p.record.put())
			if s.user.Mailed {
				s.user.Mailed = false
				ops = append(ops, s.user.Replace())
			}
		}
		return f.Table.Commit(ctx, s.resting(ops...)...)
	})
	if err != nil {
		return Grant{}, err
	}
	return g, nil
}

// uses reports whether the proofs use something up that stands in the record, and so are of more than the user's mail.
func uses(shown []Proof) bool {
	return slices.ContainsFunc(shown, func(p Proof) bool { return p.Factor != Email })
}

// proved is the event of a session that was proven. Where it has another id by now, the event is in the trail of both.
func (s scene) proved(what audit.Type, after session.Session, shown []Proof) audit.Event {
	e := audit.New(what, s.now, s.account.ID, s.act.actor(), s.act.From, after.Subject())
	if after.ID != s.session.ID {
		e.Also = []audit.Subject{s.session.Subject()}
	}
	if names := namesOf(shown); names != "" {
		e.Changes = []audit.Change{{Field: "factor", To: names}}
	}
	return e
}

func namesOf(shown []Proof) string {
	var names []string
	for _, p := range shown {
		names = append(names, string(p.Factor))
	}
	return strings.Join(names, ", ")
}

// refused gives what a wrong proof leaves to be committed: the session with one try more, or its end.
func (s scene) refused(wrong *errWrong) []table.Op {
	after := s.session
	if after.Tries++; after.Tries < maxTries && wrong.ends == "" {
		return []table.Op{after.Replace()}
	}
	e := s.event(audit.FactorRefused, s.session.Subject())
	e.Changes = []audit.Change{{Field: "factor", To: string(wrong.factor)}}
	if e.Note = wrong.ends; e.Note == "" {
		e.Note = "Five in one session were wrong. The session was ended."
	}
	return append(s.session.Delete(), e.Ops()...)
}
