package disavowal_test

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"

	"keyfob/internal/account"
	"keyfob/internal/audit"
	"keyfob/internal/disavowal"
	"keyfob/internal/table/bolt"
	"keyfob/internal/table/key"
	"keyfob/internal/token"
)

// What a mail lets its reader end, of every event that there is.
func TestALinkIsOfferedWhereThereIsSomethingToEnd(t *testing.T) {
	tokens := []audit.Type{audit.TokenCreated, audit.TokenEdited, audit.TokenRotated, audit.TokenRevealed, audit.TokenAccessed, audit.TokenReused}
	people := []audit.Type{audit.SessionNovel, audit.PasswordChanged, audit.FactorEnrolled, audit.FactorRemoved, audit.CodesRenewed, audit.CodeUsed}
	for _, typ := range append(audit.Types(), "token.expiring", "nonsense", "") {
		e := audit.Event{Type: typ, Subject: audit.Subject{Kind: "token", ID: "tok_1"}, Also: []audit.Subject{{Kind: "token", ID: "tok_2"}, {Kind: "user", ID: "usr_1"}}}
		kind, ids, ok := disavowal.Offered(e, "usr_1")
		switch {
		case slices.Contains(tokens, typ):
			if !ok || kind != disavowal.Tokens || strings.Join(ids, " ") != "tok_1 tok_2" {
				t.Errorf("%s: %s %v", typ, kind, ids)
			}
		case slices.Contains(people, typ):
			if !ok || kind != disavowal.Sessions || strings.Join(ids, " ") != "usr_1" {
				t.Errorf("%s: %s %v", typ, kind, ids)
			}
			// To an owner who is told of somebody else's password it offers nothing.
			if _, _, ok := disavowal.Offered(e, "usr_2"); ok {
				t.Errorf("%s: offered to another", typ)
			}
		case ok:
			t.Errorf("%s: %s %v", typ, kind, ids)
		}
	}
	if _, _, ok := disavowal.Offered(audit.Event{Type: audit.TokenCreated}, "usr_1"); ok {
		t.Error("offered without a token")
	}
	w := newWorld(t)
	for _, d := range []disavowal.Disavowals{*w.Disavowals, {Table: w.Table, Now: w.now, Form: w.Form}} {
		e := audit.Event{Type: audit.TokenRevoked, Subject: audit.Subject{Kind: "token", ID: "tok_1"}}
		if d.URL == "" {
			e.Type = audit.TokenCreated // there is nowhere that a link could lead to
		}
		if ops, url, _, err := d.Mint(t.Context(), e, account.User{ID: "usr_1"}); len(ops) != 0 || url != "" || err != nil {
			t.Errorf("%v, %q, %v", ops, url, err)
		}
	}
}

// P3: of a link nothing is kept but its digest.
func TestP3NothingOfALinkIsKept(t *testing.T) {
	w := newWorld(t)
	by, _ := w.login(w.owner)
	w.issue(by, "deploy")
	text := w.mint(w.last(audit.TokenCreated), w.admin)
	w.use(text)
	records, err := w.Table.(*bolt.Table).Changes(t.Context(), "", 1000)
	if err != nil || len(records) == 0 {
		t.Fatal(err)
	}
	kept := 0
	for _, r := range records {
		all, err := json.Marshal(r)
		if err != nil || strings.Contains(string(all), text[len("kfn_us_")+token.IDLen:][:20]) {
			t.Errorf("the secret is in %s, %v", all, err)
		}
		if strings.Contains(string(all), key.PrefixDisavowal) {
			kept++
		}
	}
	if kept != 2 {
		t.Errorf("%d changes of the link's record", kept)
	}
}
