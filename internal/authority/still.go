package authority

import (
	"time"

	"keyfob/internal/fault"
	"keyfob/internal/scope"
	"keyfob/internal/session"
	"keyfob/internal/table"
	"keyfob/internal/table/key"
	"keyfob/internal/token"
)

// Record gives the key of the record of the principal's credential.
func (p Principal) Record() table.Key {
	if p.Kind == token.Session {
		return key.Session(p.ID.String()).Key()
	}
	return key.Token(p.ID.String()).Key()
}

// Still reads, from the record under Record's key, nil for none, whether the principal's credential is still good now, and
// gives the condition under which it stays so: a change that is committed on it is never made with a credential that has
// ended meanwhile. Errors: Unauthenticated where it has ended, Forbidden where it has been locked since it was verified.
//
// A session that ends is deleted, so its being there is enough; its version moves whenever its use is noted. It does not
// cover what the user and the account lend to the credential: have their records checked as well.
func (p Principal) Still(record table.Item, now time.Time) (table.Op, error) {
	if record == nil || p.Expired(now) {
		return table.Op{}, errEnded()
	}
	if p.Kind != token.Session {
		t, err := tokenFrom(record)
		if err == nil && t.denial(now) != None {
			err = errEnded()
		}
		return table.Check(p.Record(), table.VersionIs(record.Version())), err
	}
	s, err := session.FromItem(record)
	switch {
	case err != nil:
		return table.Op{}, err
	case !now.Before(s.Ends()) || s.Ended():
		return table.Op{}, errEnded()
	}
	if lock := s.Lock(); lock != scope.Open && lock != p.Holder.Lock {
		reason := scope.SessionLocked
		if lock == scope.Enrol {
			reason = scope.NeedsFactor
		}
		return table.Op{}, fault.New(fault.Forbidden, string(reason), reason.Sentence())
	}
	return table.Check(p.Record(), table.Present()), nil
}

func errEnded() error { return fault.New(fault.Unauthenticated, "", "Unauthenticated.") }
