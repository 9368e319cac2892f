package scan

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"
)

// The scanner takes exactly what encoding/json takes, and reads the same texts.
func FuzzScannerAgreesWithEncodingJSON(f *testing.F) {
	for _, seed := range []string{
		`{"statusCode":200,"headers":{"a":"b\u00e9\n"},"multiValueHeaders":{"c":["d",true]},"body":"\ud83d\ude00\/","isBase64Encoded":false}`,
		`{"a":[1,-0.5e+10,[],{}],"b":null}`, `{"a":"\ud800"}`, `{"a":01}`, `{"a":1.}`, "{\"a\":\"\xff\"}", `{"a" :tru}`, `{"a":"\q"}`, `{"a":1}{`, `{"a":1,}`, `{,}`, "{\"a\":\"\t\"}", `{"a":nul "x"}`, `{"a":nxyz ["q"]}`,
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		texts := map[string]string{}
		err := Document(data, func(s *Scanner, name string) (err error) {
			if s.Null() {
				delete(texts, name)
				return nil
			}
			if s.Kind() != '"' {
				delete(texts, name)
				_, err := s.Raw()
				return err
			}
			texts[name], err = s.Text()
			return err
		})
		trimmed := bytes.TrimLeft(data, " \t\r\n")
		valid := json.Valid(data) && len(trimmed) > 0 && trimmed[0] == '{'
		if valid != (err == nil) {
			t.Fatalf("%q: valid %v, err %v", data, valid, err)
		}
		if err != nil {
			return
		}
		var want map[string]json.RawMessage
		if err := json.Unmarshal(data, &want); err != nil {
			t.Fatal(err)
		}
		for name, raw := range want {
			var s string
			if raw[0] != '"' {
				continue
			}
			if err := json.Unmarshal(raw, &s); err != nil {
				t.Fatal(err)
			}
			if got, ok := texts[name]; !ok || got != s {
				t.Errorf("%q: %q is %q, want %q", data, name, got, s)
			}
		}
	})
}

func TestDeepNestingEnds(t *testing.T) {
	deep := `{"a":` + strings.Repeat("[", 1<<20)
	if err := Document([]byte(deep), func(s *Scanner, _ string) error { return s.Skip() }); err == nil {
		t.Error("it was taken")
	}
}
