// Package bucket is an S3 bucket in a folder: what Lambda gives up is put there, and operators take it out again.
//
// It promises that an object is on the disk whole when Put returns, or not at all; that its keys are those that Lambda
// gives to what it gives up, and no other name reaches a file (S3 would take any, but nothing here needs one, and a name
// that cannot be written cannot lead out of the folder); and that Handler answers the four requests an S3 client needs to
// list, read and delete, path-style, as S3 does.
//
// It keeps no versions, no metadata and no permissions, and it checks no signature: who may ask is its user's to say.
package bucket

import (
	"errors"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"time"
)

// A Bucket is a folder of objects. It is safe for concurrent use.
type Bucket struct{ dir string }

// In makes a bucket of the folder, which is made when the first object is put.
func In(dir string) Bucket { return Bucket{dir} }

// An Object is one without its content.
type Object struct {
	Key      string
	Size     int64
	Modified time.Time
}

// ErrNoKey says that there is no such object.
var ErrNoKey = errors.New("bucket: there is no such object")

// form is how Lambda names what it gives up: of a stream by mapping and shard, of an asynchronous invocation by function.
//
// https://docs.aws.amazon.com/lambda/latest/dg/services-dynamodb-errors.html
// https://docs.aws.amazon.com/lambda/latest/dg/invocation-async-retain-records.html
var form = regexp.MustCompile(`^aws/lambda/(?:async/[A-Za-z0-9_-]{1,64}|[0-9a-f-]{36}/shardId-[0-9a-f-]{1,64})` +
	`/[0-9]{4}/[0-9]{2}/[0-9]{2}/[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}\.[0-9]{2}\.[0-9]{2}-[0-9a-f-]{36}$`)

// Key names an object under the folder of its origin, as Lambda does: origin/2006/01/02/2006-01-02T15.04.05-id.
func Key(origin string, at time.Time, id string) string {
	at = at.UTC()
	return "aws/lambda/" + origin + "/" + at.Format("2006/01/02/2006-01-02T15.04.05-") + id
}

// Put puts a new object whole onto the disk, or not at all.
func (b Bucket) Put(key string, data []byte) (err error) {
	if !form.MatchString(key) {
		return errors.New("bucket: " + key + " is no key of Lambda's")
	}
	name := filepath.Join(b.dir, filepath.FromSlash(key))
	if err := os.MkdirAll(filepath.Dir(name), 0o700); err != nil {
		return err
	}
	f, err := os.CreateTemp(filepath.Dir(name), ".new-*")
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			_ = os.Remove(f.Name())
		}
	}()
	_, err = f.Write(data)
	if err = errors.Join(err, f.Sync(), f.Close()); err != nil {
		return err
	}
	return os.Rename(f.Name(), name)
}

// List gives the objects whose keys start with the prefix and come after the key, in the order of keys; up to limit of
// them, and whether there are more.
func (b Bucket) List(prefix, after string, limit int) (objects []Object, more bool, err error) {
	err = filepath.WalkDir(b.dir, func(name string, d fs.DirEntry, err error) error {
		if errors.Is(err, fs.ErrNotExist) {
			return nil // the folder was not made yet, or what was in it was just deleted
		}
		if err != nil || !d.Type().IsRegular() {
			return err
		}
		rel, err := filepath.Rel(b.dir, name)
		if err != nil {
			return err
		}
		key := filepath.ToSlash(rel)
		if !form.MatchString(key) || !strings.HasPrefix(key, prefix) || key <= after {
			return nil
		}
		info, err := d.Info()
		if errors.Is(err, fs.ErrNotExist) {
			return nil
		}
		if err != nil {
			return err
		}
		objects = append(objects, Object{key, info.Size(), info.ModTime()})
		return nil
	})
	if err != nil {
		return nil, false, err
	}
	slices.SortFunc(objects, func(x, y Object) int { return strings.Compare(x.Key, y.Key) })
	if len(objects) > limit {
		return objects[:limit], true, nil
	}
	return objects, false, nil
}

// Open opens an object for reading.
func (b Bucket) Open(key string) (io.ReadCloser, Object, error) {
	root, err := b.root(key)
	if err != nil {
		return nil, Object{}, err
	}
	defer func() { _ = root.Close() }()
	f, err := root.Open(filepath.FromSlash(key))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, Object{}, ErrNoKey
	}
	if err != nil {
		return nil, Object{}, err
	}
	info, err := f.Stat()
	if err == nil && !info.Mode().IsRegular() {
		err = ErrNoKey
	}
	if err != nil {
		_ = f.Close()
		return nil, Object{}, err
	}
	return f, Object{key, info.Size(), info.ModTime()}, nil
}

// Delete deletes an object, and the folders that held nothing else. One that is not there is deleted too.
func (b Bucket) Delete(key string) error {
	root, err := b.root(key)
	if errors.Is(err, ErrNoKey) {
		return nil
	}
	if err != nil {
		return err
	}
	defer func() { _ = root.Close() }()
	if err := root.Remove(filepath.FromSlash(key)); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	for dir := path.Dir(key); dir != "."; dir = path.Dir(dir) {
		if root.Remove(filepath.FromSlash(dir)) != nil { // a folder that is not empty stays
			break
		}
	}
	return nil
}

// root opens the folder, out of which no name and no link in it leads. A key that is none of Lambda's names nothing.
func (b Bucket) root(key string) (*os.Root, error) {
	if !form.MatchString(key) {
		return nil, ErrNoKey
	}
	root, err := os.OpenRoot(b.dir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, ErrNoKey
	}
	return root, err
}
