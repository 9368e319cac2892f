package main

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
	"strings"
	"testing"
	"time"

	"keyfob/internal/token"
)

// scanner is a party that scans the public for credentials, as GitHub does, and signs what it tells of them.
type scanner struct {
	*client
	id      string
	private *ecdsa.PrivateKey
}

func (s *client) scanner(id string) scanner {
	s.Helper()
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		s.Fatal(err)
	}
	return scanner{s, id, private}
}

// published is the document with its key.
func (g scanner) published() map[string]any {
	g.Helper()
	der, err := x509.MarshalPKIXPublicKey(&g.private.PublicKey)
	if err != nil {
		g.Fatal(err)
	}
	key := string(pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der}))
	return map[string]any{"public_keys": []any{map[string]any{"key_identifier": g.id, "key": key, "is_current": true, "issued": "2026"}}}
}

const foundAt = "https://github.com/octocat/Hello-World/blob/12345600b9cbe38a219f39a9941c9319b600c002/.env"

// alert is the body that says of the texts that they were found.
func (g scanner) alert(texts ...string) string {
	g.Helper()
	list := []map[string]string{}
	for _, text := range texts {
		list = append(list, map[string]string{"token": text, "type": "keyfob_credential", "url": foundAt, "source": "content"})
	}
	body, err := json.Marshal(list)
	if err != nil {
		g.Fatal(err)
	}
	return string(body)
}

// header signs a body.
func (g scanner) header(body string) http.Header {
	g.Helper()
	sum := sha256.Sum256([]byte(body))
	signature, err := ecdsa.SignASN1(rand.Reader, g.private, sum[:])
	if err != nil {
		g.Fatal(err)
	}
	return http.Header{
		"Content-Type":                 {"application/json"},
		"Github-Public-Key-Identifier": {g.id},
		"Github-Public-Key-Signature":  {base64.StdEncoding.EncodeToString(signature)},
	}
}

func (g scanner) send(header http.Header, body string) response {
	g.Helper()
	return g.do("POST", "/v1/leaks/github", header, body)
}

// S33: a token that GitHub has found is dead at once, its trail says where it was found, and its owner gets a mail. So is
// one that another system issued, and a session. A forged alert does nothing; the same alert again does nothing more.
func TestS33ALeakedTokenIsEndedAndItsOwnerTold(t *testing.T) {
	s := newClient(t)
	session, other := s.login(), s.login()
	secret, handle := s.create(session, full("deploy"))
	s.imports(session, foreignRow(1, "7", "0123456789abcdefghijABCDEFGHIJ0123456789", ""))
	const foreign = "7|0123456789abcdefghijABCDEFGHIJ0123456789"
	for _, alive := range []string{secret, foreign, other} {
		s.want(s.get("/v1/tokenInfo", alive), http.StatusOK)
	}
	s.advance(time.Second)
	unknown := token.Form{Brand: "kf", Realm: "us"}.New(token.API).Plaintext().Reveal()
	told := len(s.mails())

	github, stranger := s.scanner("k1"), s.scanner("k1")
	body := github.alert(secret, foreign, other, unknown, "no credential")
	refused := func(what string, header http.Header, body string) {
		t.Helper()
		s.refused(what, github.send(header, body), http.StatusUnauthorized, "")
		for _, alive := range []string{secret, foreign, other} {
			s.want(s.get("/v1/tokenInfo", alive), http.StatusOK)
		}
	}
	refused("before a key is configured", github.header(body), body)
	if r := s.invoke(map[string]any{"command": "leaks.keys", "publicKeys": github.published()}); r.body != `{"publicKeys":["k1"]}` {
		t.Fatal(r.body)
	}
	if r := s.invoke(map[string]any{"command": "leaks.keys"}); r.body != `{"publicKeys":["k1"]}` {
		t.Fatal(r.body)
	}
	refused("with another's signature", stranger.header(body), body)
	refused("with an unknown key", s.scanner("k2").header(body), body)
	refused("altered", github.header(body), strings.Replace(body, "octocat", "octodog", 1))
	refused("not even JSON", stranger.header("{"), "{")
	for _, name := range []string{"Github-Public-Key-Identifier", "Github-Public-Key-Signature"} {
		header := github.header(body)
		header.Set(name, "ä")
		s.refused(name, github.send(header, body), http.StatusBadRequest, name)
		header.Del(name)
		s.refused("no "+name, github.send(header, body), http.StatusBadRequest, name)
	}
	s.refused("a bad field", github.send(github.header(`[{"token":"x","type":1}]`), `[{"token":"x","type":1}]`), http.StatusBadRequest, "[0].type")
	large := strings.Repeat(" ", 1<<20) + body
	s.refused("too large", github.send(github.header(large), large), http.StatusRequestEntityTooLarge, "body")
	if n := len(s.mails()); n != told {
		t.Errorf("%d mails for nothing", n-told)
	}

	header := github.header(body)
	for round, want := range []string{"+++--", "++---"} { // of a session nothing is left to know it by
		r := github.send(header, body)
		s.want(r, http.StatusOK)
		var verdicts []struct {
			Hash  string `json:"token_hash"`
			Label string
		}
		if err := json.Unmarshal([]byte(r.body), &verdicts); err != nil {
			t.Fatal(err)
		}
		got := ""
		for _, v := range verdicts {
			got += map[string]string{"true_positive": "+", "false_positive": "-"}[v.Label]
		}
		sum := sha256.Sum256([]byte(secret))
		if got != want || verdicts[0].Hash != base64.StdEncoding.EncodeToString(sum[:]) || strings.Contains(r.body, secret[20:]) {
			t.Errorf("round %d: %s", round, r.body)
		}
		for _, dead := range []string{secret, foreign, other} {
			s.want(s.get("/v1/tokenInfo", dead), http.StatusUnauthorized)
		}
	}
	s.want(s.get("/v1/tokenInfo", session), http.StatusOK)
	if listed := s.get("/v1/tokens", session); !strings.Contains(listed.body, `"tokens":[]`) {
		t.Errorf("%s", listed.body)
	}

	events, _ := s.happenings(session, "/v1/tokens/"+handle+"/audit")
	if !strings.HasPrefix(typesOf(events), "token.leaked ") || strings.Count(typesOf(events), "token.leaked") != 1 || events[0].Note != foundAt || events[0].Actor.Via != "system" || events[0].Actor.UserID != "" {
		t.Errorf("%+v", events)
	}
	events, _ = s.happenings(session, "/v1/audit")
	if said := typesOf(events); strings.Count(said, "token.leaked") != 2 || strings.Count(said, "session.leaked") != 1 || strings.Contains(said, "token.revoked") {
		t.Errorf("%s", said)
	}
	mails := s.mails()
	if len(mails) != told+3 {
		t.Fatalf("%d mails, want one for each token and session", len(mails)-told)
	}
	for _, m := range mails[:3] {
		where := strings.TrimPrefix(foundAt, "https://")
		if m.To != testEmail || !strings.Contains(m.Subject, "found in public") || !strings.Contains(m.Text, where) || strings.Contains(m.Text, secret[20:]) {
			t.Errorf("%s %s\n%s", m.To, m.Subject, m.Text)
		}
	}
	for _, f := range s.files() {
		for _, canary := range []string{secret[len(secret)-16:], foreign[len(foreign)-16:], other[len(other)-16:]} {
			if strings.Contains(f.content, canary) {
				t.Errorf("%s holds a secret", f.name)
			}
		}
	}
}

// S33, RFC 7009: whoever holds a token or a session may end it, with nothing else and at once; its owner is told. The
// answer is the same for whatever is presented, and a second time.
func TestS33PossessionMayRevoke(t *testing.T) {
	s := newClient(t)
	session, other := s.login(), s.login()
	secret, handle := s.create(session, full("deploy"))
	s.imports(session, foreignRow(1, "8", "0123456789abcdefghijABCDEFGHIJ0123456789", ""))
	const foreign = "8|0123456789abcdefghijABCDEFGHIJ0123456789"
	s.want(s.get("/v1/tokenInfo", foreign), http.StatusOK)
	s.advance(time.Second)
	told := len(s.mails())
	unknown := token.Form{Brand: "kf", Realm: "us"}.New(token.API).Plaintext().Reveal()
	elsewhere := token.Form{Brand: "kf", Realm: "eu"}.New(token.API).Plaintext().Reveal()
	first := s.post("/v1/revoke", "", map[string]any{"token": unknown})
	s.want(first, http.StatusOK)
	for range 2 {
		for _, presented := range []string{secret, foreign, other, elsewhere, handle, "nonsense"} {
			r := s.post("/v1/revoke", "", map[string]any{"token": presented, "token_type_hint": "refresh_token"})
			if r.status != http.StatusOK || r.comparable() != first.comparable() {
				t.Errorf("%.4s…: %s", presented, r.comparable())
			}
			s.want(s.get("/v1/tokenInfo", presented), http.StatusUnauthorized)
		}
	}
	s.want(s.get("/v1/tokenInfo", session), http.StatusOK)
	events, _ := s.happenings(session, "/v1/tokens/"+handle+"/audit")
	if typesOf(events) != "token.revoked token.created" || events[0].Actor.Credential != handle {
		t.Errorf("%+v", events)
	}
	mails := s.mails()
	if len(mails) != told+2 {
		t.Fatalf("%d mails, want one for each token", len(mails)-told)
	}
	for _, m := range mails[:2] {
		if m.To != testEmail || !strings.Contains(m.Subject, "revoked") {
			t.Errorf("%s %s", m.To, m.Subject)
		}
	}
	for _, c := range []struct{ mediaType, body, field string }{
		{"application/json", `{"token":""}`, "token"}, {"application/json", `{}`, "token"}, {"application/json", `{"token":"x","token":"y"}`, "token"},
		{"application/x-www-form-urlencoded", "token_type_hint=access_token", "token"}, {"application/x-www-form-urlencoded", "token=a&token=b", "token"},
	} {
		s.refused(c.body, s.do("POST", "/v1/revoke", http.Header{"Content-Type": {c.mediaType}}, c.body), http.StatusBadRequest, c.field)
	}
}
