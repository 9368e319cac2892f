package kms

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"
	"github.com/aws/aws-sdk-go-v2/credentials"
	awskms "github.com/aws/aws-sdk-go-v2/service/kms"
	"github.com/google/go-cmp/cmp"

	"keyfob/internal/fault"
	"keyfob/internal/keyring"
	"keyfob/internal/keyring/keyringtest"
	"keyfob/internal/kmstest"
)

const (
	alias = "alias/keyfob-reveal"
	text  = "kf_us_EXAMPLEexample01-secret-canary"
)

var binding = keyring.Binding{Account: "acc_EXAMPLEaccount01", Token: "tok_EXAMPLEexample01"}

func client(url string) *awskms.Client {
	return awskms.New(awskms.Options{
		Region: kmstest.Region, BaseEndpoint: aws.String(url), Credentials: credentials.NewStaticCredentialsProvider("AKIDEXAMPLE", "secret", ""),
		HTTPClient: awshttp.NewBuildableClient(),
	})
}

func ring(t *testing.T, c Client, config Config) *Ring {
	t.Helper()
	config.Key = alias
	r, err := New(c, config)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func TestTheContract(t *testing.T) {
	keyringtest.Run(t, func(t *testing.T) keyring.Ring {
		return ring(t, client(kmstest.New(t, []string{alias}).URL), Config{Budget: time.Minute, Attempt: time.Minute})
	})
}

func TestEachCallNamesTheKeyAndTheBinding(t *testing.T) {
	s := kmstest.New(t, []string{alias})
	r := ring(t, client(s.URL), Config{})
	sealed, err := r.Seal(t.Context(), []byte(text), binding)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := r.Open(t.Context(), sealed, binding); err != nil {
		t.Fatal(err)
	}
	bound := map[string]string{"account": binding.Account, "token": binding.Token}
	if diff := cmp.Diff([]kmstest.Call{{Operation: "Encrypt", Key: alias, Context: bound}, {Operation: "Decrypt", Key: alias, Context: bound}}, s.Calls()); diff != "" {
		t.Errorf("calls (-want +got):\n%s", diff)
	}
	if sealed[0] != 1 {
		t.Errorf("the form is %d", sealed[0])
	}
}

// Whoever can write the table could put in what a key of their own has sealed, under the right context.
func TestS30WhatAnotherKeyOfTheAccountHasSealedDoesNotOpen(t *testing.T) {
	s := kmstest.New(t, []string{alias, "alias/another"})
	another, err := New(client(s.URL), Config{Key: "alias/another"})
	if err != nil {
		t.Fatal(err)
	}
	sealed, err := another.Seal(t.Context(), []byte(text), binding)
	if err != nil {
		t.Fatal(err)
	}
	if got, err := ring(t, client(s.URL), Config{}).Open(t.Context(), sealed, binding); !errors.Is(err, keyring.ErrSealed) || got != nil {
		t.Errorf("%v", err)
	}
}

// drop closes the connection without an answer.
func drop(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }

// hold waits until the caller has given up.
func hold(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() }

func raw(status int, body string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(status)
		_, _ = w.Write([]byte(body))
	}
}

func TestS25WhatKMSCannotAnswerIsWorthAnotherTryAndToldWithoutTheText(t *testing.T) {
	for _, c := range []struct {
		name   string
		answer http.HandlerFunc
		calls  int // how often it is asked before the ring gives up
		say    string
	}{
		{"no permission", kmstest.Error(400, "AccessDeniedException", "User: role/x is not authorized to perform: kms:Encrypt"), 1, "not authorized"},
		{"no such key", kmstest.Error(400, "NotFoundException", "Alias is not found."), 1, "Alias is not found"},
		{"disabled key", kmstest.Error(400, "DisabledException", "key is disabled"), 1, "key is disabled"},
		{"key about to be deleted", kmstest.Error(400, "KMSInvalidStateException", "pending deletion"), 1, "pending deletion"},
		{"refused form", kmstest.Error(400, "ValidationException", "at plaintext: "+text), 1, "ValidationException"},
		{"expired credentials", kmstest.Error(400, "ExpiredTokenException", text), 1, "ExpiredTokenException"},
		{"throttled", kmstest.Error(400, "ThrottlingException", "Rate exceeded "+text), maxAttempts, "ThrottlingException"},
		{"internal failure", kmstest.Error(500, "KMSInternalException", text), maxAttempts, "KMSInternalException, status 500, request 42d59b56"},
		{"key unavailable", kmstest.Error(500, "KeyUnavailableException", ""), maxAttempts, "KeyUnavailableException"},
		{"dependency", kmstest.Error(503, "DependencyTimeoutException", ""), maxAttempts, "DependencyTimeoutException"},
		{"no JSON", raw(502, "<html>"+text), maxAttempts, ""},
		{"an answer of nothing", raw(200, "{}"), 1, "without a text"},
		{"an answer that breaks off", raw(200, `{"Plaintext":"`+text), 1, ""},
		{"dropped connection", drop, maxAttempts, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel() // it pauses in earnest between its attempts
			for operation, call := range calls {
				s := kmstest.New(t, []string{alias}, repeat(c.answer, 20)...)
				err := call(t.Context(), ring(t, client(s.URL), Config{}))
				if !fault.Is(err, fault.Unavailable) || errors.Is(err, keyring.ErrSealed) || strings.Contains(fmt.Sprint(err), "canary") || !strings.Contains(fmt.Sprint(err), c.say) {
					t.Errorf("%s: %v, want a fault of kind Unavailable that says %q", operation, err, c.say)
				}
				if n := len(s.Calls()); n != c.calls {
					t.Errorf("%s: asked %d times, want %d", operation, n, c.calls)
				}
			}
		})
	}
}

func TestAFailureThatPassesIsSurvived(t *testing.T) {
	for name, answer := range map[string]http.HandlerFunc{
		"throttled": kmstest.Error(400, "ThrottlingException", ""), "internal failure": kmstest.Error(500, "KMSInternalException", ""), "dropped connection": drop, "slow": hold,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := kmstest.New(t, []string{alias}, answer, nil, answer, nil)
			r := ring(t, client(s.URL), Config{Attempt: 500 * time.Millisecond})
			sealed, err := r.Seal(t.Context(), []byte(text), binding)
			if err != nil {
				t.Fatal(err)
			}
			if got, err := r.Open(t.Context(), sealed, binding); err != nil || string(got) != text {
				t.Errorf("%v", err)
			}
		})
	}
}

// A text that does not open is not asked about again: KMS has decided.
func TestARefusalIsFinal(t *testing.T) {
	for _, code := range []string{"InvalidCiphertextException", "IncorrectKeyException"} {
		s := kmstest.New(t, []string{alias}, repeat(kmstest.Error(400, code, text), 5)...)
		if got, err := ring(t, client(s.URL), Config{}).Open(t.Context(), []byte("\x01a ciphertext"), binding); !errors.Is(err, keyring.ErrSealed) || got != nil || len(s.Calls()) != 1 {
			t.Errorf("%s: %v after %d calls", code, err, len(s.Calls()))
		}
	}
}

// stuck is a KMS that never answers.
type stuck struct{ asked int }

func (s *stuck) Encrypt(ctx context.Context, _ *awskms.EncryptInput, _ ...func(*awskms.Options)) (*awskms.EncryptOutput, error) {
	s.asked++
	<-ctx.Done()
	return nil, ctx.Err()
}

func (s *stuck) Decrypt(ctx context.Context, _ *awskms.DecryptInput, _ ...func(*awskms.Options)) (*awskms.DecryptOutput, error) {
	s.asked++
	<-ctx.Done()
	return nil, ctx.Err()
}

func TestS25AKMSThatNeverAnswersIsGivenUpWithinTheBudget(t *testing.T) {
	for operation, call := range calls {
		synctest.Test(t, func(t *testing.T) {
			s, start := &stuck{}, time.Now()
			err := call(t.Context(), ring(t, s, Config{}))
			if took := time.Since(start); !fault.Is(err, fault.Unavailable) || took > 4*time.Second || took < DefaultAttempt || s.asked < 2 {
				t.Errorf("%s: %v after %v and %d attempts", operation, err, took, s.asked)
			}
			ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond) // the function's own time runs out first
			defer cancel()
			start = time.Now()
			if err := call(ctx, ring(t, s, Config{})); !fault.Is(err, fault.Unavailable) || time.Since(start) != 100*time.Millisecond {
				t.Errorf("%s: %v after %v", operation, err, time.Since(start))
			}
		})
	}
}

func TestWithoutAKeyThereIsNoRing(t *testing.T) {
	if _, err := New(nil, Config{}); err == nil || !strings.Contains(err.Error(), "KEYRING_KEY") {
		t.Errorf("%v", err)
	}
}

// calls are the role's two, with what KMS would take.
var calls = map[string]func(context.Context, *Ring) error{
	"Seal": func(ctx context.Context, r *Ring) error {
		_, err := r.Seal(ctx, []byte(text), binding)
		return err
	},
	"Open": func(ctx context.Context, r *Ring) error {
		_, err := r.Open(ctx, []byte("\x01"+text), binding)
		return err
	},
}

func repeat(h http.HandlerFunc, n int) []http.HandlerFunc {
	out := make([]http.HandlerFunc, n)
	for i := range out {
		out[i] = h
	}
	return out
}
