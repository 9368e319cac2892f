package main

import (
	"bufio"
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
)

// service is the whole service on this machine, in a process of its own.
type service struct {
	*testing.T
	url, account, data string
}

var build = sync.OnceValues(func() (string, error) {
	dir, err := os.MkdirTemp("", "keyfob-test-")
	if err != nil {
		return "", err
	}
	binary := filepath.Join(dir, "local")
	out, err := exec.Command("go", "build", "-o", binary, "../local").CombinedOutput()
	if err != nil {
		err = fmt.Errorf("%w: %s", err, out)
	}
	return binary, err
})

func TestMain(m *testing.M) {
	code := m.Run()
	if binary, err := build(); err == nil {
		_ = os.RemoveAll(filepath.Dir(binary))
	}
	os.Exit(code)
}

func startService(t *testing.T) *service {
	t.Helper()
	binary, err := build()
	if err != nil {
		t.Fatal(err)
	}
	data := t.TempDir()
	cmd := exec.CommandContext(t.Context(), binary, "-addr", "127.0.0.1:0", "-data", data, "-template", "../../template.yaml")
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = cmd.Process.Kill(); _ = cmd.Wait() })
	line, err := bufio.NewReader(out).ReadString('\n')
	url, ok := strings.CutPrefix(strings.TrimSpace(line), "ready ")
	if err != nil || !ok {
		t.Fatalf("%q: %v", line, err)
	}
	s := &service{T: t, url: url, data: data}
	answer := s.must(`{"command":"account.create","account":{"name":"Example Ltd"},"owner":{"email":"import@example.com","password":"seven lanterns over a quiet river"}}`,
		"operator", "invoke", "--local", url)
	var made struct{ Account struct{ ID string } }
	if err := json.Unmarshal([]byte(answer), &made); err != nil || made.Account.ID == "" {
		t.Fatalf("%s: %v", answer, err)
	}
	s.account = made.Account.ID
	return s
}

// keyfob runs the tool.
func keyfob(ctx context.Context, in string, progress io.Writer, args ...string) (string, error) {
	var out strings.Builder
	c := command()
	c.SetIn(strings.NewReader(in))
	c.SetOut(&out)
	c.SetErr(progress)
	c.SetArgs(args)
	err := c.ExecuteContext(ctx)
	return out.String(), err
}

func (s *service) must(in string, args ...string) string {
	s.Helper()
	out, err := keyfob(s.Context(), in, io.Discard, args...)
	if err != nil {
		s.Fatalf("%v: %v\n%s", args, err, out)
	}
	return out
}

// imports runs the import of a file with the content, and holds its exit code.
func (s *service) imports(name, content string, code int, args ...string) string {
	s.Helper()
	path := filepath.Join(s.TempDir(), name)
	if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
		s.Fatal(err)
	}
	out, err := keyfob(s.Context(), "", io.Discard, append([]string{"operator", "import", "--account", s.account, "--file", path, "--local", s.url}, args...)...)
	if got := exit(err, io.Discard); got != code {
		s.Fatalf("exit code %d (%v), want %d:\n%s", got, err, code, out)
	}
	return out
}

func (s *service) status(credential string) int {
	s.Helper()
	req, err := http.NewRequestWithContext(s.Context(), http.MethodGet, s.url+"/v1/tokenInfo", nil)
	if err != nil {
		s.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer "+credential)
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		s.Fatal(err)
	}
	_ = resp.Body.Close()
	return resp.StatusCode
}

const secret = "ExampleSecretExampleSecretExampleSecretEx"

func hash() string {
	sum := sha256.Sum256([]byte(secret))
	return hex.EncodeToString(sum[:])
}

// K4: both formats are imported, bad lines are told by their numbers and cost nothing else, and a second run has no effect.
func TestK4TheToolImportsAFile(t *testing.T) {
	s := startService(t)
	csv := "id,hash,name,owner,expiry\n" +
		"1," + hash() + ",Deploy,import@example.com,\n" +
		"2," + secret + ",Deploy,import@example.com,\n" +
		"3," + hash() + ",Deploy,nobody@example.com,\n" +
		"4," + hash() + "\n" +
		"5," + hash() + ",,IMPORT@example.com,soon\n" +
		"6," + hash() + ",Old,import@example.com,2001-01-01 00:00:00\n"
	const refused = "line 3: hash: hash is the SHA-256 of the part after the bar, in 64 hexadecimal digits.\n"
	if out := s.imports("tokens.csv", csv, 1, "--dry-run"); !strings.HasPrefix(out, refused) || !strings.HasSuffix(out, "\nwell formed 3, refused 3; nothing was sent\n") {
		t.Errorf("dry run:\n%s", out)
	}
	if got := s.status("1|" + secret); got != http.StatusUnauthorized {
		t.Errorf("after the dry run: %d", got)
	}
	want := refused +
		"line 4: owner: The account has no user with this e-mail address.\n" +
		"line 5: line: The line has 2 fields, and the header 5.\n" +
		"line 6: name: name is required.\n" +
		"line 6: expiry: expiry is a time such as 2027-05-01T12:00:00Z, 2027-05-01 12:00:00 (UTC) or 2027-05-01, from the year 2000 on, or empty for never.\n" +
		"imported 2, unchanged 0, refused 4\n"
	if out := s.imports("tokens.csv", csv, 1); out != want {
		t.Errorf("it printed\n%s\nwant\n%s", out, want)
	}
	for credential, want := range map[string]int{"1|" + secret: 200, "1|" + secret + "x": 401, "6|" + secret: 401, "2|" + secret: 401} {
		if got := s.status(credential); got != want {
			t.Errorf("%.3s: %d, want %d", credential, got, want)
		}
	}
	jsonl := `{"id":1,"hash":"` + hash() + `","name":"Deploy","owner":"import@example.com"}` + "\n" + `{"id":"7","hash":"` + hash() + `","name":"Deploy","owner":"import@example.com","expiry":null}` + "\n"
	if out := s.imports("tokens.jsonl", jsonl, 0); out != "imported 1, unchanged 1, refused 0\n" {
		t.Errorf("JSON lines:\n%s", out)
	}
	if out := s.imports("tokens.txt", jsonl, 0, "--format", "jsonl"); out != "imported 0, unchanged 2, refused 0\n" {
		t.Errorf("a second time:\n%s", out)
	}
	if got := s.status("7|" + secret); got != http.StatusOK {
		t.Errorf("7: %d", got)
	}
}

// breaking ends the run when the first progress is told.
type breaking struct {
	bytes.Buffer
	cancel context.CancelFunc
}

func (b *breaking) Write(p []byte) (int, error) {
	b.cancel()
	return b.Buffer.Write(p)
}

// K4: an import that was interrupted is run again, and goes on.
func TestK4AnInterruptedImportIsRunAgain(t *testing.T) {
	s := startService(t)
	lines := []string{"id,hash,name,owner"}
	for i := range 510 {
		lines = append(lines, fmt.Sprintf("%d,%s,Token %d,import@example.com", i, hash(), i))
	}
	path := filepath.Join(t.TempDir(), "tokens.csv")
	if err := os.WriteFile(path, []byte(strings.Join(lines, "\r\n")), 0o600); err != nil {
		t.Fatal(err)
	}
	args := []string{"operator", "import", "--account", s.account, "--file", path, "--local", s.url}
	ctx, cancel := context.WithCancel(t.Context())
	progress := &breaking{cancel: cancel}
	out, err := keyfob(ctx, "", progress, args...)
	if exit(err, io.Discard) != 2 || !strings.Contains(err.Error(), "lines 502 to 511") || !strings.Contains(err.Error(), "run it again") || out != "imported 500, unchanged 0, refused 0\n" || progress.String() != "line 501 is done\n" {
		t.Errorf("interrupted: %v, %q, %q", err, out, progress.String())
	}
	if out := s.must("", args...); out != "imported 10, unchanged 500, refused 0\n" {
		t.Errorf("again: %s", out)
	}
}

// What cannot be done is one line and exit code 2; what is refused is printed, and exit code 1.
func TestTheOperatorToolTellsRefusalsFromFailures(t *testing.T) {
	s := startService(t)
	good := "id,hash,name,owner\n1," + hash() + ",n,import@example.com\n"
	s.imports("tokens.csv", "id,hash,owner\n", 2)
	s.imports("tokens.txt", good, 2)
	s.imports("tokens.csv", good, 2, "--format", "xlsx")
	s.imports("tokens.csv", good, 2, "--account", "acc_none")
	s.imports("tokens.csv", good, 2, "--account", "")
	s.imports("tokens.csv", good, 2, "--function", "both")
	s.imports("tokens.csv", good, 2, "--local", "127.0.0.1:3000")
	for in, code := range map[string]int{
		`{"command":"account.destroy"}`:                            1,
		`{"command":"tokens.import","account":"acc_x","rows":[]}`:  1,
		`{"command":"tokens.import","account":"acc_x","lines":[]}`: 1,
		`{`: 2,
	} {
		out, err := keyfob(t.Context(), in, io.Discard, "operator", "invoke", "--local", s.url)
		if got := exit(err, io.Discard); got != code || code == 1 && (!errors.Is(err, errRefused) || !strings.Contains(out, "message")) {
			t.Errorf("%s: exit code %d, %v, %s", in, got, err, out)
		}
	}
	if _, err := keyfob(t.Context(), "{}", io.Discard, "operator", "invoke", "--local", "http://127.0.0.1:1"); exit(err, io.Discard) != 2 {
		t.Errorf("nothing listens: %v", err)
	}
	if _, err := keyfob(t.Context(), "{}", io.Discard, "operator", "invoke"); !errors.Is(err, errNoTarget) {
		t.Errorf("nowhere: %v", err)
	}
}
