package table

import (
	"context"
	"math"
	"strconv"
	"time"
)

// The events a Record can be.
const (
	Insert = "INSERT"
	Modify = "MODIFY"
	Remove = "REMOVE"
)

// A Record is one change of one item. Its JSON is a record of Lambda's DynamoDB stream event.
type Record struct {
	EventID        string    `json:"eventID"`
	EventName      string    `json:"eventName"` // Insert, Modify or Remove
	EventVersion   string    `json:"eventVersion"`
	EventSource    string    `json:"eventSource"`
	AWSRegion      string    `json:"awsRegion"`
	EventSourceARN string    `json:"eventSourceARN"`
	UserIdentity   *Identity `json:"userIdentity,omitempty"`
	Change         Change    `json:"dynamodb"`
}

// A Change is what a Record says of the item.
type Change struct {
	ApproximateCreationDateTime EpochSeconds `json:"ApproximateCreationDateTime"`
	Keys                        Item         `json:"Keys"`
	NewImage                    Item         `json:"NewImage,omitempty"` // absent for Remove
	OldImage                    Item         `json:"OldImage,omitempty"` // absent for Insert
	SequenceNumber              string       `json:"SequenceNumber"`
	SizeBytes                   int64        `json:"SizeBytes"`
	StreamViewType              string       `json:"StreamViewType"`
}

// An Identity says that the service itself made the change.
type Identity struct {
	Type        string `json:"type"`
	PrincipalID string `json:"principalId"`
}

// TTLIdentity is the identity under which the store purges: how DynamoDB marks it.
func TTLIdentity() *Identity {
	return &Identity{Type: "Service", PrincipalID: "dynamodb.amazonaws.com"}
}

// Purged reports whether the record is the store's own deletion of a due item, not somebody's.
func (r Record) Purged() bool {
	return r.EventName == Remove && r.UserIdentity != nil && *r.UserIdentity == *TTLIdentity()
}

// A StreamEvent is what Lambda hands to the function that consumes the feed.
type StreamEvent struct {
	Records []Record `json:"Records"`
}

// A Feed is the ordered change feed. Records stay readable for 24 hours.
type Feed interface {
	// Changes returns up to limit records that came after the sequence number, oldest first; from the oldest
	// there is where after is empty.
	Changes(ctx context.Context, after string, limit int) ([]Record, error)
}

// EpochSeconds is a time as streams give it: a JSON number of seconds since 1970, perhaps with a fraction.
type EpochSeconds int64

// Time gives the time in UTC.
func (e EpochSeconds) Time() time.Time { return time.Unix(int64(e), 0).UTC() }

// UnmarshalJSON reads the number and drops its fraction.
func (e *EpochSeconds) UnmarshalJSON(data []byte) error {
	f, err := strconv.ParseFloat(string(data), 64)
	if err != nil || math.Abs(f) > 1<<53 {
		return &Misuse{"a record's time is not a number of seconds"}
	}
	*e = EpochSeconds(f)
	return nil
}
