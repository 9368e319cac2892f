package gitleakstest

import (
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"keyfob/internal/token"
)

const (
	root   = "../.."
	config = root + "/.gitleaks.toml"
	rule   = "keyfob-credential"
)

// gitleaks finds the program. A developer may lack it; CI may not.
func gitleaks(t *testing.T) string {
	t.Helper()
	path, err := exec.LookPath("gitleaks")
	switch {
	case err == nil:
		return path
	case os.Getenv("CI") == "true":
		t.Fatal("gitleaks is missing: .ci/run installs it")
	default:
		t.Skip("gitleaks is missing; run: go install github.com/zricethezav/gitleaks/v8@v8.30.1")
	}
	return ""
}

// A finding is what gitleaks reports.
type finding struct{ RuleID, Secret, File string }

// scan has gitleaks look through a folder, and gives what our rule has found, by the file's name.
func scan(t *testing.T, program, folder string) map[string][]string {
	t.Helper()
	report := filepath.Join(t.TempDir(), "report.json")
	cmd := exec.CommandContext(t.Context(), program, "dir", "--no-banner", "--log-level", "error", "--exit-code", "0",
		"--config", config, "--report-format", "json", "--report-path", report, folder)
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	data, err := os.ReadFile(report)
	if err != nil {
		t.Fatal(err)
	}
	var all []finding
	if err := json.Unmarshal(data, &all); err != nil {
		t.Fatal(err)
	}
	found := map[string][]string{}
	for _, f := range all {
		if f.RuleID == rule {
			name := filepath.Base(f.File)
			found[name] = append(found[name], f.Secret)
		}
	}
	return found
}

// surroundings are the places where people leave credentials; TEXT stands for one. By the file's name.
var surroundings = map[string]string{
	"%03d.env":      "# production\nKEYFOB_TOKEN=TEXT\nDEBUG=1\n",
	"%03d.json":     `{"keyfob":{"url":"https://keyfob.example.com","token":"TEXT"},"retries":3}`,
	"%03d.yaml":     "deploy:\n  token: TEXT # until spring\n",
	"%03d.go":       "package main\n\nvar token = []string{`TEXT`}\n",
	"%03d.js":       `fetch("https://keyfob.example.com/api/v1/search?token=TEXT&from=0",{method:"POST"})`,
	"%03d.sh":       "curl -H 'Authorization: Bearer TEXT' https://keyfob.example.com/v1/tokenInfo\n",
	"%03d.log":      "2030-01-02T03:04:05Z GET /api/v1/api/key/TEXT 200\n",
	"%03d.xml":      "<token>TEXT</token>",
	"%03d.csv":      "name,token\ndeploy,TEXT,\n",
	"%03d.md":       "Our token is TEXT.",
	"%03d.txt":      "TEXT",
	"%03d-deep.txt": strings.Repeat("some words that mean nothing ", 2000) + "(TEXT)",
}

// overlooked is what gitleaks' own configuration passes over whatever the rule says: "(?i)^true|false|null$" of its
// allowlist is meant for values that are one of these words, and takes in about three of our credentials in a million.
var overlooked = regexp.MustCompile(`(?i)^true|false|null$`)

// credential makes one that gitleaks does not overlook.
func credential(form token.Form, kind token.Kind) string {
	for {
		if text := form.New(kind).Plaintext().Reveal(); !overlooked.MatchString(text) {
			return text
		}
	}
}

func write(t *testing.T, folder, name, content string) {
	t.Helper()
	if err := os.WriteFile(filepath.Join(folder, name), []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
}

// S33: each credential is found, whole, once, whatever its kind and realm and wherever it was left.
func TestS33EveryCredentialIsFound(t *testing.T) {
	program := gitleaks(t)
	folder := t.TempDir()
	left := map[string]string{}
	for i, realm := range []string{"us", "eu", "eusandbox", "a1", "abcdefghijklmno0"} {
		form := token.Form{Brand: "kf", Realm: realm}
		if !form.Valid() {
			t.Fatal(realm)
		}
		for j := range 20 {
			for k, kind := range []token.Kind{token.API, token.Session} {
				n := 0
				for pattern, around := range surroundings {
					n++
					if n%4 != j%4 { // each of them in some, and some 600 files in all
						continue
					}
					name := fmt.Sprintf(pattern, 100*i+2*j+k)
					left[name] = credential(form, kind)
					write(t, folder, name, strings.ReplaceAll(around, "TEXT", left[name]))
				}
			}
		}
	}
	found := scan(t, program, folder)
	for name, text := range left {
		if got := found[name]; len(got) != 1 || got[0] != text {
			t.Errorf("%s: found %q", name, got)
		}
		delete(found, name)
	}
	if len(left) < 200 || len(found) > 0 {
		t.Errorf("%d were left; found besides: %v", len(left), found)
	}
}

// What is public, or is no credential by its form, is nobody's secret: a rule that cries wolf is soon switched off.
func TestS33WhatOnlyLooksALittleLikeOneIsNotFound(t *testing.T) {
	program := gitleaks(t)
	folder := t.TempDir()
	form := token.Form{Brand: "kf", Realm: "us"}
	for i := range 10 {
		c := form.New(token.API)
		text := c.Plaintext().Reveal()
		head, body := text[:len("kf_us_")], text[len("kf_us_"):]
		for name, near := range map[string]string{
			"short": text[:len(text)-1], "long": text + "0", "dash": head + body[:30] + "-" + body[31:], "underscore": head + body[:30] + "_" + body[31:],
			"umlaut": head + body[:30] + "ä" + body[31:], "brand": "xy" + text[2:], "shouted": strings.ToUpper(text[:2]) + text[2:], "prefixed": "x" + text,
			"realm": "kf_" + body, "digit": "kf_1us_" + body, "letter": "kf_u_" + body, "endless": "kf_" + strings.Repeat("a", 17) + "_" + body,
			"upper": "kf_US_" + body, "kind": "kfx_us_" + body, "token": c.Handle(), "session": form.New(token.Session).Handle(),
			"account": token.NewName("acc_"), "user": token.NewName("usr_"), "body": body,
		} {
			write(t, folder, fmt.Sprintf("%s-%d.txt", name, i), "KEYFOB_TOKEN="+near+"\n")
		}
	}
	// The published ones are nobody's.
	write(t, folder, "example.txt", "kf_us_EXAMPLEexample01ExampleSecretExampleSecretExampleSecretExam3YHKFD")
	if found := scan(t, program, folder); len(found) > 0 {
		t.Errorf("found: %v", found)
	}
}

// S13: the form, the rule and the publication are one pattern.
func TestS13TheRuleIsThePublishedPattern(t *testing.T) {
	pattern := token.Form{Brand: "kf", Realm: "us"}.Pattern()
	text, err := os.ReadFile(config)
	if err != nil {
		t.Fatal(err)
	}
	rules := regexp.MustCompile(`(?s)\[\[rules\]\]\nid = "`+rule+`"\n.*?\nregex = '''(.*?)'''`).FindAllStringSubmatch(string(text), -1)
	if len(rules) != 1 || rules[0][1] != pattern {
		t.Errorf("the rule is %q, and the form's pattern %s", rules, pattern)
	}
	published, err := os.ReadFile(root + "/SECURITY.md")
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(string(published), "\n```\n"+pattern+"\n```\n") {
		t.Error("SECURITY.md does not publish the form's pattern")
	}
}

// child is the environment variable that makes this test binary only look for gitleaks.
const child = "GITLEAKSTEST_CHILD"

func TestWithoutGitleaksATestIsSkippedAndFailsInCI(t *testing.T) {
	if os.Getenv(child) != "" {
		gitleaks(t)
		return
	}
	for ci, want := range map[string]string{"": "--- SKIP", "true": "--- FAIL"} {
		cmd := exec.CommandContext(t.Context(), os.Args[0], "-test.v", "-test.run=^"+t.Name()+"$")
		cmd.Env = append(os.Environ(), child+"=1", "PATH="+t.TempDir(), "CI="+ci)
		out, _ := cmd.CombinedOutput()
		if !strings.Contains(string(out), want) || !strings.Contains(string(out), "gitleaks is missing") {
			t.Errorf("CI=%q: want %s and what is missing:\n%s", ci, want, out)
		}
	}
}
