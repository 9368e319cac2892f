package awsconf

import (
	"context"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	"github.com/aws/aws-sdk-go-v2/service/ses"
	sestypes "github.com/aws/aws-sdk-go-v2/service/ses/types"
)

// environ is an environment with a function's own variables and those given, name after name and value.
func environ(pairs ...string) func(string) string {
	env := map[string]string{
		"AWS_REGION": "eu-west-1", "AWS_ACCESS_KEY_ID": "AKIDEXAMPLE", "AWS_SECRET_ACCESS_KEY": "secret-canary", "AWS_SESSION_TOKEN": "session",
	}
	for i := 0; i < len(pairs); i += 2 {
		env[pairs[i]] = pairs[i+1]
	}
	return func(name string) string { return env[name] }
}

func get(ctx context.Context, c *dynamodb.Client) error {
	_, err := c.GetItem(ctx, &dynamodb.GetItemInput{TableName: aws.String("t"), Key: map[string]types.AttributeValue{
		"pk": &types.AttributeValueMemberS{Value: "p"},
	}})
	return err
}

func send(ctx context.Context, c *ses.Client) error {
	_, err := c.SendEmail(ctx, &ses.SendEmailInput{
		Source:      aws.String("a@example.com"),
		Destination: &sestypes.Destination{ToAddresses: []string{"b@example.com"}},
		Message: &sestypes.Message{
			Subject: &sestypes.Content{Data: aws.String("s")},
			Body:    &sestypes.Body{Text: &sestypes.Content{Data: aws.String("t")}},
		},
	})
	return err
}

func TestClientsSignForTheEnvironmentsRegionAndCredentialsAtTheirEndpoint(t *testing.T) {
	var seen http.Header
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		seen = r.Header.Clone()
		w.WriteHeader(http.StatusForbidden)
	}))
	defer srv.Close()
	env := environ("AWS_ENDPOINT_URL_DYNAMODB", srv.URL, "AWS_ENDPOINT_URL_SES", srv.URL)
	tables, err := DynamoDB(env)
	if err != nil {
		t.Fatal(err)
	}
	mails, err := SES(env)
	if err != nil {
		t.Fatal(err)
	}
	for service, call := range map[string]func() error{
		"dynamodb": func() error { return get(t.Context(), tables) },
		"ses":      func() error { return send(t.Context(), mails) },
	} {
		seen = nil
		if err := call(); err == nil {
			t.Errorf("%s: the answer 403 is no error", service)
		}
		if auth := seen.Get("Authorization"); !strings.Contains(auth, "Credential=AKIDEXAMPLE/") || !strings.Contains(auth, "/eu-west-1/"+service+"/aws4_request") {
			t.Errorf("%s: %q", service, auth)
		}
		if seen.Get("X-Amz-Security-Token") != "session" {
			t.Errorf("%s: no session token", service)
		}
	}
}

func TestAnEmptyEndpointIsTheServicesOwn(t *testing.T) {
	c, err := Connect(environ("AWS_ENDPOINT_URL_DYNAMODB", ""), "DYNAMODB", time.Second)
	if err != nil || c.Endpoint != nil || c.plain {
		t.Errorf("%+v, %v", c, err)
	}
}

func TestWhatIsMissingIsNamedAndNoSecretIs(t *testing.T) {
	for variable, value := range map[string]string{
		"AWS_REGION": "", "AWS_ACCESS_KEY_ID": "", "AWS_SECRET_ACCESS_KEY": "",
		"AWS_ENDPOINT_URL_DYNAMODB": "localhost:8000", "AWS_CA_BUNDLE": "/nonexistent/bundle.pem",
	} {
		_, err := DynamoDB(environ(variable, value))
		if err == nil || !strings.Contains(err.Error(), variable) || strings.Contains(err.Error(), "canary") {
			t.Errorf("%s=%q: %v", variable, value, err)
		}
	}
}

// answering serves one answer to everything and counts the requests.
func answering(t *testing.T, status int, body string, hangUp bool) (url string, requests *atomic.Int64) {
	requests = new(atomic.Int64)
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		requests.Add(1)
		if hangUp {
			panic(http.ErrAbortHandler)
		}
		w.Header().Set("Content-Type", "text/xml")
		w.WriteHeader(status)
		_, _ = w.Write([]byte(body))
	}))
	t.Cleanup(srv.Close)
	return srv.URL, requests
}

func TestSESRepeatsOnlyWhatIsKnownNotToBeSent(t *testing.T) {
	const errorXML = `<ErrorResponse xmlns="http://ses.amazonaws.com/doc/2010-12-01/"><Error><Type>Sender</Type><Code>CODE</Code><Message>m</Message></Error></ErrorResponse>`
	for _, c := range []struct {
		name, code string
		status     int
		hangUp     bool
		want       int64
	}{
		{"Throttled", "Throttling", 400, false, 3},
		{"Rejected", "MessageRejected", 400, false, 1},
		{"ServerError", "InternalFailure", 500, false, 1},
		{"AnswerLost", "", 0, true, 1},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel() // the SDK pauses in earnest
			url, requests := answering(t, c.status, strings.Replace(errorXML, "CODE", c.code, 1), c.hangUp)
			client, err := SES(environ("AWS_ENDPOINT_URL_SES", url))
			if err != nil {
				t.Fatal(err)
			}
			if err := send(t.Context(), client); err == nil {
				t.Error("no error")
			}
			if n := requests.Load(); n != c.want {
				t.Errorf("%d requests, want %d", n, c.want)
			}
		})
	}
}

func TestDynamoDBRepeatsNothingItself(t *testing.T) {
	url, requests := answering(t, 500, `{"__type":"InternalServerError"}`, false)
	client, err := DynamoDB(environ("AWS_ENDPOINT_URL_DYNAMODB", url))
	if err != nil {
		t.Fatal(err)
	}
	if err := get(t.Context(), client); err == nil || requests.Load() != 1 {
		t.Errorf("%v after %d requests", err, requests.Load())
	}
}
