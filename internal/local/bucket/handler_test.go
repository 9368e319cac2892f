package bucket_test

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"
	"github.com/aws/smithy-go"

	"keyfob/internal/local/bucket"
)

// serve serves the bucket and gives a client of it.
func serve(t *testing.T, b bucket.Bucket) (*s3.Client, string) {
	t.Helper()
	server := httptest.NewServer(http.StripPrefix("/_local/s3", b.Handler(slog.New(slog.DiscardHandler))))
	t.Cleanup(server.Close)
	endpoint := server.URL + "/_local/s3"
	return s3.New(s3.Options{
		Region: "us-east-1", BaseEndpoint: &endpoint, UsePathStyle: true, Retryer: aws.NopRetryer{},
		Credentials: aws.CredentialsProviderFunc(func(context.Context) (aws.Credentials, error) {
			return aws.Credentials{AccessKeyID: "local", SecretAccessKey: "local"}, nil
		}),
	}), endpoint
}

func TestAnS3ClientListsReadsAndDeletes(t *testing.T) {
	b := bucket.In(filepath.Join(t.TempDir(), "failures"))
	client, _ := serve(t, b)
	name := aws.String(bucket.Name)
	var want []string
	for _, n := range []string{"1", "2", "3", "4", "5"} {
		want = append(want, bucket.Key("async/F", at, id+n))
		put(t, b, want[len(want)-1], "object "+n)
	}
	put(t, b, bucket.Key("async/Other", at, id+"6"), "other")
	var got []string
	pages := s3.NewListObjectsV2Paginator(client, &s3.ListObjectsV2Input{Bucket: name, Prefix: aws.String("aws/lambda/async/F/"), MaxKeys: aws.Int32(2)})
	for pages.HasMorePages() {
		page, err := pages.NextPage(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		for _, o := range page.Contents {
			got = append(got, *o.Key)
			if *o.Size != 8 || o.LastModified.IsZero() {
				t.Errorf("%+v", o)
			}
		}
	}
	if strings.Join(got, " ") != strings.Join(want, " ") {
		t.Errorf("listed %q", got)
	}
	out, err := client.GetObject(t.Context(), &s3.GetObjectInput{Bucket: name, Key: &want[2]})
	if err != nil {
		t.Fatal(err)
	}
	data, err := io.ReadAll(out.Body)
	_ = out.Body.Close()
	if string(data) != "object 3" || err != nil {
		t.Errorf("%q, %v", data, err)
	}
	for range 2 { // deleting again is no error
		if _, err := client.DeleteObject(t.Context(), &s3.DeleteObjectInput{Bucket: name, Key: &want[2]}); err != nil {
			t.Error(err)
		}
	}
	_, err = client.GetObject(t.Context(), &s3.GetObjectInput{Bucket: name, Key: &want[2]})
	if !errors.As(err, new(*types.NoSuchKey)) {
		t.Errorf("what was deleted: %v", err)
	}
}

func TestWhatTheBucketDoesNotDoIsAnsweredAsS3Does(t *testing.T) {
	b := bucket.In(filepath.Join(t.TempDir(), "failures"))
	good := bucket.Key("async/F", at, id+"1")
	put(t, b, good, "good")
	client, endpoint := serve(t, b)
	_, err := client.PutObject(t.Context(), &s3.PutObjectInput{Bucket: aws.String(bucket.Name), Key: &good, Body: strings.NewReader("x")})
	if e, ok := errors.AsType[smithy.APIError](err); !ok || e.ErrorCode() != "NotImplemented" {
		t.Errorf("a put: %v", err)
	}
	for _, test := range []struct {
		method, path string
		status       int
		code         string
	}{
		{http.MethodGet, "/other?list-type=2", 404, "NoSuchBucket"},
		{http.MethodGet, "/", 404, "NoSuchBucket"},
		{http.MethodGet, "/failures", 501, "NotImplemented"},
		{http.MethodGet, "/failures?list-type=2&delimiter=/", 501, "NotImplemented"},
		{http.MethodGet, "/failures?list-type=2&max-keys=0", 400, "InvalidArgument"},
		{http.MethodGet, "/failures?list-type=2&continuation-token=*", 400, "InvalidArgument"},
		{http.MethodDelete, "/failures", 501, "NotImplemented"},
		{http.MethodGet, "/failures/" + good + "?acl", 501, "NotImplemented"},
		{http.MethodDelete, "/failures/" + good + "?tagging", 501, "NotImplemented"},
		{http.MethodHead, "/failures/" + good, 501, ""},
		{http.MethodGet, "/failures/aws/lambda/none", 404, "NoSuchKey"},
		{http.MethodGet, "/failures/..%2f..%2fetc%2fpasswd", 404, "NoSuchKey"},
	} {
		req, err := http.NewRequestWithContext(t.Context(), test.method, endpoint+test.path, nil)
		if err != nil {
			t.Fatal(err)
		}
		resp, err := http.DefaultClient.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		body, _ := io.ReadAll(resp.Body)
		_ = resp.Body.Close()
		if resp.StatusCode != test.status || !strings.Contains(string(body), "<Code>"+test.code+"</Code>") && test.code != "" {
			t.Errorf("%s %s: %d %s", test.method, test.path, resp.StatusCode, body)
		}
	}
	if got, _ := keys(t, b, "", "", 10); len(got) != 1 {
		t.Errorf("left %q", got)
	}
}
