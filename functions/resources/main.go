// The resources function keeps the catalogue of what tokens can be scoped to.
package main

import (
	"os"
	"time"

	"github.com/aws/aws-lambda-go/lambda"

	"keyfob/internal/api"
	"keyfob/internal/awsconf"
	"keyfob/internal/settings"
	"keyfob/internal/table/dynamo"
)

func main() {
	s := settings.Must(settings.Read(os.Getenv))
	lambda.Start(api.Resources(api.Config{
		Table:  dynamo.New(settings.Must(awsconf.DynamoDB(os.Getenv)), dynamo.Config{Table: s.Table}),
		Form:   s.Form,
		Now:    time.Now,
		Log:    s.Logger(os.Stdout),
		Meter:  s.Meter(os.Stdout, time.Now),
		Origin: s.Origin,
	}))
}
