package trail_test

import (
	"errors"
	"slices"
	"testing"
	"time"

	"keyfob/internal/audit"
	"keyfob/internal/fault"
	"keyfob/internal/scope"
	"keyfob/internal/table/key"
	"keyfob/internal/trail"
)

func TestEventsComeNewestFirstPageByPage(t *testing.T) {
	w := newWorld(t)
	want := newestFirst(w.series(257, audit.TokenEdited, deploy))
	for name, r := range map[string]read{"account": w.account(owner), "token": w.token(owner, deploy)} {
		for _, limit := range []int{1, 7, 100, 257, 1000} {
			if got, _ := w.all(r, trail.Filter{}, limit); !slices.Equal(got, want) {
				t.Errorf("%s by %d: %d events, want %d in their order", name, limit, len(got), len(want))
			}
		}
		if page, err := r(trail.Filter{}, 257, ""); err != nil || page.Next != "" {
			t.Errorf("%s: at the end there is more: %q, %v", name, page.Next, err)
		}
	}
}

// The bounds hold to the instant: the first is in, the last is not.
func TestSinceIsInAndUntilIsOut(t *testing.T) {
	w := newWorld(t)
	e := event(audit.TokenEdited, start.Add(5*time.Millisecond), olivia, session, deploy)
	w.happened(e)
	for _, c := range []struct {
		since, until *time.Time
		in           bool
	}{
		{ptr(e.At), nil, true},
		{ptr(e.At.Add(1)), nil, false},
		{ptr(e.At.Add(-1)), nil, true},
		{ptr(e.At.Add(time.Millisecond)), nil, false},
		{nil, ptr(e.At), false},
		{nil, ptr(e.At.Add(1)), true},
		{nil, ptr(e.At.Add(-1)), false},
		{nil, ptr(e.At.Add(time.Millisecond)), true},
		{ptr(e.At), ptr(e.At), false},
		{ptr(e.At), ptr(e.At.Add(1)), true},
		{ptr(time.Time{}), ptr(time.Date(9999, 12, 31, 0, 0, 0, 0, time.UTC)), true},
		{nil, ptr(time.Time{}), false},
		{ptr(time.Date(2400, 1, 1, 0, 0, 0, 0, time.UTC)), nil, false},
	} {
		for name, r := range map[string]read{"account": w.account(owner), "token": w.token(owner, deploy)} {
			if got, _ := w.all(r, trail.Filter{Since: c.since, Until: c.until}, 10); (len(got) == 1) != c.in {
				t.Errorf("%s since %v until %v: %v", name, c.since, c.until, got)
			}
		}
	}
}

// Whatever a filter leaves out, a request looks at no more than so many events, and the next goes on from there.
func TestARequestLooksAtABoundedNumberOfEvents(t *testing.T) {
	w := newWorld(t)
	first := event(audit.TokenCreated, start.Add(-time.Hour), maxine, session, deploy)
	w.happened(first)
	w.series(2500, audit.TokenEdited, deploy)
	for name, r := range map[string]read{"account": w.account(owner), "token": w.token(owner, deploy)} {
		for _, f := range []trail.Filter{{Actor: maxine}, {Action: "token.created"}} {
			each := 1
			if name == "token" {
				each = 2 // the pointer and the event
			}
			var found []string
			pages, after := 0, ""
			for {
				w.items.Store(0)
				w.queries.Store(0)
				page, err := r(f, 10, after)
				if err != nil {
					t.Fatal(err)
				}
				if n := w.items.Load(); n > int64(1000*each) || w.queries.Load() > 10 {
					t.Errorf("%s: %d items in %d queries", name, n, w.queries.Load())
				}
				for _, e := range page.Events {
					found = append(found, e.ID)
				}
				if pages++; page.Next == "" {
					break
				}
				after = page.Next
			}
			if pages != 3 || !slices.Equal(found, []string{first.ID}) {
				t.Errorf("%s: %v in %d pages", name, found, pages)
			}
		}
	}
}

// What lies outside the times is not read at all, but for the rest of a run.
func TestTimesBoundWhatIsRead(t *testing.T) {
	w := newWorld(t)
	events := w.series(3000, audit.TokenEdited, deploy)
	f := trail.Filter{Since: ptr(start.Add(100 * time.Second)), Until: ptr(start.Add(105 * time.Second))}
	for name, r := range map[string]read{"account": w.account(owner), "token": w.token(owner, deploy)} {
		w.items.Store(0)
		got, pages := w.all(r, f, 10)
		if want := newestFirst(events[100:105]); !slices.Equal(got, want) || pages != 1 || w.items.Load() > 20 {
			t.Errorf("%s: %v in %d pages, %d items read", name, got, pages, w.items.Load())
		}
	}
}

// However a position was come by, what is shown lies within the filter.
func TestAPositionAboveTheEndDoesNotReachBeyondIt(t *testing.T) {
	w := newWorld(t)
	events := w.series(20, audit.TokenEdited, deploy)
	f := trail.Filter{Until: ptr(start.Add(5 * time.Second))}
	page, err := w.trails.Account(t.Context(), owner, f, 100, key.Instant(start.Add(time.Hour)))
	if err != nil || len(page.Events) != 5 || page.Events[0].ID != events[4].ID {
		t.Errorf("%d events, %v", len(page.Events), err)
	}
}

// A page has to find room in an answer of Lambda's, whatever people write into their names.
func TestAPageIsBoundedInSizeAndNothingIsLost(t *testing.T) {
	w := newWorld(t)
	events := make([]audit.Event, 60)
	for i := range events {
		events[i] = event(audit.TokenEdited, start.Add(time.Duration(i)*time.Second), olivia, session, deploy)
		events[i].Changes = []audit.Change{{Field: "scope", From: string(make([]byte, 16<<10)), To: string(make([]byte, 16<<10))}}
	}
	w.happened(events...)
	for name, r := range map[string]read{"account": w.account(owner), "token": w.token(owner, deploy)} {
		got, pages := w.all(r, trail.Filter{}, trail.MaxExport)
		if !slices.Equal(got, newestFirst(events)) || pages != 4 {
			t.Errorf("%s: %d events in %d pages", name, len(got), pages)
		}
	}
	big := event(audit.TokenEdited, start.Add(time.Hour), olivia, session, nightly)
	big.Changes = []audit.Change{{Field: "scope", From: string(make([]byte, 350<<10))}}
	w.happened(big)
	if got, _ := w.all(w.token(owner, nightly), trail.Filter{}, 10); len(got) != 1 {
		t.Error("an event that is large by itself is not shown")
	}
}

func TestWhatIsNoFilterIsRefusedByField(t *testing.T) {
	w := newWorld(t)
	w.happened(event(audit.TokenCreated, start, olivia, session, deploy))
	for _, c := range []struct {
		f     trail.Filter
		kind  fault.Kind
		field string
	}{
		{trail.Filter{Actor: "olivia"}, fault.Invalid, "actor"},
		{trail.Filter{Actor: "usr_1"}, fault.Invalid, "actor"},
		{trail.Filter{Actor: "usr_00000000000000 0"}, fault.Invalid, "actor"},
		{trail.Filter{Actor: accountID}, fault.Invalid, "actor"},
		{trail.Filter{Action: "created"}, fault.Invalid, "action"},
		{trail.Filter{Action: "token."}, fault.Invalid, "action"},
		{trail.Filter{Action: "tok"}, fault.Invalid, "action"},
		{trail.Filter{Since: ptr(start), Until: ptr(start.Add(-1))}, fault.Unprocessable, "until"},
	} {
		for name, r := range map[string]read{"account": w.account(owner), "token": w.token(owner, deploy)} {
			_, err := r(c.f, 10, "")
			if e, ok := errors.AsType[*fault.Error](err); !ok || e.Kind != c.kind || e.Fields[0].Name != c.field {
				t.Errorf("%s %+v: %v", name, c.f, err)
			}
		}
	}
	if _, err := w.account(owner)(trail.Filter{Token: session}, 10, ""); !fault.Is(err, fault.Invalid) {
		t.Errorf("a session as the token: %v", err)
	}
}

// S25: what cannot be read is not taken for what is not there.
func TestAFailureToReadIsAFailure(t *testing.T) {
	w := newWorld(t)
	w.happened(event(audit.TokenCreated, start, maxine, session, deploy))
	w.fail = fault.Retry(errors.New("throttled"))
	for name, r := range map[string]read{
		"account": w.account(owner), "token": w.token(owner, deploy), "creator": w.token(by(maxine, scope.Member, scope.IssuersEveryone), deploy),
	} {
		if page, err := r(trail.Filter{}, 10, ""); !fault.Is(err, fault.Unavailable) || page.Events != nil {
			t.Errorf("%s: %v, %v", name, page, err)
		}
	}
}
