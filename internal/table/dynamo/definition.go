package dynamo

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
)

// A Definition is a table as CloudFormation describes it, so that a table for tests or for one machine is made from
// the very text that deploys the real one.
type Definition struct{ properties properties }

// properties are those of an AWS::DynamoDB::Table. One that is not here, such as a secondary index, is refused:
// answers would depend on it, and a table without it would not be the one that is deployed.
type properties struct {
	KeySchema            []struct{ AttributeName, KeyType string }
	AttributeDefinitions []struct{ AttributeName, AttributeType string }
	BillingMode          string
	StreamSpecification  struct{ StreamViewType string }

	TimeToLiveSpecification struct {
		AttributeName string
		Enabled       bool
	}

	// These protect and watch a deployed table and change nothing of what it answers. They are passed over.
	ContributorInsightsSpecification json.RawMessage
	DeletionProtectionEnabled        json.RawMessage
	PointInTimeRecoverySpecification json.RawMessage
	ResourcePolicy                   json.RawMessage
	SSESpecification                 json.RawMessage
	TableClass                       json.RawMessage
	TableName                        json.RawMessage
	Tags                             json.RawMessage
}

// Define reads the Properties of an AWS::DynamoDB::Table resource, decoded from YAML or JSON. Intrinsic functions
// in what it reads must be resolved already.
func Define(resourceProperties map[string]any) (Definition, error) {
	text, err := json.Marshal(resourceProperties)
	if err != nil {
		return Definition{}, fmt.Errorf("dynamo: a table's properties: %w", err)
	}
	var d Definition
	in := json.NewDecoder(bytes.NewReader(text))
	in.DisallowUnknownFields()
	if err := in.Decode(&d.properties); err != nil {
		return Definition{}, fmt.Errorf("dynamo: a table's properties: %w", err)
	}
	if len(d.properties.KeySchema) == 0 {
		return Definition{}, errors.New("dynamo: a table's properties: no KeySchema")
	}
	return d, nil
}

// An Admin is what a Definition asks of *dynamodb.Client.
type Admin interface {
	CreateTable(context.Context, *dynamodb.CreateTableInput, ...func(*dynamodb.Options)) (*dynamodb.CreateTableOutput, error)
	UpdateTimeToLive(context.Context, *dynamodb.UpdateTimeToLiveInput, ...func(*dynamodb.Options)) (*dynamodb.UpdateTimeToLiveOutput, error)
	dynamodb.DescribeTableAPIClient
}

// activeTime is how long a new table may take until it can be used.
const activeTime = 2 * time.Minute

// Create makes the table under the name and returns when it can be used. A table of the name that is there already
// is left alone and is no error: it is for whoever starts a service on one machine again and again.
func (d Definition) Create(ctx context.Context, admin Admin, name string) error {
	_, err := admin.CreateTable(ctx, d.input(name))
	var exists *types.ResourceInUseException
	if err != nil && !errors.As(err, &exists) {
		return fmt.Errorf("dynamo: create table %s: %w", name, err)
	}
	created := err == nil
	wait := dynamodb.NewTableExistsWaiter(admin, func(o *dynamodb.TableExistsWaiterOptions) {
		o.MinDelay = 50 * time.Millisecond
	})
	if err := wait.Wait(ctx, &dynamodb.DescribeTableInput{TableName: &name}, activeTime); err != nil {
		return fmt.Errorf("dynamo: wait for table %s: %w", name, err)
	}
	if ttl := d.properties.TimeToLiveSpecification; created && ttl.Enabled {
		_, err := admin.UpdateTimeToLive(ctx, &dynamodb.UpdateTimeToLiveInput{
			TableName: &name,
			TimeToLiveSpecification: &types.TimeToLiveSpecification{
				AttributeName: &ttl.AttributeName,
				Enabled:       aws.Bool(true),
			},
		})
		if err != nil {
			return fmt.Errorf("dynamo: switch on time to live of table %s: %w", name, err)
		}
	}
	return nil
}

func (d Definition) input(name string) *dynamodb.CreateTableInput {
	in := &dynamodb.CreateTableInput{TableName: &name, BillingMode: types.BillingMode(d.properties.BillingMode)}
	for _, e := range d.properties.KeySchema {
		in.KeySchema = append(in.KeySchema, types.KeySchemaElement{
			AttributeName: &e.AttributeName, KeyType: types.KeyType(e.KeyType),
		})
	}
	for _, e := range d.properties.AttributeDefinitions {
		in.AttributeDefinitions = append(in.AttributeDefinitions, types.AttributeDefinition{
			AttributeName: &e.AttributeName, AttributeType: types.ScalarAttributeType(e.AttributeType),
		})
	}
	if view := d.properties.StreamSpecification.StreamViewType; view != "" {
		in.StreamSpecification = &types.StreamSpecification{
			StreamEnabled: aws.Bool(true), StreamViewType: types.StreamViewType(view),
		}
	}
	return in
}
