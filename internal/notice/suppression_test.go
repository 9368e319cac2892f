package notice_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"keyfob/internal/account"
	"keyfob/internal/audit"
	"keyfob/internal/fault"
	"keyfob/internal/notice"
	"keyfob/internal/scope"
	"keyfob/internal/table"
	"keyfob/internal/table/key"
	"keyfob/internal/token"
)

func (w *world) suppressions() *notice.Suppressions { return w.suppressionsOn(w.notices.Table) }

func (w *world) suppressionsOn(db table.Table) *notice.Suppressions {
	return &notice.Suppressions{Table: db, Now: w.notices.Now, Accounts: &account.Accounts{Table: db}}
}

func (w *world) bounced(address string) notice.Return {
	return notice.Return{Reason: notice.Bounced, Address: address, Detail: "General", Event: "evt_0123456789abcdef", At: w.notices.Now()}
}

// events gives the account's events of the type.
func (w *world) events(t *testing.T, acc string, kind audit.Type) []audit.Event {
	t.Helper()
	page, err := w.notices.Table.Query(t.Context(), table.Query{PK: key.PrefixAudit + acc, Limit: 1000})
	if err != nil {
		t.Fatal(err)
	}
	var all []audit.Event
	for _, it := range page.Items {
		if e, err := audit.FromItem(it); err != nil {
			t.Fatal(err)
		} else if e.Type == kind {
			all = append(all, e)
		}
	}
	return all
}

// accounts makes further accounts in which the address is a login name.
func (w *world) accounts(t *testing.T, n int, email string) []string {
	t.Helper()
	ids := []string{}
	for range n {
		acc := account.Account{ID: token.NewName("acc_"), Name: "Another", Status: account.Active, Policy: account.DefaultPolicy()}
		u := account.User{ID: token.NewName("usr_"), Account: acc.ID, Email: email, Name: "Ute", Role: scope.Member, Status: account.Active, Verified: true}
		if err := w.notices.Table.Commit(t.Context(), append(u.Create(), acc.Create())...); err != nil {
			t.Fatal(err)
		}
		ids = append(ids, acc.ID)
	}
	return ids
}

// S32: an address that mail came back from is not written to any more, in whichever way it is written and in no account, and
// the others are; it is recorded once, and what is told again changes nothing.
func TestS32ASuppressedAddressIsNotWrittenTo(t *testing.T) {
	w := newWorld(t)
	others := w.accounts(t, 2, "Admin@Example.com")
	for range 10 {
		if err := w.suppressions().Hold(t.Context(), w.bounced("ADMIN@example.com")); err != nil {
			t.Fatal(err)
		}
	}
	for _, acc := range append(others, w.acc.ID) {
		told := w.events(t, acc, audit.NoticeHeld)
		if len(told) != 1 || told[0].Subject.Kind != "user" || told[0].Actor.Via != audit.ViaSystem ||
			told[0].Note != "A mail to this address came back for good (General, evt_0123456789abcdef)." {
			t.Errorf("%s: %+v", acc, told)
		}
	}
	e := w.event(audit.TokenCreated)
	for range 3 {
		if err := w.notices.Deliver(t.Context(), e); err != nil {
			t.Fatal(err)
		}
	}
	if got := w.sender.to(); got != "owner@example.com" {
		t.Errorf("told: %s", got)
	}
	items, err := w.notices.Table.Get(t.Context(), key.Notice{Event: e.ID, Recipient: "usr_admin@example.com"}.Key(), key.Suppression("admin@example.com").Key())
	if err != nil || items[0].String("state") != "suppressed" || items[1][table.AttrPurgeAt] != nil || items[1].Version() != 1 {
		t.Errorf("%v, %v", items, err)
	}
	// Of its own suppression the owners are told, but who is suppressed.
	if err := w.notices.Deliver(t.Context(), w.events(t, w.acc.ID, audit.NoticeHeld)[0]); err != nil || w.sender.to() != "owner@example.com owner@example.com" {
		t.Errorf("told: %s, %v", w.sender.to(), err)
	}
}

// S32: however many accounts the address is a login name in, and wherever the telling ends and begins again, each has its
// event once.
func TestS32EachAccountHasOneEventHoweverOftenItIsInterrupted(t *testing.T) {
	w := newWorld(t)
	all := append(w.accounts(t, 99, "admin@example.com"), w.acc.ID)
	failures := 0
	for left := 0; ; left++ {
		if left > 10 {
			t.Fatal("it never ends")
		}
		err := w.suppressionsOn(&failing{w.notices.Table, left % 2}).Hold(t.Context(), w.bounced("admin@example.com"))
		if err == nil {
			break
		}
		failures++
		if !fault.Is(err, fault.Unavailable) {
			t.Fatal(err)
		}
	}
	if failures < 2 {
		t.Errorf("it was interrupted %d times", failures)
	}
	for _, acc := range all {
		if n := len(w.events(t, acc, audit.NoticeHeld)); n != 1 {
			t.Errorf("%s has %d events", acc, n)
		}
	}
}

// failing is a table whose commits fail after so many, as where the process ends there.
type failing struct {
	table.Table
	left int
}

func (f *failing) Commit(ctx context.Context, ops ...table.Op) error {
	if f.left--; f.left < 0 {
		return fault.Retry(errors.New("the process ended here"))
	}
	return f.Table.Commit(ctx, ops...)
}

// S32: fifty at once are one event.
func TestS32FiftyNotificationsAtOnceAreOneEvent(t *testing.T) {
	w := newWorld(t)
	var all sync.WaitGroup
	for range 50 {
		all.Go(func() {
			if err := w.suppressions().Hold(t.Context(), w.bounced("admin@example.com")); err != nil && !fault.Is(err, fault.Unavailable) {
				t.Error(err)
			}
		})
	}
	all.Wait()
	if n := len(w.events(t, w.acc.ID, audit.NoticeHeld)); n != 1 {
		t.Errorf("%d events", n)
	}
}

// The operator may let an address be written to again. What happened before does not count any more, what happens then does.
func TestAnAddressCanBeWrittenToAgain(t *testing.T) {
	w := newWorld(t)
	s := w.suppressions()
	tick := func() { w.now.Add(int64(time.Second)) }
	resume := func(want bool) {
		t.Helper()
		if resumed, err := s.Resume(t.Context(), "admin@EXAMPLE.com", audit.Origin{RequestID: "r"}); err != nil || resumed != want {
			t.Fatal(resumed, err)
		}
	}
	hold := func(r notice.Return) {
		t.Helper()
		if err := s.Hold(t.Context(), r); err != nil {
			t.Fatal(err)
		}
	}
	told := func(want string) {
		t.Helper()
		w.sender.sent = nil
		if err := w.notices.Deliver(t.Context(), w.event(audit.TokenCreated)); err != nil || w.sender.to() != want {
			t.Fatalf("told: %s, %v", w.sender.to(), err)
		}
	}
	resume(false)
	first := w.bounced("admin@example.com")
	hold(first)
	kept := w.event(audit.TokenCreated)
	if err := w.notices.Deliver(t.Context(), kept); err != nil || w.sender.to() != "owner@example.com" {
		t.Fatalf("told: %s, %v", w.sender.to(), err)
	}
	tick()
	resume(true)
	resume(false)
	if err := w.notices.Deliver(t.Context(), kept); err != nil || w.sender.to() != "owner@example.com" {
		t.Fatalf("what was kept back is sent: %s, %v", w.sender.to(), err)
	}
	if items, err := s.Table.Get(t.Context(), key.Suppression("admin@example.com").Key()); err != nil || items[0].Int(table.AttrPurgeAt) <= w.notices.Now().Unix() {
		t.Errorf("what is over stays for ever: %v, %v", items, err)
	}
	told("admin@example.com owner@example.com")
	tick()
	hold(first) // brought again late
	told("admin@example.com owner@example.com")
	hold(notice.Return{Reason: notice.Complained, Address: "admin@example.com", At: w.notices.Now()})
	told("owner@example.com")
	held, resumed := w.events(t, w.acc.ID, audit.NoticeHeld), w.events(t, w.acc.ID, audit.NoticeResumed)
	if len(held) != 2 || held[1].Note != "The reader of this address complained of a mail." || len(resumed) != 1 || resumed[0].Actor != (audit.Actor{Via: audit.ViaOperator}) || resumed[0].Origin.RequestID != "r" {
		t.Errorf("%+v\n%+v", held, resumed)
	}
	for _, address := range []string{"", "admin", "a@example.com, b@example.com", strings.Repeat("a", 255) + "@example.com"} {
		if _, err := s.Resume(t.Context(), address, audit.Origin{}); !fault.Is(err, fault.Invalid) {
			t.Errorf("%q: %v", address, err)
		}
	}
}

// Nobody's address is suppressed all the same: an invitation may name it later.
func TestS32AnAddressOfNobodyIsSuppressedToo(t *testing.T) {
	w := newWorld(t)
	if err := w.suppressions().Hold(t.Context(), w.bounced("nobody@example.com")); err != nil {
		t.Fatal(err)
	}
	u := account.User{ID: "usr_nobody", Account: w.acc.ID, Email: "nobody@example.com", Name: "N", Role: scope.Member, Status: account.Invited}
	if err := w.notices.Table.Commit(t.Context(), u.Create()...); err != nil {
		t.Fatal(err)
	}
	e := w.about(audit.UserInvited)
	e.Subject = audit.Subject{Kind: "user", ID: u.ID}
	if got := w.told(t, e); got != "" {
		t.Errorf("told: %s", got)
	}
	if len(fmt.Sprint(w.events(t, w.acc.ID, audit.NoticeHeld))) > 2 {
		t.Error("an account that has nothing to do with it has an event")
	}
}
