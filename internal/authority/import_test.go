package authority_test

import (
	"encoding/hex"
	"fmt"
	"strings"
	"testing"
	"time"

	"keyfob/internal/account"
	"keyfob/internal/audit"
	"keyfob/internal/authority"
	"keyfob/internal/fault"
	"keyfob/internal/table"
	"keyfob/internal/table/key"
	"keyfob/internal/token"
	"keyfob/internal/tokenfile"
)

// secretOf is the part after the bar of the foreign token of the id.
func secretOf(id string) string { return "ExampleSecretExampleSecretExampleSecret" + id }

// row is a line that hands the foreign token of the id over.
func row(line int, id, owner string) tokenfile.Row {
	d := token.DigestOf(secretOf(id))
	return tokenfile.Row{Line: line, ID: id, Hash: hex.EncodeToString(d.Bytes()), Name: "Token " + id, Owner: owner}
}

func rowsOf(n int, owner string) []tokenfile.Row {
	var rows []tokenfile.Row
	for i := range n {
		rows = append(rows, row(i+2, fmt.Sprint(i+1), owner))
	}
	return rows
}

// imports imports into the account, and holds the numbers of the imported, the unchanged and the refused to those wanted.
func (w *world) imports(acc account.Account, rows []tokenfile.Row, want ...int) authority.ImportReport {
	w.Helper()
	r, err := w.authority().Import(w.Context(), acc.ID, rows, audit.Origin{RequestID: "r-1"})
	if got := []int{r.Imported, r.Unchanged, len(r.Refused)}; err != nil || fmt.Sprint(got) != fmt.Sprint(want) {
		w.Fatalf("%v, %v; want %v: %+v", got, err, want, r.Refused)
	}
	return r
}

func foreign(t *testing.T, text string) token.Credential {
	t.Helper()
	c, err := token.ParseForeign(text)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// count counts the items of a partition.
func (w *world) count(pk string) int {
	w.Helper()
	page, err := w.table.Query(w.Context(), table.Query{PK: pk, Limit: 1000})
	if err != nil {
		w.Fatal(err)
	}
	return len(page.Items)
}

// counted gives what the account's quota counts.
func (w *world) counted(k table.Key) int64 {
	w.Helper()
	items, err := w.table.Get(w.Context(), k)
	if err != nil {
		w.Fatal(err)
	}
	return items[0].Int("tokens")
}

// K4: what was imported goes on working here: for its owner, with its expiry, at one read, audited, counted.
func TestK4AnImportedTokenIsItsOwners(t *testing.T) {
	w := newWorld(t)
	expiring := row(2, "1", "OWNER@example.com")
	expiring.Expiry = w.clock.Now().Add(time.Hour).Format(time.DateTime)
	w.imports(w.acc, []tokenfile.Row{expiring, row(3, "b-2_Z", w.owner.Email)}, 2, 0, 0)

	p := w.verify(foreign(t, "1|"+secretOf("1")))
	if p.Kind != token.API || p.Account != w.acc.ID || p.User != w.owner.ID || p.Name != "Token 1" || p.Holder.Scope.String() != "*" || p.Holder.Role != w.owner.Role {
		t.Errorf("%+v", p)
	}
	w.verify(foreign(t, "b-2_Z|"+secretOf("b-2_Z")))
	if n := w.events(w.acc.ID, audit.TokenImported); n != 2 {
		t.Errorf("%d events", n)
	}
	for _, k := range []table.Key{key.AccountQuota(w.acc.ID).Key(), key.UserQuota{Account: w.acc.ID, User: w.owner.ID}.Key()} {
		if n := w.counted(k); n != 2 {
			t.Errorf("%s counts %d", k.SK, n)
		}
	}
	if a, u := w.count(key.PrefixAccountTokens+w.acc.ID), w.count(key.PrefixUserTokens+w.owner.ID); a != 2 || u != 2 {
		t.Errorf("%d in the account's list, %d in the user's", a, u)
	}
	w.clock.Advance(time.Hour)
	w.denied(foreign(t, "1|"+secretOf("1")), authority.Expired)
	w.verify(foreign(t, "b-2_Z|"+secretOf("b-2_Z")))
}

// P2, S19: a foreign token costs one read and none where it is not of the form; and neither of the two forms ever stands
// for a token of the other.
func TestK4ForeignPresentationsAreReadOnceAndMatchTheirKindOnly(t *testing.T) {
	w := newWorld(t)
	w.imports(w.acc, []tokenfile.Row{row(2, "1", w.owner.Email)}, 1, 0, 0)
	by, _ := w.login(w.acc, w.owner)
	_, ours := w.issue(by, authority.Request{})
	c := &counted{Table: w.table}
	a := w.authority()
	a.Table = c
	for text, want := range map[string]struct {
		denial authority.Denial
		gets   int
	}{
		"1|" + secretOf("1"):       {authority.None, 1},
		"1|" + secretOf("2"):       {authority.Mismatch, 1},
		"2|" + secretOf("1"):       {authority.Unknown, 1},
		"1|":                       {authority.Malformed, 0},
		"1%7C" + secretOf("1"):     {authority.Malformed, 0},
		secretOf("1"):              {authority.Malformed, 0},
		"1|" + secretOf("1") + " ": {authority.Malformed, 0},
	} {
		c.gets = 0
		_, denial, err := a.Verify(t.Context(), text)
		if denial != want.denial || c.gets != want.gets || err != nil {
			t.Errorf("%q: %q, %v, %d reads", text, denial, err, c.gets)
		}
	}

	// The two records with each other's mark, as no import and no issue leaves them.
	w.set(key.Token(foreign(t, "1|"+secretOf("1")).ID().String()).Key(), "foreign", "")
	w.denied(foreign(t, "1|"+secretOf("1")), authority.Mismatch)
	w.set(key.Token(ours.ID().String()).Key(), "foreign", "1")
	w.denied(ours, authority.Mismatch)
}

// K4: an import made again changes nothing, whatever has become of the tokens since.
func TestK4AnImportIsMadeAgainWithoutEffect(t *testing.T) {
	w := newWorld(t)
	rows := rowsOf(4, w.owner.Email)
	w.imports(w.acc, rows, 4, 0, 0)
	revoked, rotated := foreign(t, "1|"+secretOf("1")), foreign(t, "2|"+secretOf("2"))
	if err := w.authority().RevokePresented(t.Context(), revoked.Plaintext().Reveal(), audit.ViaAPI, audit.Origin{}); err != nil {
		t.Fatal(err)
	}
	by, _ := w.login(w.acc, w.owner)
	_, successor, err := w.authority().Rotate(t.Context(), by, audit.ViaAPI, audit.Origin{}, rotated.Handle(), authority.Rotation{})
	if err != nil {
		t.Fatal(err)
	}
	w.clock.Advance(10 * 365 * 24 * time.Hour)
	if _, err := w.embedded.Purge(t.Context()); err != nil {
		t.Fatal(err)
	}
	renamed := rows
	renamed[3].Name, renamed[3].Expiry, renamed[3].Hash = "Another name", "2050-01-01", strings.ToUpper(renamed[3].Hash)
	c := &counted{Table: w.table}
	a := w.authority()
	a.Table = c
	r, err := a.Import(t.Context(), w.acc.ID, append(renamed, row(9, "4", w.owner.Email)), audit.Origin{})
	if err != nil || r.Imported != 0 || r.Unchanged != 5 || c.gets != 1+1+4 || c.commits != 0 {
		t.Errorf("%+v, %v: %d reads, %d commits", r, err, c.gets, c.commits)
	}
	w.denied(revoked, authority.Revoked)
	w.denied(rotated, authority.Rotated)
	w.verify(successor)
	w.verify(foreign(t, "3|"+secretOf("3")))
	if n := w.events(w.acc.ID, audit.TokenImported); n != 4 {
		t.Errorf("%d events", n)
	}
}

// Each row is refused by itself, by its field, and in a way that tells nothing of other accounts but that an id is taken.
func TestK4RowsAreRefusedByThemselves(t *testing.T) {
	w := newWorld(t)
	other, stranger := w.account("stranger@example.com")
	w.imports(other, []tokenfile.Row{row(2, "theirs", stranger.Email)}, 1, 0, 0)
	w.imports(w.acc, []tokenfile.Row{row(2, "ours", w.owner.Email)}, 1, 0, 0)

	otherHash := row(5, "ours", w.owner.Email)
	otherHash.Hash = row(0, "x", "").Hash
	malformed := row(8, "8", w.owner.Email)
	malformed.ID, malformed.Name = "8|8", ""
	twice := row(10, "9", w.owner.Email)
	twice.Hash = otherHash.Hash
	r := w.imports(w.acc, []tokenfile.Row{
		row(3, "3", "nobody@example.com"), row(4, "4", stranger.Email), otherHash, row(6, "theirs", w.owner.Email), row(7, "7", w.owner.Email),
		malformed, row(9, "9", w.owner.Email), twice,
	}, 2, 0, 7)
	var got []string
	for _, p := range r.Refused {
		got = append(got, fmt.Sprintf("%d %s %s", p.Line, p.Field, p.Code))
	}
	want := []string{"3 owner unknown_owner", "4 owner unknown_owner", "5 id taken", "6 id taken", "8 id malformed", "8 name required", "10 id taken"}
	if fmt.Sprint(got) != fmt.Sprint(want) {
		t.Errorf("%q, want %q", got, want)
	}
	w.denied(foreign(t, "4|"+secretOf("4")), authority.Unknown)
	if p := w.verify(foreign(t, "theirs|"+secretOf("theirs"))); p.Account != other.ID {
		t.Errorf("another account's token is now %s's", p.Account)
	}
	w.verify(foreign(t, "9|"+secretOf("9")))
	if _, err := w.authority().Import(t.Context(), "acc_none", rowsOf(1, w.owner.Email), audit.Origin{}); !fault.Is(err, fault.Unprocessable) {
		t.Errorf("into no account: %v", err)
	}
}

// S26: the quotas hold, and one that is reached refuses no other owner's rows.
func TestS26AnImportKeepsTheQuotas(t *testing.T) {
	w := newWorld(t)
	_, max := w.member("everyone")
	items, err := w.table.Get(t.Context(), w.acc.Key())
	if err != nil {
		t.Fatal(err)
	}
	items[0]["tokensPerUser"] = table.N(2)
	if err := w.table.Commit(t.Context(), table.Replace(items[0], items[0].Version())); err != nil {
		t.Fatal(err)
	}
	rows := append(rowsOf(4, w.owner.Email), row(6, "6", max.Email))
	c := &counted{Table: w.table}
	a := w.authority()
	a.Table = c
	r, err := a.Import(t.Context(), w.acc.ID, rows, audit.Origin{})
	if err != nil || r.Imported != 3 || len(r.Refused) != 2 || c.queries != 1 { // the tokens are counted once, not for each row
		t.Fatalf("%+v, %v, %d queries", r, err, c.queries)
	}
	if p := r.Refused[0]; p.Line != 4 || p.Field != "owner" || p.Code != "user_quota_reached" || r.Refused[1].Line != 5 {
		t.Errorf("%+v", r.Refused)
	}
	w.imports(w.acc, rows, 0, 3, 2)
}
