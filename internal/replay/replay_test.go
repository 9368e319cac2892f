package replay

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"keyfob/internal/dynamotest"
	"keyfob/internal/kmstest"
	"keyfob/internal/runtimeapi"
)

const root = "../.."

// answer is what functions of any kind may answer with.
type answer struct {
	StatusCode        int
	Body              string
	PolicyDocument    *struct{ Statement []struct{ Effect string } }
	IsAuthorized      *bool
	BatchItemFailures []any
	Message           string
}

// verdict puts an answer into one word: served, refused, or what went wrong.
func verdict(function string, r runtimeapi.Result) string {
	var a answer
	if err := json.Unmarshal(r.Payload, &a); err != nil {
		return "an answer that is no JSON object: " + string(r.Payload)
	}
	served := false
	switch {
	case r.FunctionError != "":
		if function == "authorizer" && strings.Contains(string(r.Payload), `"errorMessage":"Unauthorized"`) {
			return "refused"
		}
		if (function == "feedback" || function == "sweep") && strings.Contains(string(r.Payload), `"errorMessage":"api: `) {
			return "refused"
		}
		return "a failure: " + string(r.Payload)
	case function == "authorizer" && a.IsAuthorized != nil:
		served = *a.IsAuthorized
	case function == "authorizer" && a.PolicyDocument != nil:
		served = a.PolicyDocument.Statement[0].Effect == "Allow"
	case function == "notify" || function == "upkeep":
		served = len(a.BatchItemFailures) == 0
	case function == "feedback" || function == "sweep":
		served = true // else it is a failure
	case function == "operator":
		served = a.Message == "" // a refusal says why
	case a.StatusCode >= 200 && a.StatusCode < 300:
		served = true
	case a.StatusCode < 400 || a.StatusCode >= 500:
		return fmt.Sprintf("an answer of status %d: %s", a.StatusCode, a.Body)
	}
	if served {
		return "served"
	}
	return "refused"
}

// mailService is an SES that takes everything.
func mailService(t *testing.T) string {
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/xml")
		fmt.Fprint(w, `<SendEmailResponse xmlns="http://ses.amazonaws.com/doc/2010-12-01/"><SendEmailResult><MessageId>example</MessageId></SendEmailResult></SendEmailResponse>`)
	}))
	t.Cleanup(s.Close)
	return s.URL
}

// environ is the environment that template.yaml gives the functions, pointed at this machine.
func environ(t *testing.T, tableName, mail string, keys *kmstest.Server) []string {
	return append(dynamotest.Shared(t).Environ(), "TABLE_NAME="+tableName, "BRAND=kf", "REALM=us", "MAIL_FROM=keyfob@example.com", "LOG_LEVEL=DEBUG",
		"AWS_ENDPOINT_URL_SES="+mail, "AWS_ENDPOINT_URL_KMS="+keys.URL, "KEYRING_KEY="+keyAlias, "PUBLIC_URL=https://keys.example.com", "AWS_LAMBDA_FUNCTION_NAME=replay")
}

func TestEveryEventIsServedOrRefusedAsItsNameSays(t *testing.T) {
	folders, err := filepath.Glob(filepath.Join(root, "events", "*", ""))
	if err != nil {
		t.Fatal(err)
	}
	mail := mailService(t)
	functions, files := 0, 0
	for _, folder := range folders {
		if info, err := os.Stat(folder); err != nil || !info.IsDir() {
			continue
		}
		name := filepath.Base(folder)
		pkg := filepath.Join(root, "functions", name)
		if name == "authorizer" {
			pkg = filepath.Join(root, name)
		}
		cases, err := filepath.Glob(filepath.Join(folder, "*.json"))
		if err != nil {
			t.Fatal(err)
		}
		functions, files = functions+1, files+len(cases)
		t.Run(name, func(t *testing.T) {
			dynamotest.Shared(t) // skips, before anything is built, where there is none
			binary, err := runtimeapi.Build(t.Context(), "./"+pkg, t.TempDir())
			if err != nil {
				t.Fatal(err)
			}
			var good, bad int
			for _, file := range cases {
				if strings.HasPrefix(filepath.Base(file), "bad-") {
					bad++
				} else {
					good++
				}
				t.Run(filepath.Base(file), func(t *testing.T) { replay(t, name, binary, file, mail) })
			}
			if good == 0 || bad == 0 {
				t.Errorf("%d good events and %d bad ones; there is at least one of each", good, bad)
			}
		})
	}
	if functions < 24 || files < 2*functions {
		t.Fatalf("%d events for %d functions found", files, functions)
	}
}

func replay(t *testing.T, function, binary, file, mail string) {
	payload, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	keys := kmstest.New(t, []string{keyAlias})
	tableName := world(t, keys)
	f, err := runtimeapi.Start(t.Context(), binary, environ(t, tableName, mail, keys))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	result, err := f.Invoke(t.Context(), payload)
	if err != nil {
		t.Fatal(err)
	}
	want := "served"
	if strings.HasPrefix(filepath.Base(file), "bad-") {
		want = "refused"
	}
	if got := verdict(function, result); got != want {
		t.Errorf("%s, want it %s: %s\n%s", got, want, result.Payload, f.Output())
	}
	for _, canary := range []string{"ExampleSecret", ownerPassword} {
		if strings.Contains(f.Output(), canary) {
			t.Errorf("a secret is in the log:\n%s", f.Output())
		}
	}
}
