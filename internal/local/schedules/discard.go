package schedules

import (
	"context"
	"encoding/json"
	"time"

	"keyfob/internal/local/bucket"
)

// A Discarded event is one that was given up, in the form that Lambda sends to an S3 destination.
// https://docs.aws.amazon.com/lambda/latest/dg/invocation-async-retain-records.html
type Discarded struct {
	Version         string           `json:"version"`
	Timestamp       string           `json:"timestamp"`
	RequestContext  requestContext   `json:"requestContext"`
	RequestPayload  json.RawMessage  `json:"requestPayload"` // the event as the function got it
	ResponseContext *responseContext `json:"responseContext,omitempty"`
	ResponsePayload *responsePayload `json:"responsePayload,omitempty"`

	function string // its name
	at       time.Time
}

type requestContext struct {
	RequestID              string `json:"requestId"`
	FunctionARN            string `json:"functionArn"`
	Condition              string `json:"condition"` // RetriesExhausted or EventAgeExceeded
	ApproximateInvokeCount int    `json:"approximateInvokeCount"`
}

type responseContext struct {
	StatusCode      int    `json:"statusCode"`
	ExecutedVersion string `json:"executedVersion"`
	FunctionError   string `json:"functionError"`
}

type responsePayload struct {
	ErrorMessage string `json:"errorMessage"`
	ErrorType    string `json:"errorType,omitempty"`
}

// discard gives an event up.
func (t *Timetable) discard(ctx context.Context, e *event, condition string) {
	const version = "$LATEST"
	t.config.Log.Error("a scheduled event is given up", "rule", e.rule.ARN, "condition", condition)
	if e.rule.Async.OnFailure == "" {
		return
	}
	now := t.config.Now().UTC()
	d := Discarded{
		Version:        "1.0",
		Timestamp:      now.Format("2006-01-02T15:04:05.000Z"),
		RequestContext: requestContext{e.id, e.rule.FunctionARN + ":" + version, condition, e.failures},
		RequestPayload: e.payload,
		function:       e.rule.FunctionName,
		at:             now,
	}
	if e.last != nil {
		d.ResponseContext = &responseContext{200, version, "Unhandled"}
		d.ResponsePayload = &responsePayload{e.last.Message, e.last.Type}
	}
	if err := t.config.Discard(context.WithoutCancel(ctx), d); err != nil {
		t.config.Log.Error("an event that was given up cannot be kept", "rule", e.rule.ARN, "error", err)
	}
}

// Folder keeps discarded events as files in a folder, which it makes if there is none, under the keys that Lambda names
// them by in a bucket: aws/lambda/async/<function>/2006/01/02/2006-01-02T15.04.05-<id>.
func Folder(dir string) func(context.Context, Discarded) error {
	return func(_ context.Context, d Discarded) error {
		data, err := json.MarshalIndent(d, "", "  ")
		if err != nil {
			return err
		}
		return bucket.In(dir).Put(bucket.Key("async/"+d.function, d.at, d.RequestContext.RequestID), append(data, '\n'))
	}
}
