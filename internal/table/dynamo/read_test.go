package dynamo_test

import (
	"errors"
	"slices"
	"testing"
	"testing/synctest"

	"keyfob/internal/table"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
)

func TestOneKeyIsOneStronglyConsistentGetItem(t *testing.T) {
	f := &fake{get: func(*dynamodb.GetItemInput) (*dynamodb.GetItemOutput, error) {
		return &dynamodb.GetItemOutput{Item: stored("a")}, nil
	}}
	items, err := on(f).Get(t.Context(), keys("a")...)
	if err != nil || len(items) != 1 || items[0].Key() != keys("a")[0] {
		t.Fatalf("%v, %v", items, err)
	}
	if f.requests() != 1 || len(f.gets) != 1 || !aws.ToBool(f.gets[0].ConsistentRead) {
		t.Errorf("%d requests, want one GetItem with ConsistentRead", f.requests())
	}
}

// someOfBatch answers a BatchGetItem for the first n keys and leaves the rest.
func someOfBatch(n int) func(*dynamodb.BatchGetItemInput) (*dynamodb.BatchGetItemOutput, error) {
	return func(in *dynamodb.BatchGetItemInput) (*dynamodb.BatchGetItemOutput, error) {
		out := &dynamodb.BatchGetItemOutput{Responses: map[string][]map[string]types.AttributeValue{}}
		asked := in.RequestItems[tableName].Keys
		n := min(n, len(asked))
		for _, k := range asked[:n] {
			out.Responses[tableName] = append(out.Responses[tableName], stored(k["sk"].(*types.AttributeValueMemberS).Value))
		}
		slices.Reverse(out.Responses[tableName]) // DynamoDB promises no order
		if n < len(asked) {
			out.UnprocessedKeys = map[string]types.KeysAndAttributes{tableName: {Keys: asked[n:]}}
		}
		return out, nil
	}
}

func TestUnprocessedKeysAreAskedForAgainAndConsistently(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := &fake{batch: someOfBatch(2)}
		want := keys("a", "b", "c", "d", "e")
		items, err := on(f).Get(t.Context(), want...)
		if err != nil || len(items) != len(want) {
			t.Fatalf("%v, %v", items, err)
		}
		for i, it := range items {
			if it.Key() != want[i] {
				t.Errorf("item %d is %v, want %v", i, it.Key(), want[i])
			}
		}
		if len(f.batches) != 3 {
			t.Errorf("%d requests, want 3", len(f.batches))
		}
		for i, in := range f.batches {
			if !aws.ToBool(in.RequestItems[tableName].ConsistentRead) {
				t.Errorf("request %d is not strongly consistent", i)
			}
		}
	})
}

func TestProgressWithUnprocessedKeysIsNotCountedAsFailure(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := &fake{batch: someOfBatch(1)}
		var want []string
		for i := range table.MaxGet {
			want = append(want, string(rune('a'+i)))
		}
		items, err := on(f).Get(t.Context(), keys(want...)...)
		if err != nil || slices.ContainsFunc(items, func(it table.Item) bool { return it == nil }) {
			t.Errorf("%v", err)
		}
	})
}

func TestKeysThatStayUnprocessedAreUnavailable(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := &fake{batch: someOfBatch(0)}
		items, err := on(f).Get(t.Context(), keys("a", "b")...)
		wantUnavailable(t, err)
		if items != nil || f.requests() > 20 {
			t.Errorf("%v after %d requests", items, f.requests())
		}
	})
}

func TestQueryJoinsAnswersUntilThePageIsFull(t *testing.T) {
	// DynamoDB ends answers where it likes, even before the first item.
	answers := [][]string{{}, {"a"}, {}, {"b", "c"}, {"d"}, {}}
	for limit := 1; limit <= 5; limit++ {
		var f *fake
		next := 0
		f = &fake{query: func(in *dynamodb.QueryInput) (*dynamodb.QueryOutput, error) {
			out := &dynamodb.QueryOutput{}
			for _, sk := range answers[next] {
				out.Items = append(out.Items, stored(sk))
			}
			if next++; next < len(answers) {
				out.LastEvaluatedKey = stored("last")
			}
			return out, nil
		}}
		page, err := on(f).Query(t.Context(), table.Query{PK: "p", Limit: limit})
		if err != nil || len(page.Items) != min(limit, 4) || page.More != (limit < 4) {
			t.Errorf("limit %d: %d items, more %t, %v", limit, len(page.Items), page.More, err)
		}
		for i, in := range f.queries {
			if !aws.ToBool(in.ConsistentRead) {
				t.Errorf("limit %d: request %d is not strongly consistent", limit, i)
			}
			if (i > 0) != (in.ExclusiveStartKey != nil) {
				t.Errorf("limit %d: request %d does not go on where the last one ended", limit, i)
			}
		}
	}
}

func TestQueryAsksOnceForAPageThatComesWhole(t *testing.T) {
	f := &fake{query: func(in *dynamodb.QueryInput) (*dynamodb.QueryOutput, error) {
		return &dynamodb.QueryOutput{Items: []map[string]types.AttributeValue{stored("a"), stored("b"), stored("c")}, LastEvaluatedKey: stored("c")}, nil
	}}
	page, err := on(f).Query(t.Context(), table.Query{PK: "p", Limit: 2})
	if err != nil || len(page.Items) != 2 || !page.More {
		t.Fatalf("%d items, more %t, %v", len(page.Items), page.More, err)
	}
	if f.requests() != 1 || aws.ToInt32(f.queries[0].Limit) != 3 {
		t.Errorf("%d requests, the first for %d items; want 1 for 3", f.requests(), aws.ToInt32(f.queries[0].Limit))
	}
}

func TestAnAttributeOfAnotherTypeIsRefusedByItsType(t *testing.T) {
	for _, a := range []types.AttributeValue{
		&types.AttributeValueMemberSS{Value: []string{"a"}},
		&types.AttributeValueMemberNS{Value: []string{"1"}},
		&types.AttributeValueMemberBS{Value: [][]byte{{1}}},
		&types.AttributeValueMemberN{Value: "1.5"},
		&types.AttributeValueMemberN{Value: "9223372036854775808"},
		&types.AttributeValueMemberL{Value: []types.AttributeValue{&types.AttributeValueMemberSS{}}},
		nil,
	} {
		f := &fake{get: func(*dynamodb.GetItemInput) (*dynamodb.GetItemOutput, error) {
			it := stored("a")
			it["odd"] = a
			return &dynamodb.GetItemOutput{Item: it}, nil
		}}
		_, err := on(f).Get(t.Context(), keys("a")...)
		if _, ok := errors.AsType[*table.Misuse](err); !ok {
			t.Errorf("%T: %v", a, err)
		}
	}
}
