package streams

import (
	"context"
	"encoding/json"
	"fmt"
	"hash/fnv"
	"time"

	"keyfob/internal/local/bucket"
	"keyfob/internal/local/lambdahost"
)

// shardID names the one shard there is.
const shardID = "shardId-00000000000000000000-00000000"

// A Discarded batch is one that was given up, in the form that Lambda sends to an S3 destination.
type Discarded struct {
	RequestContext  requestContext   `json:"requestContext"`
	ResponseContext *responseContext `json:"responseContext,omitempty"`
	Version         string           `json:"version"`
	Timestamp       string           `json:"timestamp"`
	Batch           batchInfo        `json:"DDBStreamBatchInfo"`
	Payload         json.RawMessage  `json:"payload"` // the event as the function would get it
}

type requestContext struct {
	RequestID              string `json:"requestId"`
	FunctionARN            string `json:"functionArn"`
	Condition              string `json:"condition"` // RetryAttemptsExhausted or RecordAgeExceeded
	ApproximateInvokeCount int    `json:"approximateInvokeCount"`
}

type responseContext struct {
	StatusCode      int     `json:"statusCode"`
	ExecutedVersion string  `json:"executedVersion"`
	FunctionError   *string `json:"functionError"`
}

type batchInfo struct {
	ShardID       string `json:"shardId"`
	StartSequence string `json:"startSequenceNumber"`
	EndSequence   string `json:"endSequenceNumber"`
	FirstArrival  string `json:"approximateArrivalOfFirstRecord"`
	LastArrival   string `json:"approximateArrivalOfLastRecord"`
	BatchSize     int    `json:"batchSize"`
	StreamARN     string `json:"streamArn"`
}

// discard gives a run up: it goes to the destination, and only then the pump goes on behind it. It reports whether
// that was done before ctx ended.
func (p *Pump) discard(ctx context.Context, r run, condition string) bool {
	first, last := r.records[0], r.records[len(r.records)-1]
	p.config.Log.Error("a batch is given up", "mapping", p.config.Mapping.Name, "condition", condition,
		"records", len(r.records), "startSequenceNumber", first.Change.SequenceNumber, "endSequenceNumber", last.Change.SequenceNumber)
	if p.config.Mapping.OnFailure != "" {
		d := Discarded{
			RequestContext:  requestContext{lambdahost.NewRequestID(), p.config.FunctionARN, condition, r.invoked},
			ResponseContext: r.last,
			Version:         "1.0",
			Timestamp:       timestamp(p.config.Now()),
			Batch: batchInfo{
				ShardID:       shardID,
				StartSequence: first.Change.SequenceNumber,
				EndSequence:   last.Change.SequenceNumber,
				FirstArrival:  timestamp(first.Change.ApproximateCreationDateTime.Time()),
				LastArrival:   timestamp(last.Change.ApproximateCreationDateTime.Time()),
				BatchSize:     len(r.records),
				StreamARN:     first.EventSourceARN,
			},
			Payload: event(r.records),
		}
		if !p.insist(ctx, "a batch that was given up cannot be kept", func() error { return p.config.Discard(ctx, d) }) {
			return false
		}
	}
	return p.reach(ctx, last)
}

func timestamp(t time.Time) string { return t.UTC().Format("2006-01-02T15:04:05.000Z") }

// Folder keeps discarded batches as files in a folder, which it makes if there is none, under the keys that Lambda names
// them by in a bucket: aws/lambda/<mapping>/<shard>/2006/01/02/2006-01-02T15.04.05-<id>. A batch whose Discard returned nil
// is on the disk.
func Folder(dir, mapping string) func(context.Context, Discarded) error {
	h := fnv.New64a()
	_, _ = h.Write([]byte(mapping))
	id := fmt.Sprintf("%08x-0000-4000-8000-%012x", h.Sum64()>>32, h.Sum64()&0xffffffff)
	return func(_ context.Context, d Discarded) error {
		at, err := time.Parse(time.RFC3339, d.Timestamp)
		if err != nil {
			return err
		}
		data, err := json.MarshalIndent(d, "", "  ")
		if err != nil {
			return err
		}
		return bucket.In(dir).Put(bucket.Key(id+"/"+shardID, at, d.RequestContext.RequestID), append(data, '\n'))
	}
}
