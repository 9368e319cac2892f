package soak

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"keyfob/internal/faulty"
	"keyfob/internal/table"
	"keyfob/internal/table/key"
)

func tenfold(s *scene) {
	for _, code := range []string{"functions/notify", "functions/upkeep"} {
		for _, k := range []faulty.Kind{faulty.BatchTenfold, faulty.BatchAtOnce} {
			s.meets(1, k, faulty.Of(code, faulty.Invoke), func() { s.much() })
		}
	}
	s.meets(-1, faulty.MailSlow, faulty.Of("functions/notify", faulty.Send), func() {
		s.meets(1, faulty.BatchAtOnce, faulty.Of("functions/notify", faulty.Invoke), func() { s.much() })
	})
}

func shuffled(s *scene) {
	s.much()
	s.rest()
	for _, k := range []faulty.Kind{faulty.BatchShuffled, faulty.BatchLate} {
		s.meets(3, k, faulty.Of("functions/notify", faulty.Invoke), func() { s.much() })
	}
	s.meets(1, faulty.BatchLate, faulty.Of("functions/upkeep", faulty.Invoke), func() { s.much() })
}

// much does what feeds each consumer.
func (s *scene) much() {
	for range 3 {
		c := s.token()
		s.edit(s.Context(), s.person, c)
		s.rest()
	}
	(&steward{world: s.world, tenant: s.tenant, random: s.random}).demotes(s.Context())
	s.rest()
}

// Only the record that fails and those behind it come again, and nothing that was sent is sent again.
func failureWithin(s *scene) {
	stop := s.plan.Inject(faulty.ConsumerDown, -1, faulty.Of("functions/notify", faulty.Invoke))
	var all []*credential
	for range 6 {
		all = append(all, s.token())
	}
	stop.Stop()
	s.meets(2, faulty.MailBusy, func(c faulty.Call) bool {
		return c.Verb == faulty.Send && strings.Contains(c.Message.Text, all[2].handle)
	}, func() { s.pass(10*time.Minute, time.Minute) })
	if _, mails := s.counted("token.created"); mails != 6*keepers {
		s.Errorf("%d mails of 6 tokens", mails)
	}
}

// The record is kept with its payload, its neighbours' mails are sent.
func poisoned(s *scene) {
	s.token()
	s.poisonStream(s.Context())
	s.token()
	s.pass(3*time.Hour, time.Minute)
	kept := ""
	if err := filepath.WalkDir(s.house.path("failures"), func(path string, d os.DirEntry, err error) error {
		if err == nil && !d.IsDir() {
			data, err := os.ReadFile(path)
			if kept += string(data); err != nil {
				return err
			}
		}
		return err
	}); err != nil {
		s.Fatal(err)
	}
	if !strings.Contains(kept, "evt_poison") || !strings.Contains(kept, "RetryAttemptsExhausted") {
		s.Errorf("it was not kept: %s", kept)
	}
	if _, mails := s.counted("token.created"); mails != 2*keepers {
		s.Errorf("%d mails of the 2 tokens that were made before and after", mails)
	}
}

// A panic is a failure and so is a death after the work is done: the batch comes again. A consumer never answers nothing.
func panics(s *scene) {
	for _, code := range []string{"functions/notify", "functions/upkeep"} {
		for _, k := range []faulty.Kind{faulty.ConsumerPanic, faulty.ConsumerDies} {
			s.meets(2, k, faulty.Of(code, faulty.Invoke), func() {
				s.much()
				s.pass(5*time.Minute, 30*time.Second)
			})
		}
	}
	for _, payload := range []string{`{"Records":[]}`, `{}`, `{"Records":[{"dynamodb":{"SequenceNumber":"1"},"eventName":5}]}`} {
		for code := range consumers {
			if answer, err := s.house.server.Invoke(s.Context(), code, []byte(payload)); err == nil && !strings.Contains(string(answer), `"batchItemFailures":[`) {
				s.Errorf("%s answers %s with %q", code, payload, answer)
			}
		}
	}
	for code := range consumers {
		s.meets(1, faulty.ConsumerEmpty, faulty.Of(code, faulty.Invoke), func() { s.much() })
	}
}

func downForADay(s *scene) {
	s.carries()
	s.meets(-1, faulty.ConsumerDown, faulty.Of("", faulty.Invoke), func() {
		s.token()
		s.revoke(s.Context(), s.random, s.person, s.token())
		s.create(s.Context(), s.random, s.person, wish{life: life{3600, "1h"}})
		for range 2 { // and back: who is told is who looks after tokens when they are
			(&steward{world: s.world, tenant: s.tenant, random: s.random}).demotes(s.Context())
		}
		s.pass(25*time.Hour, 10*time.Minute)
	})
	s.pass(10*time.Minute, time.Minute)
	for kind, want := range map[string]int{"token.created": 3, "token.revoked": 1, "token.purged": 1} {
		if events, mails := s.counted(kind); events != want || mails != keepers*want {
			s.Errorf("%s: %d events, %d mails", kind, events, mails)
		}
	}
}

// carries has a change be carried on whose maker dies over it, although the stream tells nobody of it.
func (s *scene) carries() {
	change := func() { (&steward{world: s.world, tenant: s.tenant, random: s.random}).demotes(s.Context()) }
	s.meets(-1, faulty.ConsumerDown, faulty.Of("", faulty.Invoke), func() {
		s.meets(1, faulty.DiesAfter, func(c faulty.Call) bool {
			return c.Verb == faulty.Commit && slices.ContainsFunc(c.Ops, func(op table.Op) bool { return op.Item.Bool("behind") })
		}, change)
		s.pass(10*time.Minute, time.Minute)
	})
	for _, it := range s.take(key.PrefixAccount).items {
		if it.Bool("behind") {
			s.Errorf("%s is still behind", it.Key().SK)
		}
	}
	change() // and back: who is told is who looks after tokens then
	change()
	s.rest()
}

func killedBeforeMail(s *scene) {
	for _, k := range []faulty.Kind{faulty.MailDiesEre, faulty.MailHang} {
		s.meets(1, k, faulty.Of("functions/notify", faulty.Send), func() { s.token(); s.pass(10*time.Minute, time.Minute) })
	}
	_, mails := s.counted("token.created")
	if mails != 2*keepers {
		s.Errorf("%d mails of 2 tokens", mails)
	}
}

// At most one more than is owed, each time.
func killedAfterMail(s *scene) {
	for _, k := range []faulty.Kind{faulty.MailDies, faulty.MailLost} {
		s.meets(1, k, faulty.Of("functions/notify", faulty.Send), func() { s.token(); s.pass(10*time.Minute, time.Minute) })
	}
	noted := func(c faulty.Call) bool {
		return c.Function == "functions/notify" && c.Verb == faulty.Commit && c.Ops[0].Item.String("state") == "sent"
	}
	for _, k := range []faulty.Kind{faulty.DiesBefore, faulty.DiesAfter, faulty.TableBusy, faulty.TableLost} {
		s.meets(1, k, noted, func() { s.token(); s.pass(10*time.Minute, time.Minute) })
	}
	if _, mails := s.counted("token.created"); mails < 6*keepers || mails > 6*keepers+6 {
		s.Errorf("%d mails of 6 tokens, and 6 faults", mails)
	}
}

func mailLimited(s *scene) {
	for _, k := range []faulty.Kind{faulty.MailBusy, faulty.MailQuota, faulty.MailPaused} {
		s.meets(-1, k, faulty.Of("functions/notify", faulty.Send), func() {
			s.token()
			s.pass(10*time.Minute, 30*time.Second)
		})
	}
}

// It ends there: nobody asks again, and the trail says so.
func mailRejected(s *scene) {
	s.meets(1, faulty.MailRejected, faulty.Of("functions/notify", faulty.Send), func() { s.token(); s.pass(5*time.Minute, 30*time.Second) })
	events, _ := s.counted("notice.rejected")
	if _, mails := s.counted("token.created"); mails != keepers-1 || events != 1 {
		s.Errorf("%d mails and %d events of the one that was rejected", mails, events)
	}
}
