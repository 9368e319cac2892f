// The notify function sees that people are told of events; the table's stream feeds it.
package main

import (
	"os"
	"time"

	"github.com/aws/aws-lambda-go/lambda"

	"keyfob/internal/api"
	"keyfob/internal/awsconf"
	"keyfob/internal/mail/ses"
	"keyfob/internal/settings"
	"keyfob/internal/table/dynamo"
)

func main() {
	s := settings.Must(settings.Read(os.Getenv))
	lambda.Start(api.Notify(api.Config{
		Table:  dynamo.New(settings.Must(awsconf.DynamoDB(os.Getenv)), dynamo.Config{Table: s.Table}),
		Sender: settings.Must(ses.New(settings.Must(awsconf.SES(os.Getenv)), ses.Config{From: s.MailFrom, ConfigurationSet: s.ConfigurationSet})),
		Form:   s.Form,
		Now:    time.Now,
		Log:    s.Logger(os.Stdout),
		Meter:  s.Meter(os.Stdout, time.Now),
		Origin: s.Origin,
		URL:    s.URL,
	}))
}
