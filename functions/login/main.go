// The login function logs people in.
package main

import (
	"os"
	"time"

	"github.com/aws/aws-lambda-go/lambda"

	"keyfob/internal/api"
	"keyfob/internal/awsconf"
	"keyfob/internal/password"
	"keyfob/internal/settings"
	"keyfob/internal/table/dynamo"
)

func main() {
	s := settings.Must(settings.Read(os.Getenv))
	lambda.Start(api.Login(api.Config{
		Table:  dynamo.New(settings.Must(awsconf.DynamoDB(os.Getenv)), dynamo.Config{Table: s.Table}),
		Hasher: password.NewHasher(1), // an instance answers one request at a time
		Form:   s.Form,
		Now:    time.Now,
		Log:    s.Logger(os.Stdout),
		Meter:  s.Meter(os.Stdout, time.Now),
		Origin: s.Origin,
	}))
}
