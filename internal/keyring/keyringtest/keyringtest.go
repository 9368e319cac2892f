// Package keyringtest is the contract of the key ring's role, written as a test. An implementation is right when Run
// passes against it; what Run does not ask for, no caller may rely on.
//
// It promises that it asks only for what package keyring promises.
//
// It does not test what is one implementation's own: key files, time-outs, what a key service answers.
package keyringtest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"

	"keyfob/internal/fault"
	"keyfob/internal/keyring"
)

// canary is what is sealed. No error and no sealed text may hold it.
const canary = "kf_us_EXAMPLEexample01-canary-canary"

// one and other are tokens of one account; elsewhere is the same token in another.
var (
	one       = keyring.Binding{Account: "acc_EXAMPLEaccount01", Token: "tok_EXAMPLEexample01"}
	other     = keyring.Binding{Account: "acc_EXAMPLEaccount01", Token: "tok_EXAMPLEexample02"}
	elsewhere = keyring.Binding{Account: "acc_EXAMPLEaccount02", Token: "tok_EXAMPLEexample01"}
)

// Run runs the suite. Each call of open makes a ring with a key of its own, which open removes with t.Cleanup.
func Run(t *testing.T, open func(t *testing.T) keyring.Ring) {
	for _, test := range []struct {
		name string
		run  func(*testing.T, keyring.Ring)
	}{
		{"WhatIsSealedOpensAgain", testRoundTrip},
		{"TheLongestTextIsSealedAndTheNextIsNot", testLengths},
		{"S30OnlyTheSameAccountAndTokenOpen", testBindings},
		{"S30TextsExchangedBetweenRowsDoNotOpen", testExchanged},
		{"EveryChangedBitIsFound", testFlipped},
		{"EveryShorterAndLongerTextIsRefused", testTruncated},
		{"WhatIsNoSealedTextIsRefused", testForeign},
		{"TheSameTextIsNeverSealedAlike", testDistinct},
		{"ItIsUsedByManyAtOnce", testConcurrent},
		{"ACancelledContextEndsTheCall", testCancelled},
	} {
		t.Run(test.name, func(t *testing.T) { test.run(t, open(t)) })
	}
	t.Run("AnotherKeyDoesNotOpen", func(t *testing.T) {
		refused(t, open(t), seal(t, open(t), canary, one), one)
	})
}

func seal(t *testing.T, r keyring.Ring, text string, b keyring.Binding) []byte {
	t.Helper()
	sealed, err := r.Seal(t.Context(), []byte(text), b)
	if err != nil {
		t.Fatalf("Seal: %v", err)
	}
	if len(text) > 8 && bytes.Contains(sealed, []byte(text)) {
		t.Fatal("the sealed text holds what was sealed")
	}
	return sealed
}

func opens(t *testing.T, r keyring.Ring, sealed []byte, b keyring.Binding, want string) {
	t.Helper()
	if got, err := r.Open(t.Context(), sealed, b); err != nil || string(got) != want {
		t.Errorf("Open: %d bytes, %v; want the %d that were sealed", len(got), err, len(want))
	}
}

// refused asserts that the text does not open, and that nothing is told of why.
func refused(t *testing.T, r keyring.Ring, sealed []byte, b keyring.Binding) {
	t.Helper()
	got, err := r.Open(t.Context(), sealed, b)
	if !errors.Is(err, keyring.ErrSealed) || got != nil || fault.Is(err, fault.Unavailable) {
		t.Errorf("Open for %v: %d bytes, %v; want keyring.ErrSealed", b, len(got), err)
	}
	if err != nil && strings.Contains(err.Error(), "canary") {
		t.Errorf("the error tells what is sealed: %v", err)
	}
}

func testRoundTrip(t *testing.T, r keyring.Ring) {
	sealed := seal(t, r, canary, one)
	kept := bytes.Clone(sealed)
	for range 3 {
		opens(t, r, sealed, one, canary)
	}
	if !bytes.Equal(sealed, kept) {
		t.Error("opening changes the sealed text")
	}
	whole := make([]byte, 256)
	for i := range whole {
		whole[i] = byte(i)
	}
	opens(t, r, seal(t, r, string(whole), one), one, string(whole))
}

func testLengths(t *testing.T, r keyring.Ring) {
	for _, n := range []int{1, 15, 16, 17, keyring.MaxText - 1, keyring.MaxText} {
		text := strings.Repeat("x", n)
		opens(t, r, seal(t, r, text, one), one, text)
	}
	for _, n := range []int{0, keyring.MaxText + 1} {
		if sealed, err := r.Seal(t.Context(), make([]byte, n), one); !errors.Is(err, keyring.ErrText) || sealed != nil {
			t.Errorf("a text of %d bytes: %v", n, err)
		}
	}
}

func testBindings(t *testing.T, r keyring.Ring) {
	sealed := seal(t, r, canary, one)
	for _, b := range []keyring.Binding{
		other, elsewhere, {}, {Account: one.Account}, {Token: one.Token},
		{Account: one.Token, Token: one.Account},
		{Account: one.Account + one.Token[:1], Token: one.Token[1:]}, // the same bytes, divided elsewhere
		{Account: one.Account[:len(one.Account)-1], Token: one.Account[len(one.Account)-1:] + one.Token},
		{Account: strings.ToLower(one.Account), Token: one.Token},
		{Account: one.Account, Token: one.Token + "\x00"},
	} {
		refused(t, r, sealed, b)
	}
	for _, b := range []keyring.Binding{{}, {Account: one.Account}, {Token: one.Token}} {
		if _, err := r.Seal(t.Context(), []byte(canary), b); !errors.Is(err, keyring.ErrText) {
			t.Errorf("sealed for %v: %v", b, err)
		}
	}
	opens(t, r, sealed, one, canary)
}

func testExchanged(t *testing.T, r keyring.Ring) {
	rows := map[keyring.Binding][]byte{one: seal(t, r, canary+"1", one), other: seal(t, r, canary+"2", other), elsewhere: seal(t, r, canary+"3", elsewhere)}
	for of, sealed := range rows {
		for at := range rows {
			if of != at {
				refused(t, r, sealed, at)
			}
		}
	}
}

func testFlipped(t *testing.T, r keyring.Ring) {
	sealed := seal(t, r, canary, one)
	for i := range sealed {
		damaged := bytes.Clone(sealed)
		damaged[i] ^= 1 << (i % 8)
		refused(t, r, damaged, one)
	}
}

func testTruncated(t *testing.T, r keyring.Ring) {
	sealed := seal(t, r, canary, one)
	for n := range sealed {
		refused(t, r, sealed[:n], one)
	}
	refused(t, r, sealed[1:], one)
	refused(t, r, append(bytes.Clone(sealed), 0), one)
	refused(t, r, append(bytes.Clone(sealed), sealed...), one)
}

func testForeign(t *testing.T, r keyring.Ring) {
	for _, text := range []string{"", "\x00", "\x01", canary, strings.Repeat("\x01", 100), strings.Repeat("\xff", 1<<20)} {
		refused(t, r, []byte(text), one)
	}
	refused(t, r, nil, one)
}

func testDistinct(t *testing.T, r keyring.Ring) {
	seen := map[string]bool{}
	for range 50 {
		seen[string(seal(t, r, canary, one))] = true
	}
	if len(seen) != 50 {
		t.Errorf("%d different texts of 50", len(seen))
	}
}

func testConcurrent(t *testing.T, r keyring.Ring) {
	var all sync.WaitGroup
	for i := range 32 {
		all.Go(func() {
			text, b := fmt.Sprintf("text %d", i), keyring.Binding{Account: one.Account, Token: fmt.Sprintf("tok_%d", i)}
			for range 4 {
				sealed, err := r.Seal(t.Context(), []byte(text), b)
				if err != nil {
					t.Errorf("Seal: %v", err)
					return
				}
				opens(t, r, sealed, b, text)
			}
		})
	}
	all.Wait()
}

func testCancelled(t *testing.T, r keyring.Ring) {
	sealed := seal(t, r, canary, one)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := r.Seal(ctx, []byte(canary), one); !fault.Is(err, fault.Unavailable) {
		t.Errorf("Seal: %v", err)
	}
	if text, err := r.Open(ctx, sealed, one); !fault.Is(err, fault.Unavailable) || text != nil {
		t.Errorf("Open: %v", err)
	}
}
