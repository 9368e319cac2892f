package infratest

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/pem"
)

// leaks has the operator configure a key, and a token and a session found in public that the key's holder tells of.
func (s *service) leaks() {
	s.t.Helper()
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		s.t.Fatal(err)
	}
	der, err := x509.MarshalPKIXPublicKey(&private.PublicKey)
	if err != nil {
		s.t.Fatal(err)
	}
	text := pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der})
	for _, command := range []map[string]any{
		{"command": "leaks.keys", "publicKeys": map[string]any{"public_keys": []any{map[string]any{"key_identifier": "k1", "key": string(text), "is_current": true}}}},
		{"command": "leaks.keys"},
	} {
		if ids, _ := s.invoke("OperatorFunction", encode(s.t, command))["publicKeys"].([]any); len(ids) != 1 {
			s.t.Fatalf("keys %v", ids)
		}
	}
	session := s.request("LoginFunction", 200, "POST /v1/login", "", `{"name":"owner@example.com","password":"seven lanterns over a quiet river","returnToken":true}`)["token"].(string)
	key := s.request("CreateTokenFunction", 200, "POST /api/v1/api/key", session, "")["id"].(string)
	made := s.invoke("OperatorFunction", `{"command":"account.create","account":{"name":"Leaking Ltd"},"owner":{"email":"lea@example.com"}}`)
	acc, lea := made["account"].(map[string]any)["id"].(string), made["owner"].(map[string]any)
	for _, found := range append(s.leaked, key, session, after(lea["link"].(string))) {
		body := encode(s.t, []any{map[string]string{"token": found, "type": "t", "url": "https://example.com/a", "source": "content"}})
		sum := sha256.Sum256([]byte(body))
		signature, err := ecdsa.SignASN1(rand.Reader, private, sum[:])
		if err != nil {
			s.t.Fatal(err)
		}
		answer := s.invoke("LeaksFunction", encode(s.t, map[string]any{
			"resource": "/v1/leaks/github", "path": "/v1/leaks/github", "httpMethod": "POST", "body": body,
			"headers": map[string]string{"Github-Public-Key-Identifier": "k1", "Github-Public-Key-Signature": base64.StdEncoding.EncodeToString(signature)},
		}))
		if answer["statusCode"] != float64(200) {
			s.t.Fatalf("%v", answer)
		}
	}
	again := s.invoke("OperatorFunction", `{"command":"user.link","account":"`+acc+`","user":"`+lea["id"].(string)+`"}`)["user"].(map[string]any)["link"].(string)
	s.request("RevokeFunction", 200, "POST /v1/revoke", "", `{"token":"`+after(again)+`"}`)
}
