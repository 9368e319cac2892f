package table

import (
	"encoding/json"
	"errors"
	"math"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
)

func TestItemsAreWrittenInDynamoDBsJSON(t *testing.T) {
	for want, it := range map[string]Item{
		`{}`:                                       nil,
		`{"pk":{"S":"tok#1"}}`:                     {"pk": S("tok#1")},
		`{"n":{"N":"-9223372036854775808"}}`:       {"n": N(math.MinInt64)},
		`{"b":{"B":"AAH+/w=="}}`:                   {"b": B{0, 1, 0xfe, 0xff}},
		`{"b":{"B":""}}`:                           {"b": B(nil)},
		`{"t":{"BOOL":true}}`:                      {"t": Bool(true)},
		`{"0":{"NULL":true}}`:                      {"0": Null{}},
		`{"l":{"L":[{"N":"1"},{"L":[]}]}}`:         {"l": L{N(1), L(nil)}},
		`{"m":{"M":{"k":{"S":"v"},"m":{"M":{}}}}}`: {"m": Item{"k": S("v"), "m": Item(nil)}},
	} {
		got, err := json.Marshal(it)
		if err != nil || string(got) != want {
			t.Errorf("%s, %v, want %s", got, err, want)
		}
		var back Item
		if err := json.Unmarshal(got, &back); err != nil {
			t.Errorf("%s: %v", got, err)
		}
		if d := cmp.Diff(it, back, cmpopts.EquateEmpty()); d != "" {
			t.Errorf("%s comes back changed (-want +got):\n%s", got, d)
		}
	}
}

func TestJSONThatNoItemHasIsRefused(t *testing.T) {
	for _, text := range []string{
		`[]`, `"x"`, `{"a":null}`, `{"a":1}`, `{"a":{}}`, `{"a":{"S":"x","N":"1"}}`, `{"a":{"X":"x"}}`,
		`{"a":{"S":1}}`, `{"a":{"S":null}}`,
		`{"a":{"N":1}}`, `{"a":{"N":""}}`, `{"a":{"N":"1.5"}}`, `{"a":{"N":"1e3"}}`, `{"a":{"N":"9223372036854775808"}}`,
		`{"a":{"B":"*"}}`, `{"a":{"BOOL":"true"}}`, `{"a":{"NULL":false}}`, `{"a":{"NULL":null}}`,
		`{"a":{"L":{}}}`, `{"a":{"L":null}}`, `{"a":{"L":[null]}}`, `{"a":{"M":[]}}`, `{"a":{"M":null}}`, `{"a":{"M":{"k":null}}}`,
		`{"a":{"SS":["x"]}}`, `{"a":{"NS":["1"]}}`, `{"a":{"BS":["eA=="]}}`,
	} {
		var it Item
		if err := json.Unmarshal([]byte(text), &it); err == nil {
			t.Errorf("%s is read as %v", text, it)
		}
	}
	var it Item
	err := json.Unmarshal([]byte(`{"a":{"SS":["x"]}}`), &it)
	if misuse, ok := errors.AsType[*Misuse](err); !ok || !strings.Contains(misuse.Reason, "SS") {
		t.Errorf("a set is refused with %v, which does not name it", err)
	}
}

func TestTextThatIsNotUTF8IsNotWritten(t *testing.T) {
	for _, it := range []Item{{"s": S("\xff")}, {"l": L{S("\xff")}}, {"v": nil}} {
		if text, err := json.Marshal(it); err == nil {
			t.Errorf("%#v is written as %s", it, text)
		}
	}
}

// FuzzItemJSON holds that whatever is read as an item is written and read again as the same item.
func FuzzItemJSON(f *testing.F) {
	for _, seed := range []string{
		`{}`, `null`, `{"pk":{"S":"tok#1"},"sk":{"S":"tok"},"ver":{"N":"1"}}`, `{"b":{"B":"AAH+/w=="},"t":{"BOOL":false}}`,
		`{"l":{"L":[{"N":"-1"},{"NULL":true},{"M":{"\u2028":{"S":"\u0000<&>"}}}]}}`, `{"a":{"S":"\ud800"}}`, `{"a":{"SS":[]}}`,
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		var it Item
		if json.Unmarshal(text, &it) != nil {
			return
		}
		written, err := json.Marshal(it)
		if err != nil {
			t.Fatalf("%q is read but not written: %v", text, err)
		}
		var back Item
		if err := json.Unmarshal(written, &back); err != nil {
			t.Fatalf("%q is not read again: %v", written, err)
		}
		if d := cmp.Diff(it, back, cmpopts.EquateEmpty()); d != "" {
			t.Errorf("%q comes back changed (-first +again):\n%s", text, d)
		}
	})
}
