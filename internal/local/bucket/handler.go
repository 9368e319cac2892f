package bucket

import (
	"cmp"
	"crypto/rand"
	"encoding/base64"
	"encoding/xml"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
)

// Name is the bucket's name in requests.
const Name = "failures"

// maxKeys is how many objects S3 lists at once, at most.
const maxKeys = 1000

// Handler serves the bucket under its name: /failures?list-type=2 and /failures/<key>. What goes wrong with the disk is
// logged.
func (b Bucket) Handler(log *slog.Logger) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Cache-Control", "no-store")
		w.Header().Set("X-Content-Type-Options", "nosniff")
		name, key, _ := strings.Cut(strings.TrimPrefix(r.URL.Path, "/"), "/")
		var err error
		switch {
		case name != Name:
			refuse(w, http.StatusNotFound, "NoSuchBucket", "The specified bucket does not exist")
		case key == "" && r.Method == http.MethodGet && r.URL.Query().Get("list-type") == "2":
			err = b.serveList(w, r.URL.Query())
		case key != "" && r.Method == http.MethodGet && only(r.URL.Query(), "x-id"):
			err = b.serveGet(w, key)
		case key != "" && r.Method == http.MethodDelete && only(r.URL.Query(), "x-id"):
			if err = b.Delete(key); err == nil {
				w.WriteHeader(http.StatusNoContent)
			}
		default:
			refuse(w, http.StatusNotImplemented, "NotImplemented", "Of S3, this bucket has ListObjectsV2, GetObject and DeleteObject.")
		}
		if err != nil {
			log.Error("the bucket", "method", r.Method, "error", err)
			refuse(w, http.StatusInternalServerError, "InternalError", "We encountered an internal error. Please try again.")
		}
	})
}

// only reports whether the query has nothing but what is named: a parameter more would make it another request of S3's.
func only(q url.Values, names ...string) bool {
	for name := range q {
		if !slices.Contains(names, name) {
			return false
		}
	}
	return true
}

// https://docs.aws.amazon.com/AmazonS3/latest/API/API_ListObjectsV2.html
type listing struct {
	XMLName               xml.Name `xml:"http://s3.amazonaws.com/doc/2006-03-01/ ListBucketResult"`
	Name                  string
	Prefix                string
	KeyCount              int
	MaxKeys               int
	IsTruncated           bool
	ContinuationToken     string `xml:",omitempty"`
	NextContinuationToken string `xml:",omitempty"`
	Contents              []content
}

type content struct {
	Key          string
	LastModified string
	Size         int64
	StorageClass string
}

func (b Bucket) serveList(w http.ResponseWriter, q url.Values) error {
	if !only(q, "list-type", "prefix", "continuation-token", "max-keys", "x-id") {
		refuse(w, http.StatusNotImplemented, "NotImplemented", "A list takes prefix, continuation-token and max-keys here.")
		return nil
	}
	limit, err := strconv.Atoi(cmp.Or(q.Get("max-keys"), strconv.Itoa(maxKeys)))
	if err != nil || limit < 1 {
		refuse(w, http.StatusBadRequest, "InvalidArgument", "max-keys is a number from 1 on.")
		return nil
	}
	limit = min(limit, maxKeys)
	after, err := base64.RawURLEncoding.DecodeString(q.Get("continuation-token"))
	if err != nil {
		refuse(w, http.StatusBadRequest, "InvalidArgument", "The continuation token provided is incorrect")
		return nil
	}
	objects, more, err := b.List(q.Get("prefix"), string(after), limit)
	if err != nil {
		return err
	}
	l := listing{
		Name: Name, Prefix: q.Get("prefix"), KeyCount: len(objects), MaxKeys: limit, IsTruncated: more,
		ContinuationToken: q.Get("continuation-token"),
	}
	for _, o := range objects {
		l.Contents = append(l.Contents, content{o.Key, o.Modified.UTC().Format("2006-01-02T15:04:05.000Z"), o.Size, "STANDARD"})
	}
	if more {
		l.NextContinuationToken = base64.RawURLEncoding.EncodeToString([]byte(objects[len(objects)-1].Key))
	}
	answer(w, http.StatusOK, l)
	return nil
}

func (b Bucket) serveGet(w http.ResponseWriter, key string) error {
	f, o, err := b.Open(key)
	if errors.Is(err, ErrNoKey) {
		refuse(w, http.StatusNotFound, "NoSuchKey", "The specified key does not exist.")
		return nil
	}
	if err != nil {
		return err
	}
	defer func() { _ = f.Close() }()
	h := w.Header()
	h.Set("Content-Type", "application/octet-stream")
	h.Set("Content-Length", strconv.FormatInt(o.Size, 10))
	h.Set("Last-Modified", o.Modified.UTC().Format(http.TimeFormat))
	_, _ = io.CopyN(w, f, o.Size) // who asked may have gone
	return nil
}

// failure is S3's error.
type failure struct {
	XMLName   xml.Name `xml:"Error"`
	Code      string
	Message   string
	RequestID string `xml:"RequestId"`
}

func refuse(w http.ResponseWriter, status int, code, message string) {
	id := rand.Text()
	w.Header().Set("X-Amz-Request-Id", id)
	answer(w, status, failure{Code: code, Message: message, RequestID: id})
}

func answer(w http.ResponseWriter, status int, v any) {
	data, err := xml.Marshal(v)
	if err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "application/xml")
	w.WriteHeader(status)
	_, _ = w.Write(append([]byte(xml.Header), data...))
}
