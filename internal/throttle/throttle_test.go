package throttle

import (
	"fmt"
	"testing"
	"time"
)

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
