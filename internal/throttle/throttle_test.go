package throttle

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"keyfob/internal/fault"
	"keyfob/internal/table"
	"keyfob/internal/table/bolt"
)

// Two networks, and a name that is attacked.
const (
	attacker = "203.0.113.7"
	home     = "198.51.100.20"
	victim   = "olivia@example.com"
)

// A world is a throttle over a real table, with a clock that only the test moves and a count of the calls.
type world struct {
	*Throttle
	table.Table // what the throttle's calls go to, through Get and Commit below
	feed        table.Feed
	mu          sync.Mutex
	now         time.Time
	gets        [][]table.Key
	commits     int
	fail        func() error // in the place of a commit, if it is set
}

func newWorld(t *testing.T) *world {
	t.Helper()
	w := &world{now: time.Date(2026, 11, 21, 20, 0, 0, 0, time.UTC)}
	b, err := bolt.Open(filepath.Join(t.TempDir(), "table.db"), w.clock)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = b.Close() })
	w.Table, w.feed, w.Throttle = b, b, &Throttle{Table: w, Now: w.clock}
	return w
}

func (w *world) clock() time.Time {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.now
}

func (w *world) pass(d time.Duration) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.now = w.now.Add(d)
}

func (w *world) Get(ctx context.Context, keys ...table.Key) ([]table.Item, error) {
	w.mu.Lock()
	w.gets = append(w.gets, keys)
	w.mu.Unlock()
	return w.Table.Get(ctx, keys...)
}

func (w *world) Commit(ctx context.Context, ops ...table.Op) error {
	w.mu.Lock()
	w.commits++
	fail := w.fail
	w.mu.Unlock()
	if fail != nil {
		return fail()
	}
	return w.Table.Commit(ctx, ops...)
}

// try makes an attempt and tells whether it may be made, and if not for how long it has to wait.
func (w *world) try(t *testing.T, name, ip string) (Ticket, time.Duration) {
	t.Helper()
	k, err := w.Allow(t.Context(), name, ip)
	if err == nil {
		return k, 0
	}
	var f *fault.Error
	if !errors.As(err, &f) || f.Kind != fault.TooMany || f.RetryAfter < time.Second {
		t.Fatalf("Allow(%s, %s): %v", name, ip, err)
	}
	return Ticket{}, f.RetryAfter
}

// fail makes an attempt that must be allowed, and fails it.
func (w *world) failOnce(t *testing.T, name, ip string) {
	t.Helper()
	k, wait := w.try(t, name, ip)
	if wait > 0 {
		t.Fatalf("%s from %s has to wait %v", name, ip, wait)
	}
	if err := w.Failed(t.Context(), k); err != nil {
		t.Fatal(err)
	}
}

func (w *world) mustWait(t *testing.T, name, ip string, want time.Duration) {
	t.Helper()
	if _, got := w.try(t, name, ip); got != want {
		t.Errorf("%s from %s waits %v, want %v", name, ip, got, want)
	}
}

func TestFiveFailuresAreFreeAndThenTheWaitDoublesUpToFiveMinutes(t *testing.T) {
	w := newWorld(t)
	for range 5 {
		w.failOnce(t, victim, attacker)
	}
	for _, want := range []time.Duration{1, 2, 4, 8, 16, 32, 64, 128, 256, 300, 300, 300} {
		want *= time.Second
		w.mustWait(t, victim, attacker, want)
		w.pass(want - time.Millisecond)
		w.mustWait(t, victim, attacker, time.Second) // a millisecond, rounded up
		w.pass(time.Millisecond)
		w.failOnce(t, victim, attacker)
	}
}

func TestAnAttemptThatComesTooEarlyChangesNothing(t *testing.T) {
	w := newWorld(t)
	for range 8 {
		k, wait := w.try(t, victim, attacker)
		w.pass(wait)
		if wait > 0 {
			k, _ = w.try(t, victim, attacker)
		}
		if err := w.Failed(t.Context(), k); err != nil {
			t.Fatal(err)
		}
	}
	before := w.commits
	w.mustWait(t, victim, attacker, 8*time.Second)
	for range 8 {
		w.pass(time.Second - time.Millisecond)
		w.try(t, victim, attacker)
	}
	if w.commits != before {
		t.Error("early attempts were written down")
	}
	w.pass(8 * time.Millisecond)
	w.mustWait(t, victim, attacker, 0)
}

// S4: attack from network A for an hour, the victim logs in from B at once.
func TestAnHoursAttackFromOneNetworkDoesNotKeepTheVictimWaitingInAnother(t *testing.T) {
	w := newWorld(t)
	guesses, end := 0, w.clock().Add(time.Hour)
	for w.clock().Before(end) {
		k, wait := w.try(t, victim, attacker)
		if wait == 0 {
			guesses++
			if err := w.Failed(t.Context(), k); err != nil {
				t.Fatal(err)
			}
		}
		if w.clock().Unix()%60 == 0 {
			k, wait := w.try(t, victim, home)
			if wait > 0 {
				t.Fatalf("the victim waits %v at %v", wait, w.clock())
			}
			if err := w.Succeeded(t.Context(), k); err != nil {
				t.Fatal(err)
			}
		}
		w.pass(time.Second)
	}
	if guesses > 30 { // 5 free ones, 9 until the wait is 5 minutes, then 12 an hour
		t.Errorf("the attacker had %d guesses in an hour", guesses)
	}
	w.pass(-time.Second)
	if _, wait := w.try(t, victim, attacker); wait == 0 {
		t.Error("the victim's logins have let the attacker off")
	}
}

func TestSuccessForgetsThePairsFailures(t *testing.T) {
	w := newWorld(t)
	for range 7 {
		k, wait := w.try(t, victim, home)
		if wait > 0 {
			w.pass(wait)
			k, _ = w.try(t, victim, home)
		}
		if err := w.Failed(t.Context(), k); err != nil {
			t.Fatal(err)
		}
	}
	w.pass(time.Minute)
	k, _ := w.try(t, victim, home)
	if err := w.Succeeded(t.Context(), k); err != nil {
		t.Fatal(err)
	}
	for range 5 {
		w.failOnce(t, victim, home)
	}
	w.mustWait(t, victim, home, time.Second)
}

// exhaust uses up the network's free failures with a different name for each.
func exhaust(t *testing.T, w *world, ip string) {
	t.Helper()
	for i := range 50 {
		w.failOnce(t, fmt.Sprintf("user%d@example.com", i), ip)
	}
}

func TestANetworkThatTriesManyNamesIsSlowedDownToOneAMinute(t *testing.T) {
	w := newWorld(t)
	exhaust(t, w, attacker)
	for i, want := range []time.Duration{1, 2, 4, 8, 16, 32, 60, 60} {
		want *= time.Second
		name := fmt.Sprintf("next%d@example.com", i)
		w.mustWait(t, name, "203.0.113.250", want)
		w.mustWait(t, name, home, 0)
		w.pass(want)
		w.failOnce(t, name, "203.0.113.250")
	}
}

func TestSuccessTakesBackItsOwnAttemptFromTheNetworkAndNoOthers(t *testing.T) {
	w := newWorld(t)
	exhaust(t, w, attacker)
	w.pass(time.Second)
	for range 3 { // each is counted beforehand; were it not taken back, the second would wait
		k, wait := w.try(t, "eve@example.com", attacker)
		if wait > 0 {
			t.Fatalf("a success has slowed the network down by %v", wait)
		}
		if !k.network.beforehand {
			t.Fatal("the attempt was not counted beforehand")
		}
		if err := w.Succeeded(t.Context(), k); err != nil {
			t.Fatal(err)
		}
	}
	w.failOnce(t, "mallory@example.com", attacker)
	w.mustWait(t, "mallory@example.com", attacker, 2*time.Second)
	// And where others fail between the attempt and its success, their wait stays.
	w.pass(2 * time.Second)
	k, _ := w.try(t, "eve@example.com", attacker)
	w.pass(4 * time.Second)
	w.failOnce(t, "mallory@example.com", attacker)
	if err := w.Succeeded(t.Context(), k); err != nil {
		t.Fatal(err)
	}
	w.mustWait(t, "mallory@example.com", attacker, 4*time.Second)
}

func TestFailuresAreForgottenOneByOne(t *testing.T) {
	w := newWorld(t)
	for range 5 {
		w.failOnce(t, victim, home)
	}
	w.pass(3*time.Minute - time.Millisecond)
	k, _ := w.try(t, victim, home)
	if !k.pair.beforehand {
		t.Error("a failure is forgotten before its time")
	}
	if err := w.Succeeded(t.Context(), k); err != nil {
		t.Fatal(err)
	}
	for range 20 { // somebody whose fingers slip every three minutes never waits
		w.pass(3 * time.Minute)
		w.failOnce(t, victim, home)
	}
	for range 4 {
		w.failOnce(t, victim, home)
	}
	w.mustWait(t, victim, home, time.Second)
	w.pass(15*time.Minute + time.Second) // forgetting begins after the wait
	for range 5 {
		w.failOnce(t, victim, home)
	}
	w.mustWait(t, victim, home, time.Second)
}

func TestACleanLoginCostsOneGetAndNoWrite(t *testing.T) {
	w := newWorld(t)
	k, _ := w.try(t, victim, home)
	if err := w.Succeeded(t.Context(), k); err != nil {
		t.Fatal(err)
	}
	if len(w.gets) != 1 || len(w.gets[0]) != 2 || w.commits != 0 {
		t.Errorf("%d gets %v, %d commits; want one of two keys, and none", len(w.gets), w.gets, w.commits)
	}
	w.failOnce(t, victim, home)
	if len(w.gets) != 2 || w.commits != 2 {
		t.Errorf("%d gets and %d commits after a failure, want 2 and 2", len(w.gets), w.commits)
	}
}

func TestOnceAttemptsMustWaitNoTwoGoAtOnce(t *testing.T) {
	w := newWorld(t)
	for range 5 {
		w.failOnce(t, victim, attacker)
	}
	w.pass(time.Second)
	var wg sync.WaitGroup
	allowed := make(chan Ticket, 100)
	for range 100 {
		wg.Go(func() {
			k, err := w.Allow(t.Context(), victim, attacker)
			if err == nil {
				allowed <- k
			} else if !fault.Is(err, fault.TooMany) {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	if len(allowed) != 1 {
		t.Fatalf("%d of 100 attempts at once went, want 1", len(allowed))
	}
	w.mustWait(t, victim, attacker, 2*time.Second) // counted, though nobody has said how it ended
	if err := w.Failed(t.Context(), <-allowed); err != nil {
		t.Fatal(err)
	}
	w.mustWait(t, victim, attacker, 2*time.Second) // and only once
}

func TestABurstOfFreeAttemptsIsCountedAndRememberedLonger(t *testing.T) {
	w := newWorld(t)
	tickets := make([]Ticket, 32)
	for i := range tickets {
		tickets[i], _ = w.try(t, victim, attacker)
	}
	var wg sync.WaitGroup
	for _, k := range tickets {
		wg.Go(func() {
			if err := w.Failed(t.Context(), k); err != nil && !fault.Is(err, fault.TooMany) {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	k, wait := w.try(t, victim, attacker)
	if wait < 8*time.Second { // at least as many are counted as one has tries
		t.Errorf("after 32 failures at once the wait is %v", wait)
	}
	w.pass(wait)
	if k, _ = w.try(t, victim, attacker); !k.pair.beforehand {
		t.Error("the next burst is free again")
	}
}

func TestACounterThatCannotBeChangedRefuses(t *testing.T) {
	w := newWorld(t)
	k, _ := w.try(t, victim, attacker)
	w.fail = func() error { return &table.Conflict{} }
	w.commits = 0
	if err := w.Failed(t.Context(), k); !fault.Is(err, fault.TooMany) || w.commits != tries {
		t.Errorf("Failed: %v after %d commits, want a refusal after %d", err, w.commits, tries)
	}
	w.fail = nil
	for range 5 {
		w.failOnce(t, victim, attacker)
	}
	w.pass(time.Second)
	w.fail, w.commits = func() error { return &table.Conflict{} }, 0
	w.mustWait(t, victim, attacker, time.Second)
	if w.commits != tries {
		t.Errorf("Allow made %d commits, want %d", w.commits, tries)
	}
}

func TestATableThatFailsLetsNobodyThrough(t *testing.T) {
	w := newWorld(t)
	k, _ := w.try(t, victim, attacker)
	w.fail = func() error { return fault.Retry(errors.New("no answer")) }
	if err := w.Failed(t.Context(), k); !fault.Is(err, fault.Unavailable) {
		t.Errorf("Failed: %v", err)
	}
	w.fail = nil
	for range 5 {
		w.failOnce(t, victim, attacker)
	}
	w.pass(time.Second)
	w.fail = func() error { return fault.Retry(errors.New("no answer")) }
	if _, err := w.Allow(t.Context(), victim, attacker); !fault.Is(err, fault.Unavailable) {
		t.Errorf("Allow, when it must count: %v", err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := w.Allow(ctx, victim, home); err == nil {
		t.Error("Allow let somebody through without having read")
	}
}

func TestNeitherNamesNorAddressesAreStored(t *testing.T) {
	w := newWorld(t)
	for range 6 {
		k, wait := w.try(t, victim, attacker)
		w.pass(wait)
		if wait == 0 {
			if err := w.Failed(t.Context(), k); err != nil {
				t.Fatal(err)
			}
		}
	}
	records, err := w.feed.Changes(t.Context(), "", 1000)
	if err != nil || len(records) == 0 {
		t.Fatal(len(records), err)
	}
	all, err := json.Marshal(records)
	if err != nil {
		t.Fatal(err)
	}
	for _, banned := range []string{"olivia", "example", "203.0.113"} {
		if strings.Contains(string(all), banned) {
			t.Errorf("the table holds %q", banned)
		}
	}
	for _, r := range records {
		it := r.Change.NewImage
		if !strings.HasPrefix(it.String("pk"), "thr#") || it.String("sk") != "thr" {
			t.Errorf("stored under %v", it.Key())
		}
		if it.PurgeAt() <= w.clock().Unix() {
			t.Errorf("purged at %d, now is %d", it.PurgeAt(), w.clock().Unix())
		}
	}
}

// Whether the store has purged a counter or not makes no difference.
func TestACounterIsPurgedOnlyWhenAllIsForgotten(t *testing.T) {
	now := time.Date(2026, 11, 21, 20, 0, 0, 0, time.UTC)
	for _, l := range []limit{pairLimit(), networkLimit()} {
		for count := 1; count <= l.most; count++ {
			c := counter{key: digest("x"), limit: l, count: count, last: now}
			at := time.Unix(c.op().Item.PurgeAt(), 0)
			if c.level(at) != 0 || c.wait(at) > 0 || at.Before(now) {
				t.Errorf("limit %+v, count %d: purged at %v with level %d", l, count, at, c.level(at))
			}
		}
	}
}

func TestAClockThatStepsBackNeverMakesAnybodyWaitLongerThanTheLimit(t *testing.T) {
	w := newWorld(t)
	for range 5 {
		w.failOnce(t, victim, home)
	}
	w.pass(-24 * time.Hour)
	w.mustWait(t, victim, home, time.Second)
	w.pass(24*time.Hour + time.Second)
	w.failOnce(t, victim, home)
}
