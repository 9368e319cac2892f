package dynamo_test

import (
	"context"
	"testing"
	"time"

	"keyfob/internal/dynamotest"
	"keyfob/internal/table/dynamo"
	"keyfob/internal/table/tabletest"
	"keyfob/internal/template"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
)

func TestContract(t *testing.T) {
	local := dynamotest.New(t)
	tabletest.Run(t, func(t *testing.T) tabletest.Fixture {
		client := local.Client()
		name := newTable(t, client)
		feed, err := newStreamFeed(t.Context(), client, local.Streams(), name)
		if err != nil {
			t.Fatal(err)
		}
		return tabletest.Fixture{
			// DynamoDB Local does one thing at a time; under the suite's load it takes longer than DynamoDB.
			Table: dynamo.New(client, dynamo.Config{Table: name, Budget: 2 * time.Minute, Attempt: time.Minute}),
			Feed:  feed,
			Wait:  wait,
			Tries: 600,
		}
	})
}

// newTable makes a table of the deployed definition. It goes with the server.
func newTable(t *testing.T, admin *dynamodb.Client) string {
	t.Helper()
	name := dynamotest.TableName()
	if err := definition(t).Create(t.Context(), admin, name); err != nil {
		t.Fatal(err)
	}
	return name
}

// wait gives DynamoDB Local's stream and its purge some time.
func wait(ctx context.Context) error {
	timer := time.NewTimer(100 * time.Millisecond)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

func definition(t *testing.T) dynamo.Definition {
	t.Helper()
	d, err := dynamo.Define(properties(t))
	if err != nil {
		t.Fatal(err)
	}
	return d
}

// properties are those of the deployed table.
func properties(t *testing.T) map[string]any {
	t.Helper()
	file, err := template.Load("../../../infra/table.yaml", template.Options{})
	if err != nil {
		t.Fatal(err)
	}
	p, err := file.Properties("Table")
	if err != nil {
		t.Fatal(err)
	}
	return p
}
