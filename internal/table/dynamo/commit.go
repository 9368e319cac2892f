package dynamo

import (
	"context"
	"crypto/rand"
	"errors"
	"strconv"

	"keyfob/internal/table"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
)

// Commit implements table.Table.
func (t *Table) Commit(ctx context.Context, ops ...table.Op) error {
	if err := table.Validate(ops); err != nil {
		return err
	}
	in := &dynamodb.TransactWriteItemsInput{
		TransactItems: make([]types.TransactWriteItem, len(ops)),
		// DynamoDB remembers a token for ten minutes, far longer than any call's budget.
		ClientRequestToken: aws.String(rand.Text()),
	}
	for i, op := range ops {
		in.TransactItems[i] = t.transactItem(op)
	}
	ctx, cancel := t.bound(ctx)
	defer cancel()
	return t.request(ctx, "TransactWriteItems", func(ctx context.Context) error {
		_, err := t.client.TransactWriteItems(ctx, in, once)
		return cancelled(ops, err)
	})
}

func (t *Table) transactItem(op table.Op) types.TransactWriteItem {
	c := conditionOf(op.Cond)
	switch op.Kind {
	case table.KindPut:
		return types.TransactWriteItem{Put: &types.Put{
			TableName: &t.name, Item: encodeItem(op.Item),
			ConditionExpression: c.expression, ExpressionAttributeNames: c.names, ExpressionAttributeValues: c.values,
		}}
	case table.KindDelete:
		return types.TransactWriteItem{Delete: &types.Delete{
			TableName: &t.name, Key: encodeKey(op.Key),
			ConditionExpression: c.expression, ExpressionAttributeNames: c.names, ExpressionAttributeValues: c.values,
		}}
	}
	return types.TransactWriteItem{ConditionCheck: &types.ConditionCheck{
		TableName: &t.name, Key: encodeKey(op.Key),
		ConditionExpression: c.expression, ExpressionAttributeNames: c.names, ExpressionAttributeValues: c.values,
	}}
}

// A condition is a table.Cond in DynamoDB's terms; all nil for none.
type condition struct {
	expression *string
	names      map[string]string
	values     map[string]types.AttributeValue
}

func conditionOf(c table.Cond) condition {
	n, versioned := c.Version()
	switch {
	case c.IsAbsent():
		return condition{aws.String("attribute_not_exists(#pk)"), map[string]string{"#pk": table.AttrPK}, nil}
	case c.IsPresent():
		return condition{aws.String("attribute_exists(#pk)"), map[string]string{"#pk": table.AttrPK}, nil}
	case versioned:
		return condition{
			aws.String("#ver = :ver"),
			map[string]string{"#ver": table.AttrVersion},
			map[string]types.AttributeValue{":ver": &types.AttributeValueMemberN{Value: strconv.FormatInt(n, 10)}},
		}
	}
	return condition{}
}

// The codes of cancellation reasons that are not a passing trouble.
const (
	reasonNone       = "None"
	reasonCondition  = "ConditionalCheckFailed"
	reasonValidation = "ValidationError"
	reasonTooLarge   = "ItemCollectionSizeLimitExceeded"
)

// cancelled turns the reasons of a cancelled transaction, one for each op, into the role's errors. Any other error
// is given back as it is.
//
// A reason of contention or throttling says that its op's condition was not looked at. So a failed condition is only
// known to be the first of them when no such reason comes before it; until then the transaction is worth another try.
func cancelled(ops []table.Op, err error) error {
	var c *types.TransactionCanceledException
	if !errors.As(err, &c) || len(c.CancellationReasons) != len(ops) {
		return err
	}
	undecided := ""
	for i, r := range c.CancellationReasons {
		switch code := aws.ToString(r.Code); code {
		case "", reasonNone:
		case reasonCondition:
			conflict := &table.Conflict{Index: i, Key: ops[i].Key}
			if undecided != "" {
				return &contended{undecided, conflict}
			}
			return conflict
		case reasonValidation, reasonTooLarge:
			return &table.Misuse{Reason: "DynamoDB refuses operation " + strconv.Itoa(i) + ": " + code}
		default:
			undecided = code
		}
	}
	if undecided != "" {
		return &contended{reason: undecided}
	}
	return err
}

// contended is work that DynamoDB put off, for another transaction's sake or under load: nothing was changed.
type contended struct {
	reason   string          // DynamoDB's code, where it has one
	conflict *table.Conflict // a condition that failed nevertheless; nil if none did
}

func (c *contended) Error() string { return c.reason }
