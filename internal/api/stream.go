package api

import (
	"context"
	"encoding/json"
	"log/slog"
	"time"

	"github.com/aws/aws-lambda-go/events"

	"keyfob/internal/metric"
	"keyfob/internal/table"
)

// margin is what is kept of a function's time that ends at the deadline, a fifth and five seconds at the most: so that it can
// still be noted what became of what was begun, and answered what is outstanding.
func margin(deadline time.Time) time.Duration {
	return min(5*time.Second, time.Until(deadline)/5)
}

// A Consumer is a function that the table's stream feeds. It implements lambda.Handler.
type Consumer struct {
	log *slog.Logger
	see func(context.Context, table.Record) error // sees a record through; it may be asked to any number of times

	tally *metric.Tally // of what an invocation does
}

// Invoke takes the batch's records in their order and answers which could not be seen through. Lambda brings the first of
// these and all behind it again. Those behind it are seen through all the same, so that one poisoned record, however
// often it comes and wherever it ends, holds up no neighbour; that they come again does no harm, since nothing is done
// twice. The answer always lists the failures, since an empty one would mean that all is done.
func (c *Consumer) Invoke(ctx context.Context, payload []byte) ([]byte, error) {
	var batch struct{ Records []json.RawMessage }
	if err := json.Unmarshal(payload, &batch); err != nil {
		return nil, err
	}
	if deadline, ok := ctx.Deadline(); ok {
		var cancel context.CancelFunc
		ctx, cancel = context.WithDeadline(ctx, deadline.Add(-margin(deadline)))
		defer cancel()
	}
	defer c.tally.Put()
	answer := events.DynamoDBEventResponse{BatchItemFailures: []events.DynamoDBBatchItemFailure{}}
	for _, raw := range batch.Records {
		err := ctx.Err() // without time nothing is begun, but all that is left is named
		if err == nil {
			err = c.record(ctx, raw)
		}
		if err == nil {
			continue
		}
		sequence := sequenceOf(raw)
		c.log.LogAttrs(ctx, slog.LevelError, "record outstanding", slog.String("outcome", "failed"), slog.String("sequence", sequence), slog.String("error", err.Error()))
		if sequence == "" {
			return nil, err // it cannot be named, so the batch as a whole has failed
		}
		answer.BatchItemFailures = append(answer.BatchItemFailures, events.DynamoDBBatchItemFailure{ItemIdentifier: sequence})
	}
	return json.Marshal(answer)
}

func (c *Consumer) record(ctx context.Context, raw json.RawMessage) error {
	var r table.Record
	if err := json.Unmarshal(raw, &r); err != nil {
		return err
	}
	return c.see(ctx, r)
}

// sequenceOf gives a record's sequence number, even of one that is damaged elsewhere.
func sequenceOf(raw json.RawMessage) string {
	var r struct {
		Change struct{ SequenceNumber string } `json:"dynamodb"`
	}
	_ = json.Unmarshal(raw, &r) // what could be read of it is all that can be had
	return r.Change.SequenceNumber
}
