package notice_test

import (
	"context"
	"slices"
	"strings"
	"testing"
	"time"

	"keyfob/internal/account"
	"keyfob/internal/audit"
	"keyfob/internal/notice"
	"keyfob/internal/scope"
	"keyfob/internal/table"
)

// about makes an event about users of the world, by the names before the @ of their addresses; the first is its subject.
func (w *world) about(kind audit.Type, names ...string) audit.Event {
	e := w.event(kind)
	e.Subject = audit.Subject{Kind: "account", ID: w.acc.ID, Name: w.acc.Name}
	for i, name := range names {
		s := audit.Subject{Kind: "user", ID: "usr_" + name + "@example.com", Name: name}
		if i == 0 {
			e.Subject = s
		} else {
			e.Also = append(e.Also, s)
		}
	}
	return e
}

// told gives the names of those whom the event is told to, in order.
func (w *world) told(t *testing.T, e audit.Event) string {
	t.Helper()
	w.sender.sent = nil
	if err := w.notices.Deliver(t.Context(), e); err != nil {
		t.Fatalf("%s: %v", e.Type, err)
	}
	var names []string
	for _, m := range w.sender.sent {
		names = append(names, strings.TrimSuffix(m.To, "@example.com"))
	}
	slices.Sort(names)
	return strings.Join(names, " ")
}

// people adds users of every status to the world.
func (w *world) people(t *testing.T) {
	t.Helper()
	var ops []table.Op
	for _, u := range []account.User{
		{Email: "second@example.com", Role: scope.Owner, Status: account.Active, Verified: true},
		{Email: "unverifiedowner@example.com", Role: scope.Owner, Status: account.Active},
		{Email: "invited@example.com", Role: scope.Member, Status: account.Invited},
		{Email: "invitedowner@example.com", Role: scope.Owner, Status: account.Invited},
		{Email: "removed@example.com", Role: scope.Owner, Status: account.Removed, Verified: true, Gone: w.notices.Now().Add(time.Hour)},
		{Email: "withdrawn@example.com", Role: scope.Member, Status: account.Removed, Gone: w.notices.Now().Add(time.Hour)},
	} {
		u.ID, u.Account, u.Name = "usr_"+u.Email, w.acc.ID, u.Email
		ops = append(ops, u.Create()...)
	}
	if err := w.notices.Table.Commit(t.Context(), ops...); err != nil {
		t.Fatal(err)
	}
}

// S32, C12: who is told of what. Nobody else is, in whichever role; and but for invitations nobody whose address is not known
// to be theirs.
func TestS32WhoIsToldOfWhat(t *testing.T) {
	w := newWorld(t)
	w.people(t)
	const keepers, owners = "admin owner second", "owner second"
	for kind, want := range map[audit.Type]string{
		audit.TokenCreated: keepers, audit.TokenEdited: keepers, audit.TokenRotated: keepers, audit.TokenRevealed: keepers, audit.TokenAccessed: keepers,
		audit.TokenReused: keepers, audit.TokenLeaked: keepers, audit.TokenRevoked: keepers, audit.TokenPurged: keepers, audit.SessionLeaked: keepers,
		audit.AccountImported: keepers, audit.AccountChanged: owners, audit.AccountSuspended: owners, audit.AccountResumed: owners,
		audit.PasswordRequested: "member", audit.FactorRequested: "member", audit.SessionNovel: "member", audit.SessionRefused: "member",
		audit.UserJoined: "member " + owners, audit.PasswordChanged: "member " + owners, audit.FactorEnrolled: "member " + owners,
		audit.FactorRemoved: "member " + owners, audit.FactorRefused: "member " + owners, audit.CodesRenewed: "member " + owners, audit.CodeUsed: "member " + owners,
		audit.NoticeHeld: owners, audit.UserRemoved: owners, audit.UserInvited: "",
		audit.AccountCreated: "", audit.UserCreated: "", audit.SessionStarted: "", audit.SessionEnded: "", audit.SessionUnlocked: "", audit.SessionProven: "",
		audit.TokenImported: "", audit.ResourceCreated: "", audit.ResourceUpdated: "", audit.ResourceDeleted: "", audit.ResourceRun: "",
		audit.NoticeRejected: "", audit.NoticeResumed: "", audit.LeakKeysChanged: "",
		audit.UserChanged:     "", // nothing of it is told but role and status
		audit.HandoverOffered: "member " + owners, audit.HandoverAccepted: "member " + owners, audit.HandoverWithdrawn: "member " + owners,
	} {
		e := w.about(kind, "member")
		if want == owners && kind == audit.UserRemoved {
			e = w.about(kind, "withdrawn")
		}
		if got := w.told(t, e); got != want {
			t.Errorf("%s: %q, want %q", kind, got, want)
		}
		if owed := e.Owed(); !owed && want != "" || owed && want == "" && kind != audit.UserInvited {
			t.Errorf("%s: owed is %t", kind, owed)
		}
	}
	for _, kind := range audit.Types() {
		if kind.Mutable() && !w.event(kind).Owed() {
			t.Errorf("%s can be muted, but nobody is told of it", kind)
		}
	}
	changed := func(field, name string) audit.Event {
		e := w.about(audit.UserChanged, name)
		e.Changes = []audit.Change{{Field: field, From: "a", To: "b"}}
		return e
	}
	revoked := w.event(audit.TokenRevoked)
	revoked.Actor = audit.Actor{Via: audit.ViaSystem}
	for name, c := range map[string]struct {
		event audit.Event
		want  string
	}{
		"an owner's own affair is one mail to them": {w.about(audit.PasswordChanged, "owner"), owners},
		"an owner's code is theirs alone":           {w.about(audit.FactorRequested, "owner", "second"), "owner"},
		"an admin is no owner":                      {w.about(audit.PasswordChanged, "admin"), "admin " + owners},
		"role":                                      {changed("role", "member"), "member " + owners},
		"status":                                    {changed("status", "disabled"), "disabled " + owners},
		"developer mode":                            {changed("developerMode", "member"), ""},
		"an address that is not known to be theirs":              {w.about(audit.PasswordChanged, "unverified"), owners},
		"a reset of somebody unverified":                         {w.about(audit.PasswordRequested, "unverified"), ""},
		"a reset of somebody disabled":                           {w.about(audit.PasswordRequested, "disabled"), ""},
		"a reset of somebody invited":                            {w.about(audit.PasswordRequested, "invited"), ""},
		"an invitation":                                          {w.about(audit.UserInvited, "invited"), "invited"},
		"an invitation as an owner":                              {w.about(audit.UserInvited, "invitedowner"), "invitedowner"},
		"an invitation that was accepted":                        {w.about(audit.UserInvited, "member"), ""},
		"an invitation of somebody who is disabled":              {w.about(audit.UserInvited, "disabled"), ""},
		"an invitation that was withdrawn":                       {w.about(audit.UserInvited, "withdrawn"), ""},
		"removed":                                                {w.about(audit.UserRemoved, "removed"), "owner removed second"},
		"removed, and nothing else":                              {w.about(audit.PasswordChanged, "removed"), owners},
		"withdrawn: nobody knows whose address it is":            {w.about(audit.UserRemoved, "withdrawn"), owners},
		"both sides of a handover":                               {w.about(audit.HandoverOffered, "admin", "member"), "admin member " + owners},
		"the owner whose mail came back":                         {w.about(audit.NoticeHeld, "owner"), "second"},
		"a token of somebody who was removed":                    {revoked, ""},
		"a user of another account with the same id as nobody's": {w.about(audit.PasswordChanged, "stranger"), owners},
	} {
		if got := w.told(t, c.event); got != c.want {
			t.Errorf("%s: %q, want %q", name, got, c.want)
		}
	}
}

// What only one person may know goes to that person, whoever else the event names, and is made for that mail.
func TestSecretsGoToTheirPersonAlone(t *testing.T) {
	w := newWorld(t)
	w.people(t)
	made := 0
	enclose := func(context.Context, audit.Event) (notice.Enclosure, bool, error) {
		made++
		return notice.Enclosure{Link: "https://keys.example.com/password#kfl_secret", Until: w.notices.Now().Add(time.Minute)}, true, nil
	}
	w.notices.Enclosers = map[audit.Type]notice.Encloser{}
	for _, kind := range audit.Types() {
		w.notices.Enclosers[kind] = enclose
	}
	for kind, who := range map[audit.Type]string{audit.UserInvited: "invited", audit.PasswordRequested: "member", audit.FactorRequested: "member"} {
		made = 0
		if got := w.told(t, w.about(kind, who, "owner", "admin", "second")); got != who || made != 1 {
			t.Errorf("%s: told %q, %d made", kind, got, made)
		}
		if m := w.sender.sent[0]; !strings.Contains(m.Text, "#kfl_secret") || strings.Contains(m.Subject, "kfl_") {
			t.Errorf("%s: %s\n%s", kind, m.Subject, m.Text)
		}
	}
	// Nothing is owed any more, and it is not asked for again.
	moot := 0
	w.notices.Enclosers[audit.PasswordRequested] = func(context.Context, audit.Event) (notice.Enclosure, bool, error) {
		moot++
		return notice.Enclosure{}, false, nil
	}
	e := w.about(audit.PasswordRequested, "member")
	for range 3 {
		if got := w.told(t, e); got != "" {
			t.Errorf("told %q", got)
		}
	}
	if moot != 1 {
		t.Errorf("asked %d times", moot)
	}
}

// C12: what an account mutes is not told, whatever else is, and the alarms are told whatever it mutes.
func TestC12MutedMailsAreNotSentAndAlarmsAre(t *testing.T) {
	w := newWorld(t)
	var all []string
	for _, kind := range audit.Types() {
		all = append(all, string(kind))
	}
	w.acc.Policy.Muted = account.ListOf(all...) // more than the API takes
	w.acc.Version = 1
	if err := w.notices.Table.Commit(t.Context(), w.acc.Replace()); err != nil {
		t.Fatal(err)
	}
	muted := []audit.Type{
		audit.TokenCreated, audit.TokenEdited, audit.TokenRotated, audit.TokenAccessed, audit.TokenRevoked, audit.TokenPurged, audit.TokenExpiring, audit.SessionNovel,
	}
	for _, kind := range audit.Types() {
		e := w.about(kind, "member")
		e.Changes = []audit.Change{{Field: "role", From: "admin", To: "member"}}
		got, owed := w.told(t, e), e.Owed() && kind != audit.UserInvited
		if slices.Contains(muted, kind) {
			owed = false
		}
		if (got != "") != owed {
			t.Errorf("%s: told %q", kind, got)
		}
	}
}

// asking counts the queries that reach the table.
type asking struct {
	table.Table
	queries int
}

func (a *asking) Query(ctx context.Context, q table.Query) (table.Page, error) {
	a.queries++
	return a.Table.Query(ctx, q)
}

// What one person alone is told costs as much in an account of thousands as in one of three: nobody's mail waits while the
// users of another account are read for each of its invitations.
func TestWhatOnePersonIsToldReadsNobodyElse(t *testing.T) {
	w := newWorld(t)
	w.people(t)
	a := &asking{Table: w.notices.Accounts.Table}
	w.notices.Accounts = &account.Accounts{Table: a}
	for kind, name := range map[audit.Type]string{
		audit.UserInvited: "invited", audit.PasswordRequested: "admin", audit.FactorRequested: "admin", audit.SessionNovel: "admin", audit.SessionRefused: "admin",
	} {
		if got := w.told(t, w.about(kind, name)); got != name || a.queries != 0 {
			t.Errorf("%s: told %q after %d queries", kind, got, a.queries)
		}
		if m := w.sender.sent[0]; !strings.Contains(m.Text, w.owner.Email) {
			t.Errorf("%s does not say who did it:\n%s", kind, m.Text)
		}
		if got := w.told(t, w.about(kind, "stranger")); got != "" {
			t.Errorf("%s about nobody: told %q", kind, got)
		}
	}
	if got := w.told(t, w.about(audit.PasswordChanged, "admin")); got == "" || a.queries == 0 {
		t.Errorf("told %q after %d queries", got, a.queries)
	}
}
