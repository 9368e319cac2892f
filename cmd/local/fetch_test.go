package main

import (
	"encoding/json"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// R8: login → key → logout → search with the key, as fetch sends it: tokens in the query string, a text as text/plain.
func TestR8TheFlowOfAJavaScriptClient(t *testing.T) {
	for name, contentType := range map[string]string{"a declared JSON": "application/json", "a text by default": "text/plain;charset=UTF-8"} {
		t.Run(name, func(t *testing.T) {
			s := newClient(t)
			post := func(path, body string) response {
				header := http.Header{"Accept": {"*/*"}, "Accept-Language": {"*"}, "Sec-Fetch-Mode": {"cors"}, "User-Agent": {"node"}}
				if body != "" {
					header.Set("Content-Type", contentType)
				}
				return s.do("POST", "/api/v1"+path, header, body)
			}
			in := post("/login", `{"name":"`+testEmail+`","password":"`+testPassword+`","returnToken":true}`)
			s.want(in, http.StatusOK)
			session := in.text("token")
			made := post("/api/key?token="+session, `{"description":"nightly export"}`)
			s.want(made, http.StatusOK)
			key := made.text("id")
			s.want(s.get("/api/v1/logout?token="+session, ""), http.StatusOK)
			s.want(post("/search?token="+session, `{"from":0,"size":10}`), http.StatusUnauthorized)
			found := post("/search?token="+key, `{"from":0,"size":10}`)
			s.want(found, http.StatusOK)
			if found.body != `{"from":0,"total":0,"results":[],"users":{}}` {
				t.Errorf("%s", found.body)
			}
		})
	}
}

// R8: the script in the README is the client's own; only its host is another.
func TestR8TheReadmesScriptRunsUnchanged(t *testing.T) {
	node, err := exec.LookPath("node")
	switch {
	case err != nil && os.Getenv("CI") == "true":
		t.Fatal("node is not installed")
	case err != nil:
		t.Skip("skipped: node is not installed; it runs the README's JavaScript")
	}
	readme, err := os.ReadFile("../../README.md")
	if err != nil {
		t.Fatal(err)
	}
	block := regexp.MustCompile("(?s)```js\n(.*?)```").FindSubmatch(readme)
	if block == nil {
		t.Fatal("the README has no JavaScript")
	}
	s := newClient(t)
	session := s.login()
	for _, id := range []string{"orders", "invoices"} {
		s.want(s.put("/v1/exports/"+id, session, map[string]any{"name": id}), http.StatusCreated)
	}
	script := strings.Replace(string(block[1]), "http://127.0.0.1:3000", s.service.URL, 1) + "\nconsole.log(JSON.stringify(found));\n"
	file := filepath.Join(t.TempDir(), "flow.mjs")
	if err := os.WriteFile(file, []byte(script), 0o600); err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), node, file)
	cmd.Env = append(os.Environ(), "PASSWORD="+testPassword)
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	var found struct {
		Total   int
		Results []struct{ DocumentID string }
	}
	if err := json.Unmarshal(out, &found); err != nil || found.Total != 2 || len(found.Results) != 2 {
		t.Errorf("%s: %v", out, err)
	}
}
