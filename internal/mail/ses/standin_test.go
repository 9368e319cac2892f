package ses

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"
)

// The credentials and region that the stand-in knows.
const (
	accessKey = "AKIDEXAMPLE"
	secretKey = "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY"
	region    = "eu-west-1"
)

// A standIn plays SES's SendEmail over HTTP: it refuses what SES would refuse of a request's form and signature,
// keeps what it accepts, and plays the next of its failures, if any, instead.
type standIn struct {
	*httptest.Server
	mu       sync.Mutex
	failures []http.HandlerFunc
	calls    int
	accepted []url.Values
}

func newStandIn(t *testing.T, failures ...http.HandlerFunc) *standIn {
	s := &standIn{failures: failures}
	s.Server = httptest.NewServer(s)
	t.Cleanup(s.Close)
	return s
}

func (s *standIn) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, _ := io.ReadAll(r.Body)
	form, err := check(r, body)
	s.mu.Lock()
	s.calls++
	var fail http.HandlerFunc
	if len(s.failures) > 0 {
		fail, s.failures = s.failures[0], s.failures[1:]
	}
	if err == nil && fail == nil {
		s.accepted = append(s.accepted, form)
	}
	s.mu.Unlock()
	switch {
	case err != nil:
		sesError(403, "Sender", "SignatureDoesNotMatch", err.Error())(w, r)
	case fail != nil:
		fail(w, r)
	default:
		w.Header().Set("Content-Type", "text/xml")
		fmt.Fprint(w, `<SendEmailResponse xmlns="http://ses.amazonaws.com/doc/2010-12-01/"><SendEmailResult><MessageId>0102-example-000000</MessageId></SendEmailResult><ResponseMetadata><RequestId>d5964849-c866-11e0-9beb-01a62d68c57f</RequestId></ResponseMetadata></SendEmailResponse>`)
	}
}

// seen tells how many calls have arrived, and the forms of those accepted.
func (s *standIn) seen() (int, []url.Values) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.calls, s.accepted
}

// sesError answers as SES does.
func sesError(status int, kind, code, message string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/xml")
		w.WriteHeader(status)
		fmt.Fprintf(w, `<ErrorResponse xmlns="http://ses.amazonaws.com/doc/2010-12-01/"><Error><Type>%s</Type><Code>%s</Code><Message>%s</Message></Error><RequestId>42d59b56-7407-4c4a-be0f-4c88daeea257</RequestId></ErrorResponse>`, kind, code, message)
	}
}

// drop closes the connection without an answer.
func drop(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }

// check is SES's own view of a request: the query protocol's form, signed with Signature Version 4.
func check(r *http.Request, body []byte) (url.Values, error) {
	if r.Method != "POST" || r.URL.Path != "/" || r.URL.RawQuery != "" {
		return nil, fmt.Errorf("%s %s is not a call of the query protocol", r.Method, r.URL)
	}
	if ct := r.Header.Get("Content-Type"); ct != "application/x-www-form-urlencoded" {
		return nil, fmt.Errorf("content type %q", ct)
	}
	if err := checkSignature(r, body); err != nil {
		return nil, err
	}
	return url.ParseQuery(string(body))
}

// checkSignature computes the signature anew from the request as it arrived and the secret key.
func checkSignature(r *http.Request, body []byte) error {
	auth, ok := strings.CutPrefix(r.Header.Get("Authorization"), "AWS4-HMAC-SHA256 ")
	if !ok {
		return fmt.Errorf("no signature of version 4")
	}
	given := map[string]string{}
	for part := range strings.SplitSeq(auth, ", ") {
		name, value, _ := strings.Cut(part, "=")
		given[name] = value
	}
	date := r.Header.Get("X-Amz-Date")
	if len(date) != len("20060102T150405Z") {
		return fmt.Errorf("date %q", date)
	}
	scope := date[:8] + "/" + region + "/ses/aws4_request"
	if given["Credential"] != accessKey+"/"+scope {
		return fmt.Errorf("credential %q", given["Credential"])
	}
	names := strings.Split(given["SignedHeaders"], ";")
	for _, must := range []string{"content-type", "host", "x-amz-date"} {
		if !slices.Contains(names, must) || !slices.IsSorted(names) {
			return fmt.Errorf("signed headers %q", names)
		}
	}
	var headers strings.Builder
	for _, name := range names {
		value := strings.Join(strings.Fields(r.Header.Get(name)), " ")
		switch name {
		case "host":
			value = r.Host
		case "content-length":
			value = fmt.Sprint(r.ContentLength)
		}
		headers.WriteString(name + ":" + value + "\n")
	}
	canonical := strings.Join([]string{"POST", "/", "", headers.String(), given["SignedHeaders"], digest(body)}, "\n")
	key := []byte("AWS4" + secretKey)
	for _, part := range []string{date[:8], region, "ses", "aws4_request"} {
		key = mac(key, part)
	}
	want := hex.EncodeToString(mac(key, "AWS4-HMAC-SHA256\n"+date+"\n"+scope+"\n"+digest([]byte(canonical))))
	if !hmac.Equal([]byte(want), []byte(given["Signature"])) {
		return fmt.Errorf("the signature does not match")
	}
	return nil
}

func digest(b []byte) string { d := sha256.Sum256(b); return hex.EncodeToString(d[:]) }

func mac(key []byte, s string) []byte {
	h := hmac.New(sha256.New, key)
	h.Write([]byte(s))
	return h.Sum(nil)
}
