package table

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"strconv"
	"unicode/utf8"
)

// MarshalJSON writes DynamoDB's JSON.
func (it Item) MarshalJSON() ([]byte, error) {
	m := make(map[string]attribute, len(it))
	for name, v := range it {
		m[name] = attribute{v}
	}
	return json.Marshal(m)
}

// UnmarshalJSON reads DynamoDB's JSON. A type that the role leaves out is an error that names the type.
func (it *Item) UnmarshalJSON(data []byte) error {
	var m map[string]attribute
	if err := json.Unmarshal(data, &m); err != nil {
		return err
	}
	if m == nil {
		*it = nil
		return nil
	}
	*it = make(Item, len(m))
	for name, a := range m {
		(*it)[name] = a.Value
	}
	return nil
}

// attribute is one Value in its JSON form: an object with one member that names the type.
type attribute struct{ Value }

func (a attribute) MarshalJSON() ([]byte, error) {
	switch v := a.Value.(type) {
	case S:
		if !utf8.ValidString(string(v)) {
			return nil, &Misuse{"a text is not valid UTF-8"}
		}
		return json.Marshal(map[string]string{"S": string(v)})
	case N:
		return json.Marshal(map[string]string{"N": strconv.FormatInt(int64(v), 10)})
	case B:
		return json.Marshal(map[string]string{"B": base64.StdEncoding.EncodeToString(v)})
	case Bool:
		return json.Marshal(map[string]bool{"BOOL": bool(v)})
	case Null:
		return []byte(`{"NULL":true}`), nil
	case L:
		l := make([]attribute, len(v))
		for i, e := range v {
			l[i] = attribute{e}
		}
		return json.Marshal(map[string][]attribute{"L": l})
	case Item:
		return json.Marshal(map[string]Item{"M": v})
	}
	return nil, &Misuse{fmt.Sprintf("no attribute has the type %T", a.Value)}
}

func (a *attribute) UnmarshalJSON(data []byte) error {
	var m map[string]json.RawMessage
	if err := json.Unmarshal(data, &m); err != nil {
		return err
	}
	if len(m) != 1 {
		return &Misuse{"an attribute has exactly one type"}
	}
	for kind, raw := range m {
		v, err := decode(kind, raw)
		if err != nil {
			return err
		}
		a.Value = v
	}
	return nil
}

func decode(kind string, raw json.RawMessage) (Value, error) {
	if string(raw) == "null" {
		return nil, &Misuse{"an attribute has no value"}
	}
	switch kind {
	case "S":
		var s string
		err := json.Unmarshal(raw, &s)
		return S(s), err
	case "N":
		var s string
		if err := json.Unmarshal(raw, &s); err != nil {
			return nil, err
		}
		n, err := strconv.ParseInt(s, 10, 64)
		if err != nil {
			return nil, &Misuse{"a number is not a whole one within 64 bits"}
		}
		return N(n), nil
	case "B":
		var b []byte
		err := json.Unmarshal(raw, &b)
		return B(b), err
	case "BOOL":
		var b bool
		err := json.Unmarshal(raw, &b)
		return Bool(b), err
	case "NULL":
		if string(raw) != "true" {
			return nil, &Misuse{"a null is written as true"}
		}
		return Null{}, nil
	case "L":
		var l []attribute
		if err := json.Unmarshal(raw, &l); err != nil {
			return nil, err
		}
		v := make(L, len(l))
		for i, a := range l {
			v[i] = a.Value
		}
		return v, nil
	case "M":
		var m Item
		err := json.Unmarshal(raw, &m)
		return m, err
	}
	return nil, &Misuse{"an attribute of type " + kind + " is none of Keyfob's"}
}
