package authority_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"keyfob/internal/audit"
	"keyfob/internal/authority"
	"keyfob/internal/scope"
	"keyfob/internal/table"
	"keyfob/internal/table/key"
	"keyfob/internal/token"
)

// watched is an authority in front of a table that counts, with a token to use.
type watched struct {
	*world
	table  *counted
	auth   *authority.Authority
	cred   token.Credential
	record table.Key
	agent  string
}

func newWatched(t *testing.T) *watched {
	w := newWorld(t)
	by, _ := w.login(w.acc, w.owner)
	made, c := w.issue(by, authority.Request{Name: "deploy", Scope: scope.Full()})
	tb := &counted{Table: w.table}
	return &watched{w, tb, &authority.Authority{Table: tb, Now: w.clock.Now, Form: w.form}, c, key.Token(made.ID.String()).Key(), "curl/8.5.0"}
}

// use presents the token from the address, as a request does, and gives the denial.
func (w *watched) use(ip string) authority.Denial {
	w.Helper()
	s, err := w.auth.Sight(w.Context(), authority.Presentation{
		Text: w.cred.Plaintext().Reveal(), From: audit.Origin{IP: ip, UserAgent: w.agent, RequestID: "r1"},
	})
	if err == nil {
		err = w.auth.Note(w.Context(), s)
	}
	if err != nil {
		w.Fatal(err)
	}
	return s.Denial
}

func (w *watched) token() authority.Token {
	w.Helper()
	by, _ := w.login(w.acc, w.owner)
	page, err := w.authority().List(w.Context(), by, authority.ListRequest{Limit: 10})
	if err != nil || len(page.Tokens) != 1 {
		w.Fatalf("%d tokens: %v", len(page.Tokens), err)
	}
	return page.Tokens[0]
}

// find gives the account's events of the type, oldest first.
func (w *watched) find(kind audit.Type) []audit.Event {
	w.Helper()
	page, err := w.table.Query(w.Context(), table.Query{PK: key.PrefixAudit + w.acc.ID, Limit: 1000})
	if err != nil {
		w.Fatal(err)
	}
	var found []audit.Event
	for _, it := range page.Items {
		if e, err := audit.FromItem(it); err == nil && e.Type == kind {
			found = append(found, e)
		}
	}
	return found
}

// put changes the token's record as somebody else would.
func (w *watched) put(change func(table.Item)) {
	w.Helper()
	items, err := w.world.table.Get(w.Context(), w.record)
	if err != nil {
		w.Fatal(err)
	}
	change(items[0])
	if err := w.world.table.Commit(w.Context(), table.Replace(items[0], items[0].Version())); err != nil {
		w.Fatal(err)
	}
}

// P2, K9: a use costs one read; it is noted at most once in five minutes.
func TestP2WatchingReadsNothingAndWritesOnceInFiveMinutes(t *testing.T) {
	w := newWatched(t)
	for minute := range 21 {
		if minute > 0 {
			w.clock.Advance(time.Minute)
		}
		for range 3 {
			before := *w.table
			if d := w.use("203.0.113.7"); d != authority.None {
				t.Fatal(d)
			}
			if w.table.gets != before.gets+1 || w.table.queries != before.queries {
				t.Errorf("minute %d: %d gets, %d queries", minute, w.table.gets-before.gets, w.table.queries-before.queries)
			}
		}
	}
	if w.table.commits != 5 {
		t.Errorf("%d writes in 20 minutes, want one at their start and one every five", w.table.commits)
	}
	used := w.token()
	if !used.LastUsed.Equal(w.clock.Now()) || len(used.Networks) != 1 || used.Networks[0].Prefix != "203.0.113.0/24" || used.Networks[0].UserAgent != "curl/8.5.0" ||
		!used.Networks[0].First.Equal(w.clock.Now().Add(-20*time.Minute)) || !used.Networks[0].Last.Equal(w.clock.Now()) || used.Edition != 1 {
		t.Errorf("%+v", used)
	}
	w.clock.Advance(time.Hour)
	if used.UsedWithin(w.clock.Now(), time.Hour) || !used.UsedWithin(w.clock.Now(), time.Hour+time.Second) || (authority.Token{}).UsedWithin(w.clock.Now(), 1<<62) {
		t.Error("within what time it was used is told wrong")
	}
}

// C12: a network that was not seen in 30 days is told of at once; one that was is not.
func TestC12ANewNetworkIsTold(t *testing.T) {
	w := newWatched(t)
	const day = 24 * time.Hour
	for i, step := range []struct {
		wait time.Duration
		ip   string
		told int
	}{
		{0, "203.0.113.7", 1},
		{time.Second, "203.0.113.250", 1},
		{time.Second, "198.51.100.7", 2},
		{time.Second, "2001:db8:1:2::1", 3},
		{time.Second, "2001:db8:1:2:ffff::1", 3},
		{30*day - 4*time.Second, "198.51.100.9", 3}, // 30 days less 2 s
		{time.Hour, "203.0.113.7", 4},
		{29 * day, "198.51.100.9", 4},
		{30 * day, "198.51.100.9", 5},
		{time.Second, "", 5},
		{time.Second, "test-invoke-source-ip", 5},
	} {
		w.clock.Advance(step.wait)
		w.use(step.ip)
		if got := len(w.find(audit.TokenAccessed)); got != step.told {
			t.Fatalf("step %d: %d events, want %d", i, got, step.told)
		}
	}
	all := w.find(audit.TokenAccessed)
	e, made := all[0], w.token()
	if e.Actor != (audit.Actor{User: w.owner.ID, Credential: made.Handle(), Via: audit.ViaAPI}) || e.Subject != made.Subject() ||
		e.Origin != (audit.Origin{IP: "203.0.113.7", UserAgent: "curl/8.5.0", RequestID: "r1"}) ||
		!slices.Equal(e.Changes, []audit.Change{{Field: "network", To: "203.0.113.0/24"}}) || e.Note == all[1].Note {
		t.Errorf("%+v", e)
	}
}

// A network that others keep out of the five-minute notes is noted once a day, or it would be taken for new one day.
func TestABusyNetworkDoesNotHideAnother(t *testing.T) {
	w := newWatched(t)
	for range 40 {
		w.use("203.0.113.7")
		w.use("198.51.100.7")
		w.clock.Advance(24 * time.Hour)
	}
	if got := len(w.find(audit.TokenAccessed)); got != 2 {
		t.Errorf("%d networks were new, want 2", got)
	}
}

// A flood of networks is neither a flood of mails nor of writes, and the record stays within a read's 4 KB.
func TestAFloodOfNetworksIsBounded(t *testing.T) {
	w := newWatched(t)
	w.agent = strings.Repeat("\u00e4\xff", 2000)
	for i := range 500 {
		w.use(fmt.Sprintf("10.%d.%d.1", i/250, i%250))
		w.clock.Advance(time.Second)
	}
	if got := len(w.find(audit.TokenAccessed)); got < 8 || got > 10 {
		t.Errorf("%d events in 500 s, want 8 and one more in each further 5 minutes", got)
	}
	for i := range 30 {
		w.clock.Advance(5 * time.Minute)
		w.use(fmt.Sprintf("172.16.%d.1", i))
	}
	networks := w.token().Networks
	if len(networks) != 16 || networks[15].Prefix != "172.16.29.0/24" || networks[0].Prefix != "172.16.14.0/24" {
		t.Errorf("%d networks: %+v", len(networks), networks)
	}
	items, err := w.table.Get(t.Context(), w.record)
	if err != nil || items[0].Size() > 4<<10 {
		t.Errorf("%d bytes: %v", items[0].Size(), err)
	}
}

// P1: a note brings nothing back that was changed since the record was read, and is not tried again.
func TestANoteNeverOverwrites(t *testing.T) {
	w := newWatched(t)
	for name, change := range map[string]func(table.Item){
		"revoked":  func(it table.Item) { it["revoked"] = table.N(w.clock.Now().Unix()) },
		"demoted":  func(it table.Item) { it["role"] = table.S("member") },
		"an extra": func(it table.Item) { it["something"] = table.S("else") },
	} {
		w.clock.Advance(5 * time.Minute)
		w.table.before = func() { w.put(change) }
		commits := w.table.commits
		if d := w.use("203.0.113.7"); d != authority.None || w.table.commits != commits+1 {
			t.Errorf("%s: %q after %d commits", name, d, w.table.commits-commits)
		}
		items, err := w.table.Get(t.Context(), w.record)
		want := table.Item{}
		change(want)
		for attribute, value := range want {
			if err != nil || items[0][attribute] != value {
				t.Errorf("%s: %v: %v", name, items[0][attribute], err)
			}
		}
		w.put(func(it table.Item) { delete(it, "revoked"); delete(it, "used"); delete(it, "networks") })
	}
	w.use("203.0.113.7")
	items, err := w.table.Get(t.Context(), w.record)
	if err != nil || items[0].String("something") != "else" || items[0].String("role") != "member" || items[0].Int("used") == 0 {
		t.Errorf("%v: %v", items[0], err)
	}
	if err := w.world.table.Commit(t.Context(), table.Delete(w.record, table.Anything())); err != nil {
		t.Fatal(err)
	}
	if d := w.use("203.0.113.7"); d != authority.Unknown {
		t.Error(d)
	}
}

// A table that does not take the note has a second to say so, and its error is told.
func TestAFailedNoteIsToldWithinItsTime(t *testing.T) {
	w := newWatched(t)
	slow := &stuck{Table: w.table}
	w.auth.Table = slow
	s, err := w.auth.Sight(t.Context(), authority.Presentation{Text: w.cred.Plaintext().Reveal(), From: audit.Origin{IP: "203.0.113.7"}})
	if err != nil || s.Denial != authority.None {
		t.Fatal(s.Denial, err)
	}
	if err := w.auth.Note(t.Context(), s); !errors.Is(err, errStuck) || slow.left <= 0 || slow.left > time.Second {
		t.Errorf("%v, with %v", err, slow.left)
	}
}

var errStuck = errors.New("stuck")

// stuck takes no commit, and notes for how long it might have taken.
type stuck struct {
	table.Table
	left time.Duration
}

func (s *stuck) Commit(ctx context.Context, _ ...table.Op) error {
	if deadline, ok := ctx.Deadline(); ok {
		s.left = time.Until(deadline)
	}
	return errStuck
}

// S17: a token that is used after it was rotated out raises an alarm, once an hour; the answer is the same as ever.
func TestS17ARotatedOutTokenRaisesAnAlarm(t *testing.T) {
	w := newWatched(t)
	end := w.clock.Now().Add(time.Hour)
	w.put(func(it table.Item) { it["rotatedOut"] = table.N(end.Unix()) })
	w.use("203.0.113.7")
	w.clock.Advance(time.Hour)
	for _, step := range []struct {
		wait   time.Duration
		alarms int
	}{{0, 1}, {0, 1}, {time.Hour - time.Second, 1}, {time.Second, 2}, {time.Minute, 2}} {
		w.clock.Advance(step.wait)
		gets := w.table.gets
		if d := w.use("198.51.100.7"); d != authority.Rotated || w.table.gets != gets+1 {
			t.Errorf("%q after %d reads", d, w.table.gets-gets)
		}
		if got := len(w.find(audit.TokenReused)); got != step.alarms {
			t.Errorf("%d alarms, want %d", got, step.alarms)
		}
	}
	e := w.find(audit.TokenReused)[0]
	if e.Actor.User != "" || e.Actor.Credential != w.cred.Handle() || e.Origin.IP != "198.51.100.7" || len(w.find(audit.TokenAccessed)) != 1 {
		t.Errorf("%+v", e)
	}
	wrong := w.form.Format(token.API, w.cred.ID(), strings.Repeat("0", token.SecretLen))
	w.clock.Advance(2 * time.Hour)
	s, err := w.auth.Sight(t.Context(), authority.Presentation{Text: wrong.Plaintext().Reveal(), From: audit.Origin{IP: "198.51.100.7"}})
	if err = errors.Join(err, w.auth.Note(t.Context(), s)); err != nil || s.Denial != authority.Mismatch || len(w.find(audit.TokenReused)) != 2 {
		t.Errorf("the handle alone raises an alarm: %q, %v", s.Denial, err)
	}
}

// However many present it at once, one use is noted and one alarm raised.
func TestOfManyAtOnceOneIsNoted(t *testing.T) {
	w := newWatched(t)
	many := func() {
		var wg sync.WaitGroup
		auth := w.authority()
		for range 32 {
			wg.Go(func() {
				s, err := auth.Sight(t.Context(), authority.Presentation{Text: w.cred.Plaintext().Reveal(), From: audit.Origin{IP: "203.0.113.7"}})
				if err = errors.Join(err, auth.Note(t.Context(), s)); err != nil {
					t.Error(err)
				}
			})
		}
		wg.Wait()
	}
	many()
	w.put(func(it table.Item) { it["rotatedOut"] = table.N(w.clock.Now().Unix()) })
	many()
	if used, reused := len(w.find(audit.TokenAccessed)), len(w.find(audit.TokenReused)); used != 1 || reused != 1 {
		t.Errorf("%d uses, %d alarms", used, reused)
	}
}

// S21: where the account takes no credentials from the query string, one that stands there is nobody's; sessions too.
func TestS21AnAccountMayTakeNoneFromTheQuery(t *testing.T) {
	w := newWatched(t)
	_, session := w.login(w.acc, w.owner)
	for _, noQuery := range []bool{false, true} {
		for _, c := range []token.Credential{w.cred, session} {
			k := w.record
			if c.Kind() == token.Session {
				k = key.Session(c.ID().String()).Key()
			}
			items, err := w.world.table.Get(t.Context(), k)
			if err != nil {
				t.Fatal(err)
			}
			items[0]["noQuery"] = table.Bool(noQuery)
			if err := w.world.table.Commit(t.Context(), table.Replace(items[0], items[0].Version())); err != nil {
				t.Fatal(err)
			}
			for _, query := range []bool{false, true} {
				s, err := w.auth.Sight(t.Context(), authority.Presentation{Text: c.Plaintext().Reveal(), Query: query})
				refused := s.Denial == authority.InQuery && s.Principal.Account == ""
				if err != nil || refused != (query && noQuery) {
					t.Errorf("%s: in the query %t, switched off %t: %q, %v", c.Kind(), query, noQuery, s.Denial, err)
				}
				commits := w.table.commits
				if err := w.auth.Note(t.Context(), s); err != nil || refused && w.table.commits != commits {
					t.Errorf("noted what was refused: %v", err)
				}
			}
		}
	}
}
