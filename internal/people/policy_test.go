package people_test

import (
	"errors"
	"net/netip"
	"testing"
	"time"

	"keyfob/internal/account"
	"keyfob/internal/audit"
	"keyfob/internal/authority"
	"keyfob/internal/fault"
	"keyfob/internal/people"
	"keyfob/internal/scope"
	"keyfob/internal/table/key"
	"keyfob/internal/token"
)

func ptr[T any](v T) *T { return &v }

// P1, R5: when the switch is acknowledged, every token and session of the account knows that it is not taken from the
// query string; and what members may do follows the policy.
func TestP1ThePolicyReachesEveryCredential(t *testing.T) {
	w := newWorld(t)
	act := w.act(w.owner)
	p, inSession := w.login(w.user(w.acc, scope.Admin))
	_, c := w.issue(p)
	for _, on := range []bool{false, true} {
		issuers := scope.IssuersEveryone
		if on {
			issuers = scope.IssuersAdmins
		}
		w.clock.Advance(time.Millisecond) // so that events have an order
		acc, err := w.people().ChangePolicy(t.Context(), act, people.PolicyChange{QueryCredentials: &on, Issuers: &issuers})
		if err != nil || acc.Policy.QueryCredentials != on || acc.Policy.Issuers != issuers || acc.Behind {
			t.Fatalf("%+v, %v", acc, err)
		}
		for name, credential := range map[string]authority.Principal{"token": first(w.verify(c)), "session": first(w.verify(inSession))} {
			if credential.NoQuery == on || credential.Holder.Issuers != issuers {
				t.Errorf("%s: %+v", name, credential)
			}
		}
	}
	if events := w.events(audit.AccountChanged); len(events) != 2 || len(events[0].Changes) != 2 ||
		events[0].Changes[1] != (audit.Change{Field: "queryCredentials", From: "true", To: "false"}) || events[0].Subject.ID != w.acc.ID {
		t.Errorf("%+v", events)
	}
}

func first(p authority.Principal, _ authority.Denial) authority.Principal { return p }

// Asking again finishes what was interrupted.
func TestAnInterruptedPolicyIsFinishedByAskingAgain(t *testing.T) {
	w := newWorld(t)
	act := w.act(w.owner)
	_, c := w.issue(act.By)
	off := people.PolicyChange{QueryCredentials: ptr(false)}
	if _, err := w.on(&failing{w.table, 1}).ChangePolicy(t.Context(), act, off); !fault.Is(err, fault.Unavailable) {
		t.Fatal(err)
	}
	if p, _ := w.verify(c); p.NoQuery {
		t.Error("it had not been interrupted")
	}
	if _, err := w.people().ChangePolicy(t.Context(), act, off); err != nil {
		t.Fatal(err)
	}
	if p, _ := w.verify(c); !p.NoQuery || len(w.events(audit.AccountChanged)) != 1 {
		t.Errorf("%+v", p)
	}
}

func TestEveryPartOfThePolicyIsKeptAndBounded(t *testing.T) {
	w := newWorld(t)
	act := w.act(w.owner)
	act.From.IP = "192.0.2.9"
	acc, err := w.people().ChangePolicy(t.Context(), act, people.PolicyChange{
		DefaultLife: ptr(1), MaxLife: ptr(people.MaxLife), MaxOverlap: ptr(0), Revealable: ptr(true), TokensPerAccount: ptr(account.MaxTokens), TokensPerUser: ptr(1),
		MFA: ptr(true), SessionIdle: ptr(people.MinSessionIdle), SessionLife: ptr(people.MaxSessionLife),
		TokenNetworks: &[]string{"2001:DB8:0::/32", "203.0.113.7"}, LoginNetworks: &[]string{"0.0.0.0/0"},
		MutedMails: &[]string{"token.purged", "session.novel"}, Reminders: &[]int{30, 3},
	})
	want := account.Policy{
		Issuers: scope.IssuersAdmins, DefaultLife: time.Second, MaxLife: people.MaxLife * time.Second, Revealable: true, QueryCredentials: true,
		TokensPerAccount: account.MaxTokens, TokensPerUser: 1, SessionIdle: time.Minute, SessionLife: 30 * 24 * time.Hour, MFA: true,
		TokenNetworks: "2001:db8::/32 203.0.113.7/32", LoginNetworks: "0.0.0.0/0", Muted: "session.novel token.purged", Reminders: "3 30",
	}
	if err != nil || acc.Policy != want || acc.Behind {
		t.Errorf("%+v, %v", acc, err)
	}
	if events := w.events(audit.AccountChanged); len(events) != 1 || len(events[0].Changes) != 13 {
		t.Errorf("%+v", events)
	}
	// The session that asked has no second factor, so it has to enrol one before it may go on.
	if _, err := w.people().SetPolicy(t.Context(), w.acc.ID, people.PolicyChange{MFA: ptr(false)}, audit.Origin{}); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		change people.PolicyChange
		kind   fault.Kind
		field  string
	}{
		{people.PolicyChange{}, fault.Invalid, "policy"},
		{people.PolicyChange{Issuers: ptr(scope.Issuers("nobody"))}, fault.Invalid, "policy.issuers"},
		{people.PolicyChange{DefaultLife: ptr(-1)}, fault.Invalid, "policy.defaultLifeSeconds"},
		{people.PolicyChange{DefaultLife: ptr(people.MaxLife + 1)}, fault.Invalid, "policy.defaultLifeSeconds"},
		{people.PolicyChange{MaxLife: ptr(-1)}, fault.Invalid, "policy.maxLifeSeconds"},
		{people.PolicyChange{MaxLife: ptr(people.MaxLife + 1)}, fault.Invalid, "policy.maxLifeSeconds"},
		{people.PolicyChange{MaxOverlap: ptr(-1)}, fault.Invalid, "policy.maxOverlapSeconds"},
		{people.PolicyChange{MaxOverlap: ptr(people.MaxLife + 1)}, fault.Invalid, "policy.maxOverlapSeconds"},
		{people.PolicyChange{TokensPerAccount: ptr(0)}, fault.Invalid, "policy.tokensPerAccount"},
		{people.PolicyChange{TokensPerAccount: ptr(account.MaxTokens + 1)}, fault.Invalid, "policy.tokensPerAccount"},
		{people.PolicyChange{TokensPerUser: ptr(0)}, fault.Invalid, "policy.tokensPerUser"},
		{people.PolicyChange{TokensPerUser: ptr(account.MaxTokens + 1)}, fault.Invalid, "policy.tokensPerUser"},
		{people.PolicyChange{MaxLife: ptr(60), DefaultLife: ptr(61)}, fault.Unprocessable, "policy.defaultLifeSeconds"},
		{people.PolicyChange{SessionIdle: ptr(59)}, fault.Invalid, "policy.sessionIdleSeconds"},
		{people.PolicyChange{SessionIdle: ptr(86_401)}, fault.Invalid, "policy.sessionIdleSeconds"},
		{people.PolicyChange{SessionLife: ptr(299)}, fault.Invalid, "policy.sessionLifeSeconds"},
		{people.PolicyChange{SessionLife: ptr(2_592_001)}, fault.Invalid, "policy.sessionLifeSeconds"},
		{people.PolicyChange{TokenNetworks: networks(21)}, fault.Invalid, "policy.tokenNetworks"},
		{people.PolicyChange{LoginNetworks: networks(21)}, fault.Invalid, "policy.loginNetworks"},
		{people.PolicyChange{TokenNetworks: &[]string{"192.0.2.0/24", "192.0.2.0/25", "::/0", "192.0.2.1/24"}}, fault.Invalid, "policy.tokenNetworks[3]"},
		{people.PolicyChange{TokenNetworks: &[]string{"192.0.2.0/24", "203.0.113.7", "203.0.113.7/32"}}, fault.Invalid, "policy.tokenNetworks[2]"},
		{people.PolicyChange{LoginNetworks: &[]string{"::/0", "0:0::/0"}}, fault.Invalid, "policy.loginNetworks[1]"},
		{people.PolicyChange{LoginNetworks: &[]string{""}}, fault.Invalid, "policy.loginNetworks[0]"},
		{people.PolicyChange{LoginNetworks: &[]string{"::ffff:192.0.2.1"}}, fault.Invalid, "policy.loginNetworks[0]"},
		{people.PolicyChange{LoginNetworks: &[]string{"fe80::1%eth0"}}, fault.Invalid, "policy.loginNetworks[0]"},
		{people.PolicyChange{LoginNetworks: &[]string{"192.0.2.0/24 "}}, fault.Invalid, "policy.loginNetworks[0]"},
		{people.PolicyChange{LoginNetworks: &[]string{"192.0.2.0/24 ::/0"}}, fault.Invalid, "policy.loginNetworks[0]"},
		{people.PolicyChange{LoginNetworks: &[]string{"example.com"}}, fault.Invalid, "policy.loginNetworks[0]"},
		{people.PolicyChange{MutedMails: &[]string{"token.created", "token.revealed"}}, fault.Invalid, "policy.mutedMails[1]"},
		{people.PolicyChange{MutedMails: &[]string{"token.leaked"}}, fault.Invalid, "policy.mutedMails[0]"},
		{people.PolicyChange{MutedMails: &[]string{"session.leaked"}}, fault.Invalid, "policy.mutedMails[0]"},
		{people.PolicyChange{MutedMails: &[]string{"token.reused"}}, fault.Invalid, "policy.mutedMails[0]"},
		{people.PolicyChange{MutedMails: &[]string{"password.changed"}}, fault.Invalid, "policy.mutedMails[0]"},
		{people.PolicyChange{MutedMails: &[]string{"account.changed"}}, fault.Invalid, "policy.mutedMails[0]"},
		{people.PolicyChange{MutedMails: &[]string{"token.purged", "token.purged"}}, fault.Invalid, "policy.mutedMails[1]"},
		{people.PolicyChange{MutedMails: &[]string{""}}, fault.Invalid, "policy.mutedMails[0]"},
	} {
		_, err := w.people().ChangePolicy(t.Context(), act, c.change)
		e, ok := errors.AsType[*fault.Error](err)
		if !ok || e.Kind != c.kind || len(e.Fields) != 1 || e.Fields[0].Name != c.field {
			t.Errorf("%s: %v", c.field, err)
		}
	}
	if _, err := w.people().ChangePolicy(t.Context(), act, people.PolicyChange{MaxLife: ptr(60), DefaultLife: ptr(60)}); err != nil {
		t.Error(err)
	}
	// A maximum below a default that stays as it is caps it where it is used; package authority's tests show it.
	if acc, err = w.people().ChangePolicy(t.Context(), act, people.PolicyChange{MaxLife: ptr(59)}); err != nil || acc.Policy.DefaultLife != time.Minute {
		t.Errorf("%+v, %v", acc, err)
	}
	if acc, err = w.people().ChangePolicy(t.Context(), act, people.PolicyChange{MaxLife: ptr(0)}); err != nil || acc.Policy.MaxLife != 0 {
		t.Errorf("%+v, %v", acc, err)
	}
}

// Only owners change the policy, as owners in the commit; and only the version that they take.
func TestS23OnlyOwnersChangeThePolicy(t *testing.T) {
	w := newWorld(t)
	second := w.user(w.acc, scope.Owner)
	on := people.PolicyChange{Revealable: ptr(true)}
	for _, r := range []scope.Role{scope.Admin, scope.Member} {
		_, err := w.people().ChangePolicy(t.Context(), w.act(w.user(w.acc, r)), on)
		w.refused(string(r), err, fault.Forbidden, "role_forbids")
	}
	act, boss := w.act(w.owner), w.act(second)
	act.Match = []int64{9}
	_, err := w.people().ChangePolicy(t.Context(), act, on)
	w.refused("an old version", err, fault.Precondition, "stale")
	act.Match = nil
	db := &before{w.table, func() { w.change(boss, w.owner, role(scope.Admin)) }}
	_, err = w.on(db).ChangePolicy(t.Context(), act, on)
	w.refused("demoted meanwhile", err, fault.Forbidden, "role_forbids")
	if acc, err := w.people().Account(t.Context(), act.By); err != nil || acc.Policy.Revealable || acc.Version != 1 {
		t.Errorf("%+v, %v", acc, err)
	}
}

func networks(n int) *[]string {
	list := make([]string, n)
	for i := range list {
		list[i] = netip.AddrFrom4([4]byte{192, 0, 2, byte(i)}).String()
	}
	return &list
}

// Everything that credentials lend from the account's policy reaches every token and session of it before the change is
// acknowledged, and nothing else has them rewritten.
func TestP1NetworksAndFactorsReachEveryCredential(t *testing.T) {
	w := newWorld(t)
	act := w.act(w.owner)
	act.From.IP = "192.0.2.9"
	member, inSession := w.login(w.user(w.acc, scope.Admin))
	_, c := w.issue(member)
	sight := func(c token.Credential, ip string) (authority.Principal, authority.Denial) {
		t.Helper()
		s, err := w.authority().Sight(t.Context(), authority.Presentation{Text: c.Plaintext().Reveal(), From: audit.Origin{IP: ip}})
		if err != nil {
			t.Fatal(err)
		}
		return s.Principal, s.Denial
	}
	outside := func(c token.Credential, ip string) bool {
		p, denial := sight(c, ip)
		if denial != authority.None {
			t.Error(denial)
		}
		return p.Holder.Outside
	}
	change := func(c people.PolicyChange) {
		t.Helper()
		if _, err := w.people().ChangePolicy(t.Context(), act, c); err != nil {
			t.Fatal(err)
		}
	}
	change(people.PolicyChange{TokenNetworks: &[]string{"203.0.113.0/24"}, LoginNetworks: &[]string{"192.0.2.0/24"}})
	for ip, want := range map[string][2]bool{"203.0.113.7": {false, true}, "192.0.2.7": {true, false}, "198.51.100.1": {true, true}, "": {true, true}} {
		if outside(c, ip) != want[0] || outside(inSession, ip) != want[1] {
			t.Errorf("from %q: a token outside is %t, a session %t", ip, outside(c, ip), outside(inSession, ip))
		}
	}
	change(people.PolicyChange{TokenNetworks: &[]string{}, LoginNetworks: &[]string{}})
	if outside(c, "198.51.100.1") || outside(inSession, "198.51.100.1") {
		t.Error("an empty list keeps somebody out")
	}
	change(people.PolicyChange{MFA: ptr(true)})
	if p, _ := sight(inSession, "192.0.2.9"); p.Holder.Lock != scope.Enrol {
		t.Errorf("a session without a factor is %q", p.Holder.Lock)
	}
	if p, _ := sight(c, "192.0.2.9"); p.Holder.Lock != scope.Open {
		t.Errorf("a token is %q", p.Holder.Lock)
	}
	session := key.Session(inSession.ID().String()).Key()
	version := func() int64 {
		items, err := w.table.Get(t.Context(), session)
		if err != nil {
			t.Fatal(err)
		}
		return items[0].Version()
	}
	before := version()
	if _, err := w.people().SetPolicy(t.Context(), w.acc.ID, people.PolicyChange{MutedMails: &[]string{"token.created"}, SessionIdle: ptr(61)}, audit.Origin{}); err != nil {
		t.Fatal(err)
	}
	if version() != before {
		t.Error("what no credential lends from has them rewritten")
	}
}

// A token, stolen perhaps, or a login of long ago shuts nobody out and hides nothing; all else of the policy they may change.
func TestS12WhoIsLetInIsChangedWithAFreshLogin(t *testing.T) {
	w := newWorld(t)
	session := w.act(w.owner)
	session.From.IP = "192.0.2.9"
	_, c := w.issue(session.By)
	p, _ := w.verify(c)
	byToken := as(p)
	w.clock.Advance(authority.FreshLogin + time.Millisecond)
	here := &[]string{"192.0.2.0/24"}
	guarded := []people.PolicyChange{
		{LoginNetworks: here}, {TokenNetworks: here}, {MutedMails: &[]string{"token.created"}},
		{MFA: ptr(true), DefaultLife: ptr(61), MaxLife: ptr(61)},
	}
	for _, change := range guarded {
		_, err := w.people().ChangePolicy(t.Context(), byToken, change)
		w.refused("a token", err, fault.Forbidden, "needs_session")
		_, err = w.people().ChangePolicy(t.Context(), session, change)
		w.refused("a login of long ago", err, fault.Forbidden, "fresh_login_required")
	}
	for _, change := range []people.PolicyChange{
		{Issuers: ptr(scope.IssuersEveryone)}, {DefaultLife: ptr(60)}, {MaxLife: ptr(60)}, {MaxOverlap: ptr(60)}, {Revealable: ptr(true)},
		{QueryCredentials: ptr(false)}, {TokensPerAccount: ptr(9)}, {TokensPerUser: ptr(9)}, {SessionIdle: ptr(60)}, {SessionLife: ptr(300)},
		{MFA: ptr(false), LoginNetworks: &[]string{}}, // as it is
	} {
		for _, act := range []people.Act{byToken, session} {
			if _, err := w.people().ChangePolicy(t.Context(), act, change); err != nil {
				t.Error(err)
			}
		}
	}
	fresh := w.act(w.owner)
	fresh.From.IP = "192.0.2.9"
	for _, change := range guarded {
		if _, err := w.people().ChangePolicy(t.Context(), fresh, change); err != nil {
			t.Error(err)
		}
	}
}

// Nobody locks out the session with which they ask; tokens they may.
func TestNobodyLocksThemselvesOut(t *testing.T) {
	w := newWorld(t)
	session := w.act(w.owner)
	session.From.IP = "192.0.2.9"
	here, elsewhere := &[]string{"198.51.100.0/24", "192.0.2.0/24"}, &[]string{"198.51.100.0/24", "2001:db8::/32"}
	for _, c := range []struct {
		name   string
		change people.PolicyChange
		field  string
	}{
		{"logins", people.PolicyChange{LoginNetworks: elsewhere}, "policy.loginNetworks"},
		{"tokens", people.PolicyChange{TokenNetworks: elsewhere}, ""},
		{"logins from here", people.PolicyChange{LoginNetworks: here}, ""},
		{"again", people.PolicyChange{LoginNetworks: here}, ""},
	} {
		_, err := w.people().ChangePolicy(t.Context(), session, c.change)
		e, ok := errors.AsType[*fault.Error](err)
		if c.field == "" && err != nil || c.field != "" && (!ok || e.Kind != fault.Unprocessable || e.Code != "locks_out" || e.Fields[0].Name != c.field) {
			t.Errorf("%s: %v", c.name, err)
		}
	}
	// The operator is the way out, and no owner of anything.
	acc, err := w.people().SetPolicy(t.Context(), w.acc.ID, people.PolicyChange{LoginNetworks: elsewhere, TokenNetworks: elsewhere}, audit.Origin{})
	if err != nil || acc.Policy.LoginNetworks != "198.51.100.0/24 2001:db8::/32" || acc.Behind {
		t.Fatalf("%+v, %v", acc, err)
	}
	w.clock.Advance(time.Millisecond) // so that events have an order
	if _, err = w.people().SetPolicy(t.Context(), w.acc.ID, people.PolicyChange{LoginNetworks: &[]string{}}, audit.Origin{RequestID: "r"}); err != nil {
		t.Fatal(err)
	}
	events := w.events(audit.AccountChanged)
	if e := events[len(events)-1]; e.Actor != (audit.Actor{Via: audit.ViaOperator}) || len(e.Changes) != 1 ||
		e.Changes[0] != (audit.Change{Field: "loginNetworks", From: "198.51.100.0/24, 2001:db8::/32"}) || e.Origin.RequestID != "r" {
		t.Errorf("%+v", e)
	}
	for _, id := range []string{"", "acc_", w.owner.ID, "acc_0123456789ABCDEF", "acc_0123456789ABCDE/"} {
		if _, err := w.people().SetPolicy(t.Context(), id, people.PolicyChange{MFA: ptr(true)}, audit.Origin{}); !fault.Is(err, fault.NotFound) {
			t.Errorf("%q: %v", id, err)
		}
	}
	if _, err := w.people().SetPolicy(t.Context(), w.acc.ID, people.PolicyChange{}, audit.Origin{}); !fault.Is(err, fault.Invalid) {
		t.Error(err)
	}
}
