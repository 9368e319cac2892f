// The revealtoken function shows API tokens once more that were made for it; it alone can open what is sealed.
package main

import (
	"os"
	"time"

	"github.com/aws/aws-lambda-go/lambda"

	"keyfob/internal/api"
	"keyfob/internal/awsconf"
	"keyfob/internal/awsconf/kmsclient"
	"keyfob/internal/keyring/kms"
	"keyfob/internal/settings"
	"keyfob/internal/table/dynamo"
)

func main() {
	s := settings.Must(settings.Read(os.Getenv))
	lambda.Start(api.RevealToken(api.Config{
		Table:  dynamo.New(settings.Must(awsconf.DynamoDB(os.Getenv)), dynamo.Config{Table: s.Table}),
		Keys:   settings.Must(kms.New(settings.Must(kmsclient.New(os.Getenv)), kms.Config{Key: s.KeyringKey})),
		Form:   s.Form,
		Now:    time.Now,
		Log:    s.Logger(os.Stdout),
		Meter:  s.Meter(os.Stdout, time.Now),
		Origin: s.Origin,
	}))
}
