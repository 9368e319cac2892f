package api_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"keyfob/internal/api"
	"keyfob/internal/fault"
	"keyfob/internal/mail"
	"keyfob/internal/metric"
	"keyfob/internal/table"
)

// measured gives c a meter, and what reads its lines, each without what all have.
func measured(c api.Config) (api.Config, func() []string) {
	var out strings.Builder
	c.Meter = metric.New(&out, "keyfob", "function", c.Now)
	return c, func() []string {
		var all []string
		for line := range strings.Lines(out.String()) {
			var m map[string]any
			if err := json.Unmarshal([]byte(line), &m); err != nil {
				return []string{line}
			}
			values := map[string]any{}
			for _, known := range metric.All() {
				if v, ok := m[known.Name]; ok {
					values[known.Name] = v
				}
			}
			all = append(all, fmt.Sprint(values))
		}
		out.Reset()
		return all
	}
}

// An invocation's mails are one line: how many went out and how long after their events, how many were refused.
func TestNotifyMeasuresWhatBecomesOfMails(t *testing.T) {
	c, _ := deployment(t)
	account := owner(t, c)["accountId"]
	c, lines := measured(c)
	s := &sender{}
	c.Sender = s
	records := created(t, account, "first", "second", "third", "fourth")
	for i, ago := range []time.Duration{1500 * time.Millisecond, 30 * time.Second, -time.Second, 0} {
		records[i]["dynamodb"].(map[string]any)["NewImage"].(table.Item)["at"] = table.N(c.Now().Add(-ago).UnixMilli())
	}
	s.fail = "fourth" // to be tried again, which is no outcome
	h := api.Notify(c)
	deliver := func() {
		payload, err := json.Marshal(map[string]any{"Records": records})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := h.Invoke(t.Context(), payload); err != nil {
			t.Fatal(err)
		}
	}
	deliver()
	if got := strings.Join(lines(), "; "); got != "map[NoticeLatency:[1500 30000 0] NoticesSent:3]" {
		t.Error(got)
	}
	deliver() // nothing comes of it
	if got := lines(); len(got) != 0 {
		t.Error(got)
	}
	c.Sender = refuses{}
	h = api.Notify(c)
	deliver()
	if got := strings.Join(lines(), "; "); got != "map[NoticesRejected:1]" {
		t.Error(got)
	}
}

// refuses is a mail service that takes nothing, for good.
type refuses struct{}

func (refuses) Send(context.Context, mail.Message) error {
	return &mail.Rejected{Reason: "no such address"}
}

// down is a table that cannot be asked.
type down struct{ table.Table }

func (down) Get(context.Context, ...table.Key) ([]table.Item, error) {
	return nil, fault.Retry(errors.New("down"))
}
func (down) Query(context.Context, table.Query) (table.Page, error) {
	return table.Page{}, fault.Retry(errors.New("down"))
}

// A request that could not be answered is measured; one that was refused is not.
func TestWhatCouldNotBeAnsweredIsMeasured(t *testing.T) {
	c, tb := deployment(t)
	claims := owner(t, c)
	c, lines := measured(c)
	for _, request := range []struct {
		table table.Table
		claim map[string]string
		want  int
	}{{tb, claims, 200}, {tb, nil, 401}, {down{tb}, claims, 503}} {
		c.Table = request.table
		if got := invoke(t, api.ListTokens(c), event(t, "GET", "/v1/tokens", nil, request.claim, "")).StatusCode; got != request.want {
			t.Fatalf("%d, want %d", got, request.want)
		}
		want := 0
		if request.want >= 500 {
			want = 1
		}
		if got := lines(); len(got) != want || want == 1 && got[0] != "map[Undecided:1]" {
			t.Errorf("%d: %v", request.want, got)
		}
	}
}

// How late the store is with a purge is measured once it is recorded.
func TestUpkeepMeasuresHowLateThePurgeIs(t *testing.T) {
	c, _ := deployment(t)
	claims := owner(t, c)
	c, lines := measured(c)
	upkeep(t, c, purgedRecords(claims, 2, nil)...)
	if got := strings.Join(lines(), "; "); got != "map[PurgeLag:[1000 1000]]" {
		t.Error(got)
	}
	c.Table = down{c.Table}
	upkeep(t, c, purgedRecords(claims, 1, nil)...)
	if got := lines(); len(got) != 0 {
		t.Error(got)
	}
}
