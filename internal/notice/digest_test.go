package notice_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"keyfob/internal/account"
	"keyfob/internal/agenda"
	"keyfob/internal/audit"
	"keyfob/internal/fault"
	"keyfob/internal/mail"
	"keyfob/internal/notice"
	"keyfob/internal/table"
	"keyfob/internal/table/key"
)

// happens commits the event and delivers it, as the stream would.
func (w *world) happens(t *testing.T, e audit.Event) {
	t.Helper()
	if err := w.notices.Table.Commit(t.Context(), e.Ops()...); err != nil {
		t.Fatal(err)
	}
	if err := w.notices.Deliver(t.Context(), e); err != nil {
		t.Fatal(err)
	}
}

// sweep sweeps the agenda as the function does, and gives what failed.
func (w *world) sweep(t *testing.T) agenda.Swept {
	t.Helper()
	a := agenda.Agenda{Table: w.notices.Table, Now: w.notices.Now}
	swept, err := a.Sweep(t.Context(), func(ctx context.Context, e agenda.Entry) (agenda.Verdict, error) {
		if e.Kind == agenda.Digest {
			return w.notices.Digest(ctx, e)
		}
		return w.notices.Outstanding(ctx, e)
	})
	if err != nil {
		t.Fatal(err)
	}
	return swept
}

// storm has so many tokens created.
func (w *world) storm(t *testing.T, n int) (names []string) {
	t.Helper()
	for i := range n {
		e := w.event(audit.TokenCreated)
		e.Subject.Name = fmt.Sprintf("token-%03d", i)
		names = append(names, e.Subject.Name)
		w.happens(t, e)
	}
	return names
}

// mentions counts how often the mails to the address name it.
func (w *world) mentions(to, name string) (n int) {
	for _, m := range w.sender.sent {
		if m.To == to {
			n += strings.Count(m.Text, name)
		}
	}
	return n
}

const (
	ownerMail = "owner@example.com"
	adminMail = "admin@example.com"
)

func (w *world) mailsTo(to string) (n int) {
	for _, m := range w.sender.sent {
		if m.To == to {
			n++
		}
	}
	return n
}

// P6: many mails in a short time become one, and nothing is left out of it or told twice.
func TestP6ManyMailsInAShortTimeBecomeDigests(t *testing.T) {
	w := newWorld(t)
	names := w.storm(t, notice.Burst+200)
	if got := w.mailsTo(ownerMail); got != notice.Burst {
		t.Fatalf("%d mails at once, want %d", got, notice.Burst)
	}
	w.now.Add(int64(notice.Window - time.Millisecond))
	if w.sweep(t); w.mailsTo(ownerMail) != notice.Burst {
		t.Error("the digest came before the window was over")
	}
	w.now.Add(int64(time.Millisecond))
	if swept := w.sweep(t); swept.Failed > 0 {
		t.Fatalf("%+v", swept)
	}
	if got := w.mailsTo(ownerMail); got != notice.Burst+4 { // 200 events, at most 50 in each
		t.Errorf("%d mails in all", got)
	}
	for _, name := range names {
		for _, to := range []string{ownerMail, adminMail} {
			if n := w.mentions(to, name+`"`); n != 1 {
				t.Errorf("%s is told of %s %d times", to, name, n)
			}
		}
	}
	w.now.Add(int64(48 * time.Hour))
	if w.sweep(t); w.mailsTo(ownerMail) != notice.Burst+4 {
		t.Error("a digest came again")
	}
	w.storm(t, 1)
	if w.mailsTo(ownerMail) != notice.Burst+5 {
		t.Error("after a quiet time a mail does not come at once")
	}
}

// As long as it goes on there is one digest for each window, and nothing between.
func TestADigestIsFollowedByDigestsForAsLongAsItGoesOn(t *testing.T) {
	w := newWorld(t)
	w.storm(t, notice.Burst+1)
	for round := range 3 {
		w.now.Add(int64(notice.Window))
		if w.sweep(t); w.mailsTo(ownerMail) != notice.Burst+1+round {
			t.Fatalf("round %d: %d mails", round, w.mailsTo(ownerMail))
		}
		w.storm(t, 2)
		if w.mailsTo(ownerMail) != notice.Burst+1+round {
			t.Fatalf("round %d: a mail came between", round)
		}
	}
}

// What is an alarm, or is owed to one person alone, is told at once, and is not counted.
func TestAnAlarmWaitsForNoDigest(t *testing.T) {
	w := newWorld(t)
	w.storm(t, notice.Burst+5)
	before := w.mailsTo(ownerMail)
	w.happens(t, w.event(audit.TokenLeaked))
	w.happens(t, w.event(audit.TokenReused))
	w.happens(t, w.event(audit.TokenRevealed))
	if got := w.mailsTo(ownerMail) - before; got != 3 {
		t.Errorf("%d of 3 alarms came at once", got)
	}
}

// P6: a digest that could not be sent comes later; its events are told once all the same.
func TestP6ADigestThatFailsIsSentLater(t *testing.T) {
	w := newWorld(t)
	w.storm(t, notice.Burst+3)
	w.now.Add(int64(notice.Window))
	w.sender.fail = func(mail.Message) error { return fault.Retry(errors.New("throttled")) }
	if swept := w.sweep(t); swept.Failed != 2 {
		t.Fatalf("%+v", swept)
	}
	w.storm(t, 2) // of which there is nothing to be told at once
	w.sender.fail = nil
	w.now.Add(int64(agenda.Pause(1)))
	w.sweep(t)
	if got := w.mailsTo(ownerMail); got != notice.Burst+1 {
		t.Errorf("%d mails", got)
	}
	if n := w.mentions(ownerMail, `" was created`); n != notice.Burst+5 {
		t.Errorf("%d of %d events are told", n, notice.Burst+5)
	}
}

// P6: a sender that dies while it is at work on a digest leaves it to others when its lease has run out.
func TestP6ADigestOfADeadSenderIsTakenOver(t *testing.T) {
	w := newWorld(t)
	w.storm(t, notice.Burst+3)
	w.now.Add(int64(notice.Window))
	entry := agenda.Entry{Kind: agenda.Digest, Ref: w.owner.ID, Account: w.acc.ID}
	w.sender.fail = func(mail.Message) error { panic("killed") }
	func() {
		defer func() { _ = recover() }()
		_, _ = w.notices.Digest(t.Context(), entry)
	}()
	w.sender.fail = nil
	w.now.Add(int64(notice.Lease - time.Millisecond))
	w.sweep(t)
	if got := w.mailsTo(ownerMail); got != notice.Burst {
		t.Errorf("%d mails before the lease has run out", got)
	}
	w.now.Add(int64(time.Second))
	w.sweep(t)
	if got := w.mailsTo(ownerMail); got != notice.Burst+1 {
		t.Errorf("%d mails after it has", got)
	}
}

// P6: what comes while a digest is being sent is in the next one.
func TestP6WhatComesWhileADigestIsSentIsInTheNext(t *testing.T) {
	w := newWorld(t)
	w.storm(t, notice.Burst+3)
	w.now.Add(int64(notice.Window))
	late := w.event(audit.TokenEdited)
	late.Subject.Name, late.At = "late", late.At.Add(-time.Hour) // sorts before what is in the digest
	var came atomic.Bool
	w.sender.fail = func(m mail.Message) error {
		if came.CompareAndSwap(false, true) {
			w.sender.mu.Unlock()
			defer w.sender.mu.Lock()
			w.happens(t, late)
		}
		return nil
	}
	w.sweep(t)
	w.now.Add(int64(notice.Window))
	w.sweep(t)
	for _, to := range []string{ownerMail, adminMail} {
		if n := w.mentions(to, `"late"`); n != 1 {
			t.Errorf("%s is told of it %d times", to, n)
		}
	}
}

// P6: who mutes a type of mails hides nothing that happened before; but who has left is told of nothing any more.
func TestP6ADigestTellsWhatWasMutedSince(t *testing.T) {
	w := newWorld(t)
	w.storm(t, notice.Burst+3)
	acc, members, err := w.notices.Accounts.WithUsers(t.Context(), w.acc.ID, w.owner.ID, "usr_admin@example.com")
	if err != nil || len(members) != 2 {
		t.Fatal(err)
	}
	acc.Policy.Muted, members[0].Muted, members[1].Status = "token.created", "token.created", account.Disabled
	if err := w.notices.Table.Commit(t.Context(), acc.Replace(), members[0].Replace(), members[1].Replace()); err != nil {
		t.Fatal(err)
	}
	w.now.Add(int64(notice.Window))
	if w.sweep(t); w.mentions(ownerMail, `" was created`) != notice.Burst+3 || w.mailsTo(adminMail) != notice.Burst {
		t.Errorf("the owner is told of %d events, the admin in %d mails", w.mentions(ownerMail, `" was created`), w.mailsTo(adminMail))
	}
	if left := w.count(t, key.Digest(w.owner.ID).Key().PK); left != 1 {
		t.Errorf("%d items are left, want the meter", left)
	}
}

// A digest of one event is the mail of that event.
func TestADigestOfOneEventIsItsMail(t *testing.T) {
	w := newWorld(t)
	w.storm(t, notice.Burst+1)
	w.now.Add(int64(notice.Window))
	w.sweep(t)
	if last := w.sender.sent[len(w.sender.sent)-1]; !strings.Contains(last.Subject, "was created") || !strings.HasPrefix(last.EventID, "evt_") {
		t.Errorf("%s, %s", last.Subject, last.EventID)
	}
}

// P6: a clock that steps back keeps nobody waiting until it is where it was.
func TestP6AClockThatStepsBackHoldsUpNoMail(t *testing.T) {
	for name, before := range map[string]int{"one by one": notice.Burst, "gathered": notice.Burst + 3} {
		w := newWorld(t)
		w.now.Add(int64(72 * time.Hour))
		w.storm(t, before)
		stale := w.event(audit.TokenRevealed)
		w.commit(t, stale)
		w.sender.fail = func(mail.Message) error { panic("killed") }
		func() {
			defer func() { _ = recover() }()
			_ = w.notices.Deliver(t.Context(), stale)
		}()
		w.sender.fail = nil
		w.now.Add(-int64(72 * time.Hour))
		late := w.event(audit.TokenEdited)
		late.Subject.Name = "late"
		w.happens(t, late)
		w.now.Add(int64(2 * notice.Window))
		w.sweep(t)
		if n := w.mentions(ownerMail, `"late"`); n != 1 {
			t.Errorf("%s: told %d times", name, n)
		}
		if err := w.notices.Deliver(t.Context(), stale); err != nil || w.mentions(adminMail, "was shown") == 0 {
			t.Errorf("%s: the claim of a dead sender still holds: %v", name, err)
		}
	}
}

// What concerns people is told at once, however much else there is to tell, also where it can be muted.
func TestALoginFromANewNetworkWaitsForNoDigest(t *testing.T) {
	w := newWorld(t)
	w.storm(t, notice.Burst+5)
	before := w.mailsTo(ownerMail)
	e := w.about(audit.SessionNovel, "owner")
	if w.happens(t, e); w.mailsTo(ownerMail) != before+1 {
		t.Error("it is gathered")
	}
}

func (w *world) count(t *testing.T, pk string) int {
	t.Helper()
	page, err := w.notices.Table.Query(t.Context(), table.Query{PK: pk, Limit: 1000})
	if err != nil {
		t.Fatal(err)
	}
	return len(page.Items)
}

// A digest that is refused for good is an entry in the trail, and is not tried again.
func TestADigestThatIsRefusedForGoodIsInTheTrail(t *testing.T) {
	w := newWorld(t)
	w.storm(t, notice.Burst+3)
	calls := 0
	w.sender.fail = func(mail.Message) error { calls++; return &mail.Rejected{Reason: "no such address"} }
	for range 3 {
		w.now.Add(int64(notice.Window))
		w.sweep(t)
	}
	if n := w.rejections(t); calls != 2 || n != 2 {
		t.Errorf("the mail service was asked %d times, and %d rejections are in the trail; want 2 of each", calls, n)
	}
}

func (w *world) rejections(t *testing.T) (n int) {
	t.Helper()
	page, err := w.notices.Table.Query(t.Context(), table.Query{PK: key.PrefixAudit + w.acc.ID, Limit: 1000})
	if err != nil {
		t.Fatal(err)
	}
	for _, it := range page.Items {
		if it.String("type") == string(audit.NoticeRejected) {
			n++
		}
	}
	return n
}

// P6, P5: a digest that can never be sent is given up two weeks after its events, all of it, and the trail says which they were.
func TestP6ADigestThatCannotBeSentLeavesItsEventsInTheTrail(t *testing.T) {
	w := newWorld(t)
	w.storm(t, notice.Burst+160)
	w.sender.fail = func(mail.Message) error { return fault.Retry(errors.New("paused")) }
	for range 40 {
		w.now.Add(int64(24 * time.Hour))
		w.sweep(t)
	}
	if n := w.count(t, key.Digest(w.owner.ID).Key().PK); n != 1 {
		t.Errorf("%d items are left, want the meter", n)
	}
	page, err := w.notices.Table.Query(t.Context(), table.Query{PK: key.PrefixAudit + w.acc.ID, Limit: 1000})
	if err != nil {
		t.Fatal(err)
	}
	missed := map[string]int{}
	for _, it := range page.Items {
		e, err := audit.FromItem(it)
		if err != nil {
			t.Fatal(err)
		}
		if e.Type == audit.NoticeRejected && strings.HasSuffix(e.Subject.ID, "/"+w.owner.ID) {
			for _, c := range e.Changes {
				missed[c.To]++
			}
		}
	}
	if len(missed) != 160 {
		t.Errorf("the trail names %d of 160 events that were not told", len(missed))
	}
}

// P6: a digest that was sent is not sent again where the answer to its note is lost.
func TestP6TheNoteOfADigestIsInsistedOn(t *testing.T) {
	w := newWorld(t)
	w.storm(t, notice.Burst+3)
	w.now.Add(int64(notice.Window))
	whole := w.notices.Table
	var lost atomic.Int64
	w.notices.Table = &flaky{Table: whole, lose: func(ops []table.Op) bool {
		for _, op := range ops {
			if op.Kind == table.KindDelete && strings.HasPrefix(op.Key.SK, key.PrefixGathered) {
				lost.Add(1)
				return true
			}
		}
		return false
	}}
	if swept := w.sweep(t); swept.Failed != 0 || lost.Load() != 2 {
		t.Errorf("%+v, %d answers lost", swept, lost.Load())
	}
	w.notices.Table = whole
	w.now.Add(int64(time.Hour))
	w.sweep(t)
	if got := w.mailsTo(ownerMail); got != notice.Burst+1 {
		t.Errorf("%d mails", got)
	}
}
