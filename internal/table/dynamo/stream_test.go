package dynamo_test

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"strconv"

	"keyfob/internal/table"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodbstreams"
	"github.com/aws/aws-sdk-go-v2/service/dynamodbstreams/types"
)

// streamFeed is a table's stream as the role's feed. On AWS it is Lambda that reads the stream.
type streamFeed struct {
	client *dynamodbstreams.Client
	arn    string
}

var _ table.Feed = (*streamFeed)(nil)

func newStreamFeed(ctx context.Context, tables *dynamodb.Client, client *dynamodbstreams.Client, name string) (*streamFeed, error) {
	out, err := tables.DescribeTable(ctx, &dynamodb.DescribeTableInput{TableName: &name})
	if err != nil {
		return nil, err
	}
	if out.Table.LatestStreamArn == nil {
		return nil, errors.New("the table has no stream")
	}
	return &streamFeed{client, *out.Table.LatestStreamArn}, nil
}

func (f *streamFeed) Changes(ctx context.Context, after string, limit int) ([]table.Record, error) {
	var records []table.Record
	in := &dynamodbstreams.DescribeStreamInput{StreamArn: &f.arn}
	for {
		out, err := f.client.DescribeStream(ctx, in)
		if err != nil {
			return nil, err
		}
		for _, shard := range out.StreamDescription.Shards { // the oldest first
			if len(records) == limit {
				return records, nil
			}
			more, err := f.shard(ctx, shard, after, limit-len(records))
			if err != nil {
				return nil, err
			}
			records = append(records, more...)
		}
		if out.StreamDescription.LastEvaluatedShardId == nil {
			return records, nil
		}
		in.ExclusiveStartShardId = out.StreamDescription.LastEvaluatedShardId
	}
}

// shard reads up to limit records of one shard, until a look at it finds none.
func (f *streamFeed) shard(ctx context.Context, shard types.Shard, after string, limit int) (records []table.Record, err error) {
	r := shard.SequenceNumberRange
	if r.EndingSequenceNumber != nil && compareSequence(after, *r.EndingSequenceNumber) >= 0 {
		return nil, nil
	}
	in := &dynamodbstreams.GetShardIteratorInput{StreamArn: &f.arn, ShardId: shard.ShardId, ShardIteratorType: types.ShardIteratorTypeTrimHorizon}
	if compareSequence(after, aws.ToString(r.StartingSequenceNumber)) >= 0 {
		in.ShardIteratorType, in.SequenceNumber = types.ShardIteratorTypeAfterSequenceNumber, &after
	}
	it, err := f.client.GetShardIterator(ctx, in)
	if err != nil {
		return nil, err
	}
	for next := it.ShardIterator; next != nil && len(records) < limit; {
		out, err := f.client.GetRecords(ctx, &dynamodbstreams.GetRecordsInput{ShardIterator: next, Limit: aws.Int32(int32(limit - len(records)))})
		if err != nil {
			return nil, err
		}
		if len(out.Records) == 0 {
			break
		}
		for _, r := range out.Records {
			rec, err := f.record(r)
			if err != nil {
				return nil, err
			}
			records = append(records, rec)
		}
		next = out.NextShardIterator
	}
	return records, nil
}

// record writes a stream's record as Lambda hands it on.
func (f *streamFeed) record(r types.Record) (rec table.Record, err error) {
	d := r.Dynamodb
	rec = table.Record{
		EventID:        aws.ToString(r.EventID),
		EventName:      string(r.EventName),
		EventVersion:   aws.ToString(r.EventVersion),
		EventSource:    aws.ToString(r.EventSource),
		AWSRegion:      aws.ToString(r.AwsRegion),
		EventSourceARN: f.arn,
		Change: table.Change{
			ApproximateCreationDateTime: table.EpochSeconds(d.ApproximateCreationDateTime.Unix()),
			SequenceNumber:              aws.ToString(d.SequenceNumber),
			SizeBytes:                   aws.ToInt64(d.SizeBytes),
			StreamViewType:              string(d.StreamViewType),
		},
	}
	if r.UserIdentity != nil {
		rec.UserIdentity = &table.Identity{Type: aws.ToString(r.UserIdentity.Type), PrincipalID: aws.ToString(r.UserIdentity.PrincipalId)}
	}
	for dst, src := range map[*table.Item]map[string]types.AttributeValue{
		&rec.Change.Keys: d.Keys, &rec.Change.NewImage: d.NewImage, &rec.Change.OldImage: d.OldImage,
	} {
		if src == nil {
			continue
		}
		v, err := streamValue(&types.AttributeValueMemberM{Value: src})
		if err != nil {
			return table.Record{}, err
		}
		*dst = v.(table.Item)
	}
	return rec, nil
}

// streamValue is the adapter's decode again: the streams' client has attribute types of its own.
func streamValue(a types.AttributeValue) (table.Value, error) {
	switch a := a.(type) {
	case *types.AttributeValueMemberS:
		return table.S(a.Value), nil
	case *types.AttributeValueMemberN:
		n, err := strconv.ParseInt(a.Value, 10, 64)
		return table.N(n), err
	case *types.AttributeValueMemberB:
		return table.B(a.Value), nil
	case *types.AttributeValueMemberBOOL:
		return table.Bool(a.Value), nil
	case *types.AttributeValueMemberNULL:
		return table.Null{}, nil
	case *types.AttributeValueMemberL:
		l := make(table.L, len(a.Value))
		for i, e := range a.Value {
			var err error
			if l[i], err = streamValue(e); err != nil {
				return nil, err
			}
		}
		return l, nil
	case *types.AttributeValueMemberM:
		m := make(table.Item, len(a.Value))
		for name, e := range a.Value {
			var err error
			if m[name], err = streamValue(e); err != nil {
				return nil, err
			}
		}
		return m, nil
	}
	return nil, fmt.Errorf("a stream carries a %T", a)
}

// compareSequence orders sequence numbers, which are whole numbers of any length; the empty one comes first.
func compareSequence(a, b string) int {
	return cmp.Or(cmp.Compare(len(a), len(b)), cmp.Compare(a, b))
}
