package mailbox

import (
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// get asks the handler; header pairs follow the target.
func get(m *Mailbox, target string, header ...string) *http.Response {
	r := httptest.NewRequest("GET", target, nil)
	for i := 0; i < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	w := httptest.NewRecorder()
	m.Handler().ServeHTTP(w, r)
	return w.Result()
}

func body(t *testing.T, r *http.Response) string {
	t.Helper()
	b, err := io.ReadAll(r.Body)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

func TestTheListIsFilteredByRecipientAndLimited(t *testing.T) {
	m := open(t, t.TempDir())
	send(t, m, message(1), message(2), message(1))
	for target, want := range map[string][]string{
		"/_local/mail":                                {"0000000003", "0000000002", "0000000001"},
		"/_local/mail?limit=2":                        {"0000000003", "0000000002"},
		"/_local/mail?to=User1@example.com":           {"0000000003", "0000000001"},
		"/_local/mail?to=user1%40example.com&limit=1": {"0000000003"},
		"/_local/mail?to=user2@example.com&limit=9":   {"0000000002"},
		"/_local/mail?to=nobody@example.com":          {},
	} {
		r := get(m, target)
		var list struct{ Messages []Stored }
		if err := json.NewDecoder(r.Body).Decode(&list); err != nil || r.StatusCode != 200 {
			t.Fatalf("%s: %d, %v", target, r.StatusCode, err)
		}
		got := []string{}
		for _, s := range list.Messages {
			got = append(got, s.ID)
		}
		if !slices.Equal(got, want) {
			t.Errorf("%s: %v, want %v", target, got, want)
		}
	}
}

func TestAnEmptyMailboxListsNone(t *testing.T) {
	if got := body(t, get(open(t, t.TempDir()), "/_local/mail")); got != `{"messages":[]}`+"\n" {
		t.Errorf("body: %s", got)
	}
}

func TestAMessageIsServedByItsID(t *testing.T) {
	m := open(t, t.TempDir())
	send(t, m, message(1), message(2))
	var got Stored
	if err := json.Unmarshal([]byte(body(t, get(m, "/_local/mail/0000000001"))), &got); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(messages(t, m)[1], got); diff != "" {
		t.Errorf("message (-want +got):\n%s", diff)
	}
	want := `{"id":"0000000001","time":"2026-11-21T20:16:07Z","to":"user1@example.com",`
	if raw := body(t, get(m, "/_local/mail/0000000001")); !strings.HasPrefix(raw, want) {
		t.Errorf("JSON: %s", raw)
	}
	if got := body(t, get(m, "/_local/mail/0000000001/html")); got != "<p>html é</p>\n" {
		t.Errorf("HTML: %s", got)
	}
}

func TestTheETagChangesWithTheFolderOnly(t *testing.T) {
	dir := t.TempDir()
	m := open(t, dir)
	seen := map[string]bool{}
	fresh := func(what string) {
		t.Helper()
		r := get(m, "/_local/mail")
		tag := r.Header.Get("ETag")
		if r.StatusCode != 200 || tag == "" || seen[tag] {
			t.Errorf("%s: %d with the tag %s", what, r.StatusCode, tag)
		}
		seen[tag] = true
		if r := get(m, "/_local/mail", "If-None-Match", tag); r.StatusCode != 304 || body(t, r) != "" {
			t.Errorf("%s: asked again: %d, want 304", what, r.StatusCode)
		}
	}
	fresh("empty")
	send(t, m, message(1), message(1))
	fresh("two messages")
	if err := os.Remove(filepath.Join(dir, "0000000001.json")); err != nil {
		t.Fatal(err)
	}
	fresh("one taken away")
}

func TestWhatIsNotThereOrNotAllowedIsRefusedInJSON(t *testing.T) {
	dir := t.TempDir()
	m := open(t, dir)
	send(t, m, message(1))
	if err := os.WriteFile(filepath.Join(dir, "secret.json"), []byte(`{"id":"secret"}`), 0o600); err != nil {
		t.Fatal(err)
	}
	for target, want := range map[string]int{
		"/_local/mail?limit=0":                400,
		"/_local/mail?limit=x":                400,
		"/_local/mail/0000000002":             404,
		"/_local/mail/0000000002/html":        404,
		"/_local/mail/secret":                 404,
		"/_local/mail/1":                      404,
		"/_local/mail/..%2f..%2fetc%2fpasswd": 404,
		"/_local/mail/%2e%2e%2f0000000001":    404,
		"/_local/mail/00000000001":            404,
		"/_local/mail/٠٠٠٠٠":                  404,
	} {
		r := get(m, target)
		var problem struct{ Message string }
		if err := json.NewDecoder(r.Body).Decode(&problem); r.StatusCode != want || err != nil || problem.Message == "" {
			t.Errorf("%s: %d %q %v, want %d with a message", target, r.StatusCode, problem.Message, err, want)
		}
	}
	if err := os.WriteFile(filepath.Join(dir, "0000000001.json"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for _, target := range []string{"/_local/mail", "/_local/mail/0000000001"} {
		if r := get(m, target); r.StatusCode != 500 || !strings.Contains(body(t, r), "0000000001.json is damaged") {
			t.Errorf("%s with a damaged file: %d", target, r.StatusCode)
		}
	}
}

func TestOnlyReadingIsServed(t *testing.T) {
	m := open(t, t.TempDir())
	for _, method := range []string{"POST", "PUT", "DELETE"} {
		w := httptest.NewRecorder()
		m.Handler().ServeHTTP(w, httptest.NewRequest(method, "/_local/mail", nil))
		if w.Code != 405 {
			t.Errorf("%s: %d, want 405", method, w.Code)
		}
	}
}

// S11, and the promise that nothing in a message runs.
func TestPoliciesLetNoScriptOfAMessageRun(t *testing.T) {
	m := open(t, t.TempDir())
	hostile := message(1)
	hostile.HTML = `<script>parent.document.title="owned"</script><img src=x onerror=alert(1)>`
	send(t, m, hostile)
	for target, want := range map[string]struct{ kind, policy string }{
		"/_local/mail":                 {"application/json", dataPolicy},
		"/_local/mail/0000000001":      {"application/json", dataPolicy},
		"/_local/mail/9":               {"application/json", dataPolicy},
		"/_local/mail/0000000001/html": {"text/html; charset=utf-8", mailPolicy},
		"/_local/mail.html":            {"text/html; charset=utf-8", pagePolicy},
		"/_local/mail.css":             {"text/css; charset=utf-8", pagePolicy},
		"/_local/mail.js":              {"text/javascript; charset=utf-8", pagePolicy},
	} {
		r := get(m, target)
		for name, value := range map[string]string{
			"Content-Type": want.kind, "Content-Security-Policy": want.policy, "X-Content-Type-Options": "nosniff",
			"Referrer-Policy": "no-referrer", "Cross-Origin-Resource-Policy": "same-origin", "Cache-Control": "no-store",
		} {
			if got := r.Header.Get(name); got != value {
				t.Errorf("%s: %s = %q, want %q", target, name, got, value)
			}
		}
	}
	for _, policy := range []string{pagePolicy, mailPolicy, dataPolicy} {
		if !strings.Contains(policy, "default-src 'none'") || strings.Contains(policy, "allow-scripts") ||
			strings.Contains(policy, "allow-same-origin") || strings.Contains(policy, "unsafe-eval") {
			t.Errorf("policy %q", policy)
		}
	}
	if strings.Contains(mailPolicy, "script-src") || !strings.HasPrefix(mailPolicy, "sandbox ") || strings.Contains(pagePolicy, "unsafe-inline") {
		t.Errorf("policies %q and %q", mailPolicy, pagePolicy)
	}
}

func TestThePageHasNoInlineScriptOrStyle(t *testing.T) {
	m := open(t, t.TempDir())
	html := body(t, get(m, "/_local/mail.html"))
	for _, banned := range []string{"<style", " style=", " onclick", "onload", "javascript:", "://"} {
		if strings.Contains(html, banned) {
			t.Errorf("the page holds %q", banned)
		}
	}
	if strings.Count(html, "<script") != 1 || !strings.Contains(html, `<script src="mail.js" type="module"></script>`) {
		t.Error("the page's script is not the one file")
	}
	script := body(t, get(m, "/_local/mail.js"))
	for _, banned := range []string{"innerHTML", "outerHTML", "insertAdjacentHTML", "document.write", "eval(", "srcdoc"} {
		if strings.Contains(script, banned) {
			t.Errorf("the script uses %s", banned)
		}
	}
}
