// Package kmstest gives tests an AWS KMS: a server of this machine that does Encrypt and Decrypt over KMS's own protocol
// (JSON 1.1), with symmetric keys, encryption contexts and aliases.
//
// It promises to refuse what KMS refuses: an operation, a form or a credential's scope that is not its own, a text that
// is too long, a key that it does not have (NotFoundException), a ciphertext of another key than the one named
// (IncorrectKeyException), and a ciphertext that is damaged or has another context (InvalidCiphertextException). The
// signature itself is not computed anew: package mail/ses does that for the SDK, whose signer both use.
//
// It is for tests only: its keys are lost with it.
package kmstest

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/rand"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
)

// Region is the region that requests have to be signed for.
const Region = "us-east-1"

// A Call is what a request asked for.
type Call struct {
	Operation string // Encrypt or Decrypt
	Key       string // KeyId
	Context   map[string]string
}

// A Server is a running KMS.
type Server struct {
	*httptest.Server
	mu       sync.Mutex
	keys     map[string]*aliased
	failures []http.HandlerFunc
	calls    []Call
}

type aliased struct {
	arn  string
	aead cipher.AEAD
}

// New starts a KMS that ends with the test. It has a key for each alias. The failures are what it answers to the first
// requests, one after the other, in place of doing what they ask for; a nil one does it.
func New(t testing.TB, aliases []string, failures ...http.HandlerFunc) *Server {
	s := &Server{keys: map[string]*aliased{}, failures: failures}
	for i, alias := range aliases {
		key := make([]byte, 32)
		_, _ = rand.Read(key)
		block, err := aes.NewCipher(key)
		if err != nil {
			t.Fatal(err)
		}
		aead, err := cipher.NewGCMWithRandomNonce(block)
		if err != nil {
			t.Fatal(err)
		}
		k := &aliased{fmt.Sprintf("arn:aws:kms:%s:123456789012:key/00000000-0000-4000-8000-%012d", Region, i), aead}
		s.keys[alias], s.keys[k.arn] = k, k
	}
	s.Server = httptest.NewServer(s)
	t.Cleanup(s.Close)
	return s
}

// Calls tells what has been asked for.
func (s *Server) Calls() []Call {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.calls)
}

// Error answers as KMS does.
func Error(status int, code, message string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", contentType)
		w.Header().Set("X-Amzn-RequestId", "42d59b56-7407-4c4a-be0f-4c88daeea257")
		w.WriteHeader(status)
		_ = json.NewEncoder(w).Encode(map[string]string{"__type": code, "message": message})
	}
}

const contentType = "application/x-amz-json-1.1"

// request is both operations'; an encoding/json []byte is base64, as in the protocol.
type request struct {
	KeyID          string `json:"KeyId"`
	Plaintext      []byte
	CiphertextBlob []byte
	Context        map[string]string `json:"EncryptionContext"`
}

// ServeHTTP implements http.Handler.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	operation, ours := strings.CutPrefix(r.Header.Get("X-Amz-Target"), "TrentService.")
	body, _ := io.ReadAll(r.Body)
	var in request
	switch auth := r.Header.Get("Authorization"); {
	case !strings.HasPrefix(auth, "AWS4-HMAC-SHA256 ") || !strings.Contains(auth, "/"+Region+"/kms/aws4_request"):
		Error(400, "IncompleteSignatureException", "not signed for kms in "+Region)(w, r)
		return
	case r.Method != "POST" || r.URL.Path != "/" || r.Header.Get("Content-Type") != contentType || !ours || json.Unmarshal(body, &in) != nil:
		Error(400, "SerializationException", "not a call of KMS's")(w, r)
		return
	}
	s.mu.Lock()
	s.calls = append(s.calls, Call{operation, in.KeyID, in.Context})
	var fail http.HandlerFunc
	if len(s.failures) > 0 {
		fail, s.failures = s.failures[0], s.failures[1:]
	}
	s.mu.Unlock()
	if fail == nil {
		fail = s.operation(operation, in)
	}
	fail(w, r)
}

// operation does what is asked for and gives the answer.
func (s *Server) operation(name string, in request) http.HandlerFunc {
	k := s.keys[in.KeyID]
	switch {
	case name == "Encrypt" && k == nil, name == "Decrypt" && k == nil && in.KeyID != "":
		return Error(400, "NotFoundException", "Key '"+in.KeyID+"' does not exist")
	case name == "Encrypt" && (len(in.Plaintext) == 0 || len(in.Plaintext) > 4096), name == "Decrypt" && (len(in.CiphertextBlob) == 0 || len(in.CiphertextBlob) > 6144):
		return Error(400, "ValidationException", "1 validation error detected")
	case name == "Encrypt":
		blob := fmt.Appendf([]byte{0x5a, byte(len(k.arn))}, "%s", k.arn)
		return answer(map[string]any{"CiphertextBlob": k.aead.Seal(blob, nil, in.Plaintext, additional(in.Context)), "KeyId": k.arn, "EncryptionAlgorithm": "SYMMETRIC_DEFAULT"})
	case name == "Decrypt":
		return s.decrypt(k, in)
	}
	return Error(400, "UnknownOperationException", "")
}

// decrypt opens a text. The blob begins with the ARN of its key, as KMS's holds it in some way too.
func (s *Server) decrypt(named *aliased, in request) http.HandlerFunc {
	invalid := Error(400, "InvalidCiphertextException", "")
	if len(in.CiphertextBlob) < 2 || in.CiphertextBlob[0] != 0x5a {
		return invalid
	}
	n := int(in.CiphertextBlob[1])
	if len(in.CiphertextBlob) < 2+n {
		return invalid
	}
	k := s.keys[string(in.CiphertextBlob[2:2+n])]
	switch {
	case k == nil:
		return invalid
	case named != nil && k != named:
		return Error(400, "IncorrectKeyException", "The key ID in the request does not identify a CMK that can perform this operation.")
	}
	text, err := k.aead.Open(nil, nil, in.CiphertextBlob[2+n:], additional(in.Context))
	if err != nil {
		return invalid
	}
	return answer(map[string]any{"Plaintext": text, "KeyId": k.arn, "EncryptionAlgorithm": "SYMMETRIC_DEFAULT"})
}

func answer(v any) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", contentType)
		_ = json.NewEncoder(w).Encode(v)
	}
}

// additional is the context as KMS authenticates it: in one order, whatever the request's.
func additional(context map[string]string) []byte {
	var out []byte
	for _, name := range slices.Sorted(maps.Keys(context)) {
		out = fmt.Appendf(out, "%q:%q,", name, context[name])
	}
	return out
}
