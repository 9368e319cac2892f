package leak_test

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"

	"keyfob/internal/audit"
	"keyfob/internal/authority"
	"keyfob/internal/fault"
	"keyfob/internal/table"
	"keyfob/internal/table/key"
)

// S25: where one could not be ended, GitHub is to send the alert again; those that were ended stay so, and are recorded

// once.
func TestS25AnAlertThatFailedHalfwayIsToBeSentAgain(t *testing.T) {
	w := newWorld(t)
	var texts []string
	ids := map[string]string{}
	for range 30 {
		text, made := w.token()
		texts = append(texts, text)
		ids[text] = made.ID.String()
	}
	bad := texts[20]
	d := w.github.delivery(t, alert(t, texts...))
	for _, failure := range []error{fault.Retry(errors.New("down")), errors.New("a defect"), context.DeadlineExceeded} {
		w.table.failing(func(ops []table.Op) error {
			if slices.ContainsFunc(ops, func(op table.Op) bool { return op.Key == key.Token(ids[bad]).Key() }) {
				return failure
			}
			return nil
		})
		said, err := w.receive(d)
		e, ok := errors.AsType[*fault.Error](err)
		if said != "" || !ok || e.Kind != fault.Unavailable || e.RetryAfter <= 0 {
			t.Errorf("%v: %s, %v", failure, said, err)
		}
		w.is(authority.None, bad)
	}
	if n := len(w.events(w.acc.ID, audit.TokenLeaked)); n != 29 {
		t.Errorf("%d were ended meanwhile", n)
	}
	w.table.failing(nil)
	if said, err := w.receive(d); said != strings.Repeat("+", 30) || err != nil {
		t.Errorf("again: %s, %v", said, err)
	}
	w.is(authority.Revoked, texts...)
	if n := len(w.events(w.acc.ID, audit.TokenLeaked)); n != 30 {
		t.Errorf("%d events", n)
	}
}

// S25: when the time is up the answer says so, whatever is left.
func TestS25AnAlertIsNotAnsweredBeforeItIsDone(t *testing.T) {
	w := newWorld(t)
	text, _ := w.token()
	ctx, cancel := context.WithCancel(t.Context())
	w.table.failing(func([]table.Op) error { cancel(); return context.Canceled })
	verdicts, err := w.leaks().Receive(ctx, w.github.delivery(t, alert(t, text)))
	if verdicts != nil || !fault.Is(err, fault.Unavailable) {
		t.Errorf("%v, %v", verdicts, err)
	}

	w.table.failing(nil)
	var texts []string
	for range 100 {
		texts = append(texts, w.session())
	}
	ctx, cancel = context.WithCancel(t.Context())
	w.table.failing(func([]table.Op) error { cancel(); return nil })
	w.table.deaf.Store(true)
	verdicts, err = w.leaks().Receive(ctx, w.github.delivery(t, alert(t, texts...)))
	if verdicts != nil || !fault.Is(err, fault.Unavailable) {
		t.Errorf("with some not even begun: %d verdicts, %v", len(verdicts), err)
	}
}
