package faulty_test

import (
	"context"
	"errors"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/aws/aws-lambda-go/lambda"

	"keyfob/internal/fault"
	"keyfob/internal/faulty"
	"keyfob/internal/local/lambdahost"
	"keyfob/internal/mail"
	"keyfob/internal/table"
	"keyfob/internal/table/bolt"
)

func openTable(t *testing.T, p *faulty.Plan) (*faulty.Table, *bolt.Table) {
	t.Helper()
	inner, err := bolt.Open(filepath.Join(t.TempDir(), "table.db"), time.Now)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = inner.Close() })
	return &faulty.Table{Inner: inner, Function: "functions/a", Plan: p, Process: faulty.NewProcess()}, inner
}

func item(sk string) table.Item {
	return table.Item{table.AttrPK: table.S("p"), table.AttrSK: table.S(sk)}
}

func has(t *testing.T, in *bolt.Table, sk string) bool {
	t.Helper()
	items, err := in.Get(t.Context(), item(sk).Key())
	if err != nil {
		t.Fatal(err)
	}
	return items[0] != nil
}

func TestTheSameSeedFailsTheSameCalls(t *testing.T) {
	run := func(seed uint64) (failed []int) {
		p := faulty.NewPlan(seed)
		p.Rate(faulty.TableBusy, 0.3)
		tab, _ := openTable(t, p)
		for i := range 100 {
			if _, err := tab.Get(t.Context(), item("a").Key()); err != nil {
				failed = append(failed, i)
			}
		}
		if n := p.Counts()[faulty.TableBusy]; n != len(failed) || n < 10 || n > 60 {
			t.Errorf("%d failed, %d are counted", len(failed), n)
		}
		return failed
	}
	if one, same, other := run(1), run(1), run(2); !slices.Equal(one, same) || slices.Equal(one, other) {
		t.Errorf("seed 1: %v and %v, seed 2: %v", one, same, other)
	}
}

// What was refused was not done; what is answered as not known was.
func TestAFaultTakesTheAnswerAndNotTheMeaning(t *testing.T) {
	p := faulty.NewPlan(1)
	tab, inner := openTable(t, p)
	p.Inject(faulty.TableBusy, 1, faulty.Of("functions/a", faulty.Commit))
	if err := tab.Commit(t.Context(), table.Create(item("busy"))); !fault.Is(err, fault.Unavailable) || has(t, inner, "busy") {
		t.Errorf("throttled: %v, done %t", err, has(t, inner, "busy"))
	}
	p.Inject(faulty.TableLost, 1, faulty.Of("", faulty.Commit))
	if err := tab.Commit(t.Context(), table.Create(item("lost"))); !fault.Is(err, fault.Unavailable) || !has(t, inner, "lost") {
		t.Errorf("lost: %v, done %t", err, has(t, inner, "lost"))
	}
	p.Inject(faulty.TableLost, 1, faulty.Of("", faulty.Commit))
	if err := tab.Commit(t.Context(), table.Create(item("lost"))); errors.As(err, new(*table.Conflict)) == false {
		t.Errorf("a refusal is no answer that could be lost here: %v", err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	p.Inject(faulty.TableHang, 1, faulty.Of("", faulty.Get))
	if _, err := tab.Get(ctx, item("lost").Key()); !fault.Is(err, fault.Unavailable) {
		t.Errorf("hanging: %v", err)
	}
	other := p.Inject(faulty.TableBusy, -1, faulty.Of("functions/b", faulty.Get))
	if _, err := tab.Get(t.Context(), item("lost").Key()); err != nil || other.Stop() != 0 {
		t.Errorf("another function's fault: %v", err)
	}
	if c := p.Counts(); c[faulty.TableBusy] != 1 || c[faulty.TableLost] != 2 || c[faulty.TableHang] != 1 {
		t.Errorf("%v", c)
	}
	p.Inject(faulty.TableBusy, -1, faulty.Of("", faulty.Get))
	p.Stop()
	if _, err := tab.Get(t.Context(), item("lost").Key()); err != nil {
		t.Errorf("after its end: %v", err)
	}
}

type handler func(context.Context) error

func (h handler) Invoke(ctx context.Context, _ []byte) ([]byte, error) { return nil, h(ctx) }

func invoke(t *testing.T, h lambda.Handler) error {
	t.Helper()
	f := lambdahost.New(lambdahost.Config{Name: "F", Handler: faulty.Mortal(h), Timeout: time.Minute, Concurrency: -1})
	_, err := f.Invoke(t.Context(), "r", nil)
	return err
}

// Who has died gets no answer, does nothing more, and is a failure to whoever waits. What was committed stays.
func TestTheDeadGetNoAnswer(t *testing.T) {
	for _, k := range []faulty.Kind{faulty.DiesBefore, faulty.DiesAfter, faulty.ProcessDies} {
		for seed := range uint64(4) {
			p := faulty.NewPlan(seed)
			tab, inner := openTable(t, p)
			var told error
			tab.Told = func(_ faulty.Call, err error) { told = err }
			p.Inject(k, 1, faulty.Of("", faulty.Commit))
			answered := false
			err := invoke(t, handler(func(ctx context.Context) error {
				defer func() { _ = tab.Commit(ctx, table.Create(item("after death"))) }()
				_ = tab.Commit(ctx, table.Create(item("it")))
				answered = true
				return nil
			}))
			if _, failed := errors.AsType[*lambdahost.FunctionError](err); !failed || answered || !errors.Is(told, faulty.ErrDead) || has(t, inner, "after death") {
				t.Errorf("%s: %v, answered %t, told %v", k, err, answered, told)
			}
			if done := has(t, inner, "it"); k == faulty.DiesBefore && done || k == faulty.DiesAfter && !done {
				t.Errorf("%s: done %t", k, done)
			}
			if err := invoke(t, handler(func(ctx context.Context) error { return tab.Commit(ctx, table.Create(item("next"))) })); (err != nil) != (k == faulty.ProcessDies) {
				t.Errorf("%s: the next invocation: %v", k, err)
			}
		}
	}
}

// The mail service's yes is what counts, whoever hears it.
func TestAMailIsSentWhenTheServiceHasSaidYes(t *testing.T) {
	m := mail.Message{To: "user@example.com", Subject: "Hello", Text: "Hello.", EventID: "evt_1"}
	posted := faulty.Posted{Event: "evt_1", To: "user@example.com"}
	for k, want := range map[faulty.Kind]struct{ sent, rejected, unheard int }{
		"": {sent: 1}, faulty.MailBusy: {}, faulty.MailQuota: {}, faulty.MailPaused: {}, faulty.MailRejected: {rejected: 1}, faulty.MailSlow: {sent: 1},
		faulty.MailLost: {sent: 1, unheard: 1}, faulty.MailDies: {sent: 1, unheard: 1}, faulty.MailDiesEre: {},
	} {
		p, post := faulty.NewPlan(1), &faulty.Post{}
		p.Inject(k, 1, faulty.Of("", faulty.Send))
		s := &faulty.Mailer{Post: post, Plan: p, Process: faulty.NewProcess()}
		err := invoke(t, handler(func(ctx context.Context) error { return s.Send(ctx, m) }))
		if (err == nil) != (k == "" || k == faulty.MailSlow) {
			t.Errorf("%s: %v", k, err)
		}
		if n := [3]int{post.Sent()[posted], post.Rejected()[posted], post.Unheard()[posted]}; n != [3]int{want.sent, want.rejected, want.unheard} {
			t.Errorf("%s: sent, rejected, unheard %v", k, n)
		}
	}
}
