package api_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"keyfob/internal/api"
	"keyfob/internal/mail"
	"keyfob/internal/table"
)

// sender keeps what it is given, and fails for the mails that say so.
type sender struct {
	sent []mail.Message
	fail string
}

func (s *sender) Send(_ context.Context, m mail.Message) error {
	if s.fail != "" && strings.Contains(m.Text, s.fail) {
		return errors.New("throttled")
	}
	s.sent = append(s.sent, m)
	return nil
}

// created are the stream's records of the creation of tokens with the names.
func created(t *testing.T, account string, names ...string) []map[string]any {
	t.Helper()
	var records []map[string]any
	for i, name := range names {
		image := table.Item{
			"pk": table.S("aud#" + account), "sk": table.S(fmt.Sprint(i)), "id": table.S("evt_" + name), "type": table.S("token.created"), "at": table.N(1),
			"account": table.S(account), "via": table.S("api"), "subjectKind": table.S("token"), "subject": table.S("tok_0123456789abcdef"), "subjectName": table.S(name),
		}
		records = append(records, map[string]any{"eventName": "INSERT", "dynamodb": map[string]any{
			"SequenceNumber": fmt.Sprint(100 + i), "Keys": table.Item{"pk": image["pk"], "sk": image["sk"]}, "NewImage": image,
		}})
	}
	return records
}

// A record that fails is named, its neighbours' notices go out, and what comes again is not sent again.
func TestP6APoisonedRecordHoldsUpNobody(t *testing.T) {
	c, _ := deployment(t)
	account := owner(t, c)["accountId"]
	s := &sender{}
	c.Sender = s
	h := api.Notify(c)
	deliver := func(records []map[string]any) string {
		payload, err := json.Marshal(map[string]any{"Records": records})
		if err != nil {
			t.Fatal(err)
		}
		out, err := h.Invoke(t.Context(), payload)
		if err != nil {
			t.Fatal(err)
		}
		return string(out)
	}
	records := created(t, account, "first", "second", "third")
	records[1]["dynamodb"].(map[string]any)["NewImage"] = map[string]any{"id": map[string]any{"SS": []string{"damaged"}}}
	for _, batch := range [][]map[string]any{records, records[1:], records[1:2]} {
		if got := deliver(batch); got != `{"batchItemFailures":[{"itemIdentifier":"101"}]}` {
			t.Errorf("answer %s", got)
		}
		if len(s.sent) != 2 {
			t.Fatalf("%d mails, want one each of the sound records", len(s.sent))
		}
	}
	s.fail = "fourth"
	more := created(t, account, "fourth", "fifth")
	if got := deliver(more); got != `{"batchItemFailures":[{"itemIdentifier":"100"}]}` || len(s.sent) != 3 {
		t.Errorf("answer %s, %d mails", got, len(s.sent))
	}
	s.fail = ""
	if got := deliver(more); got != `{"batchItemFailures":[]}` || len(s.sent) != 4 {
		t.Errorf("answer %s, %d mails", got, len(s.sent))
	}
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	payload, err := json.Marshal(map[string]any{"Records": created(t, account, "sixth", "seventh")})
	if err != nil {
		t.Fatal(err)
	}
	out, err := h.Invoke(ended, payload)
	if err != nil || string(out) != `{"batchItemFailures":[{"itemIdentifier":"100"},{"itemIdentifier":"101"}]}` {
		t.Errorf("without time: %s, %v", out, err)
	}
}

// stalled is a mail service that does not answer.
type stalled struct{}

func (stalled) Send(ctx context.Context, _ mail.Message) error {
	<-ctx.Done()
	return ctx.Err()
}

// S25, P6: a mail service that hangs costs a batch no more than the function's time, every record of it is named, and none is
// left claimed: as soon as the service answers again, each mail goes out, once.
func TestS25AHungMailServiceHoldsUpABatchForItsTimeOnly(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, _ := deployment(t)
		account := owner(t, c)["accountId"]
		payload, err := json.Marshal(map[string]any{"Records": created(t, account, "first", "second", "third")})
		if err != nil {
			t.Fatal(err)
		}
		c.Sender = stalled{}
		ctx, cancel := context.WithTimeout(t.Context(), 25*time.Second)
		defer cancel()
		out, err := api.Notify(c).Invoke(ctx, payload)
		if err != nil || ctx.Err() != nil || strings.Count(string(out), "itemIdentifier") != 3 {
			t.Errorf("%s, %v; its time: %v", out, err, ctx.Err())
		}
		s := &sender{}
		c.Sender = s
		if out, err := api.Notify(c).Invoke(t.Context(), payload); err != nil || string(out) != `{"batchItemFailures":[]}` || len(s.sent) != 3 {
			t.Errorf("%s, %v, %d mails", out, err, len(s.sent))
		}
	})
}
