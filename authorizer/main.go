// The authorizer decides for API Gateway whether a request may go on: on Keyfob's routes, and on those of any API that
// attaches it.
package main

import (
	_ "embed"
	"os"
	"time"

	"github.com/aws/aws-lambda-go/lambda"

	"keyfob/internal/authority"
	"keyfob/internal/authorizer"
	"keyfob/internal/awsconf"
	"keyfob/internal/settings"
	"keyfob/internal/table/dynamo"
)

//go:embed routes.yaml
var routesYAML []byte

func main() {
	s := settings.Must(settings.Read(os.Getenv))
	lambda.Start(authorizer.New(authorizer.Config{
		Authority: &authority.Authority{
			Table: dynamo.New(settings.Must(awsconf.DynamoDB(os.Getenv)), dynamo.Config{Table: s.Table}),
			Now:   time.Now,
			Form:  s.Form,
		},
		Routes: settings.Must(authorizer.ParseRoutes(routesYAML)),
		Log:    s.Logger(os.Stdout),
		Meter:  s.Meter(os.Stdout, time.Now),
	}))
}
