package agenda_test

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"keyfob/internal/agenda"
	"keyfob/internal/fault"
	"keyfob/internal/table"
	"keyfob/internal/table/bolt"
)

var begin = time.Date(2030, 1, 2, 3, 4, 5, 0, time.UTC)

type world struct {
	*agenda.Agenda
	now atomic.Int64 // nanoseconds since begin
}

func newWorld(t *testing.T) *world {
	t.Helper()
	w := &world{}
	clock := func() time.Time { return begin.Add(time.Duration(w.now.Load())) }
	db, err := bolt.Open(filepath.Join(t.TempDir(), "table"), clock)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = db.Close() })
	w.Agenda = &agenda.Agenda{Table: db, Now: clock}
	return w
}

func (w *world) add(t *testing.T, entries ...agenda.Entry) {
	t.Helper()
	for _, e := range entries {
		if err := w.Table.Commit(t.Context(), e.Add()); err != nil {
			t.Fatal(err)
		}
	}
}

// sweep gives what was seen.
func (w *world) sweep(t *testing.T, see agenda.See) (seen []string, swept agenda.Swept) {
	t.Helper()
	var mu sync.Mutex
	swept, err := w.Sweep(t.Context(), func(ctx context.Context, e agenda.Entry) (agenda.Verdict, error) {
		mu.Lock()
		seen = append(seen, e.Ref)
		mu.Unlock()
		return see(ctx, e)
	})
	if err != nil {
		t.Fatal(err)
	}
	slices.Sort(seen)
	return seen, swept
}

func done(context.Context, agenda.Entry) (agenda.Verdict, error) { return agenda.Verdict{}, nil }

func owed(ref string, due time.Time) agenda.Entry {
	return agenda.Entry{Due: due, Kind: agenda.Owed, Ref: ref, Account: "acc_a", Place: "place"}
}

func TestAnEntryIsSeenFromWhenItIsDueUntilItIsSeenTo(t *testing.T) {
	w := newWorld(t)
	var all []string
	for i := range 250 { // several pages in some shards
		all = append(all, fmt.Sprintf("evt_%03d", i))
		w.add(t, owed(all[i], begin.Add(time.Minute)))
	}
	w.now.Store(int64(time.Minute - time.Millisecond))
	if seen, _ := w.sweep(t, done); len(seen) != 0 {
		t.Errorf("before they are due: %v", seen)
	}
	w.now.Store(int64(time.Minute))
	if seen, swept := w.sweep(t, done); !slices.Equal(seen, all) || swept.Seen != 250 {
		t.Errorf("%d seen, %+v", len(seen), swept)
	}
	if seen, _ := w.sweep(t, done); len(seen) != 0 {
		t.Errorf("seen to, and there again: %v", seen)
	}
}

func TestAnEntrySaysWhatItIsAbout(t *testing.T) {
	w := newWorld(t)
	want := agenda.Entry{Due: begin, Kind: agenda.Reminder, Ref: "0123456789abcdef", Account: "acc_a", Place: "7"}
	w.add(t, want)
	w.sweep(t, func(_ context.Context, e agenda.Entry) (agenda.Verdict, error) {
		if e.Due != want.Due || e.Kind != want.Kind || e.Ref != want.Ref || e.Account != want.Account || e.Place != want.Place {
			t.Errorf("%+v", e)
		}
		return agenda.Verdict{}, nil
	})
	w.add(t, want)
	if err := w.Table.Commit(t.Context(), want.Drop()); err != nil {
		t.Fatal(err)
	}
	if seen, _ := w.sweep(t, done); len(seen) != 0 {
		t.Errorf("dropped, and seen: %v", seen)
	}
}

// What fails comes again after pauses that grow, for as long as it fails, and keeps nothing else waiting.
func TestWhatFailsIsPutOffAndHoldsUpNothing(t *testing.T) {
	w := newWorld(t)
	w.add(t, owed("evt_bad", begin))
	for i := range 20 {
		w.add(t, owed(fmt.Sprintf("evt_%02d", i), begin.Add(time.Millisecond)))
	}
	w.now.Store(int64(time.Second))
	see := func(_ context.Context, e agenda.Entry) (agenda.Verdict, error) {
		if e.Ref == "evt_bad" {
			return agenda.Verdict{}, errors.New("refused")
		}
		return agenda.Verdict{}, nil
	}
	seen, swept := w.sweep(t, see)
	if len(seen) != 21 || swept.Seen != 20 || swept.Failed != 1 || swept.Why == nil {
		t.Errorf("%d seen, %+v", len(seen), swept)
	}
	for tries, want := range []time.Duration{time.Minute, 2 * time.Minute, 4 * time.Minute, 8 * time.Minute, 16 * time.Minute} {
		if agenda.Pause(tries+1) != want {
			t.Errorf("pause %d is %v", tries+1, agenda.Pause(tries+1))
		}
		w.now.Add(int64(want - time.Millisecond))
		if seen, _ := w.sweep(t, see); len(seen) != 0 {
			t.Errorf("pause %d: too early", tries+1)
		}
		w.now.Add(int64(time.Millisecond))
		seen, _ := w.sweep(t, func(ctx context.Context, e agenda.Entry) (agenda.Verdict, error) {
			if late := e.Overdue(w.Now()); late != time.Duration(w.now.Load()) {
				t.Errorf("pause %d: overdue for %v", tries+1, late)
			}
			return see(ctx, e)
		})
		if len(seen) != 1 {
			t.Errorf("pause %d: %v", tries+1, seen)
		}
	}
	if longest := agenda.Pause(1000); longest != 6*time.Hour {
		t.Errorf("the longest pause is %v", longest)
	}
	w.now.Add(int64(6 * time.Hour))
	if seen, _ := w.sweep(t, done); len(seen) != 1 {
		t.Error("it was given up")
	}
}

func TestAnEntryIsPutToAnotherTime(t *testing.T) {
	w := newWorld(t)
	w.add(t, owed("evt_a", begin))
	later := begin.Add(time.Hour)
	w.sweep(t, func(context.Context, agenda.Entry) (agenda.Verdict, error) { return agenda.Verdict{Next: later}, nil })
	w.now.Store(int64(time.Hour - time.Millisecond))
	if seen, _ := w.sweep(t, done); len(seen) != 0 {
		t.Error("too early")
	}
	w.now.Store(int64(time.Hour))
	if seen, _ := w.sweep(t, done); len(seen) != 1 {
		t.Error("not seen again")
	}
}

// What is done about an entry is done once, however many sweeps see it at the same time.
func TestWhatBelongsToAnEntrysEndIsCommittedOnce(t *testing.T) {
	w := newWorld(t)
	for i := range 30 {
		w.add(t, owed(fmt.Sprintf("evt_%02d", i), begin))
	}
	var made atomic.Int64
	see := func(_ context.Context, e agenda.Entry) (agenda.Verdict, error) {
		it := table.Item{table.AttrPK: table.S("cfg#" + e.Ref), table.AttrSK: table.S(fmt.Sprint(made.Add(1)))}
		return agenda.Verdict{With: []table.Op{table.Create(it)}}, nil
	}
	var all sync.WaitGroup
	for range 8 {
		all.Go(func() {
			if _, err := w.Sweep(t.Context(), see); err != nil {
				t.Error(err)
			}
		})
	}
	all.Wait()
	for i := range 30 {
		page, err := w.Table.Query(t.Context(), table.Query{PK: fmt.Sprintf("cfg#evt_%02d", i), Limit: 10})
		if err != nil || len(page.Items) != 1 {
			t.Errorf("entry %d: %d items, %v", i, len(page.Items), err)
		}
	}
}

// half is a table of which some partitions cannot be read.
type half struct {
	table.Table
	broken string
}

func (h half) Query(ctx context.Context, q table.Query) (table.Page, error) {
	if q.PK == h.broken {
		return table.Page{}, fault.Retry(errors.New("throttled"))
	}
	return h.Table.Query(ctx, q)
}

func TestAShardThatCannotBeReadIsTold(t *testing.T) {
	w := newWorld(t)
	for i := range 40 {
		w.add(t, owed(fmt.Sprintf("evt_%02d", i), begin))
	}
	broken := owed("evt_00", begin).Key().PK
	swept, err := (&agenda.Agenda{Table: half{w.Table, broken}, Now: w.Now}).Sweep(t.Context(), done)
	if err == nil || swept.Left != 1 || swept.Seen == 0 {
		t.Errorf("%+v, %v", swept, err)
	}
	if _, rest := w.sweep(t, done); swept.Seen+rest.Seen != 40 || rest.Seen == 0 {
		t.Errorf("%d and then %d seen", swept.Seen, rest.Seen)
	}
}

// Without time nothing is begun, and nothing is told as done.
func TestASweepWithoutTimeLeavesTheRest(t *testing.T) {
	w := newWorld(t)
	for i := range 40 {
		w.add(t, owed(fmt.Sprintf("evt_%02d", i), begin))
	}
	ctx, cancel := context.WithCancel(t.Context())
	swept, err := w.Sweep(ctx, func(context.Context, agenda.Entry) (agenda.Verdict, error) {
		cancel()
		return agenda.Verdict{}, nil
	})
	if swept.Left == 0 {
		t.Errorf("%+v, %v", swept, err)
	}
	if _, rest := w.sweep(t, done); rest.Seen == 0 {
		t.Error("nothing was left")
	}
}

// An entry for which there was no time is no failure: it is where it was, and so is what is behind it.
func TestWithoutTimeAnEntryIsLeftAsItIs(t *testing.T) {
	w := newWorld(t)
	for i := range 300 {
		w.add(t, owed(fmt.Sprintf("evt_%03d", i), begin))
	}
	_, swept := w.sweep(t, func(context.Context, agenda.Entry) (agenda.Verdict, error) { return agenda.Verdict{}, agenda.ErrNoTime })
	if swept.Failed != 0 || swept.Seen != 0 || swept.Left == 0 {
		t.Errorf("%+v", swept)
	}
	if _, swept := w.sweep(t, done); swept.Seen != 300 {
		t.Errorf("%+v", swept)
	}
}

// An entry that uses up all the time, or makes its See panic, is put off like any other that fails.
func TestAnEntryThatBreaksTheSweepIsPutOff(t *testing.T) {
	for name, breaks := range map[string]func(context.CancelFunc){
		"no time is left": func(cancel context.CancelFunc) { cancel() },
		"panic":           func(context.CancelFunc) { panic("a bug") },
	} {
		w := newWorld(t)
		w.add(t, owed("evt_bad", begin))
		ctx, cancel := context.WithCancel(t.Context())
		swept, err := w.Sweep(ctx, func(context.Context, agenda.Entry) (agenda.Verdict, error) {
			breaks(cancel)
			return agenda.Verdict{}, errors.New("failed")
		})
		if swept.Failed != 1 || err != nil && ctx.Err() == nil {
			t.Errorf("%s: %+v, %v", name, swept, err)
		}
		cancel()
		if seen, _ := w.sweep(t, done); len(seen) != 0 {
			t.Errorf("%s: it comes first again", name)
		}
		w.now.Add(int64(agenda.Pause(1)))
		if seen, _ := w.sweep(t, done); len(seen) != 1 {
			t.Errorf("%s: it does not come again", name)
		}
	}
}
