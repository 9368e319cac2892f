package api_test

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"keyfob/internal/account"
	"keyfob/internal/api"
	"keyfob/internal/audit"
	"keyfob/internal/authority"
	"keyfob/internal/scope"
	"keyfob/internal/table"
	"keyfob/internal/table/key"
)

// purgedRecords are the stream's records of the store's deletion of tokens of the account.
func purgedRecords(claims map[string]string, n int, more table.Item) []table.Record {
	var records []table.Record
	for i := range n {
		k := key.Token(fmt.Sprintf("EXAMPLEexample%02d", i)).Key()
		old := table.Item{
			"pk": table.S(k.PK), "sk": table.S(k.SK), "ver": table.N(1), "account": table.S(claims["accountId"]), "user": table.S(claims["userId"]), "name": table.S("Nightly"),
			"digest": table.B(make([]byte, 32)), "scope": table.S("*"), "created": table.N(1), "lifeEnd": table.N(1000), "purgeAt": table.N(1000),
		}
		for name, v := range more {
			old[name] = v
		}
		records = append(records, table.Record{EventName: table.Remove, UserIdentity: table.TTLIdentity(), Change: table.Change{
			ApproximateCreationDateTime: 2000, SequenceNumber: fmt.Sprint(100 + i), Keys: table.Item{"pk": old["pk"], "sk": old["sk"]}, OldImage: old,
		}})
	}
	return records
}

func upkeep(t *testing.T, c api.Config, records ...table.Record) string {
	t.Helper()
	payload, err := json.Marshal(table.StreamEvent{Records: records})
	if err != nil {
		t.Fatal(err)
	}
	out, err := api.Upkeep(c).Invoke(t.Context(), payload)
	if err != nil {
		t.Fatal(err)
	}
	return string(out)
}

// purges gives the account's events of that kind.
func purges(t *testing.T, tb table.Table, account string) []audit.Event {
	t.Helper()
	page, err := tb.Query(t.Context(), table.Query{PK: key.PrefixAudit + account, Limit: 1000})
	if err != nil {
		t.Fatal(err)
	}
	var found []audit.Event
	for _, it := range page.Items {
		e, err := audit.FromItem(it)
		if err != nil {
			t.Fatal(err)
		}
		switch e.Type {
		case audit.TokenPurged:
			found = append(found, e)
		case audit.TokenRevoked:
			t.Errorf("%s is told to be revoked", e.Subject.ID)
		}
	}
	return found
}

const allThrough = `{"batchItemFailures":[]}`

// P4: each purge is recorded once, with the time it was due and the time it happened, however often and in whatever order
// the stream tells of it.
func TestP4EachPurgeIsRecordedOnce(t *testing.T) {
	c, tb := deployment(t)
	claims := owner(t, c)
	records := purgedRecords(claims, 5, nil)
	var all []table.Record
	for range 10 {
		all = append(all, records...)
	}
	rand.Shuffle(len(all), func(i, j int) { all[i], all[j] = all[j], all[i] })
	for batch := range 5 {
		if got := upkeep(t, c, all[batch*10:batch*10+10]...); got != allThrough {
			t.Error(got)
		}
	}
	found := purges(t, tb, claims["accountId"])
	if len(found) != 5 {
		t.Fatalf("%d purges recorded, want 5", len(found))
	}
	for _, e := range found {
		times := map[string]string{}
		for _, change := range e.Changes {
			times[change.Field] = change.To
		}
		if times["dueAt"] != "1970-01-01T00:16:40Z" || times["purgedAt"] != "1970-01-01T00:33:20Z" || !e.At.Equal(time.Unix(2000, 0)) ||
			e.Actor != (audit.Actor{Via: audit.ViaSystem}) || e.Subject.Name != "Nightly" {
			t.Errorf("%+v", e)
		}
	}
}

// P4: what somebody deletes, and what the store deletes of a token that was revoked before, is no purge; nor does the
// function take the deletion of anything else for one.
func TestP4ARevocationIsNoPurge(t *testing.T) {
	c, tb := deployment(t)
	claims := owner(t, c)
	somebodys := purgedRecords(claims, 1, nil)[0]
	somebodys.UserIdentity = nil
	session := purgedRecords(claims, 1, nil)[0]
	session.Change.Keys = table.Item{"pk": table.S("ses#EXAMPLEexample00"), "sk": table.S("ses")}
	records := append(purgedRecords(claims, 3, table.Item{"revoked": table.N(900)}), somebodys, session)
	if got := upkeep(t, c, records...); got != allThrough {
		t.Error(got)
	}
	if found := purges(t, tb, claims["accountId"]); len(found) != 0 {
		t.Errorf("%+v", found)
	}
}

// A purge that cannot be recorded comes again, and its neighbours are recorded all the same.
func TestP6APurgeThatFailsHoldsUpNobody(t *testing.T) {
	c, tb := deployment(t)
	claims := owner(t, c)
	records := purgedRecords(claims, 3, nil)
	sound := records[1].Change.OldImage
	records[1].Change.OldImage = table.Item{"pk": sound["pk"], "sk": sound["sk"]}
	if got := upkeep(t, c, records...); got != `{"batchItemFailures":[{"itemIdentifier":"101"}]}` {
		t.Error(got)
	}
	records[1].Change.OldImage = sound
	if got := upkeep(t, c, records[1:]...); got != allThrough {
		t.Error(got)
	}
	if n := len(purges(t, tb, claims["accountId"])); n != 3 {
		t.Errorf("%d purges recorded, want 3", n)
	}
}

// P1: a change of an account or a user that was interrupted goes on by itself, until no credential is behind.
func TestP1AnInterruptedChangeGoesOn(t *testing.T) {
	c, tb := deployment(t)
	claims := owner(t, c)
	get := func(k table.Key) table.Item {
		t.Helper()
		items, err := tb.Get(t.Context(), k)
		if err != nil || items[0] == nil {
			t.Fatalf("%v: %v", k, err)
		}
		return items[0]
	}
	user := key.User{Account: claims["accountId"], User: claims["userId"]}.Key()
	account := key.Account(claims["accountId"]).Key()
	session := key.Session(claims["tokenId"][len("ses_"):]).Key()
	for _, step := range []struct {
		k           table.Key
		name, value string
	}{{user, "role", "member"}, {account, "issuers", "everyone"}} {
		it := get(step.k)
		it["behind"], it[step.name] = table.Bool(true), table.S(step.value)
		if err := tb.Commit(t.Context(), table.Replace(it, it.Version())); err != nil {
			t.Fatal(err)
		}
		r := table.Record{EventName: table.Modify, Change: table.Change{SequenceNumber: "1", Keys: table.Item{"pk": it["pk"], "sk": it["sk"]}, NewImage: it}}
		for range 3 {
			if got := upkeep(t, c, r); got != allThrough {
				t.Error(got)
			}
		}
		if got := get(session).String(step.name); got != step.value || get(step.k).Bool("behind") {
			t.Errorf("%s is %q, still behind: %t", step.name, got, get(step.k).Bool("behind"))
		}
	}
	stray := table.Item{"pk": table.S(account.PK), "sk": table.S("stray")}
	if got := upkeep(t, c, table.Record{EventName: table.Modify, Change: table.Change{
		SequenceNumber: "7", Keys: stray, NewImage: table.Item{"behind": table.Bool(true)},
	}}); got != `{"batchItemFailures":[{"itemIdentifier":"7"}]}` {
		t.Errorf("what nobody knows how to carry is passed over: %s", got)
	}
}

// P1, P5: what a removal has left is finished by the stream: the sessions end, the tokens are revoked, each once, and the
// user's credentials are brought in step. News that is old or comes again does no harm.
func TestP5TheStreamFinishesARemoval(t *testing.T) {
	c, tb := deployment(t)
	claims := owner(t, c)
	acc, u, err := (&account.Accounts{Table: tb}).WithUser(t.Context(), claims["accountId"], claims["userId"])
	if err != nil {
		t.Fatal(err)
	}
	a := &authority.Authority{Table: tb, Now: c.Now, Form: c.Form}
	by, err := authority.FromClaims(claims)
	if err != nil {
		t.Fatal(err)
	}
	_, secret, err := a.Issue(t.Context(), by, audit.ViaAPI, audit.Origin{}, authority.Request{Name: "Nightly", Scope: scope.Full()})
	if err != nil {
		t.Fatal(err)
	}
	news := table.Record{EventName: table.Modify, Change: table.Change{SequenceNumber: "1", Keys: table.Item{"pk": table.S(u.Key().PK), "sk": table.S(u.Key().SK)}, NewImage: table.Item{"behind": table.Bool(true), "status": table.S("removed")}}}
	u.Status, u.Gone, u.Behind = account.Removed, c.Now().Add(time.Hour), true
	if err := tb.Commit(t.Context(), u.Replace()); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if got := upkeep(t, c, news, news); got != allThrough {
			t.Error(got)
		}
	}
	page, err := tb.Query(t.Context(), table.Query{PK: key.PrefixAudit + acc.ID, Limit: 1000})
	if err != nil {
		t.Fatal(err)
	}
	happened := map[string]int{}
	for _, it := range page.Items {
		happened[it.String("type")]++
	}
	if _, denial, err := a.Verify(t.Context(), secret.Plaintext().Reveal()); denial != authority.Revoked || err != nil {
		t.Errorf("%q, %v", denial, err)
	}
	if happened["token.revoked"] != 1 || happened["session.ended"] != 1 {
		t.Errorf("%v", happened)
	}
}
