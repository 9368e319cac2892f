package dynamo

import (
	"context"

	"keyfob/internal/table"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
)

// Get implements table.Table.
func (t *Table) Get(ctx context.Context, keys ...table.Key) ([]table.Item, error) {
	if err := table.ValidateGet(keys); err != nil {
		return nil, err
	}
	ctx, cancel := t.bound(ctx)
	defer cancel()
	if len(keys) == 1 {
		it, err := t.getOne(ctx, keys[0])
		if err != nil {
			return nil, err
		}
		return []table.Item{it}, nil
	}
	return t.getSeveral(ctx, keys)
}

func (t *Table) getOne(ctx context.Context, k table.Key) (table.Item, error) {
	in := &dynamodb.GetItemInput{TableName: &t.name, Key: encodeKey(k), ConsistentRead: aws.Bool(true)}
	var out *dynamodb.GetItemOutput
	err := t.request(ctx, "GetItem", func(ctx context.Context) (err error) {
		out, err = t.client.GetItem(ctx, in, once)
		return err
	})
	if err != nil || out.Item == nil {
		return nil, err
	}
	return decodeItem(out.Item)
}

// getSeveral asks for all the keys at once and then for those that DynamoDB left over: its answer may be full
// (16 MB), and under load it answers for some and leaves the rest to be asked for again.
func (t *Table) getSeveral(ctx context.Context, keys []table.Key) ([]table.Item, error) {
	place := make(map[table.Key]int, len(keys))
	pending := make([]map[string]types.AttributeValue, len(keys))
	for i, k := range keys {
		place[k], pending[i] = i, encodeKey(k)
	}
	items := make([]table.Item, len(keys))
	for fruitless := 0; ; {
		out, err := t.batch(ctx, pending)
		if err != nil {
			return nil, err
		}
		for _, attributes := range out.Responses[t.name] {
			it, err := decodeItem(attributes)
			if err != nil {
				return nil, err
			}
			if i, ok := place[it.Key()]; ok {
				items[i] = it
			}
		}
		left := out.UnprocessedKeys[t.name].Keys
		if len(left) == 0 {
			return items, nil
		}
		if len(left) < len(pending) {
			fruitless = 0
		}
		if fruitless++; fruitless == maxAttempts || pause(ctx, fruitless) != nil {
			return nil, failure(ctx, "BatchGetItem", &contended{reason: "keys are left unprocessed"}, fruitless)
		}
		pending = left
	}
}

func (t *Table) batch(ctx context.Context, keys []map[string]types.AttributeValue) (*dynamodb.BatchGetItemOutput, error) {
	in := &dynamodb.BatchGetItemInput{RequestItems: map[string]types.KeysAndAttributes{
		t.name: {Keys: keys, ConsistentRead: aws.Bool(true)},
	}}
	var out *dynamodb.BatchGetItemOutput
	err := t.request(ctx, "BatchGetItem", func(ctx context.Context) (err error) {
		out, err = t.client.BatchGetItem(ctx, in, once)
		return err
	})
	return out, err
}
