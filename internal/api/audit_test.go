package api_test

import (
	"encoding/csv"
	"encoding/json"
	"fmt"
	"maps"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"keyfob/internal/api"
	"keyfob/internal/audit"
	"keyfob/internal/table"
	"keyfob/internal/trail"
)

// audited is the audit function over an account in which the events have happened, besides its making.
type audited struct {
	*testing.T
	claims map[string]string
	invoke func(query string) answer
}

func newAudited(t *testing.T, n int, write func(e *audit.Event, i int)) audited {
	t.Helper()
	c, db := deployment(t)
	a := audited{T: t, claims: owner(t, c)}
	by := audit.Actor{User: a.claims["userId"], Credential: a.claims["tokenId"], Via: audit.ViaDashboard}
	var ops []table.Op
	for i := range n {
		e := audit.New(audit.TokenEdited, c.Now().Add(time.Duration(i)*time.Millisecond), a.claims["accountId"], by, audit.Origin{IP: "192.0.2.1"}, audit.Subject{Kind: "token", ID: "tok_EXAMPLEexample01", Name: "deploy"})
		write(&e, i)
		if ops = append(ops, e.Ops()...); len(ops) > table.MaxCommit-3 || i == n-1 {
			if err := db.Commit(t.Context(), ops...); err != nil {
				t.Fatal(err)
			}
			ops = nil
		}
	}
	h := api.Audit(c)
	a.invoke = func(query string) answer {
		t.Helper()
		values, err := url.ParseQuery(query)
		if err != nil {
			t.Fatal(err)
		}
		var e map[string]any
		if err := json.Unmarshal(event(t, "GET", "/v1/audit", nil, a.claims, ""), &e); err != nil {
			t.Fatal(err)
		}
		e["multiValueQueryStringParameters"] = values
		payload, err := json.Marshal(e)
		if err != nil {
			t.Fatal(err)
		}
		return invoke(t, h, payload)
	}
	return a
}

// An answer of Lambda's holds 6 MB: a file of the largest size fits, of whatever people and their programs have written.
func TestAnExportFitsIntoAnAnswerOfLambdas(t *testing.T) {
	for what, filler := range map[string]string{"quotes": `"`, "controls": "\x01", "letters": "é"} {
		text := func(n int) string { return strings.Repeat(filler, n/len(filler)) }
		a := newAudited(t, 700, func(e *audit.Event, i int) {
			e.Origin.UserAgent, e.Note, e.Subject.Name = text(256), text(1000), text(400)
			e.Changes = []audit.Change{{Field: "description", From: text(400), To: text(400)}, {Field: "name", From: text(100), To: text(100)}}
			e.Also = []audit.Subject{{Kind: "token", ID: fmt.Sprintf("tok_%016d", i), Name: text(200)}}
		})
		for _, format := range []string{"csv", "json"} {
			raw := a.invoke("limit=1000&format=" + format)
			whole, err := json.Marshal(raw)
			if err != nil || raw.StatusCode != 200 || len(whole) > 6<<20 || raw.Headers["Link"] == "" {
				t.Errorf("%s as %s: %d, %d bytes, %v", what, format, raw.StatusCode, len(whole), err)
			}
		}
	}
}

// What somebody wrote into a name is a text in a spreadsheet too, and comes back as it was but for the apostrophe.
func TestAnExportsCellsAreNoFormulas(t *testing.T) {
	names := []string{
		`=HYPERLINK("https://evil.example","x")`, "+1", "-1", "@SUM(A1)", "\tx", "\rx", "＝1", "plain, with \"quotes\"", "line\nend", " =1", "é", "",
	}
	a := newAudited(t, len(names), func(e *audit.Event, i int) {
		e.Subject.Name, e.Note, e.Origin.UserAgent = names[i], names[i], names[i]
		e.Changes = []audit.Change{{Field: "name", From: names[i], To: "x"}}
	})
	raw := a.invoke("format=csv&action=token.edited")
	if raw.Headers["Content-Type"] != "text/csv; charset=utf-8" || strings.Count(raw.Body, "\r\n") < len(names)+1 {
		t.Errorf("%v", raw.Headers)
	}
	rows, err := csv.NewReader(strings.NewReader(raw.Body)).ReadAll()
	if err != nil || len(rows) != len(names)+1 {
		t.Fatalf("%d rows, %v", len(rows), err)
	}
	column := func(name string) int { return slices.Index(rows[0], name) }
	for i, row := range rows[1:] {
		name := names[len(names)-1-i]
		for _, at := range []string{"subject.name", "note", "from.userAgent"} {
			cell := row[column(at)]
			if cell != "" && strings.ContainsRune("=+-@\t\r\n＝", []rune(cell)[0]) {
				t.Errorf("%q could be a formula", cell)
			}
			if got := strings.TrimPrefix(cell, "'"); got != name && name != "\rx" { // Go's writer drops a bare CR
				t.Errorf("%q came back as %q", name, got)
			}
		}
		var changes []struct{ Field, From, To string }
		if err := json.Unmarshal([]byte(row[column("changes")]), &changes); err != nil || len(changes) != 1 || changes[0].From != name || changes[0].To != "x" {
			t.Errorf("%q: its changes %v, %v", name, changes, err)
		}
	}
}

// The next page's address says all that this one's did, and the cursor.
func TestAnExportsNextPageAsksForTheSame(t *testing.T) {
	a := newAudited(t, 5, func(*audit.Event, int) {})
	query := "format=csv&limit=2&action=token&actor=" + a.claims["userId"] + "&tokenId=tok_EXAMPLEexample01&since=2030-01-02T03:04:05%2B00:00&until=2031-01-01T00:00:00Z"
	var ids []string
	for pages := 1; ; pages++ {
		raw := a.invoke(query)
		rows, err := csv.NewReader(strings.NewReader(raw.Body)).ReadAll()
		if err != nil || raw.StatusCode != 200 {
			t.Fatalf("%d %s, %v", raw.StatusCode, raw.Body, err)
		}
		for _, row := range rows[1:] {
			ids = append(ids, row[0])
		}
		link, more := strings.CutSuffix(strings.TrimPrefix(raw.Headers["Link"], "<?"), `>; rel="next"`)
		if !more {
			if len(ids) != 5 || pages != 3 || len(slices.Compact(slices.Sorted(slices.Values(ids)))) != 5 {
				t.Errorf("%v in %d pages", ids, pages)
			}
			return
		}
		said, _ := url.ParseQuery(query)
		next, err := url.ParseQuery(link)
		said["cursor"] = next["cursor"]
		if err != nil || !maps.EqualFunc(said, next, slices.Equal) {
			t.Fatalf("%v, %v, want %v", next, err, said)
		}
		query = link
	}
}

func TestBadQueriesForEventsAreRefusedByField(t *testing.T) {
	a := newAudited(t, 1, func(*audit.Event, int) {})
	for _, c := range []struct {
		query  string
		status int
		field  string
	}{
		{"limit=0", 400, "limit"}, {"limit=101", 400, "limit"}, {"limit=1001&format=csv", 400, "limit"}, {"limit=1&limit=1", 400, "limit"},
		{"format=xml", 400, "format"}, {"format=", 400, "format"}, {"format=csv&format=csv", 400, "format"},
		{"since=yesterday", 400, "since"}, {"since=2030-01-02", 400, "since"}, {"since=2030-01-02T03:04:05", 400, "since"}, {"since=1893553445", 400, "since"},
		{"since=2030-01-02T03:04:05+02:00", 400, "since"}, {"since=", 400, "since"}, {"since=2030-02-30T00:00:00Z", 400, "since"},
		{"until=2030-01-02T3:04:05Z", 400, "until"}, {"until=2030-01-02T03:04:05,5Z", 400, "until"}, {"until=x", 400, "until"}, {"until=2030-01-02T03:04:05Z&until=2030-01-02T03:04:05Z", 400, "until"},
		{"since=2030-01-02T03:04:05Z&until=2030-01-02T03:04:04.999Z", 422, "until"},
		{"actor=", 400, "actor"}, {"actor=olivia", 400, "actor"}, {"action=fly", 400, "action"}, {"action=", 400, "action"}, {"action=leakkeys", 400, "action"},
		{"tokenId=x", 400, "tokenId"}, {"tokenId=", 400, "tokenId"}, {"cursor=x", 400, "cursor"}, {"page=2", 400, "page"}, {"Actor=x", 400, "Actor"},
	} {
		raw := a.invoke(c.query)
		var p struct{ Errors []struct{ Field string } }
		err := json.Unmarshal([]byte(raw.Body), &p)
		if err != nil || raw.StatusCode != c.status || p.Errors[0].Field != c.field {
			t.Errorf("%s: %d %s", c.query, raw.StatusCode, raw.Body)
		}
		held(t, raw)
	}
}

// The bounds are of a page and of a file.
func TestPagesAndFilesHaveTheirOwnBounds(t *testing.T) {
	a := newAudited(t, 150, func(*audit.Event, int) {})
	for query, want := range map[string]int{"action=token": 50, "action=token&limit=100": 100, "action=token&format=json": 150, "action=token&format=json&limit=120": 120} {
		raw := a.invoke(query)
		var page struct {
			Events []map[string]any
			Cursor string
		}
		if err := json.Unmarshal([]byte(raw.Body), &page); err != nil || len(page.Events) != want || (page.Cursor == "") != (want == 150) {
			t.Errorf("%s: %d events, %q, %v", query, len(page.Events), page.Cursor, err)
		}
		disposition := raw.Headers["Content-Disposition"]
		if file := strings.Contains(query, "format"); file != (disposition == `attachment; filename="keyfob-audit-2030-01-02.json"`) || file != strings.Contains(disposition, "attachment") {
			t.Errorf("%s: %q", query, disposition)
		}
	}
	if trail.MaxExport > 1000 || trail.MaxPage != 100 || table.MaxGet < trail.MaxPage {
		t.Error("the bounds are others than the document says")
	}
}
