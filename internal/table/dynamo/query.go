package dynamo

import (
	"context"
	"math"

	"keyfob/internal/table"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
)

// Query implements table.Table.
//
// DynamoDB ends an answer after 1 MB and then names the key to go on from; it also names one when it ends an answer
// at the limit, whether or not anything follows. So one item more than the limit is asked for, and answers are
// joined until it has come or there is nothing left.
func (t *Table) Query(ctx context.Context, q table.Query) (table.Page, error) {
	if err := table.ValidateQuery(q); err != nil {
		return table.Page{}, err
	}
	in := t.queryInput(q)
	ctx, cancel := t.bound(ctx)
	defer cancel()
	var page table.Page
	for {
		//#nosec G115 -- bounded just here
		in.Limit = aws.Int32(int32(min(q.Limit-len(page.Items), math.MaxInt32-1)) + 1)
		var out *dynamodb.QueryOutput
		err := t.request(ctx, "Query", func(ctx context.Context) (err error) {
			out, err = t.client.Query(ctx, in, once)
			return err
		})
		if err != nil {
			return table.Page{}, err
		}
		for _, attributes := range out.Items {
			if len(page.Items) == q.Limit {
				page.More = true
				return page, nil
			}
			it, err := decodeItem(attributes)
			if err != nil {
				return table.Page{}, err
			}
			page.Items = append(page.Items, it)
		}
		if len(out.LastEvaluatedKey) == 0 {
			return page, nil
		}
		in.ExclusiveStartKey = out.LastEvaluatedKey
	}
}

// queryInput writes q in DynamoDB's terms, but for the limit.
func (t *Table) queryInput(q table.Query) *dynamodb.QueryInput {
	in := &dynamodb.QueryInput{
		TableName:                &t.name,
		ConsistentRead:           aws.Bool(true),
		ScanIndexForward:         aws.Bool(!q.Descending),
		KeyConditionExpression:   aws.String("#pk = :pk"),
		ExpressionAttributeNames: map[string]string{"#pk": table.AttrPK},
		ExpressionAttributeValues: map[string]types.AttributeValue{
			":pk": &types.AttributeValueMemberS{Value: q.PK},
		},
	}
	if q.Prefix != "" {
		in.KeyConditionExpression = aws.String("#pk = :pk AND begins_with(#sk, :sk)")
		in.ExpressionAttributeNames["#sk"] = table.AttrSK
		in.ExpressionAttributeValues[":sk"] = &types.AttributeValueMemberS{Value: q.Prefix}
	}
	if q.After != "" {
		in.ExclusiveStartKey = encodeKey(table.Key{PK: q.PK, SK: q.After})
	}
	return in
}
