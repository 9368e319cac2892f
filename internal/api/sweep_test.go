package api_test

import (
	"strings"
	"testing"
	"time"

	"keyfob/internal/api"
	"keyfob/internal/audit"
	"keyfob/internal/table"
	"keyfob/internal/table/key"
)

// sweep has the agenda swept so much later, and gives the mails.
func sweep(t *testing.T, c api.Config, later time.Duration) *sender {
	t.Helper()
	s := &sender{}
	at := c.Now().Add(later)
	c.Sender, c.Now, c.URL = s, func() time.Time { return at }, "https://keys.example.com"
	if out, err := api.Sweep(c).Invoke(t.Context(), []byte(`{}`)); err != nil || string(out) != "{}" {
		t.Fatalf("%s, %v", out, err)
	}
	return s
}

// P1, P6: a change whose maker died over it, and of which the stream tells nobody, reaches every credential all the same.
func TestP1AChangeThatTheStreamLostGoesOn(t *testing.T) {
	c, tb := deployment(t)
	claims := owner(t, c)
	user := key.User{Account: claims["accountId"], User: claims["userId"]}.Key()
	session := key.Session(claims["tokenId"][len("ses_"):]).Key()
	items, err := tb.Get(t.Context(), user)
	if err != nil {
		t.Fatal(err)
	}
	changed := items[0]
	changed["role"], changed["behind"] = table.S("member"), table.Bool(true)
	e := audit.New(audit.UserChanged, c.Now(), claims["accountId"], audit.Actor{Via: audit.ViaAPI}, audit.Origin{}, audit.Subject{Kind: "user", ID: claims["userId"], Name: "Olivia"})
	e.Changes = []audit.Change{{Field: "role", From: "owner", To: "member"}}
	if err := tb.Commit(t.Context(), append(e.Ops(), table.Replace(changed, changed.Version()))...); err != nil {
		t.Fatal(err)
	}
	role := func() string {
		items, err := tb.Get(t.Context(), session, user)
		if err != nil {
			t.Fatal(err)
		}
		return items[0].String("role") + map[bool]string{true: ", behind"}[items[1].Bool("behind")]
	}
	if sweep(t, c, audit.Grace-time.Millisecond); role() != "owner, behind" {
		t.Fatalf("before its time: %s", role())
	}
	if sweep(t, c, audit.Grace); role() != "member" {
		t.Errorf("the session's role is %s", role())
	}
}

// P6: whoever forgot their password gets a link, also where the stream has lost the request.
func TestP6AForgottenPasswordThatTheStreamLostIsServed(t *testing.T) {
	c, _ := deployment(t)
	owner(t, c)
	if a := invoke(t, api.Password(c), event(t, "POST", "/v1/password/reset", nil, nil, `{"name":"owner@example.com"}`)); a.StatusCode != 202 {
		t.Fatalf("%+v", a)
	}
	links := 0
	for later := range 5 { // the event of the request is told of by a later sweep than the one that makes it
		for _, m := range sweep(t, c, audit.Grace+time.Duration(later)*2*time.Minute).sent {
			links += strings.Count(m.Text, "https://keys.example.com/password#kfl_")
		}
	}
	if links != 1 {
		t.Errorf("%d links", links)
	}
}

// What is no schedule's event has gone astray, and is a failure that somebody sees.
func TestTheSweepTakesWhatASchedulerSendsAndNothingElse(t *testing.T) {
	c, _ := deployment(t)
	for payload, taken := range map[string]bool{
		`{}`: true, `{"source":"aws.events","detail-type":"Scheduled Event","detail":{}}`: true, `{"source":"aws.scheduler"}`: true,
		`{"source":"aws.s3"}`: false, `{"source":5}`: false, `[]`: false, `"x"`: false, `{`: false, ``: false,
	} {
		if _, err := api.Sweep(c).Invoke(t.Context(), []byte(payload)); (err == nil) != taken {
			t.Errorf("%s: %v", payload, err)
		}
	}
}
