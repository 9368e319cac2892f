package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"path"
	"slices"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws/retry"
	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"
	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"
)

// failures is the bucket that holds what was given up.
type failures struct {
	bucket string
	client *s3.Client
}

// localBucket is the bucket's name in a service on this machine.
const localBucket = "failures"

// openFailures makes a client of the bucket, or of the one that the service on this machine has.
func openFailures(ctx context.Context, bucket, local string) (*failures, error) {
	if local == "" {
		c, err := config.LoadDefaultConfig(ctx, config.WithHTTPClient(awshttp.NewBuildableClient()))
		if err != nil {
			return nil, err
		}
		return &failures{bucket, s3.NewFromConfig(c, quiet)}, nil
	}
	endpoint, err := onThisMachine(local, "s3")
	if err != nil {
		return nil, err
	}
	return &failures{localBucket, s3.New(s3.Options{
		Region: localRegion, BaseEndpoint: &endpoint, UsePathStyle: true, Retryer: retry.NewStandard(), HTTPClient: awshttp.NewBuildableClient(),
		Credentials: anybody,
	}, quiet)}, nil
}

// quiet keeps the client from remarking that an object has no checksum.
func quiet(o *s3.Options) { o.DisableLogOutputChecksumValidationSkipped = true }

// maxObjects bounds how many objects are redriven at once, because their order is only known when all were listed.
const maxObjects = 100_000

// list gives the keys that start with the prefix, oldest first.
func (f *failures) list(ctx context.Context, prefix string) ([]string, error) {
	type object struct {
		key, named string
		modified   time.Time
	}
	var all []object
	pages := s3.NewListObjectsV2Paginator(f.client, &s3.ListObjectsV2Input{Bucket: &f.bucket, Prefix: &prefix})
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return nil, err
		}
		for _, o := range page.Contents {
			if o.Key == nil || o.LastModified == nil {
				return nil, errors.New("the bucket's list is not S3's")
			}
			name := path.Base(*o.Key)
			all = append(all, object{*o.Key, name[:min(len(name), len("2006-01-02T15.04.05"))], *o.LastModified})
		}
		if len(all) > maxObjects {
			return nil, fmt.Errorf("there are more than %d objects; --prefix names some of them", maxObjects)
		}
	}
	slices.SortFunc(all, func(a, b object) int {
		return cmp.Or(strings.Compare(a.named, b.named), a.modified.Compare(b.modified), strings.Compare(a.key, b.key))
	})
	keys := make([]string, len(all))
	for i, o := range all {
		keys[i] = o.key
	}
	return keys, nil
}

// maxObject bounds an object: one payload of 6 MiB, written as a text with every character escaped twice over.
const maxObject = 32 << 20

var (
	errGone  = errors.New("it is gone: somebody else has dealt with it")
	errLarge = errors.New("it is larger than anything Lambda puts there")
)

// read gives an object's content. The error is errGone where there is none, and errLarge where there is too much.
func (f *failures) read(ctx context.Context, key string) ([]byte, error) {
	out, err := f.client.GetObject(ctx, &s3.GetObjectInput{Bucket: &f.bucket, Key: &key})
	if errors.As(err, new(*types.NoSuchKey)) {
		return nil, errGone
	}
	if err != nil {
		return nil, err
	}
	defer func() { _ = out.Body.Close() }()
	data, err := io.ReadAll(io.LimitReader(out.Body, maxObject+1))
	if err == nil && len(data) > maxObject {
		err = errLarge
	}
	return data, err
}

func (f *failures) delete(ctx context.Context, key string) error {
	_, err := f.client.DeleteObject(ctx, &s3.DeleteObjectInput{Bucket: &f.bucket, Key: &key})
	return err
}
