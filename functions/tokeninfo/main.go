// The tokeninfo function tells a credential's holder what it is. It has no permissions: the authorizer has read it all.
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
	lambda.Start(api.TokenInfo(api.Config{
		Form:   s.Form,
		Now:    time.Now,
		Log:    s.Logger(os.Stdout),
		Meter:  s.Meter(os.Stdout, time.Now),
		Origin: s.Origin,
	}))
}
