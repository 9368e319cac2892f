// Package awsconf makes the AWS clients of Keyfob's functions, by hand and from the function's environment alone.
//
// It promises:
//   - A cold start pays for nothing that a function on Lambda does not need: no configuration files, no instance
//     metadata, no chain of credential providers, and no parsing of 140 root certificates when the service's chain
//     ends in one of Amazon's five (docs/decisions/0003-cold-start.md has the figures).
//   - A service's certificate is always checked: against Amazon's roots first, and against the system's when its
//     authority is not one of those.
//   - Everything is bounded, so that a function answers before the gateway in front of it gives up.
//
// The variables it reads are AWS_REGION (or AWS_DEFAULT_REGION), AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY,
// AWS_SESSION_TOKEN, AWS_ENDPOINT_URL_DYNAMODB, AWS_ENDPOINT_URL_SES and AWS_CA_BUNDLE; an empty one is an unset one.
// Connect reads the endpoint's variable of the service that it is asked for.
//
// The client of a service that few functions use has a package of its own below this one (kmsclient): a package of the
// SDK is set up at the start of every function that it is linked into, whether it is called or not.
//
// It is not for a person's own machine, where credentials come from profiles and single sign-on: that is what
// config.LoadDefaultConfig is for.
package awsconf

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/aws/retry"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/ses"
)

// DynamoDB gives a client of DynamoDB. Repeating what failed is left to its user, package table/dynamo.
func DynamoDB(getenv func(string) string) (*dynamodb.Client, error) {
	c, err := Connect(getenv, "DYNAMODB", 3*time.Second)
	if err != nil {
		return nil, err
	}
	return dynamodb.New(dynamodb.Options{
		Region:       c.Region,
		Credentials:  c.Credentials,
		BaseEndpoint: c.Endpoint,
		HTTPClient:   c.HTTP,
		Retryer:      aws.NopRetryer{},
		// What listens without TLS is DynamoDB Local, whose checksums cannot be relied on.
		DisableValidateResponseChecksum: c.plain,
	}), nil
}

// SES gives a client of SES. It repeats only what SES says it has not accepted: SES has no idempotency token, so a
// mail whose answer was lost would be sent twice.
func SES(getenv func(string) string) (*ses.Client, error) {
	c, err := Connect(getenv, "SES", 8*time.Second)
	if err != nil {
		return nil, err
	}
	return ses.New(ses.Options{
		Region:       c.Region,
		Credentials:  c.Credentials,
		BaseEndpoint: c.Endpoint,
		HTTPClient:   c.HTTP,
		Retryer: retry.NewStandard(func(o *retry.StandardOptions) {
			o.MaxAttempts = 3
			o.MaxBackoff = time.Second
			o.Retryables = []retry.IsErrorRetryable{retry.RetryableErrorCode{Codes: retry.DefaultThrottleErrorCodes}}
		}),
	}), nil
}

// A Connection is what the client of any service is made of.
type Connection struct {
	Region      string
	Credentials aws.CredentialsProvider
	Endpoint    *string // nil for the service's own
	HTTP        *http.Client

	plain bool // the endpoint is one without TLS
}

// Connect gives what the environment says for a service, whose name is as in AWS_ENDPOINT_URL_<NAME>. A request may wait
// for its answer's header for the time given.
func Connect(getenv func(string) string, service string, answerTime time.Duration) (Connection, error) {
	c := Connection{Region: cmp.Or(getenv("AWS_REGION"), getenv("AWS_DEFAULT_REGION"))}
	if c.Region == "" {
		return Connection{}, errors.New("awsconf: AWS_REGION is not set")
	}
	// Lambda gives a function credentials that outlive it, so they are read once.
	given := aws.Credentials{
		AccessKeyID:     getenv("AWS_ACCESS_KEY_ID"),
		SecretAccessKey: getenv("AWS_SECRET_ACCESS_KEY"),
		SessionToken:    getenv("AWS_SESSION_TOKEN"),
		Source:          "environment",
	}
	if given.AccessKeyID == "" || given.SecretAccessKey == "" {
		return Connection{}, errors.New("awsconf: AWS_ACCESS_KEY_ID or AWS_SECRET_ACCESS_KEY is not set")
	}
	c.Credentials = aws.CredentialsProviderFunc(func(context.Context) (aws.Credentials, error) { return given, nil })
	variable := "AWS_ENDPOINT_URL_" + service
	if endpoint := getenv(variable); endpoint != "" {
		u, err := url.Parse(endpoint)
		if err != nil || u.Host == "" || u.Scheme != "https" && u.Scheme != "http" {
			return Connection{}, fmt.Errorf("awsconf: %s is not an http or https URL", variable)
		}
		c.Endpoint, c.plain = &endpoint, u.Scheme == "http"
	}
	var err error
	c.HTTP, err = httpClient(getenv, answerTime)
	return c, err
}
