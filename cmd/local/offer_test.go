package main

import (
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"
)

// atOnce makes fifty requests at the same instant and counts those that succeed. All others are refused as what comes too
// late or too often, and by no failure of the service's own.
func (s *client) atOnce(what string, ask func(i int) response) (won int) {
	s.Helper()
	var all sync.WaitGroup
	var mu sync.Mutex
	begin := make(chan struct{})
	for i := range 50 {
		all.Go(func() {
			<-begin
			r := ask(i)
			mu.Lock()
			defer mu.Unlock()
			switch r.status {
			case http.StatusOK:
				won++
			case http.StatusUnauthorized, http.StatusNotFound, http.StatusConflict, http.StatusUnprocessableEntity, http.StatusTooManyRequests:
			default:
				s.Errorf("%s: %d %s", what, r.status, r.body)
			}
		})
	}
	close(begin)
	all.Wait()
	return won
}

// S23, S12, S22: an account is offered in a session of a fresh login; another tenant's people can neither take nor end the
// offer, and do not see it; and it is accepted once.
func TestS23AnOfferTakesAFreshLogin(t *testing.T) {
	const path = "/v1/account/handover"
	s := newClient(t)
	boss := s.login()
	me := s.get("/v1/me", boss).text("id")
	id, _ := s.somebody(boss, "mia", "admin")
	s.advance(5*time.Minute + time.Second)
	if r := s.post(path, boss, map[string]any{"to": id}); r.status != http.StatusForbidden || !strings.Contains(r.body, "fresh_login_required") {
		t.Errorf("late: %d %s", r.status, r.body)
	}
	if r := s.get(path, boss); r.body != `{"handover":null}` {
		t.Errorf("%s", r.body)
	}
	boss = s.login()
	s.advance(5 * time.Minute)
	offered := s.post(path, boss, map[string]any{"to": id})
	s.want(offered, http.StatusCreated)

	stranger := s.tenant("elsewhere")
	if r := s.get(path, stranger); r.body != `{"handover":null}` {
		t.Errorf("a stranger sees %s", r.body)
	}
	s.want(s.post(path+"/accept", stranger, nil), http.StatusNotFound)
	s.want(s.delete(path, stranger), http.StatusNotFound)
	if r := s.get(path, boss); r.body != offered.body {
		t.Errorf("after a stranger's tries: %s, want %s", r.body, offered.body)
	}
	session := s.enter("mia", testPassword)
	if won := s.atOnce("accepting", func(int) response { return s.post(path+"/accept", session, nil) }); won != 1 {
		t.Errorf("%d accepted", won)
	}
	if giver, taker := s.get("/v1/users/"+me, session), s.get("/v1/users/"+id, session); giver.text("role") != "admin" || taker.text("role") != "owner" {
		t.Errorf("the giver is %s, the taker %s", giver.body, taker.body)
	}
	if ids := s.about(session, "handover.accepted"); len(ids) != 1 {
		t.Errorf("the trail has %v", ids)
	}
}
