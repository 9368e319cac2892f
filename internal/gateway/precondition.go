package gateway

import (
	"bytes"
	"crypto/sha256"
	"strconv"
	"strings"

	"github.com/go-json-experiment/json/jsontext"

	"keyfob/internal/authority"
	"keyfob/internal/credential"
	"keyfob/internal/fault"
)

// Presented gives the credential's own text as the caller presented it; empty where there is not exactly one. It is for
// what has to depend on possession; who the caller is, the authorizer has found out.
func (r *Request) Presented() string {
	text, _ := r.find()
	return text
}

// Presentation gives the credential, and how it came, to a route that no authorizer guards.
func (r *Request) Presentation() authority.Presentation {
	text, f := r.find()
	return authority.Presentation{Text: text, Query: f == credential.Query, Cookie: f == credential.Cookie, From: r.Origin()}
}

func (r *Request) find() (string, credential.Finding) {
	return credential.Presented{
		Method: r.Method, Path: r.Resource, Query: r.parameters(),
		Headers: map[string][]string{
			"Authorization": r.values("Authorization"), "Cookie": r.values("Cookie"), "Host": r.values("Host"),
			"Origin": r.values("Origin"), "Sec-Fetch-Site": r.values("Sec-Fetch-Site"),
		},
	}.Find()
}

// maxIdempotencyKey bounds the header, in bytes.
const maxIdempotencyKey = 255

// IdempotencyKey gives the header Idempotency-Key, empty where there is none: 1 to 255 visible ASCII characters.
func (r *Request) IdempotencyKey() (string, error) {
	values := r.values("Idempotency-Key")
	if len(values) == 0 {
		return "", nil
	}
	key := values[0]
	if len(values) > 1 || key == "" || len(key) > maxIdempotencyKey || strings.ContainsFunc(key, func(c rune) bool { return c <= ' ' || c > '~' }) {
		return "", fault.Bad("Idempotency-Key", "malformed", "Idempotency-Key is there once, with 1 to 255 visible ASCII characters.")
	}
	return key, nil
}

// Fingerprint tells apart what is asked for: the route, its parameters, and the body, however its JSON is written. The
// body has been decoded before.
func (r *Request) Fingerprint() [sha256.Size]byte {
	body := jsontext.Value(bytes.TrimSpace(r.Body)).Clone()
	if len(body) > 0 {
		_ = body.Canonicalize() // what is no JSON stays as it is
	}
	h := sha256.New()
	for _, part := range []string{r.Method, r.Resource, r.Param("id"), string(body)} {
		h.Write([]byte(strconv.Itoa(len(part)) + ":" + part))
	}
	return [sha256.Size]byte(h.Sum(nil))
}

// ETag writes the entity tag of an edition (RFC 9110 §8.8.3).
func ETag(edition int64) string { return `"` + strconv.FormatInt(edition, 10) + `"` }

// IfMatch reads the header If-Match (RFC 9110 §13.1.1) as the editions that the caller takes; nil where the caller has
// no condition. An entity tag that is not one of ours matches nothing.
func (r *Request) IfMatch() ([]int64, error) {
	values := r.values("If-Match")
	if len(values) == 0 {
		return nil, nil
	}
	list := strings.TrimSpace(strings.Join(values, ","))
	if list == "*" {
		return nil, nil // the thing is there, or the answer is that it is not
	}
	editions := []int64{}
	for part := range strings.SplitSeq(list, ",") {
		part = strings.TrimSpace(part)
		opaque, weak := strings.CutPrefix(part, "W/")
		if len(opaque) < 2 || opaque[0] != '"' || opaque[len(opaque)-1] != '"' || strings.Contains(opaque[1:len(opaque)-1], `"`) {
			return nil, fault.Bad("If-Match", "malformed", `If-Match is an entity tag such as "3", as the header ETag gives it.`)
		}
		n, err := strconv.ParseInt(opaque[1:len(opaque)-1], 10, 64)
		if err == nil && !weak { // a weak one never matches (RFC 9110 §8.8.3.2)
			editions = append(editions, n)
		}
	}
	return editions, nil
}
