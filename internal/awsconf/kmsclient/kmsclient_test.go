package kmsclient

import (
	"context"
	"io"
	"log"
	"maps"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/kms"
)

// environ is an environment with a function's own variables and those given.
func environ(more map[string]string) func(string) string {
	env := map[string]string{
		"AWS_REGION": "eu-west-1", "AWS_ACCESS_KEY_ID": "AKIDEXAMPLE", "AWS_SECRET_ACCESS_KEY": "secret-canary", "AWS_SESSION_TOKEN": "session",
	}
	maps.Copy(env, more)
	return func(name string) string { return env[name] }
}

func encrypt(ctx context.Context, c *kms.Client) error {
	_, err := c.Encrypt(ctx, &kms.EncryptInput{KeyId: aws.String("alias/keyfob-reveal"), Plaintext: []byte("text")})
	return err
}

func TestTheClientSignsForTheEnvironmentAtItsEndpointAndRepeatsNothing(t *testing.T) {
	var seen []http.Header
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		seen = append(seen, r.Header.Clone())
		w.WriteHeader(http.StatusInternalServerError)
	}))
	defer srv.Close()
	c, err := New(environ(map[string]string{"AWS_ENDPOINT_URL_KMS": srv.URL}))
	if err != nil {
		t.Fatal(err)
	}
	if err := encrypt(t.Context(), c); err == nil || len(seen) != 1 {
		t.Fatalf("%v after %d requests", err, len(seen))
	}
	auth := seen[0].Get("Authorization")
	if !strings.Contains(auth, "Credential=AKIDEXAMPLE/") || !strings.Contains(auth, "/eu-west-1/kms/aws4_request") || seen[0].Get("X-Amz-Security-Token") != "session" {
		t.Errorf("%q", auth)
	}
}

func TestWithoutAnEndpointItIsKMSsOwn(t *testing.T) {
	c, err := New(environ(map[string]string{"AWS_ENDPOINT_URL_KMS": ""}))
	if err != nil || c.Options().BaseEndpoint != nil || c.Options().Region != "eu-west-1" {
		t.Errorf("%v, %v", c, err)
	}
}

// The plaintext goes over this connection: a service that nobody has vouched for does not get it.
func TestAServiceWithAnUnknownCertificateSeesNoRequest(t *testing.T) {
	requests := 0
	srv := httptest.NewUnstartedServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { requests++ }))
	srv.Config.ErrorLog = log.New(io.Discard, "", 0)
	srv.StartTLS()
	defer srv.Close()
	c, err := New(environ(map[string]string{"AWS_ENDPOINT_URL_KMS": srv.URL}))
	if err != nil {
		t.Fatal(err)
	}
	if err := encrypt(t.Context(), c); err == nil || requests != 0 {
		t.Errorf("%v, %d requests", err, requests)
	}
}

func TestWhatIsMissingIsNamedAndNoSecretIs(t *testing.T) {
	for variable, value := range map[string]string{
		"AWS_REGION": "", "AWS_ACCESS_KEY_ID": "", "AWS_SECRET_ACCESS_KEY": "", "AWS_ENDPOINT_URL_KMS": "localhost:4599",
		"AWS_CA_BUNDLE": filepath.Join(os.TempDir(), "absent", "bundle.pem"),
	} {
		_, err := New(environ(map[string]string{variable: value}))
		if err == nil || !strings.Contains(err.Error(), variable) || strings.Contains(err.Error(), "canary") {
			t.Errorf("%s=%q: %v", variable, value, err)
		}
	}
}
