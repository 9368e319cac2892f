package api

import (
	"context"
	"encoding/json"
	"log/slog"
	"strings"

	"github.com/aws/aws-lambda-go/events"

	"keyfob/internal/audit"
	"keyfob/internal/notice"
	"keyfob/internal/table"
	"keyfob/internal/table/key"
)

// Notify is the function that the table's stream feeds: it sees that people are told of events. It implements
// lambda.Handler.
func Notify(c Config) *Notifier {
	return &Notifier{c.Log, &notice.Notices{Table: c.Table, Now: c.Now, Accounts: c.accounts(), Sender: c.Sender, Realm: c.Form.Realm}}
}

// A Notifier consumes batches of the stream.
type Notifier struct {
	log     *slog.Logger
	notices *notice.Notices
}

// Invoke takes the batch's records in their order and answers which could not be seen through. Lambda brings the first of
// these and all behind it again. Those behind it are seen through all the same, so that one poisoned record, however
// often it comes and wherever it ends, holds up no neighbour's notice; that they come again does no harm, since no
// delivery is made twice. The answer always lists the failures, since an empty one would mean that all is done.
func (n *Notifier) Invoke(ctx context.Context, payload []byte) ([]byte, error) {
	var batch struct{ Records []json.RawMessage }
	if err := json.Unmarshal(payload, &batch); err != nil {
		return nil, err
	}
	answer := events.DynamoDBEventResponse{BatchItemFailures: []events.DynamoDBBatchItemFailure{}}
	for _, raw := range batch.Records {
		err := ctx.Err() // without time nothing is begun, but all that is left is named
		if err == nil {
			err = n.record(ctx, raw)
		}
		if err == nil {
			continue
		}
		sequence := sequenceOf(raw)
		n.log.LogAttrs(ctx, slog.LevelError, "notice outstanding", slog.String("outcome", "failed"), slog.String("sequence", sequence), slog.String("error", err.Error()))
		if sequence == "" {
			return nil, err // it cannot be named, so the batch as a whole has failed
		}
		answer.BatchItemFailures = append(answer.BatchItemFailures, events.DynamoDBBatchItemFailure{ItemIdentifier: sequence})
	}
	return json.Marshal(answer)
}

func (n *Notifier) record(ctx context.Context, raw json.RawMessage) error {
	var r table.Record
	if err := json.Unmarshal(raw, &r); err != nil {
		return err
	}
	if r.EventName != table.Insert || !strings.HasPrefix(r.Change.Keys.String(table.AttrPK), key.PrefixAudit) {
		return nil
	}
	e, err := audit.FromItem(r.Change.NewImage)
	if err != nil {
		return err
	}
	if !notice.Owed(e.Type) {
		return nil
	}
	if err := n.notices.Deliver(ctx, e); err != nil {
		return err
	}
	n.log.LogAttrs(ctx, slog.LevelInfo, "notice seen through", slog.String("outcome", "ok"), slog.String("event", e.ID), slog.String("type", string(e.Type)))
	return nil
}

// sequenceOf gives a record's sequence number, even of one that is damaged elsewhere.
func sequenceOf(raw json.RawMessage) string {
	var r struct {
		Change struct{ SequenceNumber string } `json:"dynamodb"`
	}
	_ = json.Unmarshal(raw, &r) // what could be read of it is all that can be had
	return r.Change.SequenceNumber
}
