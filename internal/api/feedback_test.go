package api_test

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"keyfob/internal/api"
	"keyfob/internal/audit"
	"keyfob/internal/table"
	"keyfob/internal/table/key"
)

// published wraps what SES publishes as SNS hands it to a function.
func published(t testing.TB, messages ...string) []byte {
	t.Helper()
	var records []map[string]any
	for _, m := range messages {
		records = append(records, map[string]any{"EventSource": "aws:sns", "EventVersion": "1.0", "Sns": map[string]any{"Type": "Notification", "Message": m}})
	}
	payload, err := json.Marshal(map[string]any{"Records": records})
	if err != nil {
		t.Fatal(err)
	}
	return payload
}

// bounce is a permanent bounce of a mail to the address, with members of its own in the place of SES's.
func bounce(address string, change func(event, bounce map[string]any)) string {
	bounce := map[string]any{
		"bounceType": "Permanent", "bounceSubType": "General", "bouncedRecipients": []any{map[string]any{"emailAddress": address}},
		"timestamp": time.Date(2030, 1, 2, 3, 4, 5, 0, time.UTC), "feedbackId": "x",
	}
	event := map[string]any{"eventType": "Bounce", "bounce": bounce, "mail": map[string]any{"tags": map[string]any{"event": []any{"evt_0123456789abcdef"}}}}
	if change != nil {
		change(event, bounce)
	}
	text, _ := json.Marshal(event) // maps of texts can be written
	return string(text)
}

// S32: what SES tells decides, by its type and kind: a table. Nothing else is believed, and what is damaged or made up fails
// and has no effect.
func TestS32WhatSESTellsDecides(t *testing.T) {
	complaint := func(kind string) string {
		return `{"eventType":"Complaint","complaint":{"complaintSubType":null,"complaintFeedbackType":"` + kind +
			`","complainedRecipients":[{"emailAddress":"owner@example.com"}],"timestamp":"2030-01-02T03:04:05.000Z"},"mail":{"tags":{"event":["evt_0123456789abcdef"]}}}`
	}
	const held, ignored, fails = "held", "ignored", "fails"
	for name, c := range map[string]struct{ message, want string }{
		"permanent":        {bounce("owner@example.com", nil), held},
		"another case":     {bounce("Owner@EXAMPLE.com", nil), held},
		"with a name":      {bounce("Olivia <owner@example.com>", nil), held},
		"without a tag":    {bounce("owner@example.com", func(e, _ map[string]any) { delete(e, "mail") }), held},
		"transient":        {bounce("owner@example.com", func(_, b map[string]any) { b["bounceType"] = "Transient" }), ignored},
		"undetermined":     {bounce("owner@example.com", func(_, b map[string]any) { b["bounceType"] = "Undetermined" }), ignored},
		"a complaint":      {complaint("abuse"), held},
		"one of no kind":   {complaint(""), held},
		"not spam":         {complaint("not-spam"), ignored},
		"a delivery":       {`{"eventType":"Delivery","delivery":{"recipients":["owner@example.com"]}}`, ignored},
		"what comes later": {`{"eventType":"Sublimation"}`, ignored},
		"the probe":        {"Successfully validated SNS topic for Amazon SES event publishing.", ignored},
		"of an identity":   {`{"notificationType":"Bounce","bounce":{"bounceType":"Permanent"}}`, fails},
		"no type":          {bounce("owner@example.com", func(e, _ map[string]any) { delete(e, "eventType") }), fails},
		"no kind":          {bounce("owner@example.com", func(_, b map[string]any) { delete(b, "bounceType") }), fails},
		"no bounce":        {`{"eventType":"Bounce"}`, fails},
		"no recipients":    {bounce("owner@example.com", func(_, b map[string]any) { delete(b, "bouncedRecipients") }), fails},
		"no time":          {bounce("owner@example.com", func(_, b map[string]any) { delete(b, "timestamp") }), fails},
		"no address":       {bounce("owner", nil), fails},
		"two in one":       {bounce("owner@example.com, eve@example.com", nil), fails},
		"a line break":     {bounce("owner@example.com\r\nBcc: eve@example.com", nil), fails},
		"empty":            {"", fails},
		"no JSON":          {"owner@example.com", fails},
		"doubled":          {`{"eventType":"Bounce","eventType":"Delivery"}`, fails},
		"a list":           {`[]`, fails},
		"half sound": {bounce("owner@example.com", func(_, b map[string]any) {
			b["bouncedRecipients"] = []any{map[string]any{"emailAddress": "owner@example.com"}, map[string]any{"emailAddress": "nobody"}}
		}), fails},
	} {
		c1, _ := deployment(t)
		account := owner(t, c1)["accountId"]
		out, err := api.Feedback(c1).Invoke(t.Context(), published(t, c.message))
		if (err != nil) != (c.want == fails) || err == nil && string(out) != "{}" {
			t.Errorf("%s: %s, %v", name, out, err)
		}
		if err != nil && strings.Contains(err.Error(), "@") {
			t.Errorf("%s: an address is in the error: %v", name, err)
		}
		if got := suppressed(t, c1, account, "owner@example.com"); got != (c.want == held) {
			t.Errorf("%s: suppressed is %t", name, got)
		}
	}
	forged := strings.Replace(string(published(t, bounce("owner@example.com", nil))), "aws:sns", "aws:sqs", 1)
	for _, payload := range []string{forged, `{}`, `{"Records":[]}`, `null`, `"x"`, `{"Records":[{"EventSource":"aws:s3"}]}`, `{"Records":[{"EventSource":"aws:sns"}]}`, `{"Records":[{"Sns":{"Message":"{}"}}]}`} {
		c, _ := deployment(t)
		if _, err := api.Feedback(c).Invoke(t.Context(), []byte(payload)); err == nil {
			t.Errorf("%s is taken", payload)
		}
	}
}

// suppressed reports whether the address is not written to, and holds the account's trail to it.
func suppressed(t *testing.T, c api.Config, account, address string) bool {
	t.Helper()
	items, err := c.Table.Get(t.Context(), key.Suppression(address).Key())
	if err != nil {
		t.Fatal(err)
	}
	page, err := c.Table.Query(t.Context(), table.Query{PK: key.PrefixAudit + account, Limit: 100})
	if err != nil {
		t.Fatal(err)
	}
	n := 0
	for _, it := range page.Items {
		if it.String("type") == string(audit.NoticeHeld) {
			n++
		}
	}
	if (items[0] != nil) != (n == 1) || n > 1 {
		t.Errorf("a record is there: %t; %d events", items[0] != nil, n)
	}
	return items[0] != nil
}

// A domain that is not ASCII comes back as it was sent to, and is known again.
func TestS32AnAddressComesBackAsItIsWrittenOnTheWire(t *testing.T) {
	c, _ := deployment(t)
	out, err := api.Operator(c).Invoke(t.Context(), []byte(`{"command":"account.create","account":{"name":"B"},"owner":{"email":"owner@bücher.example","password":"correct horse battery"}}`))
	if err != nil {
		t.Fatal(err)
	}
	var made struct{ Account struct{ ID string } }
	if err := json.Unmarshal(out, &made); err != nil {
		t.Fatal(err)
	}
	if _, err := api.Feedback(c).Invoke(t.Context(), published(t, bounce("owner@xn--bcher-kva.example", nil))); err != nil {
		t.Fatal(err)
	}
	if !suppressed(t, c, made.Account.ID, "owner@bücher.example") {
		t.Error("it is still written to")
	}
}

// Every published event is what its name says.
func TestThePublishedFeedbackIsServedAsItsNameSays(t *testing.T) {
	files, err := filepath.Glob("../../events/feedback/*.json")
	if err != nil || len(files) < 8 {
		t.Fatal(files, err)
	}
	for _, file := range files {
		payload, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		c, _ := deployment(t)
		account := owner(t, c)["accountId"]
		_, err = api.Feedback(c).Invoke(t.Context(), payload)
		name := strings.TrimSuffix(filepath.Base(file), ".json")
		if bad := strings.HasPrefix(name, "bad-"); (err != nil) != bad {
			t.Errorf("%s: %v", name, err)
		}
		if got := suppressed(t, c, account, "owner@example.com"); got != (name == "bounce" || name == "complaint") {
			t.Errorf("%s: suppressed is %t", name, got)
		}
	}
}

func FuzzFeedback(f *testing.F) {
	f.Add(bounce("owner@example.com", nil))
	f.Add(`{"eventType":"Complaint"}`)
	f.Add("Successfully validated SNS topic")
	c, _ := deployment(f)
	h := api.Feedback(c)
	f.Fuzz(func(t *testing.T, message string) {
		_, _ = h.Invoke(t.Context(), published(t, message)) // it may fail, and must not panic
	})
}
