package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// asMain makes this test's binary the program itself, for tests that need a process of its own.
const asMain = "KEYFOB_LOCAL_AS_MAIN"

func TestMain(m *testing.M) {
	if os.Getenv(asMain) != "" {
		main()
	}
	os.Exit(m.Run())
}

// greeted is a service that run has started, and what it printed.
type greeted struct {
	url, owner, password, data string
	there                      bool   // the owner was there already
	tries                      string // the lines of curl
}

// greet runs the service until the test ends or stop is called, and reads its greeting.
func greet(t *testing.T, args ...string) (g greeted, stop func()) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	r, w := io.Pipe()
	var stderr bytes.Buffer
	done := make(chan int, 1)
	go func() {
		done <- run(ctx, append([]string{"-addr", "127.0.0.1:0", "-template", "../../template.yaml"}, args...), w, &stderr)
		_ = w.Close()
	}()
	stop = func() {
		cancel()
		if code, ok := <-done; ok && (code != 0 || stderr.Len() > 0) {
			t.Errorf("it ended with %d: %s", code, stderr.String())
		}
	}
	t.Cleanup(func() { cancel() })
	g, err := readGreeting(bufio.NewReader(r))
	if err != nil {
		stop()
		t.Fatal(err)
	}
	return g, stop
}

func readGreeting(in *bufio.Reader) (g greeted, err error) {
	var lines [6]string
	for i := range lines {
		if lines[i], err = in.ReadString('\n'); err != nil {
			return g, fmt.Errorf("after %q: %w", lines[:i], err)
		}
	}
	if _, err := fmt.Sscanf(lines[0], "ready %s\n", &g.url); err != nil {
		return g, fmt.Errorf("%q: %w", lines[0], err)
	}
	who := strings.TrimSpace(strings.TrimPrefix(lines[1], "owner "))
	if g.owner, g.there = strings.CutSuffix(who, " (there already, with the password it has)"); !g.there {
		g.owner, g.password, _ = strings.Cut(who, " password ")
	}
	g.data, _, _ = strings.Cut(strings.TrimPrefix(lines[2], "data "), ",")
	g.tries = strings.Join(lines[3:], "")
	return g, nil
}

func (g greeted) call(t *testing.T, method, path, credential, body string) (int, string) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), method, g.url+path, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Content-Type", "application/json")
	if credential != "" {
		req.Header.Set("Authorization", "Bearer "+credential)
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = resp.Body.Close() }()
	data, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return resp.StatusCode, string(data)
}

// login gives the session's token.
func (g greeted) login(t *testing.T, password string) string {
	t.Helper()
	status, body := g.call(t, http.MethodPost, "/v1/login", "", fmt.Sprintf(`{"name":%q,"password":%q,"returnToken":true}`, g.owner, password))
	if status != http.StatusOK {
		t.Fatalf("login: %d %s", status, body)
	}
	return member(t, body, "token")
}

// member cuts the text of a member out of JSON, as the printed lines do.
func member(t *testing.T, body, name string) string {
	t.Helper()
	_, rest, ok := strings.Cut(body, `"`+name+`":"`)
	value, _, ok2 := strings.Cut(rest, `"`)
	if !ok || !ok2 {
		t.Fatalf("no %s in %s", name, body)
	}
	return value
}

func TestANewcomersWalk(t *testing.T) {
	g, stop := greet(t, "-data", t.TempDir())
	session := g.login(t, g.password)
	status, made := g.call(t, http.MethodPost, "/v1/tokens", session, `{"name":"First","scope":"full","autoPurge":"1h"}`)
	if status != http.StatusCreated {
		t.Fatalf("create: %d %s", status, made)
	}
	token, id := member(t, made, "token"), member(t, made, "id")
	if status, body := g.call(t, http.MethodGet, "/v1/tokenInfo", token, ""); status != http.StatusOK {
		t.Errorf("tokenInfo: %d %s", status, body)
	}
	// Moving the clock by nothing lets what is on its way arrive.
	g.call(t, http.MethodPost, "/_local/clock", "", `{"advance":"0s"}`)
	if status, body := g.call(t, http.MethodGet, "/_local/mail", "", ""); status != http.StatusOK || !strings.Contains(body, `\"First\" was created`) || strings.Contains(body, token) {
		t.Errorf("mail: %d %s", status, body)
	}
	if status, body := g.call(t, http.MethodDelete, "/v1/tokens/"+id, session, ""); status >= 300 {
		t.Errorf("revoke: %d %s", status, body)
	}
	if status, body := g.call(t, http.MethodGet, "/v1/tokenInfo", token, ""); status != http.StatusUnauthorized || body != `{"message":"Unauthenticated."}` {
		t.Errorf("after the revocation: %d %s", status, body)
	}
	stop()
	logs, err := os.ReadFile(filepath.Join(g.data, logFile))
	if err != nil {
		t.Fatal(err)
	}
	for _, secret := range []string{token, session, g.password} {
		if bytes.Contains(logs, []byte(secret)) {
			t.Error("a secret is in the logs")
		}
	}
	if !bytes.Contains(logs, []byte(`"function_name":"keyfob-TokenInfoFunction"`)) {
		t.Errorf("the functions' lines are not in the logs: %s", logs)
	}
}

func TestThePrintedLinesWork(t *testing.T) {
	for _, tool := range []string{"sh", "curl", "sed"} {
		if _, err := exec.LookPath(tool); err != nil {
			t.Skip(err)
		}
	}
	g, stop := greet(t, "-data", t.TempDir(), "-owner", `o'neil@example.com:it's "quoted" $HOME \ enough`)
	defer stop()
	out, err := exec.CommandContext(t.Context(), "sh", "-eu", "-c", g.tries).CombinedOutput()
	if err != nil || !bytes.Contains(out, []byte(`"scope":"*"`)) {
		t.Errorf("%s: %v\n%s", out, err, g.tries)
	}
}

func TestWithoutAFolderOneIsMadeAndNamed(t *testing.T) {
	t.Setenv("TMPDIR", t.TempDir())
	g, stop := greet(t)
	defer stop()
	if _, err := os.Stat(filepath.Join(g.data, tableFile)); err != nil || !strings.HasPrefix(g.data, os.Getenv("TMPDIR")) {
		t.Errorf("folder %s: %v", g.data, err)
	}
}

func TestStartingAgainKeepsAccountsAndMakesNoSecondOwner(t *testing.T) {
	dir := t.TempDir()
	g, stop := greet(t, "-data", dir, "-owner", "first@example.com:"+testPassword)
	if g.owner != "first@example.com" || g.password != testPassword {
		t.Errorf("owner %q, password %q", g.owner, g.password)
	}
	session := g.login(t, testPassword)
	account := func(g greeted, credential string) string {
		status, body := g.call(t, http.MethodGet, "/v1/tokenInfo", credential, "")
		if status != http.StatusOK {
			t.Fatalf("tokenInfo: %d %s", status, body)
		}
		return member(t, body, "accountId")
	}
	first := account(g, session)
	stop()
	for _, args := range [][]string{{"-data", dir}, {"-data", dir, "-owner", "FIRST@example.com:another good password"}} {
		g, stop = greet(t, args...)
		if !strings.EqualFold(g.owner, "first@example.com") || !g.there {
			t.Errorf("owner %q, there already: %v", g.owner, g.there)
		}
		if got := account(g, g.login(t, testPassword)); got != first {
			t.Errorf("the account is %s, was %s", got, first)
		}
		if got := account(g, session); got != first {
			t.Error("the session did not survive")
		}
		stop()
	}
}

// What is wrong at the start is one line that says it, and exit code 1.
func TestWhatIsWrongIsOneLine(t *testing.T) {
	held, stop := greet(t, "-data", t.TempDir())
	defer stop()
	write := func(name, text string) string {
		path := filepath.Join(t.TempDir(), name)
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	damaged := t.TempDir()
	if err := os.WriteFile(filepath.Join(damaged, tableFile), bytes.Repeat([]byte("damaged "), 8192), 0o600); err != nil {
		t.Fatal(err)
	}
	for name, test := range map[string]struct {
		args []string
		want string
	}{
		"a port in use":             {[]string{"-addr", strings.TrimPrefix(held.url, "http://")}, "address already in use"},
		"an address that is none":   {[]string{"-addr", "nonsense"}, "nonsense"},
		"a folder in use":           {[]string{"-data", held.data}, tableFile},
		"a damaged folder":          {[]string{"-data", damaged}, tableFile},
		"a folder that is a file":   {[]string{"-data", write("file", "")}, "not a directory"},
		"no template":               {[]string{"-template", "nowhere.yaml"}, "nowhere.yaml"},
		"a template that is none":   {[]string{"-template", write("t.yaml", "a: [")}, "not YAML"},
		"a template without an API": {[]string{"-template", write("t.yaml", "Resources: {}")}, "AWS::Serverless::Api"},
		"a flag that is none":       {[]string{"-port", "1"}, "-port"},
		"something behind them":     {[]string{"serve"}, "serve"},
		"a bad owner":               {[]string{"-owner", "owner@example.com:short"}, "-owner: "},
		"an e-mail that is none":    {[]string{"-owner", "nobody"}, "-owner: "},
	} {
		t.Run(name, func(t *testing.T) {
			args := append([]string{"-addr", "127.0.0.1:0", "-template", "../../template.yaml", "-data", t.TempDir()}, test.args...)
			var stdout, stderr bytes.Buffer
			code := run(t.Context(), args, &stdout, &stderr)
			if code != 1 || stdout.Len() > 0 || strings.Count(stderr.String(), "\n") != 1 || !strings.HasPrefix(stderr.String(), "local: ") || !strings.Contains(stderr.String(), test.want) {
				t.Errorf("exit code %d, said %q and %q", code, stdout.String(), stderr.String())
			}
		})
	}
}

func TestHelpIsNotAnError(t *testing.T) {
	var stdout, stderr bytes.Buffer
	if code := run(t.Context(), []string{"-h"}, &stdout, &stderr); code != 0 || !strings.Contains(stderr.String(), "-owner") {
		t.Errorf("exit code %d: %s", code, stderr.String())
	}
}

func TestSignalsEndItCleanly(t *testing.T) {
	for _, signal := range []os.Signal{os.Interrupt, syscall.SIGTERM} {
		dir := t.TempDir()
		cmd := exec.CommandContext(t.Context(), os.Args[0], "-addr", "127.0.0.1:0", "-template", "../../template.yaml", "-data", dir)
		cmd.Env = append(os.Environ(), asMain+"=1")
		var stderr bytes.Buffer
		cmd.Stderr = &stderr
		out, err := cmd.StdoutPipe()
		if err != nil {
			t.Fatal(err)
		}
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		g, err := readGreeting(bufio.NewReader(out))
		if err != nil {
			t.Fatal(err)
		}
		g.login(t, g.password)
		if err := cmd.Process.Signal(signal); err != nil {
			t.Fatal(err)
		}
		if err := cmd.Wait(); err != nil || stderr.Len() > 0 {
			t.Errorf("%v: %v, %s", signal, err, stderr.String())
		}
		if c, err := net.Dial("tcp", strings.TrimPrefix(g.url, "http://")); err == nil {
			_ = c.Close()
			t.Error("it still listens")
		}
		again, stop := greet(t, "-data", dir) // the table was let go of, whole
		again.login(t, g.password)
		stop()
	}
}

func TestEachValidationReadsOneItem(t *testing.T) {
	s := startTest(t)
	token := s.token(t)
	get(t, s.URL+"/v1/tokenInfo", token, nil) // the first use is noted
	if err := s.Settle(t.Context()); err != nil {
		t.Fatal(err)
	}
	before := s.Stats()
	var info struct{ Scope string }
	get(t, s.URL+"/v1/tokenInfo", token, &info)
	after := s.Stats()
	if reads, trips := after.Table.Reads-before.Table.Reads, after.Table.RoundTrips-before.Table.RoundTrips; reads != 1 || trips != 1 || info.Scope != "*" {
		t.Errorf("%d reads in %d round trips, %+v", reads, trips, info)
	}
}

func TestATokenIsRefusedFromTheInstantItIsDueAndThenPurged(t *testing.T) {
	s := startTest(t)
	token := s.token(t)
	if _, err := s.Advance(t.Context(), time.Hour-time.Millisecond); err != nil {
		t.Fatal(err)
	}
	if status := get(t, s.URL+"/v1/tokenInfo", token, nil); status != http.StatusOK {
		t.Errorf("a millisecond before it is due: %d", status)
	}
	if _, err := s.Advance(t.Context(), time.Millisecond); err != nil {
		t.Fatal(err)
	}
	if status := get(t, s.URL+"/v1/tokenInfo", token, nil); status != http.StatusUnauthorized {
		t.Errorf("at the instant: %d", status)
	}
}

// get gets a URL with a credential and reads the JSON answer into what is not nil.
func get(t testing.TB, url, credential string, into any) int {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url, nil)
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer "+credential)
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = resp.Body.Close() }()
	if into != nil {
		decode(t, resp.Body, into)
	}
	return resp.StatusCode
}

// A client that begins a request and never finishes it does not keep the service from ending.
func TestAStalledRequestDoesNotHoldUpTheEnd(t *testing.T) {
	s := startTest(t)
	c, err := net.Dial("tcp", strings.TrimPrefix(s.URL, "http://"))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = c.Close() }()
	if _, err := io.WriteString(c, "POST /v1/login HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: 100\r\n\r\n{"); err != nil {
		t.Fatal(err)
	}
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	if err := s.Close(ended); err != nil {
		t.Error(err)
	}
}

func decode(t testing.TB, body io.Reader, into any) {
	t.Helper()
	if err := json.NewDecoder(body).Decode(into); err != nil {
		t.Fatal(err)
	}
}
