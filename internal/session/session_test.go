package session_test

import (
	"path/filepath"
	"testing"
	"time"

	"keyfob/internal/account"
	"keyfob/internal/audit"
	"keyfob/internal/fault"
	"keyfob/internal/scope"
	"keyfob/internal/session"
	"keyfob/internal/standing"
	"keyfob/internal/table"
	"keyfob/internal/table/bolt"
	"keyfob/internal/table/key"
	"keyfob/internal/token"
)

// P1: a session from before sessions were listed by account would be missed by a suspension. It has ended.
func TestP1ASessionThatNoListHasIsOver(t *testing.T) {
	at := time.Date(2030, 1, 2, 3, 4, 5, 0, time.UTC)
	c := token.Form{Brand: "kf", Realm: "us"}.New(token.Session)
	digest, k := c.Digest(), key.Session(c.ID().String()).Key()
	s, err := session.FromItem(table.Item{
		table.AttrPK: table.S(k.PK), table.AttrSK: table.S(k.SK), "account": table.S("acc_1"), "user": table.S("usr_1"), "digest": table.B(digest.Bytes()),
		"role": table.S(scope.Owner), "created": table.N(at.UnixMilli()), "expires": table.N(at.Add(time.Hour).Unix()),
	})
	if err != nil || s.Ends().After(at) {
		t.Errorf("it ends at %v, %v", s.Ends(), err)
	}
}

// P1, P5: a session starts and ends with its event, once, and leaves nothing behind; one whose basis has changed does not
// start.
func TestP5ASessionStartsAndEndsWithItsEvent(t *testing.T) {
	now := func() time.Time { return time.Date(2030, 1, 2, 3, 4, 5, 0, time.UTC) }
	db, err := bolt.Open(filepath.Join(t.TempDir(), "table"), now)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = db.Close() })
	sessions := session.Sessions{Table: db, Now: now}
	form := token.Form{Brand: "kf", Realm: "us"}
	basis := session.Basis{Account: "acc_1", User: "usr_1", Life: account.DefaultSessionLife, Standing: standing.Standing{Role: scope.Owner, Issuers: scope.IssuersAdmins}}
	types := func() []string {
		page, err := db.Query(t.Context(), table.Query{PK: key.PrefixAudit + "acc_1", Limit: 100})
		if err != nil {
			t.Fatal(err)
		}
		var all []string
		for _, it := range page.Items {
			all = append(all, it.String("type"))
		}
		return all
	}
	s, c, err := sessions.Start(t.Context(), form, basis, audit.ViaAPI, audit.Origin{IP: "192.0.2.1"})
	if err != nil || c.ID() != s.ID || !s.Expires.Equal(now().Add(account.DefaultSessionLife)) {
		t.Fatalf("%+v, %v", s, err)
	}
	if got := types(); len(got) != 1 || got[0] != string(audit.SessionStarted) {
		t.Errorf("events %v", got)
	}
	for range 2 {
		if err := sessions.End(t.Context(), s.ID, audit.Actor{User: "usr_1", Via: audit.ViaAPI}, audit.Origin{}); err != nil {
			t.Error(err)
		}
	}
	ended := 0
	for _, kind := range types() {
		if kind == string(audit.SessionEnded) {
			ended++
		}
	}
	items, err := db.Get(t.Context(), key.Session(s.ID.String()).Key(), key.UserSession{User: "usr_1", ID: s.ID.String()}.Key())
	if err != nil || ended != 1 || items[0] != nil || items[1] != nil {
		t.Errorf("%d endings recorded, %v left: %v", ended, items, err)
	}
	basis.Checks = []table.Op{table.Check(key.Account("acc_1").Key(), table.Present())}
	if _, _, err := sessions.Start(t.Context(), form, basis, audit.ViaAPI, audit.Origin{}); !fault.Is(err, fault.Unavailable) || len(types()) != 2 {
		t.Errorf("on a basis that is gone: %v, events %v", err, types())
	}
}
