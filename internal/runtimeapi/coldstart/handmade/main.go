// The handmade function reads one item with a client that package awsconf made, for BenchmarkColdStart.
package main

import (
	"context"
	"fmt"
	"os"

	"github.com/aws/aws-lambda-go/lambda"

	"keyfob/internal/awsconf"
	"keyfob/internal/table"
	"keyfob/internal/table/dynamo"
)

func main() {
	client, err := awsconf.DynamoDB(os.Getenv)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	tbl := dynamo.New(client, dynamo.Config{Table: os.Getenv("TABLE_NAME")})
	lambda.Start(func(ctx context.Context, k table.Key) (int64, error) {
		items, err := tbl.Get(ctx, k)
		if err != nil {
			return 0, err
		}
		return items[0].Version(), nil
	})
}
