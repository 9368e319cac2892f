package notice_test

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"keyfob/internal/agenda"
	"keyfob/internal/audit"
	"keyfob/internal/fault"
	"keyfob/internal/mail"
	"keyfob/internal/notice"
	"keyfob/internal/scope"
	"keyfob/internal/table"
	"keyfob/internal/table/key"
)

// commit records the event; the stream loses it.
func (w *world) commit(t *testing.T, e audit.Event) {
	t.Helper()
	if err := w.notices.Table.Commit(t.Context(), e.Ops()...); err != nil {
		t.Fatal(err)
	}
}

// P6: what the stream never brings is told all the same, however long its consumer was down.
func TestP6TheSweeperDeliversWhatTheStreamHasLost(t *testing.T) {
	w := newWorld(t)
	w.commit(t, w.event(audit.TokenCreated))
	w.commit(t, w.event(audit.PasswordChanged)) // about nobody
	w.now.Add(int64(audit.Grace - 10*time.Millisecond))
	if w.sweep(t); len(w.sender.sent) != 0 {
		t.Error("before the stream's time is over")
	}
	w.now.Add(int64(25 * time.Hour))
	w.sweep(t)
	if w.mailsTo(adminMail) != 1 || w.mailsTo(ownerMail) != 2 {
		t.Errorf("told: %s", w.sender.to())
	}
	if swept := w.sweep(t); swept != (agenda.Swept{}) {
		t.Errorf("something is left: %+v", swept)
	}
}

// An event that was told is off the agenda, and so is one of which nobody wants to be told.
func TestWhatIsToldIsOffTheAgenda(t *testing.T) {
	w := newWorld(t)
	w.happens(t, w.event(audit.TokenCreated))
	w.acc.Policy.Muted, w.acc.Version = "token.edited", 1
	if err := w.notices.Table.Commit(t.Context(), w.acc.Replace()); err != nil {
		t.Fatal(err)
	}
	w.happens(t, w.event(audit.TokenEdited))
	w.now.Add(int64(time.Hour))
	if swept := w.sweep(t); swept != (agenda.Swept{}) {
		t.Errorf("%+v", swept)
	}
	if got := w.sender.to(); got != "admin@example.com owner@example.com" {
		t.Errorf("told: %s", got)
	}
}

// P6: a claim whose sender died is taken over by the sweeper when its lease has run out; until then nobody is told twice.
func TestP6TheSweeperTakesOverAStaleClaim(t *testing.T) {
	w := newWorld(t)
	e := w.event(audit.TokenCreated)
	w.commit(t, e)
	w.now.Add(int64(audit.Grace + notice.Lease))
	w.sender.fail = func(mail.Message) error { panic("killed") }
	func() {
		defer func() { _ = recover() }()
		_ = w.notices.Deliver(t.Context(), e)
	}()
	w.sender.fail = nil
	w.sweep(t)
	if got := w.sender.to(); got != "owner@example.com" { // the other recipient's mail was not claimed
		t.Errorf("told while it was claimed: %s", got)
	}
	w.now.Add(int64(notice.Lease - time.Millisecond))
	if w.sweep(t); len(w.sender.sent) != 1 {
		t.Error("taken over before the lease has run out")
	}
	w.now.Add(int64(time.Millisecond))
	w.sweep(t)
	if got := w.sender.to(); got != "owner@example.com admin@example.com" {
		t.Errorf("told: %s", got)
	}
}

// A mail that cannot be sent fails a few times before whoever feeds the stream, and is then left to the sweeper, which comes
// back to it for two weeks and then gives up, with an entry in the trail.
func TestAMailThatCannotBeSentHoldsUpTheStreamAFewTimesOnly(t *testing.T) {
	w := newWorld(t)
	e := w.event(audit.TokenCreated)
	w.commit(t, e)
	calls := 0
	w.sender.fail = func(m mail.Message) error {
		if m.To == ownerMail {
			calls++
			return fault.Retry(errors.New("paused"))
		}
		return nil
	}
	for try := range 2 {
		if err := w.notices.Deliver(t.Context(), e); err == nil || isLeft(err) {
			t.Fatalf("try %d: %v", try, err)
		}
	}
	if err := w.notices.Deliver(t.Context(), e); !isLeft(err) {
		t.Fatalf("the last try: %v", err)
	}
	for day := range 20 {
		w.now.Add(int64(24 * time.Hour))
		if swept := w.sweep(t); day < 13 && swept.Failed != 1 {
			t.Fatalf("day %d: %+v", day, swept)
		}
	}
	if calls > 3+15 || w.rejections(t) != 1 || w.mailsTo(adminMail) != 1 {
		t.Errorf("%d calls, %d rejections", calls, w.rejections(t))
	}
	if swept := w.sweep(t); swept != (agenda.Swept{}) {
		t.Errorf("something is left: %+v", swept)
	}
}

// flaky is a table whose commits are made, and whose answers are lost, while it is told so.
type flaky struct {
	table.Table
	lose   func(ops []table.Op) bool // the answer
	refuse func(ops []table.Op) bool // before anything is done
}

var errDown = fault.Retry(errors.New("the connection was lost"))

func (f *flaky) Commit(ctx context.Context, ops ...table.Op) error {
	if f.refuse != nil && f.refuse(ops) {
		return errDown
	}
	err := f.Table.Commit(ctx, ops...)
	if err == nil && f.lose != nil && f.lose(ops) {
		return errDown
	}
	return err
}

// notes reports whether the commit notes a mail as sent.
func notes(ops []table.Op) bool {
	for _, op := range ops {
		if op.Item.String("state") == "sent" {
			return true
		}
	}
	return false
}

// P6: a mail that was sent is noted even where the table fails now and then, so that it is not sent again.
func TestP6TheNoteOfAMailIsInsistedOn(t *testing.T) {
	for name, broken := range map[string]func(*flaky, func([]table.Op) bool){
		"the answer is lost": func(f *flaky, when func([]table.Op) bool) { f.lose = when },
		"throttled":          func(f *flaky, when func([]table.Op) bool) { f.refuse = when },
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			e := w.event(audit.TokenCreated)
			w.commit(t, e)
			f, failures := &flaky{Table: w.notices.Table}, 0
			broken(f, func(ops []table.Op) bool {
				failures++
				return notes(ops) && failures%3 != 0
			})
			whole := w.notices.Table
			w.notices.Table = f
			if err := w.notices.Deliver(t.Context(), e); err != nil || failures == 0 {
				t.Fatalf("%v, %d failures", err, failures)
			}
			w.notices.Table = whole
			w.now.Add(int64(time.Hour))
			if w.sweep(t); len(w.sender.sent) != 2 {
				t.Errorf("told: %s", w.sender.to())
			}
		})
	}
}

// Without the time to send a mail and to note it, none is begun.
func TestP6WithoutTimeNoMailIsBegun(t *testing.T) {
	w := newWorld(t)
	ctx, cancel := context.WithTimeout(t.Context(), time.Second-time.Millisecond)
	defer cancel()
	if err := w.notices.Deliver(ctx, w.event(audit.TokenCreated)); err == nil || len(w.sender.sent) != 0 {
		t.Errorf("%v, told: %s", err, w.sender.to())
	}
}

// The person who made a token is told of it as those are who look after all of them.
func TestC12WhoMadeATokenIsToldOfIt(t *testing.T) {
	w := newWorld(t)
	e := w.event(audit.TokenRevoked)
	e.Subject.User = "usr_member@example.com"
	w.happens(t, e)
	if got := w.sender.to(); got != "admin@example.com member@example.com owner@example.com" {
		t.Errorf("told: %s", got)
	}
	e = w.event(audit.TokenEdited)
	e.Subject.User = w.owner.ID
	w.sender.sent = nil
	if w.happens(t, e); w.sender.to() != "admin@example.com owner@example.com" {
		t.Errorf("told: %s", w.sender.to())
	}
}

// People choose of which ordinary events they want no mail; of others they are told whatever they chose.
func TestPeopleMuteOrdinaryMailsForThemselves(t *testing.T) {
	w := newWorld(t)
	w.owner.Muted, w.owner.Version = "token.created token.revealed", 1
	if err := w.notices.Table.Commit(t.Context(), w.owner.Replace()); err != nil {
		t.Fatal(err)
	}
	w.happens(t, w.event(audit.TokenCreated))
	if got := w.sender.to(); got != adminMail {
		t.Errorf("told: %s", got)
	}
	if w.happens(t, w.event(audit.TokenRevealed)); w.mailsTo(ownerMail) != 1 {
		t.Errorf("told: %s", w.sender.to())
	}
}

// P6: what owes a mail is on the agenda from its commit on, and what owes none is not.
func TestP6WhatOwesAMailIsOnTheAgenda(t *testing.T) {
	w := newWorld(t)
	for _, kind := range audit.Types() {
		e := w.about(kind, "member")
		on := false
		for _, op := range e.Ops() {
			on = on || op.Key == e.Outstanding().Key() && op.Kind == table.KindPut
		}
		if on != e.Owed() {
			t.Errorf("%s: it owes a mail: %t, it is on the agenda: %t", kind, e.Owed(), on)
		}
	}
	if w.owner.Role != scope.Owner || key.PrefixDue == "" {
		t.Fatal("the world is not as it should be")
	}
}

// slow is a table on which commits take long, by the clock of a bubble.
type slow struct {
	table.Table
	takes time.Duration
}

func (s slow) Commit(ctx context.Context, ops ...table.Op) error {
	time.Sleep(s.takes)
	return s.Table.Commit(ctx, ops...)
}

// P6: where the claim has taken so long that a mail would be cut off, none is begun, and the claim is given back.
func TestP6ASlowClaimLeavesTheMailToTheNextTry(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		e := w.event(audit.TokenCreated)
		ctx, cancel := context.WithTimeout(t.Context(), 3*time.Second)
		defer cancel()
		whole := w.notices.Table
		w.notices.Table = slow{whole, 1500 * time.Millisecond}
		if err := w.notices.Deliver(ctx, e); !errors.Is(err, agenda.ErrNoTime) || len(w.sender.sent) != 0 {
			t.Errorf("%v, told: %s", err, w.sender.to())
		}
		w.notices.Table = whole
		if err := w.notices.Deliver(t.Context(), e); err != nil || len(w.sender.sent) != 2 {
			t.Errorf("%v, told: %s", err, w.sender.to())
		}
	})
}
