// Package givenup reads what Lambda gave up and put into a bucket: a batch of a table's changes, or an event of an
// asynchronous invocation, with all that is needed to hand it to its function once more.
//
// It promises that only what a stream, a topic or a schedule sends to a function is read as a payload. Whoever may put
// into the bucket, which the functions themselves have to be able to, could otherwise have an operator invoke any function
// with anything. No error quotes what it is about.
//
// https://docs.aws.amazon.com/lambda/latest/dg/services-dynamodb-errors.html
// https://docs.aws.amazon.com/lambda/latest/dg/invocation-async-retain-records.html
package givenup

import (
	"errors"
	"regexp"
	"strings"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
)

// A Failure is something that was given up.
type Failure struct {
	Function  string // the ARN of the function that could not do it
	Condition string // why it was given up: RetryAttemptsExhausted, RecordAgeExceeded, RetriesExhausted, EventAgeExceeded
	At        time.Time
	Payload   []byte // what the function is invoked with
	Records   int    // in the payload; 1 for an event that has none

	batch     bool     // of a stream
	sequences []string // of the batch's records, those that have one
}

var (
	arn       = regexp.MustCompile(`^arn:[a-z-]{1,20}:lambda:[a-z0-9-]{1,30}:[0-9]{12}:function:[A-Za-z0-9_-]{1,140}(:[A-Za-z0-9_-]{1,128})?$`)
	condition = regexp.MustCompile(`^[A-Za-z]{1,64}$`)
	sequence  = regexp.MustCompile(`^[0-9]{1,64}$`)
)

// Parse reads an object of the bucket. The error says what it lacks.
func Parse(object []byte) (Failure, error) {
	var o struct {
		RequestContext struct {
			FunctionARN string `json:"functionArn"`
			Condition   string `json:"condition"`
		} `json:"requestContext"`
		Timestamp      string         `json:"timestamp"`
		Payload        jsontext.Value `json:"payload"`
		RequestPayload jsontext.Value `json:"requestPayload"`
	}
	if json.Unmarshal(object, &o) != nil {
		return Failure{}, errors.New("it is not a JSON object of Lambda's form")
	}
	// Who may invoke a function may not always name its versions, and there is none but the latest.
	f := Failure{Function: strings.TrimSuffix(o.RequestContext.FunctionARN, ":$LATEST"), Condition: o.RequestContext.Condition}
	if !arn.MatchString(f.Function) {
		return Failure{}, errors.New("requestContext.functionArn is not the ARN of a function")
	}
	if !condition.MatchString(f.Condition) {
		return Failure{}, errors.New("requestContext.condition is not one of Lambda's")
	}
	var err error
	if f.At, err = time.Parse(time.RFC3339, o.Timestamp); err != nil {
		return Failure{}, errors.New("timestamp is not a time")
	}
	if (o.Payload == nil) == (o.RequestPayload == nil) {
		return Failure{}, errors.New("it has not one payload")
	}
	f.batch = o.Payload != nil
	f.Payload = o.RequestPayload
	if f.batch {
		f.Payload, err = unquoted(o.Payload)
	}
	if err == nil {
		err = f.readPayload()
	}
	if err != nil {
		return Failure{}, err
	}
	return f, nil
}

// unquoted gives the payload that is written as a text: AWS's documentation of a stream's objects shows one.
func unquoted(v jsontext.Value) (jsontext.Value, error) {
	if v.Kind() != '"' {
		return v, nil
	}
	var text string
	if err := json.Unmarshal(v, &text); err != nil {
		return nil, errors.New("its payload cannot be read")
	}
	return jsontext.Value(text), nil
}

// scheduled are the members of EventBridge's event of a scheduled rule.
var scheduled = map[string]bool{
	"version": true, "id": true, "detail-type": true, "source": true, "account": true, "time": true, "region": true,
	"resources": true, "detail": true,
}

// readPayload holds the payload to what a stream, a topic or a schedule sends.
func (f *Failure) readPayload() error {
	var members map[string]jsontext.Value
	if json.Unmarshal(f.Payload, &members) != nil {
		return errors.New("its payload is not a JSON object")
	}
	records, ok := members["Records"]
	if ok && len(members) == 1 {
		return f.readRecords(records)
	}
	for name := range members {
		ok = scheduled[name]
		if !ok {
			break
		}
	}
	if f.batch || !ok || string(members["detail-type"]) != `"Scheduled Event"` || string(members["source"]) != `"aws.events"` {
		return errors.New("its payload is neither a list of records nor the event of a schedule")
	}
	f.Records = 1
	return nil
}

func (f *Failure) readRecords(v jsontext.Value) error {
	var records []struct {
		Change struct{ SequenceNumber string } `json:"dynamodb"`
	}
	if json.Unmarshal(v, &records) != nil || len(records) == 0 {
		return errors.New("its payload has no records")
	}
	f.Records = len(records)
	for _, r := range records {
		if sequence.MatchString(r.Change.SequenceNumber) {
			f.sequences = append(f.sequences, r.Change.SequenceNumber)
		}
	}
	return nil
}
