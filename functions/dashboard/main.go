// The dashboard function serves the pages that people see. It has no permissions.
package main

import (
	"os"
	"time"

	"github.com/aws/aws-lambda-go/lambda"

	"keyfob/internal/api"
	"keyfob/internal/settings"
)

func main() {
	s := settings.Must(settings.Read(os.Getenv))
	lambda.Start(api.Dashboard(api.Config{
		Form:  s.Form,
		Now:   time.Now,
		Log:   s.Logger(os.Stdout),
		Meter: s.Meter(os.Stdout, time.Now),
	}))
}
