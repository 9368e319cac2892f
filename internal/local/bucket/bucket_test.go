package bucket_test

import (
	"errors"
	"io"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"keyfob/internal/local/bucket"
)

const id = "0b1c2d3e-0000-4000-8000-00000000000"

var at = time.Date(2026, 11, 21, 20, 0, 1, 0, time.UTC)

func put(t *testing.T, b bucket.Bucket, key, text string) {
	t.Helper()
	if err := b.Put(key, []byte(text)); err != nil {
		t.Fatal(err)
	}
}

func keys(t *testing.T, b bucket.Bucket, prefix, after string, limit int) ([]string, bool) {
	t.Helper()
	objects, more, err := b.List(prefix, after, limit)
	if err != nil {
		t.Fatal(err)
	}
	var out []string
	for _, o := range objects {
		out = append(out, o.Key)
	}
	return out, more
}

func TestAKeyIsTheOneLambdaWouldGive(t *testing.T) {
	if got := bucket.Key("async/F", at.In(time.FixedZone("", 7200)), id+"1"); got != "aws/lambda/async/F/2026/11/21/2026-11-21T20.00.01-"+id+"1" {
		t.Error(got)
	}
}

func TestObjectsAreListedInOrderReadAndDeleted(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "failures")
	b := bucket.In(dir)
	if got, more := keys(t, b, "", "", 10); got != nil || more {
		t.Errorf("a bucket that was never used holds %q", got)
	}
	if _, _, err := b.Open(bucket.Key("async/F", at, id+"1")); !errors.Is(err, bucket.ErrNoKey) {
		t.Errorf("opened: %v", err)
	}
	if err := b.Delete(bucket.Key("async/F", at, id+"1")); err != nil {
		t.Error(err)
	}
	first, second, third := bucket.Key(id+"0/shardId-00-00", at, id+"3"), bucket.Key("async/F", at, id+"1"), bucket.Key("async/F", at.AddDate(0, 1, 0), id+"2")
	put(t, b, third, "third")
	put(t, b, first, "first")
	put(t, b, second, "second")
	for _, test := range []struct {
		prefix, after string
		limit         int
		want          []string
		more          bool
	}{
		{"", "", 10, []string{first, second, third}, false},
		{"", "", 2, []string{first, second}, true},
		{"", second, 2, []string{third}, false},
		{"aws/lambda/async/", "", 10, []string{second, third}, false},
		{"aws/lambda/async/G", "", 10, nil, false},
	} {
		got, more := keys(t, b, test.prefix, test.after, test.limit)
		if diff := cmp.Diff(test.want, got); diff != "" || more != test.more {
			t.Errorf("%q after %q: more %v\n%s", test.prefix, test.after, more, diff)
		}
	}
	f, o, err := b.Open(second)
	if err != nil {
		t.Fatal(err)
	}
	data, err := io.ReadAll(f)
	_ = f.Close()
	if string(data) != "second" || err != nil || o.Size != 6 || o.Key != second {
		t.Errorf("%q %+v %v", data, o, err)
	}
	for _, key := range []string{second, second, first, third} {
		if err := b.Delete(key); err != nil {
			t.Error(err)
		}
	}
	if left, err := os.ReadDir(dir); err != nil || len(left) != 0 {
		t.Errorf("left %v, %v", left, err)
	}
}

// What is not a key of Lambda's reaches no file, however it is written, and neither does a link that leads out.
func TestNothingOutsideTheFolderIsReached(t *testing.T) {
	parent := t.TempDir()
	secret := filepath.Join(parent, "secret")
	if err := os.WriteFile(secret, []byte("secret"), 0o600); err != nil {
		t.Fatal(err)
	}
	b := bucket.In(filepath.Join(parent, "failures"))
	good := bucket.Key("async/F", at, id+"1")
	put(t, b, good, "good")
	linked := bucket.Key("async/F", at, id+"2")
	if err := os.Symlink(secret, filepath.Join(parent, "failures", filepath.FromSlash(linked))); err != nil {
		t.Fatal(err)
	}
	for _, key := range []string{
		"../secret", "/" + secret, secret, "aws/lambda/../../../secret", "aws/lambda/async/../../../../secret", good + "/../../../../../../../../secret",
		"", ".", "..", "aws", "aws/lambda/async/F", good + "x", "x" + good, good + "\n", `aws\lambda\async\F`, linked,
	} {
		if f, _, err := b.Open(key); err == nil {
			_ = f.Close()
			t.Errorf("%q was opened", key)
		}
		if key != linked {
			if err := b.Put(key, nil); err == nil {
				t.Errorf("%q was written", key)
			}
		}
		if err := b.Delete(key); err != nil {
			t.Errorf("%q: %v", key, err)
		}
	}
	if got, _ := keys(t, b, "", "", 10); len(got) != 1 || got[0] != good {
		t.Errorf("listed %q", got)
	}
	if data, err := os.ReadFile(secret); string(data) != "secret" || err != nil {
		t.Errorf("%q, %v", data, err)
	}
}
