package streams

import (
	"encoding/json"
	"testing"
)

func TestFilterRules(t *testing.T) {
	const event = `{"eventName":"INSERT","userIdentity":null,"n":5,"list":["x","y"],"flag":true,"empty":"",
		"dynamodb":{"Keys":{"pk":{"S":"aud#acc_1"},"sk":{"S":"0001"}},"NewImage":{"kind":{"S":"token.created"},"n":{"N":"7"},"behind":{"BOOL":true},
		"items":{"L":[{"M":{"a":{"S":"1"}}},{"M":{"a":{"S":"2"}}}]}}}}`
	for _, test := range []struct {
		name, pattern string
		want          bool
	}{
		{"exact", `{"eventName":["INSERT"]}`, true},
		{"exact is exact", `{"eventName":["insert"]}`, false},
		{"one of several", `{"eventName":["REMOVE","INSERT"]}`, true},
		{"all members", `{"eventName":["INSERT"],"n":[6]}`, false},
		{"nested", `{"dynamodb":{"NewImage":{"kind":{"S":["token.created"]}}}}`, true},
		{"nested in nothing", `{"dynamodb":{"OldImage":{"kind":{"S":["token.created"]}}}}`, false},
		{"null", `{"userIdentity":[null]}`, true},
		{"null is not absence", `{"other":[null]}`, false},
		{"empty", `{"empty":[""]}`, true},
		{"a truth value", `{"flag":[true]}`, true},
		{"a number", `{"n":[5]}`, true},
		{"a number of DynamoDB's is a text", `{"dynamodb":{"NewImage":{"n":{"N":["7"]}}}}`, true},
		{"and no number", `{"dynamodb":{"NewImage":{"n":{"N":[7]}}}}`, false},
		{"prefix", `{"dynamodb":{"Keys":{"pk":{"S":[{"prefix":"aud#"}]}}}}`, true},
		{"not the prefix", `{"dynamodb":{"Keys":{"pk":{"S":[{"prefix":"tok#"}]}}}}`, false},
		{"a prefix longer than the text", `{"empty":[{"prefix":"x"}]}`, false},
		{"suffix", `{"dynamodb":{"NewImage":{"kind":{"S":[{"suffix":".created"}]}}}}`, true},
		{"not the suffix", `{"dynamodb":{"NewImage":{"kind":{"S":[{"suffix":".revoked"}]}}}}`, false},
		{"whatever the case", `{"eventName":[{"equals-ignore-case":"insert"}]}`, true},
		{"prefix whatever the case", `{"eventName":[{"prefix":{"equals-ignore-case":"ins"}}]}`, true},
		{"exists", `{"n":[{"exists":true}]}`, true},
		{"exists only at a leaf", `{"dynamodb":[{"exists":true}]}`, false},
		{"does not exist", `{"other":[{"exists":false}]}`, true},
		{"does not exist below", `{"dynamodb":{"OldImage":{"kind":{"S":[{"exists":false}]}}}}`, true},
		{"exists after all", `{"n":[{"exists":false}]}`, false},
		{"anything but", `{"eventName":[{"anything-but":["REMOVE","MODIFY"]}]}`, true},
		{"anything but this", `{"eventName":[{"anything-but":"INSERT"}]}`, false},
		{"anything but a prefix", `{"eventName":[{"anything-but":{"prefix":"REM"}}]}`, true},
		{"anything but what is not there", `{"other":[{"anything-but":"INSERT"}]}`, false},
		{"numeric range", `{"n":[{"numeric":[">",0,"<=",5]}]}`, true},
		{"outside of it", `{"n":[{"numeric":[">",5]}]}`, false},
		{"numeric equality", `{"n":[{"numeric":["=",5.0]}]}`, true},
		{"numeric of a text", `{"eventName":[{"numeric":["<",5]}]}`, false},
		{"an element of a list", `{"list":["y"]}`, true},
		{"no element of it", `{"list":["z"]}`, false},
		{"an object in a list", `{"dynamodb":{"NewImage":{"items":{"L":{"M":{"a":{"S":["2"]}}}}}}}`, true},
		{"a truth value of DynamoDB's", `{"dynamodb":{"NewImage":{"behind":{"BOOL":[true]}}}}`, true},
		{"and its opposite", `{"dynamodb":{"NewImage":{"behind":{"BOOL":[false]}}}}`, false},
		{"no identity in nobody's", `{"userIdentity":{"principalId":["dynamodb.amazonaws.com"]}}`, false},
		{"or", `{"$or":[{"n":[6]},{"eventName":["INSERT"]}]}`, true},
		{"or of nothing true", `{"$or":[{"n":[6]},{"eventName":["REMOVE"]}]}`, false},
		{"or and and", `{"n":[6],"$or":[{"eventName":["INSERT"]}]}`, false},
		{"or within", `{"dynamodb":{"Keys":{"$or":[{"pk":{"S":["x"]}},{"sk":{"S":["0001"]}}]}}}`, true},
	} {
		t.Run(test.name, func(t *testing.T) {
			p, err := parsePattern([]byte(test.pattern))
			if err != nil {
				t.Fatal(err)
			}
			v, err := parseJSON([]byte(event))
			if err != nil {
				t.Fatal(err)
			}
			if got := p.matches(v); got != test.want {
				t.Errorf("%s matches: %v", test.pattern, got)
			}
		})
	}
}

// A pattern that is accepted decides every event without a panic, the same each time; and where every rule is
// negated by anything-but, an event cannot satisfy both.
func FuzzFilter(f *testing.F) {
	f.Add(`{"a":["b",{"prefix":"c"}]}`, `{"a":"b"}`)
	f.Add(`{"$or":[{"a":{"b":[{"exists":false}]}},{"c":[{"numeric":[">",1]}]}]}`, `{"a":[{"b":1}],"c":2}`)
	f.Add(`{"a":[{"anything-but":[{"suffix":"x"},null,true,5]}]}`, `{"a":["x",{}]}`)
	f.Fuzz(func(t *testing.T, pattern, event string) {
		p, err := parsePattern([]byte(pattern))
		if err != nil {
			return
		}
		v, err := parseJSON([]byte(event))
		if err != nil {
			return
		}
		if first := p.matches(v); p.matches(v) != first {
			t.Errorf("%s decides %s now so, now so", pattern, event)
		}
		m, ok := v.(map[string]any)
		if !ok {
			return
		}
		for name, value := range m { // the exact pattern of a leaf matches it, and anything-but of it does not
			s, ok := value.(string)
			if !ok {
				continue
			}
			leaf, err := json.Marshal(map[string]any{name: []any{s}})
			if err != nil || name == "$or" {
				continue
			}
			not, err := json.Marshal(map[string]any{name: []any{map[string]any{"anything-but": s}}})
			if err != nil {
				continue
			}
			is, err1 := parsePattern(leaf)
			isNot, err2 := parsePattern(not)
			if err1 != nil || err2 != nil || !is.matches(v) || isNot.matches(v) {
				t.Errorf("%s and %s on %s", leaf, not, event)
			}
		}
	})
}
