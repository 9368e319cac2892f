package infratest

import (
	"strings"
	"testing"
	"time"

	"keyfob/internal/notice"
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
	for _, later := range []struct {
		ahead time.Duration
		mails []string // what is sent then, by what its text has
	}{
		{3 * time.Minute, []string{"You are invited", "was created"}}, {20 * time.Minute, []string{"2 notices"}}, {25 * time.Hour, []string{"expires in 23 hours"}},
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
	s.compare()
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
