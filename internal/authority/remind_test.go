package authority_test

import (
	"context"
	"errors"
	"strconv"
	"strings"
	"testing"
	"time"

	"keyfob/internal/account"
	"keyfob/internal/agenda"
	"keyfob/internal/audit"
	"keyfob/internal/authority"
	"keyfob/internal/purge"
	"keyfob/internal/scope"
	"keyfob/internal/table"
)

const day = 24 * time.Hour

// sweep has the reminders that are due looked at; what else is on the agenda is left out.
func (w *world) sweep(t *testing.T) {
	t.Helper()
	w.sweepFor(t, agenda.Reminder, w.authority().Remind)
}

// sweepFor has the entries of the kind that are due looked at.
func (w *world) sweepFor(t *testing.T, kind agenda.Kind, see agenda.See) {
	t.Helper()
	swept, err := (&agenda.Agenda{Table: w.table, Now: w.clock.Now}).Sweep(t.Context(), func(ctx context.Context, e agenda.Entry) (agenda.Verdict, error) {
		if e.Kind != kind {
			return agenda.Verdict{}, nil
		}
		return see(ctx, e)
	})
	if err != nil || swept.Failed > 0 {
		t.Fatalf("%+v, %v", swept, err)
	}
}

// reminded gives after how many days people were reminded of the token, walking the clock so many days, hour by hour.
func (w *world) reminded(t *testing.T, tok authority.Token, days int) string {
	t.Helper()
	var on []string
	told := len(w.expiring(t, tok))
	for step := range days * 24 {
		w.clock.Advance(time.Hour)
		w.sweep(t)
		for n := len(w.expiring(t, tok)); told < n; told++ {
			on = append(on, strconv.Itoa((step+1)/24))
		}
	}
	return strings.Join(on, " ")
}

// expiring gives the events that remind of the token.
func (w *world) expiring(t *testing.T, tok authority.Token) (all []audit.Event) {
	t.Helper()
	page, err := w.authority().Table.Query(t.Context(), table.Query{PK: "aud#" + tok.Account, Limit: 1000})
	if err != nil {
		t.Fatal(err)
	}
	for _, it := range page.Items {
		e, err := audit.FromItem(it)
		if err != nil {
			t.Fatal(err)
		}
		if e.Type == audit.TokenExpiring && e.Subject.ID == tok.Handle() {
			all = append(all, e)
		}
	}
	return all
}

func lives(t *testing.T, w *world, d time.Duration) *purge.Life {
	t.Helper()
	life, err := purge.In(d, w.authority().Now())
	if err != nil {
		t.Fatal(err)
	}
	return &life
}

// People are reminded once at each of the times that the policy says, of a token that lives longer than that.
func TestPeopleAreRemindedBeforeATokenEnds(t *testing.T) {
	for _, c := range []struct {
		life   int // days
		policy account.List
		want   string // days after it was made
	}{
		{40, account.DefaultReminders, "33 39"}, {8, account.DefaultReminders, "1 7"}, {7, account.DefaultReminders, "6"}, {2, account.DefaultReminders, "1"},
		{1, account.DefaultReminders, ""}, {40, "", ""}, {40, account.ListOf("30", "14", "7", "3", "1"), "10 26 33 37 39"}, {40, account.ListOf("3"), "37"},
	} {
		w := newWorld(t)
		w.policy(func(a *account.Account) { a.Policy.Reminders = c.policy })
		by, _ := w.login(w.acc, w.owner)
		tok, _ := w.issue(by, authority.Request{Name: "deploy", Scope: scope.Full(), Life: lives(t, w, time.Duration(c.life)*day)})
		if got := w.reminded(t, tok, c.life+2); got != c.want {
			t.Errorf("%+v: reminded after %q days", c, got)
		}
	}
}

// The reminder says when the token ends, whose it is, and what then becomes of it.
func TestAReminderSaysWhenTheTokenEnds(t *testing.T) {
	w := newWorld(t)
	by, _ := w.login(w.acc, w.owner)
	tok, _ := w.issue(by, authority.Request{Name: "deploy", Scope: scope.Full(), Life: lives(t, w, 8*day)})
	w.clock.Advance(day)
	w.sweep(t)
	all := w.expiring(t, tok)
	if len(all) != 1 {
		t.Fatalf("%d reminders", len(all))
	}
	e := all[0]
	if e.Subject != tok.Subject() || e.Subject.User != w.owner.ID || e.Actor.Via != audit.ViaSystem || !e.Owed() ||
		len(e.Changes) != 2 || e.Changes[0].To != "7 days" || e.Changes[1].To != tok.Life.ExpiresAt.Format(time.RFC3339) {
		t.Errorf("%+v", e)
	}
}

// A life that is set anew has reminders of its own, and those of the former one are none any more, also where it is set back.
func TestANewLifeHasItsOwnReminders(t *testing.T) {
	w := newWorld(t)
	by, _ := w.login(w.acc, w.owner)
	tok, _ := w.issue(by, authority.Request{Name: "deploy", Scope: scope.Full(), Life: lives(t, w, 20*day)})
	for _, days := range []int{60, 20, 40} {
		at := tok.Created.Add(time.Duration(days) * day).Truncate(time.Second)
		var err error
		if tok, err = w.authority().Edit(t.Context(), by, audit.ViaAPI, audit.Origin{}, tok.Handle(), authority.Edit{Life: &purge.Choice{At: &at}}); err != nil {
			t.Fatal(err)
		}
	}
	if got := w.reminded(t, tok, 45); got != "33 39" {
		t.Errorf("reminded after %q days", got)
	}
}

// Nobody is reminded of a token that ends otherwise.
func TestWhatEndsOtherwiseIsNotRemindedOf(t *testing.T) {
	for name, end := range map[string]func(*world, authority.Principal, authority.Token) error{
		"revoked": func(w *world, by authority.Principal, tok authority.Token) error {
			return w.authority().Revoke(context.Background(), by, audit.ViaAPI, audit.Origin{}, tok.Handle())
		},
		"rotated": func(w *world, by authority.Principal, tok authority.Token) error {
			_, _, err := w.authority().Rotate(context.Background(), by, audit.ViaAPI, audit.Origin{}, tok.Handle(), authority.Rotation{Overlap: time.Hour})
			return err
		},
	} {
		w := newWorld(t)
		by, _ := w.login(w.acc, w.owner)
		tok, _ := w.issue(by, authority.Request{Name: "deploy", Scope: scope.Full(), Life: lives(t, w, 8*day)})
		if err := end(w, by, tok); err != nil {
			t.Fatal(name, err)
		}
		if got := w.reminded(t, tok, 9); got != "" {
			t.Errorf("%s: reminded after %q days", name, got)
		}
	}
}

// A successor has its predecessor's settings, and reminders of its own.
func TestASuccessorIsRemindedOf(t *testing.T) {
	w := newWorld(t)
	by, _ := w.login(w.acc, w.owner)
	tok, _ := w.issue(by, authority.Request{Name: "deploy", Scope: scope.Full(), Life: lives(t, w, 8*day)})
	next, _, err := w.authority().Rotate(t.Context(), by, audit.ViaAPI, audit.Origin{}, tok.Handle(), authority.Rotation{Life: lives(t, w, 10*day)})
	if err != nil {
		t.Fatal(err)
	}
	if got := w.reminded(t, next, 11); got != "3 9" {
		t.Errorf("reminded after %q days", got)
	}
}

// P6: a reminder that is due while nobody sweeps comes when somebody does again, with what is left then; and once.
func TestP6AReminderThatIsLateSaysWhatIsLeft(t *testing.T) {
	w := newWorld(t)
	by, _ := w.login(w.acc, w.owner)
	tok, _ := w.issue(by, authority.Request{Name: "deploy", Scope: scope.Full(), Life: lives(t, w, 20*day)})
	w.clock.Advance(16 * day) // three days after the one of 7 days was due
	w.sweep(t)
	w.sweep(t)
	if all := w.expiring(t, tok); len(all) != 1 || all[0].Changes[0].To != "4 days" {
		t.Fatalf("%+v", all)
	}
	w.clock.Advance(4*day + time.Hour) // past its end
	w.sweep(t)
	if all := w.expiring(t, tok); len(all) != 1 {
		t.Errorf("reminded of a token that has ended: %+v", all)
	}
}

// P6: a reminder that is so late that the time of another has come, which the policy does not want, comes all the same.
func TestP6AReminderThatIsLateBeyondTheNextComes(t *testing.T) {
	w := newWorld(t)
	by, _ := w.login(w.acc, w.owner)
	tok, _ := w.issue(by, authority.Request{Name: "deploy", Scope: scope.Full(), Life: lives(t, w, 20*day)})
	w.clock.Advance(7 * day) // past the ones of 14 days, which is not wanted
	w.sweep(t)
	w.clock.Advance(10*day + time.Hour) // past those of 7 and of 3
	w.sweep(t)
	if all := w.expiring(t, tok); len(all) != 1 || all[0].Changes[0].To != "3 days" {
		t.Errorf("%+v", all)
	}
}

// P6: of sweeps that see the same reminder at once, one records it.
func TestP6AReminderIsRecordedOnce(t *testing.T) {
	w := newWorld(t)
	by, _ := w.login(w.acc, w.owner)
	tok, _ := w.issue(by, authority.Request{Name: "deploy", Scope: scope.Full(), Life: lives(t, w, 8*day)})
	w.clock.Advance(day)
	a := w.authority()
	raced := false
	late := &counted{Table: a.Table, before: func() { raced = true; w.sweep(t) }}
	swept, err := (&agenda.Agenda{Table: late, Now: a.Now}).Sweep(t.Context(), func(ctx context.Context, e agenda.Entry) (agenda.Verdict, error) {
		if e.Kind != agenda.Reminder {
			return agenda.Verdict{}, errors.New("not a reminder")
		}
		return a.Remind(ctx, e)
	})
	if all := w.expiring(t, tok); err != nil || !raced || len(all) != 1 {
		t.Errorf("%d reminders, %+v, %v", len(all), swept, err)
	}
}
