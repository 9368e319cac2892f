package factor

import (
	"context"
	"slices"
	"time"

	"keyfob/internal/audit"
	"keyfob/internal/fault"
	"keyfob/internal/table"
)

// An Overview is what a person is shown of their factors.
type Overview struct {
	Record
	Required bool // the account asks for one
}

// Mine shows the factors of the person behind the session, whether it is open or has to enrol one.
func (f *Factors) Mine(ctx context.Context, act Act) (Overview, error) {
	s, err := f.scene(ctx, act)
	if err == nil {
		err = s.open(true)
	}
	if err != nil {
		return Overview{}, err
	}
	return Overview{s.record, s.account.Policy.MFA}, nil
}

// Remove removes the authenticator app or the codes by mail. When it returns without an error, all of the user's sessions
// have followed; else it is with it as with Confirm. Errors: Forbidden without a fresh login; NotFound for what is not
// enrolled; Conflict, factor_required, for the last factor where the account asks for one.
func (f *Factors) Remove(ctx context.Context, act Act, kind Name) error {
	return f.remove(ctx, act, kind, func(r *Record) (name string, ok bool) {
		if ok = r.has(kind); kind == TOTP {
			r.TOTP, r.sealed, r.last = time.Time{}, nil, 0
		} else {
			r.Email = time.Time{}
		}
		return string(kind), ok
	})
}

// RemovePasskey removes a passkey, as Remove does a code.
func (f *Factors) RemovePasskey(ctx context.Context, act Act, id string) error {
	return f.remove(ctx, act, Passkey, func(r *Record) (name string, ok bool) {
		i := slices.IndexFunc(r.Passkeys, func(k Key) bool { return k.ID == id })
		if i < 0 {
			return "", false
		}
		name = string(Passkey) + " " + r.Passkeys[i].Name
		r.Passkeys = slices.Delete(slices.Clone(r.Passkeys), i, i+1)
		return name, true
	})
}

func (f *Factors) remove(ctx context.Context, act Act, kind Name, take func(*Record) (string, bool)) error {
	var last bool
	err := table.Again(ctx, table.Patient, func() error {
		s, err := f.changing(ctx, act)
		if err != nil {
			return err
		}
		record := s.record
		name, ok := take(&record)
		if !ok {
			return fault.New(fault.NotFound, "not_found", "You have no such factor.")
		}
		event := s.event(audit.FactorRemoved, s.session.Subject())
		event.Changes = []audit.Change{{Field: "factor", From: name}}
		ops := append(event.Ops(), record.put(), s.alive())
		if last = len(record.enrolled()) == 0; last {
			if s.account.Policy.MFA {
				return fault.New(fault.Conflict, "factor_required", "The account asks for a second factor, and this is your last.")
			}
			s.user.Factors, s.user.Behind = false, true
			ops = append(ops, s.user.Replace())
		}
		return f.Table.Commit(ctx, s.resting(ops...)...)
	})
	if err != nil || !last {
		return err
	}
	return f.carrier().User(ctx, act.By.Account, act.By.User)
}

// changing reads for a change of factors that are enrolled: it takes an open session and a fresh login.
func (f *Factors) changing(ctx context.Context, act Act) (scene, error) {
	s, err := f.scene(ctx, act)
	if err == nil {
		err = s.open(false)
	}
	if err == nil {
		err = s.fresh()
	}
	return s, err
}

// RenewCodes makes other recovery codes in the place of all there are, shown this once. Errors: Forbidden without a fresh
// login; Conflict, no_factor, for who has none that they could stand in for.
func (f *Factors) RenewCodes(ctx context.Context, act Act) (codes []string, err error) {
	err = table.Again(ctx, table.Patient, func() error {
		s, err := f.changing(ctx, act)
		if err != nil {
			return err
		}
		record := s.record
		if len(record.enrolled()) == 0 {
			return fault.New(fault.Conflict, "no_factor", "Recovery codes come with a second factor. Enrol one first.")
		}
		codes, record.codes = newCodes(s.user.ID)
		event := s.event(audit.CodesRenewed, s.session.Subject())
		return f.Table.Commit(ctx, s.resting(append(event.Ops(), record.put(), s.alive())...)...)
	})
	if err != nil {
		return nil, err
	}
	return codes, nil
}
