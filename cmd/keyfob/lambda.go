package main

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"
	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/service/lambda"
	"github.com/go-json-experiment/json"
	"github.com/spf13/cobra"
)

// operatorFunction is the operator function's logical id, by which a service on one machine has it.
const operatorFunction = "OperatorFunction"

// A target is where the operator function is: on AWS, or in a service on this machine.
type target struct{ function, local string }

func (t *target) flags(c *cobra.Command) {
	c.Flags().StringVar(&t.function, "function", "", "the operator function's name or ARN, as the stack's output OperatorFunctionName gives it")
	c.Flags().StringVar(&t.local, "local", "", "instead: where a service started with cmd/local is, such as http://127.0.0.1:3000")
	c.MarkFlagsMutuallyExclusive("function", "local")
}

var errNoTarget = errors.New("one of --function and --local is required")

// operator makes a client of the operator function, which repeats what failed as the retryer says. Credentials and region
// of one on AWS are the machine's own.
func (t *target) operator(ctx context.Context, retryer aws.Retryer) (*operator, error) {
	name := t.function
	if t.local != "" {
		name = operatorFunction
	}
	if name == "" {
		return nil, errNoTarget
	}
	client, err := functions(ctx, t.local, retryer)
	return &operator{name, client}, err
}

// functions makes a client of Lambda, or of the service on this machine where there is one.
func functions(ctx context.Context, local string, retryer aws.Retryer) (*lambda.Client, error) {
	if local == "" {
		c, err := config.LoadDefaultConfig(ctx, config.WithHTTPClient(awshttp.NewBuildableClient()))
		if err != nil {
			return nil, err
		}
		return lambda.NewFromConfig(c, func(o *lambda.Options) { o.Retryer = retryer }), nil
	}
	endpoint, err := onThisMachine(local, "lambda")
	if err != nil {
		return nil, err
	}
	return lambda.New(lambda.Options{
		Region: localRegion, BaseEndpoint: &endpoint, Retryer: retryer, HTTPClient: awshttp.NewBuildableClient(), Credentials: anybody,
	}), nil
}

// onThisMachine gives where a service started with cmd/local has an API of AWS's.
func onThisMachine(local, api string) (string, error) {
	u, err := url.Parse(local)
	if err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" {
		return "", errors.New("--local is a URL such as http://127.0.0.1:3000")
	}
	return strings.TrimSuffix(local, "/") + "/_local/" + api, nil
}

// What runs on this machine takes any credentials and is in any region.
const localRegion = "us-east-1"

var anybody = aws.CredentialsProviderFunc(func(context.Context) (aws.Credentials, error) {
	return aws.Credentials{AccessKeyID: "local", SecretAccessKey: "local"}, nil
})

// operator is the operator function.
type operator struct {
	name   string
	client *lambda.Client
}

// invoke hands the function a command and gives its answer.
func (o *operator) invoke(ctx context.Context, command []byte) ([]byte, error) {
	out, err := o.client.Invoke(ctx, &lambda.InvokeInput{FunctionName: &o.name, Payload: command})
	if ctx.Err() != nil {
		return nil, errors.New("interrupted; whether the last command was carried out is not known")
	}
	if err != nil {
		return nil, err
	}
	if out.FunctionError != nil {
		var failure struct {
			Message string `json:"errorMessage"`
		}
		_ = json.Unmarshal(out.Payload, &failure) // an empty message then says as much
		return nil, fmt.Errorf("the function failed: %s", failure.Message)
	}
	return out.Payload, nil
}

// refused reports whether the answer is a refusal of the command, and says why it was refused.
func refused(answer []byte) (why string, yes bool) {
	var r struct {
		Message string `json:"message"`
	}
	err := json.Unmarshal(answer, &r)
	return r.Message, err == nil && r.Message != ""
}
