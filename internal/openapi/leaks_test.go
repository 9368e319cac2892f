package openapi_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"keyfob/internal/api"
	"keyfob/internal/leak"
	"keyfob/internal/openapi/openapitest"
)

// Alerts of leaks are signed, so they have a test of their own: what the document allows is taken, and what it does not is
// refused, as long as it is signed; what is not signed rightly is refused as the document says.
func TestTheDocumentAllowsTheAlertsThatTheHandlerTakes(t *testing.T) {
	d := openapitest.Load(t)
	s := start(t)
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	der, err := x509.MarshalPKIXPublicKey(&private.PublicKey)
	if err != nil {
		t.Fatal(err)
	}
	command, err := json.Marshal(map[string]any{"command": "leaks.keys", "publicKeys": map[string]any{"public_keys": []any{
		map[string]any{"key_identifier": "k1", "key": string(pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der}))},
	}}})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := api.Operator(s.config).Invoke(t.Context(), command); err != nil {
		t.Fatal(err)
	}
	send := func(key, mediaType, body string, change func(header http.Header)) openapitest.Exchange {
		sum := sha256.Sum256([]byte(body))
		signature, err := ecdsa.SignASN1(rand.Reader, private, sum[:])
		if err != nil {
			t.Fatal(err)
		}
		r := httptest.NewRequest(http.MethodPost, "https://keyfob.example.com/v1/leaks/github", nil)
		r.Header = http.Header{leak.KeyHeader: {key}, leak.SignatureHeader: {base64.StdEncoding.EncodeToString(signature)}}
		if mediaType != "" {
			r.Header.Set("Content-Type", mediaType)
		}
		if change != nil {
			change(r.Header)
		}
		return s.exchange(t, r, "/v1/leaks/github", nil, body)
	}
	list := func(n int) string {
		return "[" + strings.TrimSuffix(strings.Repeat(`{"token":"x","type":"t"},`, n), ",") + "]"
	}
	for _, body := range []string{
		`[]`, list(1), list(leak.MaxEntries), list(leak.MaxEntries + 1), `[{"token":"x","type":"t","url":"","source":"content","other":[1]}]`, `[{"token":"","type":"t"}]`,
		`[{"token":"x","type":""}]`, `[{"type":"t"}]`, `[{"token":"x"}]`, `[{"token":1,"type":"t"}]`, `[{"token":"x","type":"t","url":1}]`, `["x"]`, `{}`, ``, `[`, `null`,
	} {
		for _, mediaType := range []string{jsonType, "text/plain", ""} {
			x := send("k1", mediaType, body, nil)
			if err := d.Check(x); err != nil {
				t.Errorf("%.80s: %v", body, err)
			}
			allowed, took := d.CheckRequest(x.Request, x.Sent), x.Response.StatusCode == http.StatusOK
			if (allowed == nil) != took {
				t.Errorf("%.80s as %q: answered %d %.200s; the document: %v", body, mediaType, x.Response.StatusCode, x.Received, allowed)
			}
		}
	}
	for name, c := range map[string]struct {
		key    string
		status int
		change func(http.Header)
	}{
		"an unknown key":    {"k2", http.StatusUnauthorized, nil},
		"no key":            {"k1", http.StatusBadRequest, func(h http.Header) { h.Del(leak.KeyHeader) }},
		"no signature":      {"k1", http.StatusBadRequest, func(h http.Header) { h.Del(leak.SignatureHeader) }},
		"a long key":        {strings.Repeat("k", 129), http.StatusBadRequest, nil},
		"a key of 128":      {strings.Repeat("k", 128), http.StatusUnauthorized, nil},
		"no base64":         {"k1", http.StatusBadRequest, func(h http.Header) { h.Set(leak.SignatureHeader, "!") }},
		"a long signature":  {"k1", http.StatusBadRequest, func(h http.Header) { h.Set(leak.SignatureHeader, strings.Repeat("A", 100)) }},
		"a key with spaces": {"k 1", http.StatusBadRequest, nil},
	} {
		x := send(c.key, jsonType, list(1), c.change)
		if err := d.Check(x); err != nil || x.Response.StatusCode != c.status {
			t.Errorf("%s: %d %s: %v", name, x.Response.StatusCode, x.Received, err)
		}
		if allowed := d.CheckRequest(x.Request, x.Sent) == nil; allowed != (c.status == http.StatusUnauthorized) {
			t.Errorf("%s: the document allows it: %t", name, allowed)
		}
	}
	x := send("k1", jsonType, strings.Repeat(" ", leak.MaxBody)+"[]", nil)
	if err := d.Check(x); err != nil || x.Response.StatusCode != http.StatusRequestEntityTooLarge {
		t.Errorf("%d %s: %v", x.Response.StatusCode, x.Received, err)
	}
}
