// The sample function does what its event says, for the tests of package runtimeapi.
package main

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"strings"
	"time"

	"github.com/aws/aws-lambda-go/lambda"
	"github.com/aws/aws-lambda-go/lambdacontext"
)

type event struct{ Do, Text string }

type answer struct {
	Text, RequestID, ARN, Trace string
	Deadline                    time.Time
}

func handle(ctx context.Context, e event) (answer, error) {
	lc, _ := lambdacontext.FromContext(ctx)
	deadline, _ := ctx.Deadline()
	a := answer{Text: e.Text, RequestID: lc.AwsRequestID, ARN: lc.InvokedFunctionArn, Trace: os.Getenv("_X_AMZN_TRACE_ID"), Deadline: deadline}
	switch e.Do {
	case "getenv":
		a.Text = os.Getenv(e.Text)
	case "print":
		fmt.Println(e.Text)
		fmt.Fprintln(os.Stderr, strings.ToUpper(e.Text))
	case "fail":
		return answer{}, errors.New(e.Text)
	case "panic":
		panic(e.Text)
	case "exit":
		os.Exit(3)
	case "hang":
		select {}
	case "answer": // another event than this one
		resp, err := http.Post("http://"+os.Getenv("AWS_LAMBDA_RUNTIME_API")+"/2018-06-01/runtime/invocation/"+e.Text, "application/json", strings.NewReader("{}"))
		if err != nil {
			return answer{}, err
		}
		_ = resp.Body.Close()
		a.Text = resp.Status
	case "large":
		a.Text = strings.Repeat("x", 6<<20+100)
	case "burn":
		for start := time.Now(); time.Since(start) < 50*time.Millisecond; {
		}
	}
	return a, nil
}

func main() {
	if text := os.Getenv("DIE_WITH"); text != "" {
		fmt.Fprintln(os.Stderr, text)
		os.Exit(1)
	}
	lambda.Start(handle)
}
