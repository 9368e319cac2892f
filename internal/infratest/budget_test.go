package infratest

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"net/http"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/aws/aws-lambda-go/lambda"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	awskms "github.com/aws/aws-sdk-go-v2/service/kms"
	awsses "github.com/aws/aws-sdk-go-v2/service/ses"

	"keyfob/internal/api"
	"keyfob/internal/authorizer"
	"keyfob/internal/awsconf"
	"keyfob/internal/awsconf/kmsclient"
	"keyfob/internal/factor/passkey"
	"keyfob/internal/functions"
	"keyfob/internal/keyring/kms"
	"keyfob/internal/mail/ses"
	"keyfob/internal/notice"
	"keyfob/internal/password"
	"keyfob/internal/table/dynamo"
	"keyfob/internal/template"
	"keyfob/internal/token"
)

// troubles are what can be wrong with DynamoDB, KMS and SES, or with the way to them. Each is asked with every request.
var troubles = map[string]func(*http.Request) (*http.Response, error){
	"hangs": func(r *http.Request) (*http.Response, error) {
		<-r.Context().Done()
		return nil, r.Context().Err()
	},
	"stops in the middle of the answer": func(r *http.Request) (*http.Response, error) {
		return answered(http.StatusOK, endless{r.Context()}), nil
	},
	"throttles": func(*http.Request) (*http.Response, error) {
		return answered(http.StatusBadRequest, io.NopCloser(strings.NewReader(`{"__type":"com.amazon.coral#ThrottlingException"}`))), nil
	},
	"fails": func(*http.Request) (*http.Response, error) {
		return answered(http.StatusInternalServerError, io.NopCloser(strings.NewReader(`{"__type":"com.amazon.coral#InternalServerError"}`))), nil
	},
	"is cut off": func(*http.Request) (*http.Response, error) { return nil, errors.New("connection reset by peer") },
	"refuses": func(*http.Request) (*http.Response, error) {
		return answered(http.StatusBadRequest, io.NopCloser(strings.NewReader(`{"__type":"com.amazon.coral#AccessDeniedException"}`))), nil
	},
}

func answered(status int, body io.ReadCloser) *http.Response {
	return &http.Response{StatusCode: status, Header: http.Header{"Content-Type": {"application/x-amz-json-1.0"}}, Body: body}
}

// endless is a body of which nothing comes.
type endless struct{ ctx context.Context }

func (e endless) Read([]byte) (int, error) { <-e.ctx.Done(); return 0, e.ctx.Err() }
func (e endless) Close() error             { return nil }

// A way leads to the services, and counts what is sent on it.
type way struct {
	trouble func(*http.Request) (*http.Response, error)
	sent    atomic.Int64
}

func (w *way) RoundTrip(r *http.Request) (*http.Response, error) {
	w.sent.Add(1)
	return w.trouble(r)
}

// troubled makes the functions, by their CodeUri, with every way out troubled, and with the clients and the bounds that
// their mains give them.
func troubled(t *testing.T, w *way) map[string]lambda.Handler {
	t.Helper()
	getenv := func(name string) string {
		return map[string]string{"AWS_REGION": "us-east-1", "AWS_ACCESS_KEY_ID": "AKIDEXAMPLE", "AWS_SECRET_ACCESS_KEY": "example"}[name]
	}
	over := &http.Client{Transport: w}
	db, err := awsconf.DynamoDB(getenv)
	if err != nil {
		t.Fatal(err)
	}
	mails, err := awsconf.SES(getenv)
	if err != nil {
		t.Fatal(err)
	}
	keys, err := kmsclient.New(getenv)
	if err != nil {
		t.Fatal(err)
	}
	sender, err := ses.New(awsses.New(mails.Options(), func(o *awsses.Options) { o.HTTPClient = over }), ses.Config{From: "keyfob@example.com"})
	if err != nil {
		t.Fatal(err)
	}
	ring, err := kms.New(awskms.New(keys.Options(), func(o *awskms.Options) { o.HTTPClient = over }), kms.Config{Key: "alias/keyfob-reveal"})
	if err != nil {
		t.Fatal(err)
	}
	made, err := functions.Handlers(func(string) (api.Config, error) {
		return api.Config{
			Table:  dynamo.New(dynamodb.New(db.Options(), func(o *dynamodb.Options) { o.HTTPClient = over }), dynamo.Config{Table: "keyfob"}),
			Sender: sender, Keys: ring, Hasher: password.NewHasher(1), Passkeys: passkey.Keys{},
			Form: token.Form{Brand: "kf", Realm: "us"}, Now: time.Now, Log: slog.New(slog.NewJSONHandler(io.Discard, nil)), URL: "https://keys.example.com",
		}, nil
	}, authorizer.Routes{})
	if err != nil {
		t.Fatal(err)
	}
	return made
}

// unhurried are the functions whose time-out is a failure like any other: their event comes again, or an operator asks again.
var unhurried = []string{"functions/feedback", "functions/operator"}

// S25, P7: with whatever trouble there is with what a function stands on, it answers before its time is up, and therefore
// before the gateway's is: with 503 and when to come back, or, where nobody waits, with what is outstanding. It never
// says yes, and it says so once: repeating is bounded.
func TestS25EveryFunctionAnswersInTimeWhateverIsWrong(t *testing.T) {
	tm := load(t, "template.yaml", nil)
	var names []string
	for _, f := range tm.Functions {
		names = append(names, f.CodeURI)
	}
	if slices.Sort(names); !slices.Equal(names, slices.Sorted(maps.Keys(troubled(t, &way{})))) {
		t.Fatalf("the functions are %v", names)
	}
	for trouble, send := range troubles {
		t.Run(trouble, func(t *testing.T) {
			asked := map[string]bool{}
			for _, f := range tm.Functions {
				for name, event := range cases(t, f) {
					payload, err := json.Marshal(event)
					if err != nil {
						t.Fatal(err)
					}
					// Little is left where what came before has taken long; less than the budget of one call.
					for _, left := range []time.Duration{f.Timeout, 2 * time.Second} {
						synctest.Test(t, func(t *testing.T) {
							w := &way{trouble: send}
							h := troubled(t, w)[f.CodeURI]
							ctx, cancel := context.WithTimeout(t.Context(), left)
							defer cancel()
							out, err := h.Invoke(ctx, payload)
							if ctx.Err() != nil && (left == f.Timeout || !slices.Contains(unhurried, f.CodeURI)) {
								t.Errorf("%s/%s: its time was up: %s, %v", f.CodeURI, name, out, err)
							}
							if w.sent.Load() == 0 {
								return
							}
							asked[f.CodeURI] = true
							if why := wrong(f, out, err); why != "" {
								t.Errorf("%s/%s: %s", f.CodeURI, name, why)
							}
							if n := w.sent.Load(); n > 400 {
								t.Errorf("%s/%s: it sent %d requests", f.CodeURI, name, n)
							}
						})
					}
				}
			}
			for _, f := range tm.Functions {
				if quiet := slices.Contains([]string{"functions/dashboard", "functions/tokeninfo"}, f.CodeURI); asked[f.CodeURI] == quiet {
					t.Errorf("%s asks for something: %v", f.CodeURI, asked[f.CodeURI])
				}
			}
		})
	}
}

// wrong says what is wrong with an answer that could not be given.
func wrong(f template.Function, out []byte, err error) string {
	switch f.CodeURI {
	case "authorizer":
		if err == nil || err.Error() == "Unauthorized" {
			return fmt.Sprintf("it decided: %s, %v", out, err)
		}
		return ""
	case "functions/feedback", "functions/operator", "functions/sweep": // whoever invoked it sees that it failed
		if err == nil {
			return "it did not fail: " + string(out)
		}
		return ""
	}
	var a struct {
		StatusCode        int
		Headers           map[string]string
		BatchItemFailures []any
	}
	if e := json.Unmarshal(out, &a); e != nil || err != nil {
		return fmt.Sprintf("%s, %v", out, err)
	}
	switch f.CodeURI {
	case "functions/notify", "functions/upkeep":
		if len(a.BatchItemFailures) == 0 {
			return "it says that all is done"
		}
	default:
		if a.StatusCode != http.StatusServiceUnavailable || a.Headers["Retry-After"] == "" {
			return fmt.Sprintf("it answers %d: %s", a.StatusCode, out)
		}
	}
	return ""
}

// What is claimed is left to who claimed it for longer than they may run, so that a mail is not sent by two.
func TestP6NoSenderOutlivesItsClaim(t *testing.T) {
	for _, f := range load(t, "template.yaml", nil).Functions {
		if f.CodeURI == "functions/notify" || f.CodeURI == "functions/upkeep" || f.CodeURI == "functions/sweep" {
			if f.Timeout >= notice.Lease {
				t.Errorf("%s may run for %v", f.LogicalID, f.Timeout)
			}
		}
	}
}
