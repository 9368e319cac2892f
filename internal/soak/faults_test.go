package soak

import (
	"context"
	"net/http"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"keyfob/internal/faulty"
	"keyfob/internal/functions"
)

// TestFaults is the table "Faults it must survive", row by row. After each, when nothing fails any more and everything has
// come to rest, all promises are held against what there is: play judges.
func TestFaults(t *testing.T) {
	for row, goWrong := range map[string]func(*scene){
		"table_throttled_or_erroring_while_validating":   throttled,
		"connection_lost_after_a_commit_succeeded":       connectionLost,
		"process_killed_at_any_point_of_a_commit":        killedAtACommit,
		"process_killed_outright":                        killedOutright,
		"duplicate_stream_delivery_tenfold":              tenfold,
		"shuffled_or_late_records":                       shuffled,
		"failure_at_record_k_of_a_batch":                 failureWithin,
		"poison_record":                                  poisoned,
		"handler_panic_or_empty_response":                panics,
		"consumer_down_for_25_h":                         downForADay,
		"killed_before_the_mail_call":                    killedBeforeMail,
		"killed_after_the_mail_services_yes":             killedAfterMail,
		"mail_rate_limit_quota_or_pause":                 mailLimited,
		"mail_rejection":                                 mailRejected,
		"TTL_never_runs_and_TTL_versus_a_users_deletion": ttl,
		"clock_five_minutes_off_and_stepping_back":       clock,
		"revoke_racing_1000_validations":                 racing,
		"KMS_denied_or_slow":                             keysDenied,
		"login_flood":                                    flood,
	} {
		t.Run(row, func(t *testing.T) { play(t, goWrong) })
	}
}

// Bounded, then 503 with Retry-After; never allowed, and never a request that hangs.
func throttled(s *scene) {
	c := s.token()
	for _, k := range []faulty.Kind{faulty.TableBusy, faulty.TableHang} {
		s.meets(3, k, faulty.Of(functions.Authorizer, faulty.Get), func() {
			var all sync.WaitGroup
			for range 3 {
				all.Go(func() { s.wants(string(k), s.get(c), http.StatusServiceUnavailable) })
			}
			all.Wait()
		})
		s.wants("afterwards", s.get(c), http.StatusOK)
	}
	for _, k := range []faulty.Kind{faulty.TableBusy, faulty.TableHang} {
		s.meets(1, k, faulty.Of("functions/createtoken", faulty.Get), func() {
			name := "while the " + string(k)
			a := s.post(strings.ReplaceAll(name, " ", "-"))
			s.wants("create", a, http.StatusServiceUnavailable)
		})
	}
	s.meets(-1, faulty.TableBusy, func(faulty.Call) bool { return true }, func() {
		for path, q := range map[string]request{
			"login":           {method: "POST", path: "/v1/login", body: map[string]any{"name": s.person.email, "password": s.person.password, "returnToken": true}},
			"by possession":   {method: "POST", path: "/v1/revoke", body: map[string]any{"token": c.secret}},
			"guarded":         {method: "GET", path: "/v1/tokens", credential: c.secret},
			"forgotten":       {method: "POST", path: "/v1/password/reset", body: map[string]any{"name": s.person.email}},
			"a leaked secret": {method: "GET", path: "/v1/exports/orders", credential: c.secret},
		} {
			s.wants(path, s.send(s.Context(), path, q), http.StatusServiceUnavailable)
		}
	})
	s.wants("none of it was done", s.get(c), http.StatusOK)
}

// The same key gives the same answer: one token, one event, one mail to each.
func connectionLost(s *scene) {
	events, mails := s.counted("token.created")
	s.meets(1, faulty.TableLost, faulty.Of("functions/createtoken", faulty.Commit), func() {
		s.wants("create", s.post("lost"), http.StatusServiceUnavailable)
	})
	a := s.post("lost")
	s.wants("create again", a, http.StatusCreated)
	c := s.remembers("lost", a)
	s.repeat(s.Context(), s.person, s.ask("lost"), c)
	s.rest()
	if e, m := s.counted("token.created"); e != events+1 || m != mails+keepers {
		s.Errorf("%d events and %d mails more, want 1 and one to each keeper", e-events, m-mails)
	}
	q := request{method: "POST", path: "/v1/tokens/" + c.handle + "/rotate", credential: s.person.session.secret, once: "rotated", shows: true}
	s.meets(1, faulty.TableLost, faulty.Of("functions/rotatetoken", faulty.Commit), func() {
		s.wants("rotate", s.send(s.Context(), "rotate", q), http.StatusServiceUnavailable)
	})
	next := s.send(s.Context(), "rotate again", q)
	s.wants("rotate again", next, http.StatusCreated)
	if again := s.send(s.Context(), "rotate again", q); again.text("token") != next.text("token") {
		s.Error("two successors")
	}
	c.doubtful.Store(true)
	s.wants("the rotated one", s.get(c), http.StatusUnauthorized)
	c = s.given(s.person, next.text("token"), next.text("id"), "")
	s.meets(1, faulty.TableLost, faulty.Of("functions/revoke", faulty.Commit), func() {
		s.revoke(s.Context(), s.random, s.person, c)
	})
	s.wants("the revoked one", s.get(c), http.StatusUnauthorized)
}

// Whichever call it dies at, before it or after it: all of the change is there after the restart, or none.
func killedAtACommit(s *scene) {
	created := func(c faulty.Call) bool { return c.Function == "functions/createtoken" }
	for n := 0; ; n++ {
		order := s.plan.InjectAfter(n, faulty.DiesBefore, 1, created)
		a := s.post(name("call-%d", n))
		if order.Stop() == 0 {
			if s.remembers(name("call-%d", n), a); n < 2 {
				s.Errorf("only %d calls were there to die at", n)
			}
			break
		}
		if a.outcome() != unknown {
			s.Errorf("call %d: %d %s", n, a.status, a.body)
		}
		again := s.post(name("call-%d", n))
		s.wants("again", again, http.StatusCreated)
		s.remembers(name("call-%d", n), again)
	}
	commits := func(code string) func(faulty.Call) bool { return faulty.Of(code, faulty.Commit) }
	s.meets(1, faulty.DiesAfter, commits("functions/createtoken"), func() {
		if a := s.post("after"); a.outcome() != unknown {
			s.Errorf("after: %d %s", a.status, a.body)
		}
	})
	again := s.post("after")
	s.wants("again", again, http.StatusCreated)
	s.remembers("after", again)
	for _, code := range []string{"functions/createtoken", "functions/notify", "functions/revoke"} {
		for n := range 4 {
			c := s.token()
			s.meets(1, faulty.ProcessDies, commits(code), func() {
				s.post(name("%s-%d", filepath.Base(code), n))
				s.revoke(s.Context(), s.random, s.person, c)
				s.diesAndRestarts()
			})
			again := s.post(name("%s-%d", filepath.Base(code), n))
			s.wants("again", again, http.StatusCreated)
			s.remembers(name("%s-%d", filepath.Base(code), n), again)
		}
	}
}

// diesAndRestarts waits for the process to die, of what it still does as time passes, and starts it again.
func (s *scene) diesAndRestarts() {
	s.Helper()
	for range 100 {
		select {
		case <-s.house.process.Dead():
			s.restart(s.Context())
			return
		default:
			s.house.clock.Advance(time.Minute)
			s.rest()
		}
	}
	s.Fatal("the process does not die")
}

// What is due is refused by the clock, whether the store has deleted it or not. Its deletion is told as what it is.
func ttl(s *scene) {
	made := s.create(s.Context(), s.random, s.person, wish{life: life{3600, "1h"}})
	ended := s.token()
	s.revoke(s.Context(), s.random, s.person, ended)
	s.plan.Count(faulty.TTLStopped)
	s.house.noTTL.Store(true)
	s.pass(time.Hour+time.Minute, 10*time.Minute)
	made.doubtful.Store(true)
	if s.take().items[made.record] == nil {
		s.Error("the TTL has run")
	}
	s.wants("due, and still there", s.get(made), http.StatusUnauthorized)
	if purged, _ := s.counted("token.purged"); purged != 0 {
		s.Error("it is said to be purged, and is there")
	}
	s.house.noTTL.Store(false)
	s.pass(10*time.Minute, time.Minute)
	if s.take().items[made.record] != nil {
		s.Error("the TTL has not run")
	}
	for kind, want := range map[string]int{"token.purged": 1, "token.revoked": 1} {
		if events, mails := s.counted(kind); events != want || mails != keepers*want {
			s.Errorf("%s: %d events, %d mails", kind, events, mails)
		}
	}
}

// The server's clock rules, whatever it is, and no code counts twice, although its time comes again.
func clock(s *scene) {
	ctx, p := s.Context(), s.tenant.guarded
	s.plan.Count(faulty.ClockStep)
	taken := func() int { return s.unlocks(ctx, p) }
	s.pass(time.Minute, time.Minute)
	if n := taken(); n != 1 {
		s.Errorf("at the right time: taken %d times", n)
	}
	for _, off := range []time.Duration{5 * time.Minute, -5 * time.Minute} {
		s.house.wrong.Set(off)
		if n := taken(); n != 0 {
			s.Errorf("a code of another time, %v off, was taken %d times", off, n)
		}
	}
	s.house.wrong.Set(0)
	if n := taken(); n != 0 {
		s.Errorf("back at the time, the code was taken again %d times", n)
	}
	c := s.create(ctx, s.random, s.person, wish{life: life{seconds: 3600}})
	c.doubtful.Store(true)
	s.pass(58*time.Minute, 29*time.Minute)
	s.wants("before its end", s.get(c), http.StatusOK)
	s.house.wrong.Set(5 * time.Minute)
	s.wants("after its end, by the server's clock", s.get(c), http.StatusUnauthorized)
	s.house.wrong.Set(-5 * time.Minute)
	s.pass(4*time.Minute, time.Minute)
	s.wants("before its end, by the server's clock", s.get(c), http.StatusOK)
	s.house.wrong.Set(0)
	s.wants("after its end", s.get(c), http.StatusUnauthorized)
}

// unlocks logs in and shows the code that the person's app has at the right time, and reports how often it was taken.
func (s *scene) unlocks(ctx context.Context, p *person) (taken int) {
	for range 2 {
		if !s.login(ctx, p) {
			s.Fatal("no login")
		}
		r := s.send(ctx, "unlock", request{method: "POST", path: "/v1/login/unlock", credential: p.session.secret, body: map[string]any{"factors": []any{map[string]any{"factor": "totp", "password": s.code(p)}}}})
		if r.outcome() == acknowledged {
			taken++
		}
	}
	return taken
}

// A reveal fails, and says to try again; nobody is shown anything, and a validation takes no notice.
func keysDenied(s *scene) {
	c := s.create(s.Context(), s.random, s.tenant.steward, wish{revealable: true})
	q := request{method: "POST", path: "/v1/tokens/" + c.handle + "/reveal", credential: s.tenant.steward.session.secret, body: map[string]any{"reason": "moving the job"}}
	for _, k := range []faulty.Kind{faulty.KeysDenied, faulty.KeysHang} {
		s.meets(1, k, faulty.Of("functions/revealtoken", faulty.Open), func() {
			var both sync.WaitGroup
			both.Go(func() { s.wants("reveal", s.send(s.Context(), "reveal", q), http.StatusServiceUnavailable) })
			for range 20 {
				s.wants("validation meanwhile", s.get(c), http.StatusOK)
			}
			both.Wait()
		})
		s.meets(1, k, faulty.Of("functions/createtoken", faulty.Seal), func() {
			a := s.send(s.Context(), "create", request{method: "POST", path: "/v1/tokens", credential: s.tenant.steward.session.secret, body: map[string]any{"name": "sealed", "scope": "full", "autoPurge": "never", "revealable": true}})
			s.wants("create", a, http.StatusServiceUnavailable)
			s.remembers("sealed", response{status: http.StatusUnprocessableEntity})
		})
	}
	q.shows = true
	a := s.send(s.Context(), "reveal", q)
	s.wants("reveal", a, http.StatusOK)
	if a.text("token") != c.secret {
		s.Error("another credential was shown")
	}
}

// Hashing is capped, so that a validation still has its turn.
func flood(s *scene) {
	c := s.token()
	ctx, stop := context.WithCancel(s.Context())
	var logins sync.WaitGroup
	for n := range 12 {
		logins.Go(func() {
			for ctx.Err() == nil {
				r := s.send(context.WithoutCancel(ctx), "wrong login", request{method: "POST", path: "/v1/login", network: n, body: map[string]any{"name": s.person.email, "password": "another river altogether"}})
				switch r.status {
				case http.StatusUnauthorized, http.StatusTooManyRequests, http.StatusServiceUnavailable:
				default:
					s.Errorf("a login of the flood: %d %s", r.status, r.body)
				}
			}
		})
	}
	for range 200 {
		s.wants("validation meanwhile", s.get(c), http.StatusOK)
	}
	stop()
	logins.Wait()
	if n := s.tally.clone()["wrong login"]; n[refused]+n[unknown] < 12 {
		s.Errorf("there was no flood: %v", n)
	}
}
