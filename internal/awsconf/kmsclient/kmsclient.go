// Package kmsclient makes the AWS KMS client of the functions that seal credentials or open them.
//
// It promises what package awsconf promises, and reads what that reads, with AWS_ENDPOINT_URL_KMS. It is a package of
// its own so that no other function pays for setting up the SDK's package for KMS at its start.
//
// The client repeats nothing by itself: that is left to its user, package keyring/kms.
package kmsclient

import (
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/kms"

	"keyfob/internal/awsconf"
)

// New gives a client of KMS.
func New(getenv func(string) string) (*kms.Client, error) {
	c, err := awsconf.Connect(getenv, "KMS", 3*time.Second)
	if err != nil {
		return nil, err
	}
	return kms.New(kms.Options{
		Region:       c.Region,
		Credentials:  c.Credentials,
		BaseEndpoint: c.Endpoint,
		HTTPClient:   c.HTTP,
		Retryer:      aws.NopRetryer{},
	}), nil
}
