package dynamo_test

import (
	"context"
	"errors"
	"testing"

	"keyfob/internal/fault"
	"keyfob/internal/table"
	"keyfob/internal/table/dynamo"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	"github.com/aws/smithy-go"
)

// fake is a client whose every operation fails or answers as a test says. It keeps the inputs.
type fake struct {
	get    func(*dynamodb.GetItemInput) (*dynamodb.GetItemOutput, error)
	batch  func(*dynamodb.BatchGetItemInput) (*dynamodb.BatchGetItemOutput, error)
	query  func(*dynamodb.QueryInput) (*dynamodb.QueryOutput, error)
	commit func(context.Context, *dynamodb.TransactWriteItemsInput) error

	gets    []dynamodb.GetItemInput
	batches []dynamodb.BatchGetItemInput
	queries []dynamodb.QueryInput
	commits []dynamodb.TransactWriteItemsInput
}

var _ dynamo.Client = (*fake)(nil)

func (f *fake) GetItem(_ context.Context, in *dynamodb.GetItemInput, _ ...func(*dynamodb.Options)) (*dynamodb.GetItemOutput, error) {
	f.gets = append(f.gets, *in)
	return f.get(in)
}

func (f *fake) BatchGetItem(_ context.Context, in *dynamodb.BatchGetItemInput, _ ...func(*dynamodb.Options)) (*dynamodb.BatchGetItemOutput, error) {
	f.batches = append(f.batches, *in)
	return f.batch(in)
}

func (f *fake) Query(_ context.Context, in *dynamodb.QueryInput, _ ...func(*dynamodb.Options)) (*dynamodb.QueryOutput, error) {
	f.queries = append(f.queries, *in)
	return f.query(in)
}

func (f *fake) TransactWriteItems(ctx context.Context, in *dynamodb.TransactWriteItemsInput, _ ...func(*dynamodb.Options)) (*dynamodb.TransactWriteItemsOutput, error) {
	f.commits = append(f.commits, *in)
	return &dynamodb.TransactWriteItemsOutput{}, f.commit(ctx, in)
}

// requests counts all that came.
func (f *fake) requests() int {
	return len(f.gets) + len(f.batches) + len(f.queries) + len(f.commits)
}

// failing is a fake on which everything fails with err.
func failing(err error) *fake {
	return &fake{
		get:    func(*dynamodb.GetItemInput) (*dynamodb.GetItemOutput, error) { return nil, err },
		batch:  func(*dynamodb.BatchGetItemInput) (*dynamodb.BatchGetItemOutput, error) { return nil, err },
		query:  func(*dynamodb.QueryInput) (*dynamodb.QueryOutput, error) { return nil, err },
		commit: func(context.Context, *dynamodb.TransactWriteItemsInput) error { return err },
	}
}

// apiError is an answer of DynamoDB's that it will not.
func apiError(code, message string) error {
	return &smithy.OperationError{ServiceID: "DynamoDB", OperationName: "X", Err: &smithy.GenericAPIError{Code: code, Message: message}}
}

// cancellation is a transaction cancelled with these reasons, one for each op.
func cancellation(codes ...string) error {
	e := &types.TransactionCanceledException{Message: aws.String("Transaction cancelled")}
	for _, code := range codes {
		e.CancellationReasons = append(e.CancellationReasons, types.CancellationReason{Code: aws.String(code)})
	}
	return e
}

const tableName = "keyfob"

func on(client dynamo.Client) *dynamo.Table {
	return dynamo.New(client, dynamo.Config{Table: tableName})
}

func keys(sks ...string) []table.Key {
	var keys []table.Key
	for _, sk := range sks {
		keys = append(keys, table.Key{PK: "p", SK: sk})
	}
	return keys
}

func stored(sk string) map[string]types.AttributeValue {
	return map[string]types.AttributeValue{
		"pk":  &types.AttributeValueMemberS{Value: "p"},
		"sk":  &types.AttributeValueMemberS{Value: sk},
		"ver": &types.AttributeValueMemberN{Value: "1"},
	}
}

func create(sk string) table.Op {
	return table.Create(table.Item{"pk": table.S("p"), "sk": table.S(sk)})
}

// calls are all the ways to use the role.
var calls = map[string]func(context.Context, *dynamo.Table) error{
	"Get": func(ctx context.Context, tbl *dynamo.Table) error {
		_, err := tbl.Get(ctx, keys("a")...)
		return err
	},
	"GetSeveral": func(ctx context.Context, tbl *dynamo.Table) error {
		_, err := tbl.Get(ctx, keys("a", "b")...)
		return err
	},
	"Query": func(ctx context.Context, tbl *dynamo.Table) error {
		_, err := tbl.Query(ctx, table.Query{PK: "p", Limit: 5})
		return err
	},
	"Commit": func(ctx context.Context, tbl *dynamo.Table) error {
		return tbl.Commit(ctx, create("a"))
	},
}

func wantUnavailable(t *testing.T, err error) {
	t.Helper()
	if e, ok := errors.AsType[*fault.Error](err); !ok || e.Kind != fault.Unavailable || e.RetryAfter <= 0 {
		t.Errorf("got %v, want a fault of kind Unavailable that says when to come back", err)
	}
}
