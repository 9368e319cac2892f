package factor

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"keyfob/internal/audit"
	"keyfob/internal/fault"
	"keyfob/internal/keyring"
	"keyfob/internal/table"
	"keyfob/internal/totp"
)

// A Proof is a factor that somebody shows.
type Proof struct {
	Factor     Name
	Password   string // the code; empty for a passkey
	Credential []byte // a passkey's answer, as JSON; else empty
}

// maxCode bounds a code, in bytes.
const maxCode = 100

// checkProofs refuses what is no list of proofs.
func checkProofs(shown []Proof) error {
	if len(shown) == 0 {
		return fault.Bad("factors", "required", "factors names at least one factor.")
	}
	if len(shown) > 4 {
		return fault.Bad("factors", "too_many", "factors has at most four factors, each of them once.")
	}
	for i, p := range shown {
		field := func(name string) string { return fmt.Sprintf("factors[%d].%s", i, name) }
		needed, other, name, wrong := p.Password != "", len(p.Credential) > 0, "password", "credential"
		if p.Factor == Passkey {
			needed, other, name, wrong = other, needed, wrong, name
		}
		switch {
		case p.Factor == "":
			return fault.Bad(field("factor"), "required", field("factor")+" is required.")
		case !slices.Contains([]Name{TOTP, Email, Passkey, Recovery}, p.Factor):
			return fault.Bad(field("factor"), "unknown_value", field("factor")+" is totp, email, passkey or recovery.")
		case slices.ContainsFunc(shown[:i], func(q Proof) bool { return q.Factor == p.Factor }):
			return fault.Bad(field("factor"), "duplicate", field("factor")+" is there more than once.")
		case other:
			return fault.Bad(field(wrong), "unknown_field", field(wrong)+" does not belong to this factor.")
		case !needed:
			return fault.Bad(field(name), "required", field(name)+" is required.")
		case len(p.Password) > maxCode:
			return fault.Bad(field("password"), "too_long", fmt.Sprintf("%s has more than %d bytes.", field("password"), maxCode))
		}
	}
	return nil
}

// enough refuses codes by mail while they would prove no more than the password does.
func (s scene) enough(shown []Proof) error {
	if i := slices.IndexFunc(shown, func(p Proof) bool { return p.Factor == Email }); i >= 0 && s.user.Mailed {
		return errMailed(fmt.Sprintf("factors[%d].factor", i))
	}
	return nil
}

// errMailed refuses a code by mail for a user whose password came by mail: whoever has the mailbox has both.
func errMailed(field string) error {
	return fault.Refused(field, "mail_not_enough",
		"The password was set by a mailed link, so a mailed code proves nothing more. Use another factor or a recovery code.")
}

// guessable reports whether one of the proofs is a code of so few digits that it can be found by trying.
func guessable(shown []Proof) bool {
	return slices.ContainsFunc(shown, func(p Proof) bool { return p.Factor == TOTP || p.Factor == Email })
}

// proven is what the proofs that were right leave to be committed.
type proven struct {
	record Record
	ops    []table.Op // on challenges, but the record
	events []audit.Event
}

// errWrong says which of the proofs was wrong.
type errWrong struct {
	at     int
	factor Name
	ends   string // why the session ends at once; empty where only the try counts
}

func (e *errWrong) Error() string { return "factor: " + string(e.factor) + " is wrong" }

// refusal gives what the caller is told. It is the same for what is wrong, used, expired and not enrolled.
func (e *errWrong) refusal() error {
	field := "password"
	if e.factor == Passkey {
		field = "credential"
	}
	return fault.Refused(fmt.Sprintf("factors[%d].%s", e.at, field), "wrong_factor", "This does not prove that it is you: it is wrong, was used before, or came too late.")
}

// prove checks all of the proofs. The error is an *errWrong for the first that is wrong.
func (f *Factors) prove(ctx context.Context, s scene, shown []Proof, open opener) (proven, error) {
	out := proven{record: s.record}
	for i, p := range shown {
		wrong := &errWrong{at: i, factor: p.Factor}
		ok := false
		switch p.Factor {
		case TOTP:
			if s.record.TOTP.IsZero() {
				break
			}
			seed, err := open(ctx, s, s.record.sealed)
			if err != nil {
				return proven{}, err
			}
			out.record.last, ok = nextStep(seed, p.Password, s.now, s.record.last)
		case Email:
			var c challenge
			if c, ok = s.pending(Email, toProve); ok && s.record.has(Email) && c.is(tidy(p.Password)) {
				out.ops = append(out.ops, c.done())
			} else {
				ok = false
			}
		case Recovery:
			if out.record.codes, ok = without(s.record.codes, s.user.ID, p.Password); ok {
				e := s.event(audit.CodeUsed, s.session.Subject())
				e.Note = fmt.Sprintf("%d recovery codes are left.", len(out.record.codes))
				out.events = append(out.events, e)
			}
		case Passkey:
			var c challenge
			if c, ok = s.pending(Passkey, toProve); !ok {
				break
			}
			keys, copied, err := f.answered(s, c, p.Credential)
			if err != nil {
				return proven{}, err
			}
			if ok = keys != nil; ok {
				out.record.Passkeys = keys
				out.ops = append(out.ops, c.done())
			}
			if copied {
				wrong.ends = "A passkey's counter went back: there may be a copy of it."
			}
		}
		if !ok {
			return proven{}, wrong
		}
	}
	return out, nil
}

// nextStep is totp's Match for a code as people type it.
func nextStep(seed totp.Secret, typed string, now time.Time, last int64) (int64, bool) {
	step, ok := seed.Match(tidy(typed), now, last)
	if !ok {
		return last, false
	}
	return step, true
}

// tidy takes out the spaces that people, and the apps they copy from, put into codes.
func tidy(typed string) string { return strings.ReplaceAll(typed, " ", "") }

// An opener opens a seed, and asks the key service once for each.
type opener func(ctx context.Context, s scene, sealed []byte) (totp.Secret, error)

func (f *Factors) opener() opener {
	opened := map[string]totp.Secret{}
	return func(ctx context.Context, s scene, sealed []byte) (totp.Secret, error) {
		if seed := opened[string(sealed)]; seed != nil {
			return seed, nil
		}
		plain, err := f.Keys.Open(ctx, sealed, s.binding())
		if err == nil && len(plain) == 0 {
			err = errors.New("factor: a sealed seed is empty")
		}
		if err != nil {
			return nil, err
		}
		opened[string(sealed)] = plain
		return plain, nil
	}
}

// binding is what a seed is sealed for: its user, in the account.
func (s scene) binding() keyring.Binding {
	return keyring.Binding{Account: s.account.ID, Token: s.user.ID}
}
