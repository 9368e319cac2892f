// The unlock function unlocks sessions with a second factor, and has people prove themselves once more.
package main

import (
	"os"
	"time"

	"github.com/aws/aws-lambda-go/lambda"

	"keyfob/internal/api"
	"keyfob/internal/awsconf"
	"keyfob/internal/awsconf/kmsclient"
	"keyfob/internal/factor/passkey"
	"keyfob/internal/keyring/kms"
	"keyfob/internal/password"
	"keyfob/internal/settings"
	"keyfob/internal/table/dynamo"
)

func main() {
	s := settings.Must(settings.Read(os.Getenv))
	lambda.Start(api.Unlock(api.Config{
		Table:    dynamo.New(settings.Must(awsconf.DynamoDB(os.Getenv)), dynamo.Config{Table: s.Table}),
		Hasher:   password.NewHasher(1), // an instance answers one request at a time
		Keys:     settings.Must(kms.New(settings.Must(kmsclient.New(os.Getenv)), kms.Config{Key: s.KeyringKey})),
		Passkeys: passkey.Keys{},
		Form:     s.Form,
		Now:      time.Now,
		Log:      s.Logger(os.Stdout),
		Meter:    s.Meter(os.Stdout, time.Now),
		Origin:   s.Origin,
		URL:      s.URL,
	}))
}
