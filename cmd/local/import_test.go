package main

import (
	"bufio"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"
)

// imported is what an import answers.
type imported struct {
	Imported, Unchanged, Next int
	Refused                   []struct {
		Line                 int
		Field, Code, Message string
	}
}

// invoke hands the operator function a command, as AWS's own clients do.
func (s *client) invoke(command map[string]any) response {
	s.Helper()
	r := s.post("/_local/lambda/2015-03-31/functions/OperatorFunction/invocations", "", command)
	s.want(r, http.StatusOK)
	if failed := r.header.Get("X-Amz-Function-Error"); failed != "" {
		s.Fatalf("%s: %s", failed, r.body)
	}
	return r
}

// foreignRow is a row of an import: the token <id>|<secret> of the owner.
func foreignRow(line int, id, secret, expiry string) map[string]any {
	sum := sha256.Sum256([]byte(secret))
	return map[string]any{"line": line, "id": id, "hash": hex.EncodeToString(sum[:]), "name": "Laravel " + id, "owner": testEmail, "expiry": expiry}
}

// imports imports rows into the account of the session.
func (s *client) imports(session string, rows ...map[string]any) (got imported) {
	s.Helper()
	r := s.invoke(map[string]any{"command": "tokens.import", "account": s.get("/v1/tokenInfo", session).text("accountId"), "rows": rows})
	if err := json.Unmarshal([]byte(r.body), &got); err != nil || got.Imported+got.Unchanged+len(got.Refused) < len(rows) {
		s.Fatalf("%s: %v", r.body, err)
	}
	return got
}

// handles gives the tokens that are listed, by their names.
func (s *client) handles(session string) map[string]string {
	s.Helper()
	r := s.get("/v1/tokens", session)
	s.want(r, http.StatusOK)
	var page struct {
		Tokens []struct{ ID, Name string }
	}
	if err := json.Unmarshal([]byte(r.body), &page); err != nil {
		s.Fatal(err)
	}
	out := map[string]string{}
	for _, t := range page.Tokens {
		out[t.Name] = t.ID
	}
	return out
}

// raw sends a request for a target as it stands, which need not be well encoded, and gives the status.
func (s *client) raw(method, target string) int {
	s.Helper()
	c, err := net.Dial("tcp", strings.TrimPrefix(s.service.URL, "http://"))
	if err != nil {
		s.Fatal(err)
	}
	defer func() { _ = c.Close() }()
	if _, err := io.WriteString(c, method+" "+target+" HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"); err != nil {
		s.Fatal(err)
	}
	r, err := http.ReadResponse(bufio.NewReader(c), nil)
	if err != nil {
		s.Fatal(err)
	}
	_ = r.Body.Close()
	return r.StatusCode
}

const laravel = "ForeignCanaryForeignCanaryForeignCanary1"

// K4: tokens that another system issued go on working here, and are listed, audited, revoked and run out like any other.
func TestK4ImportedTokensGoOnWorking(t *testing.T) {
	s := newClient(t)
	session := s.login()
	hour := s.service.clock.Now().Add(time.Hour).UTC().Format(time.DateTime)
	rows := []map[string]any{
		foreignRow(2, "1", laravel, ""), foreignRow(3, "2", laravel, hour), foreignRow(4, "3", "with|bars|in|it", "2001-01-01"),
		foreignRow(5, "9d0f4c1e-7b57-4c2b-9a2e-0c3f7c1f2a10", laravel, ""), foreignRow(6, "6", laravel, ""), foreignRow(7, "7", laravel, ""),
		foreignRow(8, "8", "with|bars|in|it/and?more#of%2541it", ""),
	}
	if got := s.imports(session, rows...); got.Imported != len(rows) {
		t.Fatalf("%+v", got)
	}
	me := s.get("/v1/tokenInfo", session).text("_userId")
	for _, credential := range []string{"1|" + laravel, "2|" + laravel, "9d0f4c1e-7b57-4c2b-9a2e-0c3f7c1f2a10|" + laravel, "8|with|bars|in|it/and?more#of%2541it"} {
		s.want(s.get("/v1/tokenInfo", credential), http.StatusOK)
		s.mails() // what the first use yields is read and written by then
		before := s.reads()
		r := s.get("/v1/tokenInfo", credential)
		if s.want(r, http.StatusOK); r.text("_userId") != me || r.text("scope") != "*" || s.reads() != before+1 {
			t.Errorf("%.4s: %d reads, %s", credential, s.reads()-before, r.body)
		}
	}
	for _, query := range []string{"1|" + laravel, "1%7C" + laravel, "1%7c" + laravel, "8%7Cwith%7Cbars|in|it/and?more%23of%252541it"} {
		s.want(s.get("/api/v1/tokenInfo?token="+query, ""), http.StatusOK)
	}

	// Whatever is not the token is answered as any other that is none.
	want := s.get("/v1/tokenInfo", "nonsense")
	for _, credential := range []string{
		"1|" + laravel + "x", "1|" + laravel[1:], "4|" + laravel, "3|with|bars|in|it", laravel, "|" + laravel, "1|short", "tok_1|" + laravel, "1%7C" + laravel,
	} {
		if r := s.get("/v1/tokenInfo", credential); r.status != 401 || r.comparable() != want.comparable() {
			t.Errorf("%.4s: %s", credential, r.comparable())
		}
	}
	s.want(s.get("/v1/tokenInfo?token=1|"+laravel, ""), http.StatusUnauthorized)

	// Listed and audited under its handle.
	listed := s.handles(session)
	handle := listed["Laravel 1"]
	if r := s.get("/v1/tokens/"+handle, session); len(listed) != len(rows) || r.status != 200 || r.text("importedId") != "1" || strings.Contains(r.body, laravel[:8]) {
		t.Errorf("%v: %s", listed, r.body)
	}
	if r := s.get("/v1/tokens/"+handle+"/audit", session); r.status != 200 || !strings.Contains(r.body, `"token.imported"`) || !strings.Contains(r.body, `"operator"`) {
		t.Errorf("audit: %s", r.body)
	}

	// Revoked by its handle, and by possession: in a body, in a form, in a path.
	s.want(s.delete("/v1/tokens/"+handle, session), http.StatusNoContent)
	s.want(s.post("/v1/revoke", "", map[string]any{"token": "9d0f4c1e-7b57-4c2b-9a2e-0c3f7c1f2a10|" + laravel}), http.StatusOK)
	form := http.Header{"Content-Type": {"application/x-www-form-urlencoded"}}
	s.want(s.do("POST", "/v1/revoke", form, "token="+url.QueryEscape("6|"+laravel)), http.StatusOK)
	s.want(s.delete("/api/v1/api/key/7%7C"+laravel+"x", ""), http.StatusOK) // of none that there is
	s.want(s.get("/v1/tokenInfo", "7|"+laravel), http.StatusOK)
	s.want(s.delete("/api/v1/api/key/7%7C"+laravel, ""), http.StatusOK)
	s.want(s.delete("/api/v1/api/key/"+url.PathEscape("8|with|bars|in|it/and?more#of%2541it"), ""), http.StatusOK)
	gone := []string{"1|" + laravel, "9d0f4c1e-7b57-4c2b-9a2e-0c3f7c1f2a10|" + laravel, "6|" + laravel, "7|" + laravel, "8|with|bars|in|it/and?more#of%2541it"}
	for _, credential := range gone {
		s.want(s.get("/v1/tokenInfo", credential), http.StatusUnauthorized)
	}

	// Imported again, and long after: nothing comes to life.
	s.want(s.get("/v1/tokenInfo", "2|"+laravel), http.StatusOK)
	s.advance(time.Hour)
	s.want(s.get("/v1/tokenInfo", "2|"+laravel), http.StatusUnauthorized)
	s.advance(400 * 24 * time.Hour)
	session = s.login()
	if got := s.imports(session, rows...); got.Unchanged != len(rows) {
		t.Errorf("%+v", got)
	}
	for _, credential := range append(gone, "2|"+laravel) {
		s.want(s.get("/v1/tokenInfo", credential), http.StatusUnauthorized)
	}
	if listed := s.handles(session); len(listed) != 2 || listed["Laravel 2"] == "" || listed["Laravel 3"] == "" { // expired ones stay (K6)
		t.Errorf("listed: %v", listed)
	}
	another := foreignRow(2, "1", laravel+"x", "")
	if got := s.imports(session, another); len(got.Refused) != 1 || got.Refused[0].Line != 2 || got.Refused[0].Field != "id" || got.Refused[0].Code != "taken" {
		t.Errorf("%+v", got)
	}
}

// P3, S21: no place that a foreign token is presented in, and no way to present it badly, leaves it in what the service
// writes. It cannot be told by its looks, so nothing masks it.
func TestP3AForeignTokenIsWrittenNowhere(t *testing.T) {
	s := newClient(t)
	session := s.login()
	if got := s.imports(session, foreignRow(2, "1", laravel, ""), foreignRow(3, "2", laravel, ""), foreignRow(4, "3", laravel, "")); got.Imported != 3 {
		t.Fatalf("%+v", got)
	}
	good, bad, broken := "1|"+laravel, "9|"+laravel, "1|"+laravel+"\u00e9"
	form := http.Header{"Content-Type": {"application/x-www-form-urlencoded"}}
	for _, credential := range []string{good, bad} {
		s.get("/v1/tokenInfo", credential)
		s.get("/v1/nothing", credential)
		s.get("/api/v1/tokenInfo?token="+credential, "")
		s.get("/api/v1/tokenInfo?token="+url.QueryEscape(credential), session)
		s.do("GET", "/v1/tokenInfo", http.Header{"Authorization": {"Bearer " + credential, "Bearer " + credential}}, "")
		s.do("GET", "/v1/tokenInfo", http.Header{"Authorization": {"Basic " + base64.StdEncoding.EncodeToString([]byte(credential))}}, "")
		s.do("GET", "/v1/tokenInfo", http.Header{"Cookie": {"__Host-keyfob=" + credential}}, "")
		s.do("POST", "/v1/tokens", http.Header{"Authorization": {"Bearer " + credential}, "Content-Type": {"application/json"}}, `{"name":1}`)
		s.do("POST", "/v1/revoke", form, "token=%zz"+credential)
		s.post("/v1/tokens", credential, full("made with it"))
	}
	s.get("/api/v1/tokenInfo?token="+url.QueryEscape(broken), "")
	s.imports(session, map[string]any{"line": 2, "id": good, "hash": laravel, "name": "pasted", "owner": good, "expiry": good})
	s.want(s.post("/v1/revoke", "", map[string]any{"token": good}), http.StatusOK)
	s.want(s.do("POST", "/v1/revoke", form, "token="+url.QueryEscape("2|"+laravel)), http.StatusOK)
	s.want(s.delete("/api/v1/api/key/"+url.PathEscape("3|"+laravel), ""), http.StatusOK)
	s.raw("DELETE", "/api/v1/api/key/"+url.PathEscape("3|"+laravel)+"%zz")
	s.raw("GET", "/api/v1/tokenInfo?token="+good+"%zz")
	s.mails()
	encoded := base64.StdEncoding.EncodeToString([]byte("1|" + laravel))
	for _, canary := range []string{laravel[:20], laravel[len(laravel)-16:], encoded[8:30], "ZvcmVpZ25DYW5hcnl"} {
		for _, file := range s.files() {
			if strings.Contains(file.content, canary) {
				i := strings.Index(file.content, canary)
				t.Errorf("%s holds it: …%.120q…", file.name, file.content[max(0, i-60):])
			}
		}
	}
}

// K4, C12: an import of many tokens is not many mails: of a token that came from elsewhere the first use is noted, and a
// later one from another network is told.
func TestK4TheFirstUseOfAnImportedTokenIsNoNews(t *testing.T) {
	s := newClient(t)
	session := s.login()
	s.imports(session, foreignRow(2, "1", laravel, ""))
	handle := s.handles(session)["Laravel 1"]
	s.want(s.get("/v1/tokenInfo", "1|"+laravel), http.StatusOK)
	if mails := s.mails(); len(mails) != 1 || s.events(session, handle) != "token.imported" {
		t.Errorf("%d mails, %s", len(mails), s.events(session, handle))
	}
	if _, _, networks := s.used(session, handle); len(networks) != 1 {
		t.Errorf("the first use is not noted: %v", networks)
	}
	s.want(s.from("127.0.1.1").get("/v1/tokenInfo", "1|"+laravel), http.StatusOK)
	if mails := s.mails(); len(mails) != 2 || !strings.Contains(s.events(session, handle), "token.accessed") {
		t.Errorf("%d mails, %s", len(mails), s.events(session, handle))
	}
}
