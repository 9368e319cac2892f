package factor

import (
	"context"
	"time"

	"keyfob/internal/audit"
	"keyfob/internal/fault"
	"keyfob/internal/scope"
	"keyfob/internal/table"
	"keyfob/internal/text"
	"keyfob/internal/totp"
)

// An App is what an authenticator app is to be given. It is shown this once.
type App struct {
	Secret string // base32
	URI    string // the same for a QR code
	Until  time.Time
}

// EnrolTOTP begins to enrol an authenticator app, in the place of one that was begun before in the session.
func (f *Factors) EnrolTOTP(ctx context.Context, act Act) (App, error) {
	seed := totp.New()
	var app App
	err := f.begin(ctx, act, func(s scene) (challenge, []table.Op, error) {
		if s.record.has(TOTP) {
			return challenge{}, nil, errEnrolled("An authenticator app is enrolled already. Remove it first.")
		}
		sealed, err := f.Keys.Seal(ctx, seed, s.binding())
		if err != nil {
			return challenge{}, nil, err
		}
		c := s.challenges[TOTP].again(toEnrol, s.now, CodeLife)
		c.kept = sealed
		app = App{Secret: seed.Text(), URI: seed.URI("Keyfob "+s.account.Name, s.user.Email), Until: c.until}
		return c, []table.Op{c.put()}, nil
	})
	return app, err
}

// EnrolEmail begins to enrol codes by mail: one is mailed, and is good until then. Besides begin's errors there is
// Unprocessable, mail_not_enough, where they would be the only factor of a user who is account.User.Mailed.
func (f *Factors) EnrolEmail(ctx context.Context, act Act) (Question, error) {
	q := Question{Factor: Email}
	err := f.begin(ctx, act, func(s scene) (challenge, []table.Op, error) {
		if s.record.has(Email) {
			return challenge{}, nil, errEnrolled("Codes by mail are enrolled already.")
		}
		if err := s.mayEnrol(Email); err != nil {
			return challenge{}, nil, err
		}
		c, ops, err := f.mail(ctx, s, toEnrol)
		q.Until = c.until
		return c, ops, err
	})
	return q, err
}

// EnrolPasskey begins to enrol a passkey of the act's site: an authenticator is to answer the options.
func (f *Factors) EnrolPasskey(ctx context.Context, act Act) (Question, error) {
	q := Question{Factor: Passkey}
	err := f.begin(ctx, act, func(s scene) (c challenge, _ []table.Op, err error) {
		switch {
		case s.act.Site.ID == "":
			return challenge{}, nil, fault.New(fault.Conflict, "no_site", "Passkeys need a site with a name; this one has only an address.")
		case len(s.record.Passkeys) >= MaxPasskeys:
			return challenge{}, nil, errFull()
		}
		c = s.challenges[Passkey].again(toEnrol, s.now, PasskeyLife)
		if q.Options, c.kept, err = f.Passkeys.Create(s.act.Site, s.person(), s.here()); err != nil {
			return challenge{}, nil, err
		}
		q.Until = c.until
		return c, []table.Op{c.put()}, nil
	})
	return q, err
}

// begin begins to enrol what the function makes of the scene. Errors: Forbidden without a fresh login, or in a session that
// is locked; Conflict, enrolled, for what there is one of at the most.
func (f *Factors) begin(ctx context.Context, act Act, what func(scene) (challenge, []table.Op, error)) error {
	return table.Again(ctx, table.Patient, func() error {
		s, err := f.scene(ctx, act)
		if err == nil {
			err = s.open(true)
		}
		if err == nil {
			err = s.fresh()
		}
		if err != nil {
			return err
		}
		_, ops, err := what(s)
		if err != nil {
			return err
		}
		return f.Table.Commit(ctx, s.resting(append(ops, s.alive())...)...)
	})
}

// mayEnrol refuses codes by mail as the only factor while they would prove no more than the password does.
func (s scene) mayEnrol(kind Name) error {
	if kind == Email && s.user.Mailed && len(s.record.enrolled()) == 0 {
		return errMailed("factor")
	}
	return nil
}

func errEnrolled(message string) error { return fault.New(fault.Conflict, "enrolled", message) }

func errFull() error {
	return fault.New(fault.Conflict, "too_many", "You have ten passkeys. Remove one first.")
}

// An Enrolment is a factor that is in force.
type Enrolment struct {
	Grant
	Factor Name
	Key    string   // psk_…, of a passkey
	Codes  []string // recovery codes, shown this once; nil where there have been factors before
}

// Confirm enrols an authenticator app or codes by mail, by a code. When it returns without an error, all of the user's
// sessions that have not shown a factor are locked; an error of kind Unavailable may say that this is decided but has not
// reached all of them yet, and is being seen to. The session itself counts as one that has shown a factor. Errors:
// Unprocessable, wrong_factor, for a code that is wrong, or late, or that nothing was begun for. Five wrong ones end what was
// begun.
func (f *Factors) Confirm(ctx context.Context, act Act, kind Name, typed string) (Enrolment, error) {
	switch {
	case typed == "":
		return Enrolment{}, fault.Bad("code", "required", "code is required.")
	case len(typed) > maxCode:
		return Enrolment{}, fault.Bad("code", "too_long", "code has more than 100 bytes.")
	}
	open := f.opener()
	return f.confirm(ctx, act, kind, func(s scene, c challenge) (Record, bool, error) {
		r := s.record
		if kind == Email {
			r.Email = s.now
			return r, c.is(tidy(typed)), nil
		}
		seed, err := open(ctx, s, c.kept)
		if err != nil {
			return Record{}, false, err
		}
		var ok bool
		r.TOTP, r.sealed = s.now, c.kept
		r.last, ok = nextStep(seed, typed, s.now, 0)
		return r, ok, nil
	}, fault.Refused("code", "wrong_factor", "The code is not the one, or came too late."))
}

// ConfirmPasskey enrols a passkey by an authenticator's answer, as Confirm does by a code.
func (f *Factors) ConfirmPasskey(ctx context.Context, act Act, name string, answer []byte) (Enrolment, error) {
	if err := text.Name("name", name); err != nil {
		return Enrolment{}, err
	}
	if len(answer) == 0 {
		return Enrolment{}, fault.Bad("credential", "required", "credential is required.")
	}
	id := newKeyID()
	e, err := f.confirm(ctx, act, Passkey, func(s scene, c challenge) (Record, bool, error) {
		r := s.record
		if len(r.Passkeys) >= MaxPasskeys {
			return Record{}, false, errFull()
		}
		k, ok := f.Passkeys.Created(s.act.Site, s.person(), c.kept, answer)
		if !ok || r.knows(k) {
			return r, false, nil
		}
		k.ID, k.Name, k.Enrolled, k.Site = id, name, s.now, s.act.Site.ID
		r.Passkeys = append(r.Passkeys[:len(r.Passkeys):len(r.Passkeys)], k)
		return r, true, nil
	}, fault.Refused("credential", "wrong_factor", "This is no answer to what was asked, is enrolled already, or came too late."))
	if err == nil {
		e.Key = id
	}
	return e, err
}

// confirm enrols what the function makes of what was begun. Where that is not right the error is the refusal.
func (f *Factors) confirm(ctx context.Context, act Act, kind Name, enrol func(scene, challenge) (Record, bool, error), refusal error) (e Enrolment, err error) {
	var first bool
	err = table.Again(ctx, table.Patient, func() error {
		s, err := f.scene(ctx, act)
		if err == nil {
			err = s.open(true)
		}
		if err != nil {
			return err
		}
		c, ok := s.pending(kind, toEnrol)
		if !ok || kind != Passkey && s.record.has(kind) {
			return refusal
		}
		if err := s.mayEnrol(kind); err != nil {
			return err
		}
		record, ok, err := enrol(s, c)
		if err != nil {
			return err
		}
		if !ok {
			if err := f.Table.Commit(ctx, s.resting(c.missed(), s.alive())...); err != nil {
				return err
			}
			return refusal
		}
		e = Enrolment{Factor: kind}
		event := s.event(audit.FactorEnrolled, s.session.Subject())
		event.Changes = []audit.Change{{Field: "factor", To: string(kind)}}
		ops := append(event.Ops(), c.done())
		if first = len(s.record.enrolled()) == 0; first {
			e.Codes, record.codes = newCodes(s.user.ID)
		}
		if !s.user.Factors {
			s.user.Factors, s.user.Behind = true, true
			ops = append(ops, s.user.Replace())
		}
		after := s.session
		after.Standing.Factors, after.Factor = true, true
		if s.session.Lock() == scope.Enrol {
			g, more := f.grant(s, after) // it may do more than before
			e.Grant, ops = g, append(ops, more...)
		} else {
			ops = append(ops, after.Replace())
			after.Version++
			e.Session = after
		}
		return f.Table.Commit(ctx, s.resting(append(ops, record.put())...)...)
	})
	if err != nil {
		return Enrolment{}, err
	}
	if first {
		if err := f.carrier().User(ctx, e.Session.Account, e.Session.User); err != nil {
			return Enrolment{}, err
		}
	}
	return e, nil
}

// missed gives the operation that counts a wrong answer, or ends what was begun.
func (c challenge) missed() table.Op {
	if c.tries++; c.tries >= maxTries {
		return c.done()
	}
	return c.put()
}
