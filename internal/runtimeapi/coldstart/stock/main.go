// The stock function reads one item with a client that the SDK configured, for BenchmarkColdStart.
package main

import (
	"context"
	"fmt"
	"os"

	"github.com/aws/aws-lambda-go/lambda"
	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"

	"keyfob/internal/table"
	"keyfob/internal/table/dynamo"
)

func main() {
	cfg, err := config.LoadDefaultConfig(context.Background())
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	tbl := dynamo.New(dynamodb.NewFromConfig(cfg), dynamo.Config{Table: os.Getenv("TABLE_NAME")})
	lambda.Start(func(ctx context.Context, k table.Key) (int64, error) {
		items, err := tbl.Get(ctx, k)
		if err != nil {
			return 0, err
		}
		return items[0].Version(), nil
	})
}
