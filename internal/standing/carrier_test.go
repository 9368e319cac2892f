package standing_test

import (
	"context"
	"sync"
	"testing"
	"time"

	"keyfob/internal/account"
	"keyfob/internal/audit"
	"keyfob/internal/authority"
	"keyfob/internal/fault"
	"keyfob/internal/scope"
	"keyfob/internal/standing"
	"keyfob/internal/table"
	"keyfob/internal/table/key"
)

// R3, P1: when the carrier is done, every credential of the user has followed, over several pages, and nobody else's.
func TestR3EveryCredentialFollowsItsUser(t *testing.T) {
	w := newWorld(t)
	w.plant(w.admin.ID, 250, 0)
	w.session(w.admin.ID)
	other := w.user(scope.Admin)
	w.plant(other.ID, 3, 0)
	for _, change := range []func(*account.User){
		func(u *account.User) { u.Role = scope.Member },
		func(u *account.User) { u.Status = account.Disabled },
		func(u *account.User) { u.Role, u.Status = scope.Admin, account.Active },
	} {
		w.decide(w.admin.ID, change)
		if err := w.carrier(w.table).User(t.Context(), w.acc.ID, w.admin.ID); err != nil {
			t.Fatal(err)
		}
		w.even(w.admin.ID, 251)
		w.even(other.ID, 3)
	}
}

// P1: what the account's policy lends reaches the tokens and the sessions of all its users.
func TestP1EveryCredentialFollowsItsAccount(t *testing.T) {
	w := newWorld(t)
	member := w.user(scope.Member)
	w.plant(w.admin.ID, 120, 0)
	w.plant(member.ID, 120, 0)
	w.session(w.admin.ID)
	w.session(member.ID)
	for _, change := range []func(*account.Account){
		func(a *account.Account) { a.Policy.QueryCredentials = false },
		func(a *account.Account) { a.Policy.Issuers = scope.IssuersEveryone },
		func(a *account.Account) { a.Status = account.Suspended },
		func(a *account.Account) {
			*a = account.Account{ID: a.ID, Name: a.Name, Status: account.Active, Policy: account.DefaultPolicy(), Created: a.Created, Version: a.Version}
		},
	} {
		w.decideAccount(change)
		if err := w.carrier(w.table).Account(t.Context(), w.acc.ID); err != nil {
			t.Fatal(err)
		}
		w.even(w.admin.ID, 121)
		w.even(member.ID, 121)
	}
}

// A carrier leaves alone what is not marked, and what is not there.
func TestACarrierDoesNothingWhereNothingIsBehind(t *testing.T) {
	w := newWorld(t)
	w.plant(w.admin.ID, 2, 0)
	_, u := w.records(w.admin.ID)
	u.Role = scope.Member // by somebody who does not mark it
	w.commit(u.Replace())
	c := w.carrier(&meddling{Table: w.table, before: func(int) { t.Error("something was written") }})
	for name, err := range map[string]error{
		"user": c.User(t.Context(), w.acc.ID, w.admin.ID), "account": c.Account(t.Context(), w.acc.ID),
		"no user": c.User(t.Context(), w.acc.ID, "usr_0000000000000000"), "no account": c.Account(t.Context(), "acc_0000000000000000"),
	} {
		if err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// A process that ends between any two commits leaves something from which another goes on, and the mark that says so.
func TestR3AnInterruptedChangeGoesOnWhereItStopped(t *testing.T) {
	for survived := range int64(5) {
		w := newWorld(t)
		w.plant(w.admin.ID, 250, 0)
		w.session(w.admin.ID)
		w.decide(w.admin.ID, func(u *account.User) { u.Role = scope.Member })
		dying := &failing{Table: w.table}
		dying.left.Store(survived)
		err := w.carrier(dying).User(t.Context(), w.acc.ID, w.admin.ID)
		_, u := w.records(w.admin.ID)
		if !fault.Is(err, fault.Unavailable) || !u.Behind {
			t.Fatalf("after %d commits: %v, behind: %t", survived, err, u.Behind)
		}
		done := 0
		for s, n := range w.standings(w.admin.ID) {
			if s.Role == scope.Member {
				done += n
			}
		}
		if want := min(int(survived)*99, 250) + max(0, int(survived)-3); done != min(want, 251) {
			t.Errorf("after %d commits %d have followed", survived, done)
		}
		rest := &meddling{Table: w.table, before: func(int) {}}
		if err := w.carrier(rest).User(t.Context(), w.acc.ID, w.admin.ID); err != nil {
			t.Fatal(err)
		}
		if rest.commits != 5-int(survived) {
			t.Errorf("after %d commits, %d were needed for the rest", survived, rest.commits)
		}
		w.even(w.admin.ID, 251)
	}
}

// P1: a carrier that was overtaken can never write what has been taken away meanwhile.
func TestP1AnOvertakenCarrierWritesNoOldRole(t *testing.T) {
	w := newWorld(t)
	w.plant(w.admin.ID, 250, 0)
	w.decide(w.admin.ID, func(u *account.User) { u.Role = scope.Owner })
	slow := &meddling{Table: w.table, before: func(commit int) {
		if commit != 2 {
			return
		}
		// In the middle of the promotion, the demotion is decided, carried and acknowledged.
		w.decide(w.admin.ID, func(u *account.User) { u.Role = scope.Member })
		if err := w.carrier(w.table).User(t.Context(), w.acc.ID, w.admin.ID); err != nil {
			t.Fatal(err)
		}
		w.even(w.admin.ID, 250)
	}}
	if err := w.carrier(slow).User(t.Context(), w.acc.ID, w.admin.ID); err != nil {
		t.Fatal(err)
	}
	w.even(w.admin.ID, 250)
}

// A token that changes or goes while the change is being carried holds nothing up, and nothing of its change is lost.
func TestATokenThatMovesMeanwhileFollowsTooAndKeepsItsOwnChange(t *testing.T) {
	w := newWorld(t)
	w.plant(w.admin.ID, 150, 0)
	w.decide(w.admin.ID, func(u *account.User) { u.Role = scope.Member })
	page, err := w.table.Query(t.Context(), table.Query{PK: key.PrefixUserTokens + w.admin.ID, Limit: 2, Descending: true})
	if err != nil {
		t.Fatal(err)
	}
	first := key.Token(page.Items[0].String(table.AttrSK)[14:]).Key()
	second := key.Token(page.Items[1].String(table.AttrSK)[14:]).Key()
	db := &meddling{Table: w.table}
	db.before = func(commit int) {
		if commit == 1 || commit > 4 {
			return // the first page, and what comes after three attempts at the second
		}
		items, err := w.table.Get(t.Context(), first)
		if err != nil {
			t.Fatal(err)
		}
		items[0]["used"] = table.N(commit)
		w.commit(table.Replace(items[0], items[0].Version()))
		if commit == 2 {
			w.commit(table.Delete(second, table.Present()), table.Delete(page.Items[1].Key(), table.Present()))
		}
	}
	if err := w.carrier(db).User(t.Context(), w.acc.ID, w.admin.ID); err != nil {
		t.Fatal(err)
	}
	w.even(w.admin.ID, 149)
	items, err := w.table.Get(t.Context(), first)
	if err != nil || items[0].Int("used") != 4 {
		t.Errorf("%v, %v", items, err)
	}
	if db.queries != 3 {
		t.Errorf("%d queries: more than the page was looked at again", db.queries)
	}
}

// Tokens as large as they get go into as many commits as they need.
func TestLargeTokensFollowToo(t *testing.T) {
	w := newWorld(t)
	w.plant(w.admin.ID, 30, 300<<10)
	w.decide(w.admin.ID, func(u *account.User) { u.Role = scope.Member })
	if err := w.carrier(w.table).User(t.Context(), w.acc.ID, w.admin.ID); err != nil {
		t.Fatal(err)
	}
	w.even(w.admin.ID, 30)
}

// S25: when the time is over the carrier says so, as something to be tried again, and keeps what was done.
func TestS25ACarrierStopsWhenItsTimeIsOver(t *testing.T) {
	w := newWorld(t)
	w.plant(w.admin.ID, 250, 0)
	w.decide(w.admin.ID, func(u *account.User) { u.Role = scope.Member })
	ctx, cancel := context.WithCancel(t.Context())
	err := w.carrier(&meddling{Table: w.table, before: func(commit int) {
		if commit == 2 {
			cancel()
		}
	}}).User(ctx, w.acc.ID, w.admin.ID)
	if !fault.Is(err, fault.Unavailable) {
		t.Errorf("%v", err)
	}
	acc, u := w.records(w.admin.ID)
	if found := w.standings(w.admin.ID); found[standing.Of(acc, u)] != 99 || !u.Behind {
		t.Errorf("%v, behind: %t", found, u.Behind)
	}
}

// S23: a token that is made while its maker is being demoted never has more than the role in the end.
func TestS23IssuingRacesWithDemotion(t *testing.T) {
	for range 20 {
		w := newWorld(t)
		c := w.session(w.admin.ID)
		by, denial, err := w.authority().Verify(t.Context(), c.Plaintext().Reveal())
		if err != nil || denial != authority.None {
			t.Fatal(denial, err)
		}
		var issuing sync.WaitGroup
		for range 8 {
			issuing.Go(func() {
				for range 5 {
					_, _ = issue(w, by) // refused once the demotion is decided, or made before
				}
			})
		}
		w.decide(w.admin.ID, func(u *account.User) { u.Role = scope.Member })
		if err := w.carrier(w.table).User(t.Context(), w.acc.ID, w.admin.ID); err != nil {
			t.Fatal(err)
		}
		w.roleOnly(w.admin.ID, scope.Member)
		issuing.Wait()
		w.roleOnly(w.admin.ID, scope.Member)
	}
}

func issue(w *world, by authority.Principal) (authority.Token, error) {
	made, _, err := w.authority().Issue(context.WithoutCancel(w.Context()), by, audit.ViaAPI, audit.Origin{}, authority.Request{Name: "deploy", Scope: scope.Full()})
	return made, err
}

// roleOnly fails the test if a credential of the user has another role.
func (w *world) roleOnly(user string, role scope.Role) {
	w.Helper()
	for s := range w.standings(user) {
		if s.Role != role {
			w.Errorf("a credential of a %s has the role %s", role, s.Role)
		}
	}
}

// Whichever of a promotion and a demotion comes last, the credentials end as the record does, however many carriers run.
func TestConcurrentChangesEndAsTheRecordDoes(t *testing.T) {
	w := newWorld(t)
	w.plant(w.admin.ID, 250, 0)
	w.session(w.admin.ID)
	roles := []scope.Role{scope.Member, scope.Owner, scope.Admin}
	var all sync.WaitGroup
	for i := range 4 {
		all.Go(func() {
			for n := range 6 {
				w.decide(w.admin.ID, func(u *account.User) { u.Role = roles[(i+n)%len(roles)] })
				if err := w.carrier(w.table).User(t.Context(), w.acc.ID, w.admin.ID); err != nil && !fault.Is(err, fault.Unavailable) {
					t.Error(err)
				}
			}
		})
	}
	all.Wait()
	if err := w.carrier(w.table).User(t.Context(), w.acc.ID, w.admin.ID); err != nil {
		t.Fatal(err)
	}
	w.even(w.admin.ID, 251)
}

// The two kinds of change write different parts, and leave each other's as they are.
func TestUserAndAccountChangeAtTheSameTime(t *testing.T) {
	w := newWorld(t)
	w.plant(w.admin.ID, 250, 0)
	w.decide(w.admin.ID, func(u *account.User) { u.Role, u.Status = scope.Member, account.Disabled })
	w.decideAccount(func(a *account.Account) { a.Policy.QueryCredentials, a.Policy.Issuers = false, scope.IssuersEveryone })
	var both sync.WaitGroup
	both.Go(func() {
		if err := w.carrier(w.table).User(t.Context(), w.acc.ID, w.admin.ID); err != nil {
			t.Error(err)
		}
	})
	if err := w.carrier(w.table).Account(t.Context(), w.acc.ID); err != nil {
		t.Error(err)
	}
	both.Wait()
	w.even(w.admin.ID, 250)
}

// Demoting a user with 5,000 tokens is acknowledged within ten seconds on the embedded table.
func TestDemotingAUserWithThousandsOfTokensIsQuick(t *testing.T) {
	if testing.Short() {
		t.Skip("it makes 5,000 tokens")
	}
	w := newWorld(t)
	w.plant(w.admin.ID, 5000, 0)
	w.decide(w.admin.ID, func(u *account.User) { u.Role = scope.Member })
	start := time.Now()
	if err := w.carrier(w.table).User(t.Context(), w.acc.ID, w.admin.ID); err != nil {
		t.Fatal(err)
	}
	if took := time.Since(start); took > 10*time.Second {
		t.Errorf("it took %v", took)
	}
	w.even(w.admin.ID, 5000)
}

// BenchmarkCarrying demotes and promotes a user with 5,000 tokens on the embedded table.
//
//	go test -run '^$' -bench Carrying ./internal/standing
func BenchmarkCarrying(b *testing.B) {
	w := newWorld(b)
	w.plant(w.admin.ID, 5000, 0)
	roles := []scope.Role{scope.Member, scope.Admin}
	for i := 0; b.Loop(); i++ {
		w.decide(w.admin.ID, func(u *account.User) { u.Role = roles[i%2] })
		if err := w.carrier(w.table).User(b.Context(), w.acc.ID, w.admin.ID); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(5000, "tokens/op")
}
