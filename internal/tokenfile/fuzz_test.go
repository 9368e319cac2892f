package tokenfile

import (
	"strings"
	"testing"
)

// Whatever a file holds, each line is a row or a problem, in order, and a row that is taken has all a token needs.
func FuzzRows(f *testing.F) {
	f.Add("id,hash,name,owner\n1,"+hash+",n,o@example.com\n", true)
	f.Add("expiry,id,hash,name,owner\r\n2027-05-01,1,"+hash+",\"n\",o@example.com", true)
	f.Add("id,hash,name,owner\n\"1,\n2\",3\n,,,\n\n", true)
	f.Add(`{"id":1,"hash":"`+hash+`","name":"n","owner":"o@example.com","expiry":null}`+"\n{}\n[]", false)
	f.Add("\uFEFF\x00\n", false)
	f.Fuzz(func(t *testing.T, text string, isCSV bool) {
		format := JSONL
		if isCSV {
			format = CSV
		}
		r, err := NewReader(strings.NewReader(text), format)
		if err != nil {
			return
		}
		last := 0
		for row, p := range r.Rows() {
			if row.Line <= last || row.Line > strings.Count(text, "\n")+1 || p != nil && (p.Line != row.Line || p.Field == "" || p.Code == "") {
				t.Fatalf("line %d after %d: %v", row.Line, last, p)
			}
			last = row.Line
			if got, problems := row.Token(); p != nil && len(problems) == 0 || len(problems) == 0 && (got.Foreign == "" || got.Owner == "" || got.Name == "") {
				t.Fatalf("%+v is taken as %+v", row, got)
			}
		}
		if r.Err() != nil {
			t.Fatal(r.Err())
		}
	})
}
