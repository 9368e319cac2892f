package table

import (
	"encoding/json"
	"testing"
	"time"

	"github.com/aws/aws-lambda-go/events"
	"github.com/google/go-cmp/cmp"
)

func TestLambdasStreamEventIsRead(t *testing.T) {
	const text = `{"Records":[{
		"eventID":"c4ca4238a0b923820dcc509a6f75849b","eventName":"REMOVE","eventVersion":"1.1","eventSource":"aws:dynamodb",
		"awsRegion":"us-east-1","eventSourceARN":"arn:aws:dynamodb:us-east-1:123456789012:table/keyfob/stream/2026-11-01T00:00:00.000",
		"userIdentity":{"type":"Service","principalId":"dynamodb.amazonaws.com"},
		"dynamodb":{"ApproximateCreationDateTime":1.479499740E9,"Keys":{"pk":{"S":"tok#1"},"sk":{"S":"tok"}},
			"OldImage":{"pk":{"S":"tok#1"},"sk":{"S":"tok"},"ver":{"N":"3"}},
			"SequenceNumber":"400000000000000000499660","SizeBytes":41,"StreamViewType":"NEW_AND_OLD_IMAGES","later":"unknown"}}]}`
	var e StreamEvent
	if err := json.Unmarshal([]byte(text), &e); err != nil || len(e.Records) != 1 {
		t.Fatalf("%d records, %v", len(e.Records), err)
	}
	r := e.Records[0]
	if want := time.Date(2016, 11, 18, 20, 9, 0, 0, time.UTC); !r.Change.ApproximateCreationDateTime.Time().Equal(want) {
		t.Errorf("the time is %s, want %s", r.Change.ApproximateCreationDateTime.Time(), want)
	}
	if !r.Purged() || r.Change.NewImage != nil || r.Change.OldImage.Version() != 3 || r.Change.Keys.Key() != (Key{"tok#1", "tok"}) {
		t.Errorf("read as %+v", r)
	}
}

func TestRecordsAreWrittenAsLambdaReadsThem(t *testing.T) {
	it := Item{AttrPK: S("tok#1"), AttrSK: S("tok"), AttrVersion: N(1), "b": B("bytes"), "l": L{Bool(true), Null{}}}
	e := StreamEvent{Records: []Record{{
		EventID: "1", EventName: Insert, EventVersion: "1.1", EventSource: "aws:dynamodb", AWSRegion: "local",
		Change: Change{
			ApproximateCreationDateTime: 1790000000, Keys: Item{AttrPK: S("tok#1"), AttrSK: S("tok")}, NewImage: it,
			SequenceNumber: "100000000000000000001", SizeBytes: 60, StreamViewType: "NEW_AND_OLD_IMAGES",
		},
	}}}
	text, err := json.Marshal(e)
	if err != nil {
		t.Fatal(err)
	}
	var theirs events.DynamoDBEvent
	if err := json.Unmarshal(text, &theirs); err != nil {
		t.Fatalf("Lambda's own type does not read %s: %v", text, err)
	}
	c := theirs.Records[0].Change
	if c.ApproximateCreationDateTime.Unix() != 1790000000 || c.OldImage != nil || theirs.Records[0].UserIdentity != nil {
		t.Errorf("read as %+v", theirs.Records[0])
	}
	if got := c.NewImage["l"].List(); c.NewImage["ver"].Number() != "1" || string(c.NewImage["b"].Binary()) != "bytes" || !got[0].Boolean() || !got[1].IsNull() {
		t.Errorf("the new image is read as %+v", c.NewImage)
	}
	var back StreamEvent
	if err := json.Unmarshal(text, &back); err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(e, back); d != "" {
		t.Errorf("it comes back changed (-want +got):\n%s", d)
	}
}

func TestOnlyTheStoresOwnDeletionIsAPurge(t *testing.T) {
	for _, test := range []struct {
		name string
		r    Record
		want bool
	}{
		{"the service's deletion", Record{EventName: Remove, UserIdentity: TTLIdentity()}, true},
		{"a deletion", Record{EventName: Remove}, false},
		{"somebody else's", Record{EventName: Remove, UserIdentity: &Identity{"Service", "example.com"}}, false},
		{"a person's", Record{EventName: Remove, UserIdentity: &Identity{"User", "dynamodb.amazonaws.com"}}, false},
		{"a change by the service", Record{EventName: Modify, UserIdentity: TTLIdentity()}, false},
	} {
		if got := test.r.Purged(); got != test.want {
			t.Errorf("%s: %t", test.name, got)
		}
	}
}

func TestRecordTimesThatAreNoneAreRefused(t *testing.T) {
	for _, text := range []string{`null`, `"1790000000"`, `true`, `1e300`, `-1e19`} {
		var e EpochSeconds
		if err := json.Unmarshal([]byte(text), &e); err == nil {
			t.Errorf("%s is read as %d", text, e)
		}
	}
}
