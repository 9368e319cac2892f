package main

import (
	"encoding/json"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"keyfob/internal/mail/mailbox"
	"keyfob/internal/openapi/openapitest"
	"keyfob/internal/table"
	"keyfob/internal/table/key"
)

// from gives a client of the same service that calls from another address of this machine.
func (s *client) from(ip string) *client {
	s.Helper()
	dialer := &net.Dialer{LocalAddr: &net.TCPAddr{IP: net.ParseIP(ip)}}
	base := &http.Transport{DialContext: dialer.DialContext}
	s.Cleanup(base.CloseIdleConnections)
	return &client{s.TB, s.service, &http.Client{Transport: openapitest.Wrap(s.TB, openapitest.Load(s.TB), base)}}
}

// mailsOf gives the mails whose subject says so, newest first.
func (s *client) mailsOf(what string) []mailbox.Stored {
	s.Helper()
	var found []mailbox.Stored
	for _, m := range s.mails() {
		if strings.Contains(m.Subject, what) {
			found = append(found, m)
		}
	}
	return found
}

// events gives the types of the events in a token's trail, newest first.
func (s *client) events(session, handle string) string {
	s.Helper()
	r := s.get("/v1/tokens/"+handle+"/audit", session)
	s.want(r, http.StatusOK)
	var trail struct{ Events []struct{ Type string } }
	if err := json.Unmarshal([]byte(r.body), &trail); err != nil {
		s.Fatal(err)
	}
	var types []string
	for _, e := range trail.Events {
		types = append(types, e.Type)
	}
	return strings.Join(types, " ")
}

// used tells what a token's record says of its use.
func (s *client) used(session, handle string) (at string, inLastDay bool, networks []string) {
	s.Helper()
	r := s.get("/v1/tokens/"+handle, session)
	s.want(r, http.StatusOK)
	var token struct {
		Usage struct {
			LastUsedAt    string
			UsedInLastDay bool
			Networks      []struct{ Network, FirstUsedAt, LastUsedAt, UserAgent string }
		}
	}
	if err := json.Unmarshal([]byte(r.body), &token); err != nil {
		s.Fatal(err)
	}
	for _, n := range token.Usage.Networks {
		networks = append(networks, n.Network)
	}
	return token.Usage.LastUsedAt, token.Usage.UsedInLastDay, networks
}

// K9: when and from where a token was last used can be seen. That costs a request no read beside its one (P2), and the
// table at most one write in five minutes.
func TestK9UsageIsSeen(t *testing.T) {
	s := newClient(t)
	session := s.login()
	secret, handle := s.create(session, full("deploy"))
	if at, recently, networks := s.used(session, handle); at != "" || recently || len(networks) != 0 {
		t.Errorf("used before it was: %s, %v", at, networks)
	}
	s.advance(time.Second)
	start := s.service.clock.Now()
	writes := func() int64 { return s.service.Stats().Table.Writes }
	use := func() (reads, written int64) {
		t.Helper()
		r, w := s.reads(), writes()
		s.want(s.get("/v1/tokenInfo", secret), http.StatusOK)
		reads, written = s.reads()-r, writes()-w
		return reads, written
	}
	use()
	s.mails() // the first use owes one, and sending it writes too
	if reads, written := use(); reads != 1 || written != 0 {
		t.Errorf("the second use: %d reads, %d writes", reads, written)
	}
	for i := range 15 {
		s.advance(time.Minute)
		reads, written := use()
		if want := map[bool]int64{true: 1}[i%5 == 4]; written != want || reads != 1 {
			t.Errorf("minute %d: %d reads, %d writes, want 1 and %d", i+1, reads, written, want)
		}
	}
	at, recently, networks := s.used(session, handle)
	if at != start.Add(15*time.Minute).Format(time.RFC3339) || !recently || len(networks) != 1 || networks[0] != "127.0.0.0/24" {
		t.Errorf("%s, %t, %v", at, recently, networks)
	}
	s.advance(24 * time.Hour)
	session = s.login()
	if _, recently, _ := s.used(session, handle); recently {
		t.Error("used within a day, after a day")
	}
	if got := s.events(session, handle); got != "token.accessed token.created" {
		t.Errorf("events: %s", got)
	}
}

// C12: people are told at once when a token is used from a network that it was not used from in 30 days; of one that they
// know, they are not.
func TestC12ATokenUsedFromANewNetworkIsTold(t *testing.T) {
	s := newClient(t)
	session := s.login()
	secret, handle := s.create(session, full("deploy"))
	other := s.from("127.0.1.1")
	const day = 24 * time.Hour
	for i, step := range []struct {
		wait time.Duration
		who  *client
		told int
	}{
		{0, s, 1}, {time.Second, s, 1}, {time.Second, other, 2}, {time.Second, other, 2},
		{29 * day, other, 2}, {29 * day, other, 2}, {0, s, 3}, {30 * day, s, 4}, {0, other, 5},
	} {
		s.advance(step.wait)
		step.who.want(step.who.get("/v1/tokenInfo", secret), http.StatusOK)
		if got := len(s.mailsOf("accessed")); got != step.told {
			t.Fatalf("step %d: %d mails, want %d", i, got, step.told)
		}
	}
	m := s.mailsOf("accessed")[0]
	for _, want := range []string{handle, "deploy", "127.0.1.1", "127.0.1.0/24", testEmail, "Go-http-client"} {
		if !strings.Contains(m.Text, want) {
			t.Errorf("the mail does not say %q:\n%s", want, m.Text)
		}
	}
	if strings.Contains(m.Text+m.HTML, secret[len(secret)-16:]) {
		t.Error("the mail holds the token")
	}
}

// S17: a token that is used after its overlap raises an alarm, at most one an hour for a network, and is answered like any invalid one.
func TestS17ARotatedOutTokenRaisesAnAlarm(t *testing.T) {
	s := newClient(t)
	session := s.login()
	old, handle := s.create(session, full("deploy"))
	s.advance(time.Second)
	r := s.post("/v1/tokens/"+handle+"/rotate", session, map[string]any{"overlapSeconds": 600})
	s.want(r, http.StatusCreated)
	fresh := r.text("token")
	s.advance(time.Second)
	s.want(s.get("/v1/tokenInfo", old), http.StatusOK)
	s.advance(10 * time.Minute)
	other := s.from("127.0.1.1")
	for range 3 {
		s.want(other.get("/v1/tokenInfo", old), http.StatusUnauthorized)
	}
	alarms := s.mailsOf("used after it was rotated out")
	if len(alarms) != 1 || !strings.Contains(alarms[0].Text, "127.0.1.1") || !strings.Contains(alarms[0].Text, handle) || strings.Contains(alarms[0].Text, testEmail) {
		t.Errorf("%d alarms: %+v", len(alarms), alarms)
	}
	if got, plain := s.get("/v1/tokenInfo", old), s.get("/v1/tokenInfo", "nonsense"); got.comparable() != plain.comparable() {
		t.Errorf("%s, want %s", got.comparable(), plain.comparable())
	}
	if got := len(s.mailsOf("used after it was rotated out")); got != 2 {
		t.Errorf("%d alarms, want one for the other network too", got)
	}
	s.advance(time.Hour)
	for range 2 {
		s.want(s.get("/v1/tokenInfo", old), http.StatusUnauthorized)
	}
	if got := len(s.mailsOf("used after it was rotated out")); got != 3 {
		t.Errorf("%d alarms, want 3", got)
	}
	s.want(s.get("/v1/tokenInfo", fresh), http.StatusOK)
	session = s.login()
	if got := s.events(session, handle); got != "token.reused token.reused token.reused token.accessed token.rotated token.created" {
		t.Errorf("events: %s", got)
	}
}

// P4, C2: a purge is recorded and told, with the time it was due and the time it happened, once; a token that was revoked
// before is not told of again.
func TestP4APurgeIsAuditedAndMailed(t *testing.T) {
	s := newClient(t)
	session := s.login()
	_, handle := s.create(session, map[string]any{"name": "short", "scope": "full", "autoPurge": "1h"})
	_, revoked := s.create(session, map[string]any{"name": "gone", "scope": "full", "autoPurge": "1h"})
	s.want(s.delete("/v1/tokens/"+revoked, session), http.StatusNoContent)
	due := s.service.clock.Now().Add(time.Hour)
	s.advance(time.Hour + 90*time.Second)
	told := s.mailsOf("purged")
	if len(told) != 1 || !strings.Contains(told[0].Text, handle) || !strings.Contains(told[0].Text, "the system") ||
		!strings.Contains(told[0].Text, due.Format(time.RFC3339)) || !strings.Contains(told[0].Text, due.Add(90*time.Second).Format(time.RFC3339)) {
		t.Fatalf("%d mails: %+v", len(told), told)
	}
	if got := len(s.mailsOf("revoked")); got != 1 {
		t.Errorf("%d mails of revocations, want 1", got)
	}
	session = s.login()
	s.want(s.get("/v1/tokens/"+handle, session), http.StatusNotFound)
	r := s.get("/v1/audit?action=token.purged", session)
	s.want(r, http.StatusOK)
	if strings.Count(r.body, `"token.purged"`) != 1 || !strings.Contains(r.body, handle) || !strings.Contains(r.body, due.Format(time.RFC3339)) {
		t.Errorf("%s", r.body)
	}
	s.advance(40 * 24 * time.Hour)
	if got := len(s.mailsOf("purged")); got != 1 {
		t.Errorf("%d mails of purges, want 1", got)
	}
}

// P1: a demotion that was interrupted after it was committed reaches the tokens by itself.
func TestP1AnInterruptedDemotionGoesOnByItself(t *testing.T) {
	s := newClient(t)
	session := s.login()
	secret, _ := s.create(session, full("deploy"))
	info := s.get("/v1/tokenInfo", secret)
	k := key.User{Account: info.text("accountId"), User: info.text("_userId")}.Key()
	items, err := s.service.store.Get(t.Context(), k)
	if err != nil {
		t.Fatal(err)
	}
	items[0]["role"], items[0]["behind"] = table.S("member"), table.Bool(true)
	if err := s.service.store.Commit(t.Context(), table.Replace(items[0], items[0].Version())); err != nil {
		t.Fatal(err)
	}
	s.mails() // waits for the consumers
	for _, credential := range []string{session, secret} {
		s.want(s.post("/v1/tokens", credential, full("more")), http.StatusForbidden)
	}
}

// S21: the account's owner can switch credentials in the query string off. They are then refused like invalid ones, at
// once; in the header they work.
func TestS21QueryCredentialsCanBeSwitchedOff(t *testing.T) {
	s := newClient(t)
	session := s.login()
	key := s.post("/api/v1/api/key?token="+session, "", nil).text("id")
	for _, on := range []bool{true, false, true} {
		s.policy(session, map[bool]string{true: `{"queryCredentials":true}`, false: `{"queryCredentials":false}`}[on])
		for _, presented := range []string{session, key} {
			want := map[bool]int{true: http.StatusOK, false: http.StatusUnauthorized}[on]
			for _, path := range []string{"/api/v1/tokenInfo", "/api/v1/login", "/api/v1/api/key"} {
				r := s.get(path+"?token="+presented, "")
				s.want(r, want)
				if !on && r.comparable() != s.get(path+"?token=nonsense", "").comparable() {
					t.Errorf("%s: %s", path, r.comparable())
				}
				s.want(s.get(path, presented), http.StatusOK)
			}
		}
	}
}
