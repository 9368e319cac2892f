package throttle

import (
	"fmt"
	"testing"
	"time"

	"golang.org/x/text/unicode/norm"

	"keyfob/internal/fault"
)

// stranger makes an attempt from a network that the name's user is not known from, and gives the wait where it may not be made.
func (w *world) stranger(t *testing.T, name, ip string) (Ticket, time.Duration) {
	t.Helper()
	k, wait := w.try(t, name, ip)
	if wait > 0 {
		return Ticket{}, wait
	}
	k, err := w.AllowStranger(t.Context(), k)
	if err == nil {
		return k, 0
	}
	if !fault.Is(err, fault.TooMany) {
		t.Fatal(err)
	}
	return Ticket{}, time.Second
}

// S4: who guesses one name's password from ever new networks has a hundred guesses, and then one a minute at most, whatever
// the owner of the name does meanwhile. Where the owner is known from, that counter does not rule.
func TestS4GuessesOfANameAreCountedOverAllNetworks(t *testing.T) {
	w := newWorld(t)
	network := func(i int) string { return fmt.Sprintf("203.%d.%d.7", i/250, i%250) }
	next := 0
	guess := func() bool {
		next++
		k, wait := w.stranger(t, victim, network(next))
		if wait > 0 {
			return false
		}
		if err := w.Failed(t.Context(), k); err != nil {
			t.Fatal(err)
		}
		return true
	}
	for i := range 100 {
		if !guess() {
			t.Fatalf("guess %d is refused", i+1)
		}
	}
	if guess() {
		t.Error("the 101st guess is free")
	}
	guesses := 0
	for end := w.clock().Add(time.Hour); w.clock().Before(end); w.pass(time.Second) {
		if guess() {
			guesses++
		}
		// The owner logs in from where they are known, again and again, and is neither held up nor of use to the guesser.
		k, wait := w.try(t, victim, home)
		if wait > 0 {
			t.Fatalf("the victim waits %v", wait)
		}
		if err := w.Succeeded(t.Context(), k); err != nil {
			t.Fatal(err)
		}
	}
	if guesses < 50 || guesses > 110 {
		t.Errorf("%d guesses in an hour", guesses)
	}
	if _, wait := w.stranger(t, "adam@example.com", network(1)); wait != 0 {
		t.Errorf("another name waits %v", wait)
	}
	w.pass(3 * time.Hour)
	for i := range 100 {
		if !guess() {
			t.Fatalf("hours later, guess %d is refused", i+1)
		}
	}
}

// What is refused as a stranger's leaves no trace in the pair's and the network's counters either.
func TestARefusedStrangerIsCountedNowhere(t *testing.T) {
	w := newWorld(t)
	for i := range 100 {
		k, _ := w.stranger(t, victim, fmt.Sprintf("203.0.%d.7", i))
		if err := w.Failed(t.Context(), k); err != nil {
			t.Fatal(err)
		}
	}
	for range 5 {
		w.failOnce(t, victim, home) // free, but for the name's
	}
	w.pass(time.Second) // the pair's wait is over, the name's is not
	k, wait := w.try(t, victim, home)
	if wait > 0 || !k.pair.beforehand {
		t.Fatal(wait, k)
	}
	if _, err := w.AllowStranger(t.Context(), k); !fault.Is(err, fault.TooMany) {
		t.Fatal(err)
	}
	w.mustWait(t, victim, home, 0)
}

// The same login name is the same counter, composed or decomposed.
func TestOneNameHasOneCounterHoweverItIsWritten(t *testing.T) {
	w := newWorld(t)
	composed := "Jos\u00e9@example.com"
	for range 5 {
		w.failOnce(t, composed, attacker)
	}
	w.mustWait(t, norm.NFD.String(composed), attacker, time.Second)
	w.mustWait(t, "jose@example.com", attacker, 0)
}
