package throttle

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"keyfob/internal/fault"
)

// guess makes an attempt to show a second factor and fails it, and gives the wait where it may not be made.
func (w *world) guess(t *testing.T, user, ip string, guessable bool) time.Duration {
	t.Helper()
	k, err := w.AllowFactor(t.Context(), user, ip, guessable)
	if f, ok := errors.AsType[*fault.Error](err); ok && f.Kind == fault.TooMany {
		return f.RetryAfter
	}
	if err == nil {
		err = w.Failed(t.Context(), k)
	}
	if err != nil {
		t.Fatal(err)
	}
	return 0
}

// S4, S6: who knows the password and guesses codes from ever new networks has a hundred of them, and then one a minute.
func TestS6GuessesOfCodesAreCountedOverAllNetworks(t *testing.T) {
	w := newWorld(t)
	network := func(i int) string { return fmt.Sprintf("203.0.%d.7", i) }
	for i := range 100 {
		if wait := w.guess(t, "usr_1", network(i), true); wait != 0 {
			t.Fatalf("guess %d waits %v", i+1, wait)
		}
	}
	guesses, end := 0, w.clock().Add(time.Hour)
	for i := 0; w.clock().Before(end); i++ {
		if wait := w.guess(t, "usr_1", network(i%250), true); wait == 0 {
			guesses++
		} else if wait > time.Minute {
			t.Fatalf("a wait of %v", wait)
		}
		w.pass(time.Second)
	}
	if guesses < 60 || guesses > 70 {
		t.Errorf("%d guesses in an hour", guesses)
	}
	// What cannot be guessed passes by, as does everybody else, and the login.
	if wait := w.guess(t, "usr_1", home, false); wait != 0 {
		t.Errorf("the user's passkey waits %v", wait)
	}
	if wait := w.guess(t, "usr_2", home, true); wait != 0 {
		t.Errorf("another user waits %v", wait)
	}
	w.mustWait(t, "usr_1", home, 0)
	// All is forgotten in time.
	w.pass(28 * time.Hour)
	for i := range 100 {
		if wait := w.guess(t, "usr_1", network(i), true); wait != 0 {
			t.Fatalf("a day later, guess %d waits %v", i+1, wait)
		}
	}
}

// S4: a right password does not forget wrong factors, or who knows it could go on for ever.
func TestS4ALoginForgetsNoFactors(t *testing.T) {
	w := newWorld(t)
	for range 5 {
		if wait := w.guess(t, victim, attacker, true); wait != 0 {
			t.Fatal(wait)
		}
	}
	k, wait := w.try(t, victim, attacker)
	if wait != 0 {
		t.Errorf("the login waits %v for the factors", wait)
	}
	if err := w.Succeeded(t.Context(), k); err != nil {
		t.Fatal(err)
	}
	if wait := w.guess(t, victim, attacker, true); wait != time.Second {
		t.Errorf("after a login the next guess waits %v", wait)
	}
	if wait := w.guess(t, victim, home, true); wait != 0 {
		t.Errorf("from elsewhere it waits %v", wait)
	}
}

// A success takes its own attempt back from the user's counter, and nobody else's.
func TestARightCodeTakesBackItsOwnAttemptOnly(t *testing.T) {
	w := newWorld(t)
	for i := range 100 {
		w.guess(t, "usr_1", fmt.Sprintf("203.0.%d.7", i), true)
	}
	for range 3 {
		w.pass(time.Second)
		k, err := w.AllowFactor(t.Context(), "usr_1", home, true)
		if err != nil {
			t.Fatal(err)
		}
		if err := w.Succeeded(t.Context(), k); err != nil {
			t.Fatal(err)
		}
	}
	w.pass(time.Second)
	w.guess(t, "usr_1", attacker, true)
	if wait := w.guess(t, "usr_1", home, true); wait != 2*time.Second {
		t.Errorf("after the next failure it waits %v", wait)
	}
}
