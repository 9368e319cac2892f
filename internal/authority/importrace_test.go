package authority_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"keyfob/internal/account"
	"keyfob/internal/audit"
	"keyfob/internal/authority"
	"keyfob/internal/fault"
	"keyfob/internal/table"
	"keyfob/internal/table/key"
)

// What an import rests on may move while it is made: the owner's role and status are those at the commit.
func TestS23AnImportRacingWithADemotionGivesNoMoreThanTheRole(t *testing.T) {
	w := newWorld(t)
	a := w.authority()
	a.Table = &counted{Table: w.table, before: func() { w.set(w.owner.Key(), "role", "member") }}
	r, err := a.Import(t.Context(), w.acc.ID, rowsOf(1, w.owner.Email), audit.Origin{})
	if err != nil || r.Imported != 1 {
		t.Fatalf("%+v, %v", r, err)
	}
	if p := w.verify(foreign(t, "1|"+secretOf("1"))); p.Holder.Role != "member" {
		t.Errorf("role %s", p.Holder.Role)
	}
}

func TestADisabledOwnersTokensAreImportedAndRefused(t *testing.T) {
	w := newWorld(t)
	w.set(w.owner.Key(), "status", string(account.Disabled))
	w.imports(w.acc, rowsOf(1, w.owner.Email), 1, 0, 0)
	w.denied(foreign(t, "1|"+secretOf("1")), authority.Ended)
}

// killing is a table that takes so many commits and then no more, as one whose client is killed; the last of them is made
// without an answer where it says so.
type killing struct {
	table.Table
	left int
	lost bool
}

func (f *killing) Commit(ctx context.Context, ops ...table.Op) error {
	if f.left--; f.left >= 0 {
		return f.Table.Commit(ctx, ops...)
	}
	if f.lost && f.left == -1 {
		if err := f.Table.Commit(ctx, ops...); err != nil {
			return err
		}
	}
	return fault.Retry(errors.New("on purpose"))
}

// K4: an import killed after any of its commits is made again: the rest is imported, and nothing twice.
func TestK4AnImportKilledAnywhereIsGoneOnWith(t *testing.T) {
	const n = 5
	for _, lost := range []bool{false, true} {
		for killed := range n {
			w := newWorld(t)
			rows := rowsOf(n, w.owner.Email)
			a := w.authority()
			a.Table = &killing{w.table, killed, lost}
			if _, err := a.Import(t.Context(), w.acc.ID, rows, audit.Origin{}); !fault.Is(err, fault.Unavailable) {
				t.Fatalf("killed after %d: %v", killed, err)
			}
			done := killed
			if lost {
				done++
			}
			for i, r := range rows { // each is there whole, or not at all
				_, denial, err := w.authority().Verify(t.Context(), r.ID+"|"+secretOf(r.ID))
				if want := map[bool]authority.Denial{true: authority.None, false: authority.Unknown}[i < done]; denial != want || err != nil {
					t.Errorf("killed after %d: token %d: %q, %v", killed, i, denial, err)
				}
			}
			w.imports(w.acc, rows, n-done, done, 0)
			if e, l, q := w.events(w.acc.ID, audit.TokenImported), w.count(key.PrefixAccountTokens+w.acc.ID), w.counted(key.AccountQuota(w.acc.ID).Key()); e != n || l != n || q != n {
				t.Errorf("killed after %d: %d events, %d listed, %d counted", killed, e, l, q)
			}
		}
	}
}

// Where the time is short an import gets on all the same, and says where to go on.
func TestAnImportStopsInTimeAndSaysWhereToGoOn(t *testing.T) {
	w := newWorld(t)
	rows := rowsOf(3, w.owner.Email)
	for i, want := range []int{3, 4, 0} {
		ctx, cancel := context.WithTimeout(t.Context(), 3*time.Second) // less than it keeps for the way back
		r, err := w.authority().Import(ctx, w.acc.ID, rows[i:], audit.Origin{})
		cancel()
		if err != nil || r.Imported != 1 || r.Next != want {
			t.Fatalf("%+v, %v; next is to be %d", r, err, want)
		}
	}
}
