package givenup_test

import (
	"fmt"
	"strconv"
	"strings"
	"testing"
	"time"

	"keyfob/internal/givenup"
)

const (
	arn     = "arn:aws:lambda:us-east-1:123456789012:function:keyfob-NotifyFunction"
	records = `{"Records":[{"eventName":"INSERT","dynamodb":{"SequenceNumber":"101"}},{"dynamodb":{"SequenceNumber":"102"}}]}`
	tick    = `{"version":"0","id":"0b1c2d3e","detail-type":"Scheduled Event","source":"aws.events","account":"123456789012",` +
		`"time":"2026-11-21T20:00:00Z","region":"us-east-1","resources":["arn:r"],"detail":{}}`
)

// object writes an object with the member that holds the payload.
func object(function, condition, timestamp, member string) []byte {
	return fmt.Appendf(nil, `{"version":"1.0","requestContext":{"requestId":"r","functionArn":%q,"condition":%q,"approximateInvokeCount":3},`+
		`"timestamp":%q,"DDBStreamBatchInfo":{"batchSize":2},%s}`, function, condition, timestamp, member)
}

func good(member string) []byte {
	return object(arn, "RetryAttemptsExhausted", "2026-11-21T20:00:01.000Z", member)
}

func TestWhatLambdaGivesUpIsRead(t *testing.T) {
	for name, test := range map[string]struct {
		object  []byte
		payload string
		records int
	}{
		"a batch":              {good(`"payload":` + records), records, 2},
		"a batch in a text":    {good(`"payload":` + strconv.Quote(records)), records, 2},
		"an event":             {object(arn+":$LATEST", "EventAgeExceeded", "2026-11-21T20:00:01Z", `"requestPayload":`+tick), tick, 1},
		"a notification":       {good(`"requestPayload":{"Records":[{"EventSource":"aws:sns"}]}`), `{"Records":[{"EventSource":"aws:sns"}]}`, 1},
		"a record too damaged": {good(`"payload":{"Records":[{"dynamodb":{"SequenceNumber":"x"}}]}`), `{"Records":[{"dynamodb":{"SequenceNumber":"x"}}]}`, 1},
	} {
		f, err := givenup.Parse(test.object)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if f.Function != arn || string(f.Payload) != test.payload || f.Records != test.records || !f.At.Equal(time.Date(2026, 11, 21, 20, 0, 1, 0, time.UTC)) || f.Condition == "" {
			t.Errorf("%s: %+v", name, f)
		}
	}
}

// Whoever may put into the bucket cannot have a function invoked with what nobody but its caller may send: a request with
// claims, a command, a batch that is one of these besides.
func TestOnlyWhatAStreamATopicOrAScheduleSendsIsAPayload(t *testing.T) {
	for _, payload := range []string{
		`{"command":"account.create"}`,
		`{"httpMethod":"POST","requestContext":{"authorizer":{"userId":"usr_x"}}}`,
		`{"Records":[{}],"httpMethod":"POST"}`, `{"Records":[{}],"command":"user.create"}`,
		`{"detail-type":"Scheduled Event","source":"aws.events","command":"user.create"}`,
		`{"detail-type":"Other","source":"aws.events"}`, `{"detail-type":"Scheduled Event","source":"other"}`,
		`{"Records":[]}`, `{"Records":{}}`, `{"Records":null}`, `{"Records":[1]}`, `{}`, `[]`, `null`, `"x"`, `1`,
		`{"Records":[{}],"Records":[{}]}`,
	} {
		for _, member := range []string{"payload", "requestPayload"} {
			if f, err := givenup.Parse(good(`"` + member + `":` + payload)); err == nil {
				t.Errorf("%s %s: %+v", member, payload, f)
			}
		}
	}
	if _, err := givenup.Parse(good(`"payload":` + tick)); err == nil {
		t.Error("a stream has no schedule's events")
	}
}

func TestADamagedObjectIsAnErrorThatQuotesNothing(t *testing.T) {
	const canary = "CANARY"
	whole := string(good(`"payload":` + records))
	for _, damaged := range []string{
		"", canary, "null", "[]", whole[:len(whole)-5], whole + canary, `{"payload":"` + canary + `"}`,
		string(good(`"payload":"` + canary + `"`)), string(good(`"payload":"{"`)), string(good(`"other":"` + canary + `"`)),
		string(good(`"payload":` + records + `,"requestPayload":` + tick)),
		string(object(canary, "RetriesExhausted", "2026-11-21T20:00:01Z", `"payload":`+records)),
		string(object(arn+":$LATEST:$LATEST", "RetriesExhausted", "2026-11-21T20:00:01Z", `"payload":`+records)),
		string(object(arn, canary+" 1", "2026-11-21T20:00:01Z", `"payload":`+records)),
		string(object(arn, "RetriesExhausted", canary, `"payload":`+records)),
	} {
		f, err := givenup.Parse([]byte(damaged))
		if err == nil || strings.Contains(err.Error(), canary) || f.Payload != nil || f.Function != "" {
			t.Errorf("%s: %+v, %v", damaged, f, err)
		}
	}
}

func TestWhatIsOutstandingIsReadByLambdasRules(t *testing.T) {
	batch, err := givenup.Parse(good(`"payload":` + records))
	if err != nil {
		t.Fatal(err)
	}
	for answer, want := range map[string]string{
		``: "", ` `: "", `null`: "", `{}`: "", `{"batchItemFailures":null}`: "", `{"batchItemFailures":[]}`: "",
		`{"batchItemFailures":[{"itemIdentifier":"102"}]}`:                            "102",
		`{"batchItemFailures":[{"itemIdentifier":"101"},{"itemIdentifier":"102"}]}`:   "101 102",
		`{"batchItemFailures":[{"itemIdentifier":""}]}`:                               "error",
		`{"batchItemFailures":[{"itemIdentifier":null}]}`:                             "error",
		`{"batchItemFailures":[{"id":"101"}]}`:                                        "error",
		`{"batchItemFailures":[{"itemIdentifier":"101"},{"itemIdentifier":"other"}]}`: "error",
		`ok`: "error", `"ok"`: "error", `{"batchItemFailures":"101"}`: "error", `[]`: "error",
	} {
		got, err := batch.Outstanding([]byte(answer))
		if text := strings.Join(got, " "); text != want && want != "error" || (err != nil) != (want == "error") {
			t.Errorf("%s: %q, %v", answer, got, err)
		}
	}
	event, err := givenup.Parse(good(`"requestPayload":` + tick))
	if err != nil {
		t.Fatal(err)
	}
	for _, answer := range []string{"", "ok", `{"batchItemFailures":[{"itemIdentifier":""}]}`} {
		if got, err := event.Outstanding([]byte(answer)); len(got) != 0 || err != nil {
			t.Errorf("an event's answer %s: %q, %v", answer, got, err)
		}
	}
}

// Whatever the bytes are, what is read is either whole or nothing.
func FuzzParse(f *testing.F) {
	f.Add(good(`"payload":` + records))
	f.Add(good(`"payload":` + strconv.Quote(records)))
	f.Add(good(`"requestPayload":` + tick))
	f.Fuzz(func(t *testing.T, object []byte) {
		got, err := givenup.Parse(object)
		if (err == nil) != (got.Function != "" && len(got.Payload) > 0 && got.Records > 0 && got.Condition != "") {
			t.Errorf("%+v, %v", got, err)
		}
	})
}
