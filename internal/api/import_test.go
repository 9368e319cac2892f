package api_test

import (
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"keyfob/internal/api"
	"keyfob/internal/authority"
)

// The command takes 1 to 500 rows in the order of their lines, tells of each one that is refused, and says what is wrong
// with the command itself by its field.
func TestTokensImportIsStrict(t *testing.T) {
	c, _ := deployment(t)
	acc := owner(t, c)["accountId"]
	hash := strings.Repeat("0a", 32)
	row := func(line int) string {
		return fmt.Sprintf(`{"line":%d,"id":"%d","hash":%q,"name":"n","owner":"owner@example.com"}`, line, line, hash)
	}
	rows := func(n int) string {
		var all []string
		for i := range n {
			all = append(all, row(i+1))
		}
		return strings.Join(all, ",")
	}
	run := func(members string) string {
		t.Helper()
		out, err := api.Operator(c).Invoke(t.Context(), []byte(`{"command":"tokens.import",`+members+`}`))
		if err != nil {
			t.Fatalf("%.200s: %v", members, err)
		}
		return string(out)
	}
	for members, field := range map[string]string{
		`"rows":[` + row(1) + `]`:                                           "account",
		`"account":"acc_none","rows":[` + row(1) + `]`:                      "account",
		`"account":"` + acc + `"`:                                           "rows",
		`"account":"` + acc + `","rows":[]`:                                 "rows",
		`"account":"` + acc + `","rows":[` + rows(501) + `]`:                "rows",
		`"account":"` + acc + `","rows":[` + row(0) + `]`:                   "rows[0].line",
		`"account":"` + acc + `","rows":[` + row(2) + `,` + row(2) + `]`:    "rows[1].line",
		`"account":"` + acc + `","rows":[` + row(3) + `,` + row(2) + `]`:    "rows[1].line",
		`"account":"` + acc + `","rows":[{"line":1,"secret":"1"}]`:          "rows[0].secret",
		`"account":"` + acc + `","rows":[{"line":1,"id":1}]`:                "rows[0].id",
		`"account":"` + acc + `","rows":{}`:                                 "rows",
		`"account":"` + acc + `","dryRun":true,"rows":[` + row(1) + `]`:     "dryRun",
		`"account":"` + acc + `","account":"acc","rows":[` + row(1) + `]`:   "command",
		`"account":"` + acc + `","rows":[{"line":1,"line":2,"id":"1"}]`:     "command",
		`"account":"` + acc + `","rows":[{"line":9223372036854775808}]`:     "rows[0].line",
		`"account":"` + acc + `","rows":[{"line":1,"id":"` + "\xff" + `"}]`: "command",
	} {
		var refusal struct {
			Message string
			Errors  []struct{ Field, Code, Message string }
		}
		if err := json.Unmarshal([]byte(run(members)), &refusal); err != nil || len(refusal.Errors) != 1 || refusal.Errors[0].Field != field {
			t.Errorf("%.100s: %+v, want %s", members, refusal, field)
		}
	}
	if got := run(`"account":"` + acc + `","rows":[` + row(7) + `,{"line":8}]`); !strings.HasPrefix(got, `{"imported":1,"unchanged":0,"refused":[{"line":8,"field":"id","code":"malformed",`) || strings.Contains(got, "next") {
		t.Error(got)
	}
	if got := run(`"account":"` + acc + `","rows":[` + row(7) + `]`); got != `{"imported":0,"unchanged":1,"refused":[]}` {
		t.Error(got)
	}
}

// K4, R7: a foreign token in a path is percent-encoded; what is not well encoded is like any text that is no credential.
func TestAForeignTokenIsRevokedInAPath(t *testing.T) {
	c, _ := deployment(t)
	acc := owner(t, c)["accountId"]
	const secret = "50%41+off%zz"
	out, err := api.Operator(c).Invoke(t.Context(), []byte(`{"command":"tokens.import","account":"`+acc+`","rows":[{"line":1,"id":"1","hash":"`+sha(secret)+`","name":"n","owner":"owner@example.com"}]}`))
	if err != nil || !strings.Contains(string(out), `"imported":1`) {
		t.Fatalf("%s: %v", out, err)
	}
	a := authority.Authority{Table: c.Table, Now: c.Now, Form: c.Form}
	for _, test := range []struct {
		path string
		want authority.Denial
	}{
		{"1|" + secret, authority.None}, {"1%7C" + secret, authority.None}, {"1%7C50%zz", authority.None},
		{"1%7C50%2541%20off%25zz", authority.None}, {"1%7C50%2541+off%25zz", authority.Revoked},
	} {
		answer := invoke(t, api.Revoke(c), event(t, "DELETE", "/api/v1/api/key/{token}", map[string]string{"token": test.path}, nil, ""))
		_, denial, err := a.Verify(t.Context(), "1|"+secret)
		if answer.StatusCode != 200 || answer.Body != `{"revoked":true}` || denial != test.want || err != nil {
			t.Errorf("%s: %+v, then %q, %v", test.path, answer, denial, err)
		}
	}
}

func sha(s string) string { return fmt.Sprintf("%x", sha256.Sum256([]byte(s))) }
