package infratest

import (
	"strings"
	"testing"
	"time"

	"keyfob/internal/notice"
	"keyfob/internal/table"
	"keyfob/internal/table/key"
)

// S31: what the sweep does with the table is within what its policy lets it: mails that the stream did not bring, digests,
// reminders of tokens and the links in all of these.
func TestS31TheSweepNeedsNoMoreThanItMay(t *testing.T) {
	s := newService(t)
	s.invoke("OperatorFunction", `{"command":"account.create","account":{"name":"Example Ltd"},"owner":{"email":"owner@example.com","password":"seven lanterns over a quiet river"}}`)
	session := s.request("LoginFunction", 200, "POST /v1/login", "", `{"name":"owner@example.com","password":"seven lanterns over a quiet river","returnToken":true}`)["token"].(string)
	s.request("AccountFunction", 201, "POST /v1/users", session, `{"email":"nora@example.com","name":"Nora Example","role":"member"}`)
	for range notice.Burst + 2 {
		s.request("CreateTokenFunction", 201, "POST /v1/tokens", session, `{"name":"Deploy","scope":"full","expiresIn":172800}`)
	}
	purged := s.request("CreateTokenFunction", 201, "POST /v1/tokens", session, `{"name":"Nightly","autoPurge":"1h","scope":"full"}`)["id"].(string)
	late := s.request("CreateTokenFunction", 201, "POST /v1/tokens", session, `{"name":"Late","autoPurge":"1h","scope":"full"}`)["id"].(string)
	for _, later := range []struct {
		ahead time.Duration
		mails []string // what is sent then, by what its text has
	}{
		{3 * time.Minute, []string{"You are invited", "was created"}}, {20 * time.Minute, []string{"4 notices"}}, {25 * time.Hour, []string{"expires in 23 hours"}},
	} {
		s.ahead, s.sent = later.ahead, nil
		s.invoke("SweepFunction", `{}`)
		for _, want := range later.mails {
			found := false
			for _, m := range s.sent {
				found = found || strings.Contains(m.Text, want)
			}
			if !found {
				s.ahead += audited // an event that this sweep has made is told of by the next
				s.invoke("SweepFunction", `{}`)
				for _, m := range s.sent {
					found = found || strings.Contains(m.Text, want)
				}
			}
			if !found {
				t.Errorf("after %v no mail says %q; %d were sent", later.ahead, want, len(s.sent))
			}
		}
	}
	if err := s.table.Commit(t.Context(), table.Delete(key.Token(strings.TrimPrefix(purged, "tok_")).Key(), table.Present())); err != nil {
		t.Fatal(err)
	}
	s.request("PasswordFunction", 202, "POST /v1/password/reset", "", `{"name":"owner@example.com"}`)
	s.ahead += 7 * time.Hour
	s.invoke("SweepFunction", `{}`)
	events := map[string]bool{}
	page, err := s.table.Query(t.Context(), table.Query{PK: key.PrefixAudit + s.accountOf(purged), Limit: 1000})
	if err != nil {
		t.Fatal(err)
	}
	for _, it := range page.Items {
		events[it.String("type")+" "+it.String("subject")] = true
	}
	if !events["token.purged "+purged] || events["token.purged "+late] {
		t.Error("the sweep does not record the purge that was lost, and that one alone")
	}
	s.compare()
}

// accountOf gives the account in whose trails the token is.
func (s *service) accountOf(handle string) string {
	s.t.Helper()
	records, err := s.table.Changes(s.t.Context(), "", 10_000)
	if err != nil {
		s.t.Fatal(err)
	}
	for _, r := range records {
		if rest, ok := strings.CutPrefix(r.Change.Keys.String(table.AttrPK), key.PrefixTrail); ok && strings.HasSuffix(rest, "/"+handle) {
			return strings.TrimSuffix(rest, "/"+handle)
		}
	}
	s.t.Fatal("there is no trail of " + handle)
	return ""
}

// audited is longer than an event's mails are left to the stream.
const audited = 5 * time.Minute

// The sweep sends the same mails as notify does. How many keys it reads at once depends on what there is, so that it may read
// in both ways.
func TestS31TheSweepMayDoWhatNotifyMay(t *testing.T) {
	reads := may["SweepFunction"]["GetItem"] + " " + may["SweepFunction"]["BatchGetItem"]
	for action, prefixes := range may["NotifyFunction"] {
		has := may["SweepFunction"][action]
		if action == "GetItem" || action == "BatchGetItem" {
			has = reads
		}
		for _, p := range strings.Fields(prefixes) {
			if !strings.Contains(" "+has+" ", " "+p+" ") {
				t.Errorf("%s on %s", action, p)
			}
		}
	}
}
