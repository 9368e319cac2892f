package notice_test

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"keyfob/internal/account"
	"keyfob/internal/audit"
	"keyfob/internal/mail"
	"keyfob/internal/notice"
	"keyfob/internal/scope"
	"keyfob/internal/table"
	"keyfob/internal/table/bolt"
	"keyfob/internal/table/key"
	"keyfob/internal/token"
)

// sender keeps what it is given and fails as it is told to.
type sender struct {
	mu   sync.Mutex
	sent []mail.Message
	fail func(mail.Message) error
}

func (s *sender) Send(_ context.Context, m mail.Message) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.fail != nil {
		if err := s.fail(m); err != nil {
			return err
		}
	}
	s.sent = append(s.sent, m)
	return nil
}

func (s *sender) to() string {
	var to []string
	for _, m := range s.sent {
		to = append(to, m.To)
	}
	return strings.Join(to, " ")
}

type world struct {
	notices *notice.Notices
	sender  *sender
	now     *atomic.Int64
	acc     account.Account
	owner   account.User
}

func newWorld(t *testing.T) *world {
	t.Helper()
	now := &atomic.Int64{}
	now.Store(time.Date(2030, 1, 2, 3, 4, 5, 0, time.UTC).UnixNano())
	clock := func() time.Time { return time.Unix(0, now.Load()).UTC() }
	db, err := bolt.Open(filepath.Join(t.TempDir(), "table"), clock)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = db.Close() })
	w := &world{sender: &sender{}, now: now}
	w.notices = &notice.Notices{Table: db, Now: clock, Accounts: &account.Accounts{Table: db}, Sender: w.sender, Realm: "us"}
	w.acc = account.Account{ID: token.NewName("acc_"), Name: "Example Ltd", Status: account.Active, Policy: account.DefaultPolicy()}
	ops := []table.Op{w.acc.Create()}
	for _, u := range []account.User{
		{Email: "owner@example.com", Role: scope.Owner, Status: account.Active, Verified: true},
		{Email: "admin@example.com", Role: scope.Admin, Status: account.Active, Verified: true},
		{Email: "member@example.com", Role: scope.Member, Status: account.Active, Verified: true},
		{Email: "unverified@example.com", Role: scope.Admin, Status: account.Active},
		{Email: "disabled@example.com", Role: scope.Admin, Status: account.Disabled, Verified: true},
	} {
		u.ID, u.Account, u.Name = "usr_"+u.Email, w.acc.ID, u.Email
		ops = append(ops, u.Create()...)
		if u.Role == scope.Owner {
			w.owner = u
		}
	}
	if err := db.Commit(t.Context(), ops...); err != nil {
		t.Fatal(err)
	}
	return w
}

func (w *world) event(kind audit.Type) audit.Event {
	return audit.New(kind, w.notices.Now(), w.acc.ID, audit.Actor{User: w.owner.ID, Credential: "ses_x", Via: audit.ViaAPI}, audit.Origin{IP: "192.0.2.7", UserAgent: "curl"}, audit.Subject{Kind: "token", ID: "tok_0123456789abcdef", Name: "deploy"})
}

// S32: only verified and active owners and admins are written to.
func TestS32OnlyVerifiedOwnersAndAdminsAreTold(t *testing.T) {
	w := newWorld(t)
	if err := w.notices.Deliver(t.Context(), w.event(audit.TokenCreated)); err != nil {
		t.Fatal(err)
	}
	if got := w.sender.to(); got != "admin@example.com owner@example.com" {
		t.Errorf("told: %s", got)
	}
	m := w.sender.sent[0]
	for _, want := range []string{"deploy", "tok_0123456789abcdef", "owner@example.com", "192.0.2.7", "curl", "Example Ltd"} {
		if !strings.Contains(m.Text, want) {
			t.Errorf("the mail does not say %q:\n%s", want, m.Text)
		}
	}
	if err := w.notices.Deliver(t.Context(), w.event(audit.SessionStarted)); err != nil || len(w.sender.sent) != 2 {
		t.Errorf("a mail for what owes none: %v", err)
	}
}

// C12: everything that happens to a token is told, with what changed and why; an alarm about a token that was rotated out
// does not say that its user did it, since nobody knows who has it.
func TestC12WhateverHappensToATokenIsTold(t *testing.T) {
	w := newWorld(t)
	told := []audit.Type{
		audit.TokenCreated, audit.TokenEdited, audit.TokenRotated, audit.TokenRevealed, audit.TokenAccessed, audit.TokenReused, audit.TokenLeaked,
		audit.TokenRevoked, audit.TokenPurged,
	}
	for i, kind := range told {
		e := w.event(kind)
		if kind == audit.TokenReused {
			e.Actor.User = ""
		}
		e.Changes, e.Note = []audit.Change{{Field: "network", From: "198.51.100.0/24", To: "203.0.113.0/24"}}, "asked for by a partner"
		if err := w.notices.Deliver(t.Context(), e); err != nil || len(w.sender.sent) != 2*(i+1) {
			t.Fatalf("%s: %d mails, %v", kind, len(w.sender.sent), err)
		}
		text := w.sender.sent[2*i].Text
		if !strings.Contains(text, "198.51.100.0/24 → 203.0.113.0/24") || !strings.Contains(text, "asked for by a partner") {
			t.Errorf("%s:\n%s", kind, text)
		}
		if unknown := strings.Contains(text, "somebody who has the token"); unknown != (kind == audit.TokenReused) {
			t.Errorf("%s: it says that nobody knows who: %t:\n%s", kind, unknown, text)
		}
	}
	for _, kind := range []audit.Type{audit.TokenImported, audit.SessionStarted, audit.UserChanged, audit.ResourceRun, audit.NoticeRejected} {
		if err := w.notices.Deliver(t.Context(), w.event(kind)); err != nil || len(w.sender.sent) != 2*len(told) {
			t.Errorf("%s owes a mail: %v", kind, err)
		}
	}
}

// isLeft reports whether the error says that another sender is at work, or that the sweeper is to see to it.
func isLeft(err error) bool {
	_, left := errors.AsType[*notice.Left](err)
	return left
}

// P6: however often an event is delivered, each person gets one mail.
func TestP6AnEventDeliveredTenTimesIsOneMailEach(t *testing.T) {
	w := newWorld(t)
	e := w.event(audit.TokenRevoked)
	for range 10 {
		if err := w.notices.Deliver(t.Context(), e); err != nil {
			t.Fatal(err)
		}
	}
	var wg sync.WaitGroup
	other := w.event(audit.TokenCreated)
	for range 16 {
		wg.Go(func() {
			if err := w.notices.Deliver(t.Context(), other); err != nil && !isLeft(err) {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	if len(w.sender.sent) != 4 {
		t.Errorf("%d mails, want 4: %s", len(w.sender.sent), w.sender.to())
	}
}

// P6: what failed is sent at the next try, and only that.
func TestP6AFailureIsTriedAgainWithoutRepeatingTheRest(t *testing.T) {
	w := newWorld(t)
	e := w.event(audit.TokenCreated)
	w.sender.fail = func(m mail.Message) error {
		if m.To == "admin@example.com" {
			return errors.New("throttled")
		}
		return nil
	}
	if err := w.notices.Deliver(t.Context(), e); err == nil {
		t.Error("a failure is told as success")
	}
	if got := w.sender.to(); got != "owner@example.com" {
		t.Errorf("told: %s", got)
	}
	w.sender.fail = nil
	if err := w.notices.Deliver(t.Context(), e); err != nil {
		t.Error(err)
	}
	if got := w.sender.to(); got != "owner@example.com admin@example.com" {
		t.Errorf("told: %s", got)
	}
}

// A refusal for good is not tried again.
func TestARejectionIsTerminal(t *testing.T) {
	w := newWorld(t)
	calls := 0
	w.sender.fail = func(mail.Message) error { calls++; return &mail.Rejected{Reason: "no such address"} }
	for range 3 {
		if err := w.notices.Deliver(t.Context(), w.event(audit.TokenCreated)); err != nil {
			t.Error(err)
		}
	}
	e := w.event(audit.TokenCreated)
	calls = 0
	for range 3 {
		if err := w.notices.Deliver(t.Context(), e); err != nil {
			t.Error(err)
		}
	}
	if calls != 2 {
		t.Errorf("the mail service was asked %d times, want once for each of two people", calls)
	}
	page, err := w.notices.Table.Query(t.Context(), table.Query{PK: key.PrefixAudit + w.acc.ID, Limit: 100})
	n := 0
	for _, it := range page.Items {
		if strings.HasPrefix(it.String("subject"), e.ID+"/usr_") && it.String("type") == string(audit.NoticeRejected) && it.String("subjectName") == "no such address" {
			n++
		}
	}
	if err != nil || n != 2 {
		t.Errorf("%d rejections in the audit trail, want 2: %v", n, err)
	}
}

// P6: a sender that dies after claiming leaves the delivery to others, but not before its lease has run out.
func TestP6ADeadSendersClaimIsTakenOverAfterItsLease(t *testing.T) {
	w := newWorld(t)
	e := w.event(audit.TokenCreated)
	w.sender.fail = func(mail.Message) error { panic("killed") }
	func() {
		defer func() { _ = recover() }()
		_ = w.notices.Deliver(t.Context(), e)
	}()
	w.sender.fail = nil
	w.now.Add(int64(notice.Lease - time.Millisecond))
	if err := w.notices.Deliver(t.Context(), e); !isLeft(err) {
		t.Errorf("before the lease has run out: %v", err)
	}
	w.now.Add(int64(time.Millisecond))
	if err := w.notices.Deliver(t.Context(), e); err != nil {
		t.Error(err)
	}
	if len(w.sender.sent) != 2 {
		t.Errorf("told: %s", w.sender.to())
	}
}

// What becomes of each mail is told once, with the time since its event; what is to be tried again is not told.
func TestOutcomesAreTold(t *testing.T) {
	w := newWorld(t)
	var told []string
	w.notices.Observe = func(what notice.Outcome, after time.Duration) {
		told = append(told, fmt.Sprint(what, " after ", after))
	}
	if err := w.suppressions().Hold(t.Context(), w.bounced("admin@example.com")); err != nil {
		t.Fatal(err)
	}
	e := w.event(audit.TokenCreated)
	w.now.Add(int64(3 * time.Second))
	w.sender.fail = func(mail.Message) error { return errors.New("throttled") }
	_ = w.notices.Deliver(t.Context(), e)
	w.sender.fail = nil
	_ = w.notices.Deliver(t.Context(), e)
	e = w.event(audit.TokenRevoked)
	w.sender.fail = func(mail.Message) error { return &mail.Rejected{Reason: "no such address"} }
	_ = w.notices.Deliver(t.Context(), e)
	if got, want := strings.Join(told, ", "), "suppressed after 3s, sent after 3s, suppressed after 0s, rejected after 0s"; got != want {
		t.Errorf("%s, want %s", got, want)
	}
}

// stalled is a mail service that does not answer.
type stalled struct{}

func (stalled) Send(ctx context.Context, _ mail.Message) error {
	<-ctx.Done()
	return ctx.Err()
}

// P6: where a mail service hangs until the time is up the claim is given back all the same, so that the next try need not wait
// for the lease.
func TestP6AHungMailServiceLeavesTimeForTheNote(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		e := w.event(audit.TokenCreated)
		ctx, cancel := context.WithTimeout(t.Context(), 25*time.Second)
		defer cancel()
		w.notices.Sender = stalled{}
		if err := w.notices.Deliver(ctx, e); !errors.Is(err, context.DeadlineExceeded) {
			t.Fatal(err)
		}
		w.notices.Sender = w.sender
		if err := w.notices.Deliver(t.Context(), e); err != nil || len(w.sender.sent) != 2 {
			t.Errorf("%d mails: %v", len(w.sender.sent), err)
		}
	})
}
