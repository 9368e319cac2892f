package tokenfile

import (
	"errors"
	"io"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"keyfob/internal/token"
)

var hash = strings.Repeat("0123456789abcdef", 4)

// read gives all that a file has.
func read(t *testing.T, in io.Reader, format Format) (rows []Row, problems []Problem, err error) {
	t.Helper()
	r, err := NewReader(in, format)
	if err != nil {
		return nil, nil, err
	}
	for row, p := range r.Rows() {
		if p != nil {
			problems = append(problems, *p)
		} else {
			rows = append(rows, row)
		}
	}
	return rows, problems, r.Err()
}

func TestK4BothFormatsGiveTheSameRows(t *testing.T) {
	want := []Row{
		{2, "1", hash, `Deploy, "blue"`, "owner@example.com", "2027-05-01T12:00:00Z"},
		{4, "b-2_Z", hash, "Zürich", "max@example.com", ""},
	}
	for name, test := range map[string]struct {
		format Format
		text   string
	}{
		"csv":             {CSV, "id,hash,name,owner,expiry\n1,H,\"Deploy, \"\"blue\"\"\",owner@example.com,2027-05-01T12:00:00Z\n\nb-2_Z,H,Zürich,max@example.com,\n"},
		"csv, any order":  {CSV, "owner, expiry ,name,hash,id\nowner@example.com,2027-05-01T12:00:00Z,\"Deploy, \"\"blue\"\"\",H,1\n\nmax@example.com,,Zürich,H,b-2_Z"},
		"csv of Windows":  {CSV, "\uFEFFid,hash,name,owner,expiry\r\n1,H,\"Deploy, \"\"blue\"\"\",owner@example.com,2027-05-01T12:00:00Z\r\n\r\nb-2_Z,H,Zürich,max@example.com,\r\n"},
		"jsonl":           {JSONL, "\n" + `{"id":"1","hash":"H","name":"Deploy, \"blue\"","owner":"owner@example.com","expiry":"2027-05-01T12:00:00Z"}` + "\n\n" + `{"id":"b-2_Z","hash":"H","name":"Zürich","owner":"max@example.com"}`},
		"jsonl, database": {JSONL, "\uFEFF\r\n" + `{"expiry":"2027-05-01T12:00:00Z","id":1,"owner":"owner@example.com","hash":"H","name":"Deploy, \u0022blue\u0022"}` + "\r\n\r\n" + `{"id":"b-2_Z","hash":"H","name":"Zürich","owner":"max@example.com","expiry":null}` + "\r\n"},
	} {
		rows, problems, err := read(t, strings.NewReader(strings.ReplaceAll(test.text, "H", hash)), test.format)
		if diff := cmp.Diff(want, rows); diff != "" || len(problems) > 0 || err != nil {
			t.Errorf("%s: %v, %v\n%s", name, problems, err, diff)
		}
	}
	rows, problems, err := read(t, strings.NewReader("hash,owner,name,id\n"+hash+",owner@example.com,Deploy,1"), CSV)
	if len(rows) != 1 || rows[0].Expiry != "" || len(problems) > 0 || err != nil {
		t.Errorf("without the column expiry: %v, %v, %v", rows, problems, err)
	}
}

// A bad line is told with its number, costs itself only, and nothing of it is repeated.
func TestABadLineIsToldAndTheNextOnesAreRead(t *testing.T) {
	const canary = "Sup3rSecret"
	good := map[Format]string{CSV: "1," + hash + ",n,o@example.com,", JSONL: `{"id":"1","hash":"` + hash + `","name":"n","owner":"o@example.com"}`}
	for _, test := range []struct {
		format      Format
		line        string
		field, code string
	}{
		{CSV, "1," + canary, "line", "malformed"},
		{CSV, "1," + canary + ",n,o@example.com,,", "line", "malformed"},
		{CSV, `1,"` + canary + `,n,o@example.com,`, "line", "malformed"},
		{CSV, `1,a"` + canary + `,n,o@example.com,`, "line", "malformed"},
		{CSV, canary + strings.Repeat("x", MaxLine), "line", "too_long"},
		{CSV, canary + strings.Repeat("x", 10*MaxLine), "line", "too_long"},
		{JSONL, canary, "line", "malformed"},
		{JSONL, `null`, "line", "malformed"},
		{JSONL, `["` + canary + `"]`, "line", "malformed"},
		{JSONL, `{"id":"1"} {"id":"` + canary + `"}`, "line", "malformed"},
		{JSONL, `{"id":"1","id":"` + canary + `"}`, "line", "malformed"},
		{JSONL, "{\"id\":\"\xff" + canary + "\"}", "line", "malformed"},
		{JSONL, `{"id":"1","` + canary + `":"1"}`, "line", "unknown_field"},
		{JSONL, `{"id":true,"hash":"` + canary + `"}`, "id", "wrong_type"},
		{JSONL, `{"id":1.5}`, "id", "wrong_type"},
		{JSONL, `{"id":1e5}`, "id", "wrong_type"},
		{JSONL, `{"id":-1}`, "id", "wrong_type"},
		{JSONL, `{"hash":12}`, "hash", "wrong_type"},
		{JSONL, `{"name":null}`, "name", "wrong_type"},
		{JSONL, `{"owner":["` + canary + `"]}`, "owner", "wrong_type"},
		{JSONL, `{"expiry":1777636800}`, "expiry", "wrong_type"},
		{JSONL, `{"name":"` + canary + strings.Repeat("x", MaxLine) + `"}`, "line", "too_long"},
	} {
		header := map[Format]string{CSV: "id,hash,name,owner,expiry", JSONL: good[JSONL]}[test.format]
		rows, problems, err := read(t, strings.NewReader(header+"\n"+test.line+"\n"+good[test.format]+"\n"), test.format)
		if len(problems) != 1 || err != nil || len(rows) == 0 || rows[len(rows)-1].Line != 3 || rows[len(rows)-1].ID != "1" {
			t.Errorf("%.60s: %v, %v, %v", test.line, rows, problems, err)
			continue
		}
		if p := problems[0]; p.Line != 2 || p.Field != test.field || p.Code != test.code || p.Message == "" || strings.Contains(p.Message, canary) {
			t.Errorf("%.60s: %+v", test.line, p)
		}
	}
}

func TestAHeaderThatIsNoneIsAnError(t *testing.T) {
	for _, header := range []string{
		"", "\n", "1,2,3,4", "id,hash,name", "id,hash,name,owner,expires", "ID,hash,name,owner", "id,hash,name,owner,id", "id,hash,name,owner,",
		`"id`, "id;hash;name;owner", strings.Repeat("id,", MaxLine),
	} {
		if _, _, err := read(t, strings.NewReader(header+"\n1,2,3,4\n"), CSV); err == nil || strings.Contains(err.Error(), "\n") {
			t.Errorf("%.40q: %v", header, err)
		}
	}
	if _, err := NewReader(strings.NewReader(""), "xlsx"); err == nil {
		t.Error("a format that is none is taken")
	}
}

func TestRowsAreReadByTheirFields(t *testing.T) {
	good := Row{Line: 7, ID: "1", Hash: hash, Name: "Deploy", Owner: "owner@example.com"}
	got, problems := good.Token()
	id, _ := token.ForeignID("1")
	if len(problems) > 0 || got.ID != id || got.Foreign != "1" || got.Name != "Deploy" || got.Owner != "owner@example.com" || !got.Expires.IsZero() {
		t.Errorf("%+v, %v", got, problems)
	}
	upper := good
	upper.Hash = strings.ToUpper(hash)
	if same, problems := upper.Token(); len(problems) > 0 || !same.Digest.Equal(&got.Digest) {
		t.Errorf("a hash in capitals: %v", problems)
	}
	const canary = "Sup3rSecret"
	for field, bad := range map[string]map[string]func(*Row, string){
		"id":   values(func(r *Row, s string) { r.ID = s }, "", canary+"|"+canary, "1.5", "é", strings.Repeat("1", 65), " 1"),
		"hash": values(func(r *Row, s string) { r.Hash = s }, "", canary, hash[1:], hash+"0", hash[1:]+"g", hash+"00", " "+hash),
		"name": values(func(r *Row, s string) { r.Name = s }, "", "a\nb", "a\u202eb", strings.Repeat("x", 201), " "),
		"owner": values(func(r *Row, s string) { r.Owner = s }, "", canary, "@example.com", "o@", "o @example.com", "o@example.com\r\nBcc: x",
			strings.Repeat("x", 250)+"@example.com", "\xff@example.com"),
		"expiry": values(func(r *Row, s string) { r.Expiry = s }, "never", "0", "1970-01-01", "1999-12-31 23:59:59", "2027-13-01", "0000-00-00 00:00:00",
			"01.05.2027", "2027-05-01T12:00:00", "2027-05-01 12:00", "10000-01-01", "9999-12-31T23:59:59-01:00", " 2027-05-01"),
	} {
		for value, set := range bad {
			r := good
			set(&r, value)
			got, problems := r.Token()
			if len(problems) != 1 || problems[0].Field != field || problems[0].Line != 7 || got.Name != "" || strings.Contains(problems[0].Message, canary) {
				t.Errorf("%s %q: %v", field, value, problems)
			}
		}
	}
	if _, problems := (Row{}).Token(); len(problems) != 4 {
		t.Errorf("a row of nothing: %v", problems)
	}
}

func values(set func(*Row, string), all ...string) map[string]func(*Row, string) {
	m := map[string]func(*Row, string){}
	for _, v := range all {
		m[v] = set
	}
	return m
}

func TestExpiriesAreReadAsTheyAreWritten(t *testing.T) {
	for s, want := range map[string]time.Time{
		"":                          {},
		"2027-05-01T12:00:00Z":      time.Date(2027, 5, 1, 12, 0, 0, 0, time.UTC),
		"2027-05-01T12:00:00+02:00": time.Date(2027, 5, 1, 10, 0, 0, 0, time.UTC),
		"2027-05-01T12:00:00.9Z":    time.Date(2027, 5, 1, 12, 0, 0, 0, time.UTC),
		"2027-05-01 12:00:00":       time.Date(2027, 5, 1, 12, 0, 0, 0, time.UTC),
		"2027-05-01":                time.Date(2027, 5, 1, 0, 0, 0, 0, time.UTC),
		"2000-01-01":                time.Date(2000, 1, 1, 0, 0, 0, 0, time.UTC),
		"9999-12-31T23:59:59Z":      time.Date(9999, 12, 31, 23, 59, 59, 0, time.UTC),
	} {
		if got, err := expiry(s); err != nil || got != want {
			t.Errorf("%q: %v, %v", s, got, err)
		}
	}
}

// A line is as long as the bound, however it ends, and no longer.
func TestALineIsBounded(t *testing.T) {
	for _, end := range []string{"\n", "\r\n", ""} {
		for extra := range 3 {
			line := `{"name":"` + strings.Repeat("x", MaxLine-11+extra) + `"}`
			rows, problems, err := read(t, strings.NewReader("\n"+line+end), JSONL)
			if long := extra > 0; len(problems) == 1 != long || len(rows) == 1 == long || err != nil {
				t.Errorf("%d bytes and %q: %v, %v", len(line), end, problems, err)
			}
		}
	}
}

// endless is a file of empty rows that never ends.
type endless struct{ header string }

func (e *endless) Read(p []byte) (int, error) {
	n := copy(p, e.header)
	e.header = e.header[n:]
	for i := n; i < len(p); i++ {
		p[i] = "x\n"[i%2]
	}
	return len(p), nil
}

func TestAFileIsBounded(t *testing.T) {
	r, err := NewReader(&endless{}, JSONL)
	if err != nil {
		t.Fatal(err)
	}
	n := 0
	for range r.Rows() {
		n++
	}
	if n != MaxRows || r.Err() == nil || !strings.Contains(r.Err().Error(), "line 1000001") {
		t.Errorf("%d rows, then %v", n, r.Err())
	}
}

func TestAFailingFileIsNotItsEnd(t *testing.T) {
	broken := errors.New("on purpose")
	in := io.MultiReader(strings.NewReader("id,hash,name,owner\n1,2,3,4\n1,2"), failing{broken})
	rows, _, err := read(t, in, CSV)
	if len(rows) != 1 || !errors.Is(err, broken) {
		t.Errorf("%v, %v", rows, err)
	}
	if _, err := NewReader(failing{broken}, CSV); !errors.Is(err, broken) {
		t.Errorf("in the header: %v", err)
	}
}

type failing struct{ err error }

func (f failing) Read([]byte) (int, error) { return 0, f.err }
