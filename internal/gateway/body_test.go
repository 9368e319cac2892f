package gateway

import (
	"errors"
	"strings"
	"testing"

	"keyfob/internal/fault"

	"github.com/go-json-experiment/json/jsontext"
)

func request(body, contentType string) *Request {
	return &Request{Body: []byte(body), headers: map[string][]string{"Content-Type": {contentType}}}
}

type sample struct {
	Name  string `json:"name"`
	Count int    `json:"count"`
	Flag  bool   `json:"flag"`
	Inner struct {
		List []struct {
			ID string `json:"id"`
		} `json:"list"`
	} `json:"inner"`
}

// S24: what is wrong in a body is refused with a 4xx that names the field.
func TestS24WhatIsWrongInABodyIsNamed(t *testing.T) {
	for _, c := range []struct {
		name, body  string
		kind        fault.Kind
		field, code string
	}{
		{"empty", "", fault.Invalid, "body", "required"},
		{"white space", " \n\t", fault.Invalid, "body", "required"},
		{"a list", "[]", fault.Invalid, "body", "wrong_type"},
		{"null", "null", fault.Invalid, "body", "wrong_type"},
		{"a text", `"x"`, fault.Invalid, "body", "wrong_type"},
		{"unknown field", `{"nme":"x"}`, fault.Invalid, "nme", "unknown_field"},
		{"unknown inner field", `{"inner":{"list":[{"id":"a"},{"di":"a"}]}}`, fault.Invalid, "inner.list[1].di", "unknown_field"},
		{"field of another case", `{"Name":"x"}`, fault.Invalid, "Name", "unknown_field"},
		{"doubled field", `{"name":"x","name":"y"}`, fault.Invalid, "name", "duplicate_field"},
		{"doubled inner field", `{"inner":{"list":[{"id":"a","id":"b"}]}}`, fault.Invalid, "inner.list[0].id", "duplicate_field"},
		{"number for a text", `{"name":1}`, fault.Invalid, "name", "wrong_type"},
		{"text for a number", `{"count":"1"}`, fault.Invalid, "count", "wrong_type"},
		{"fraction for a whole number", `{"count":1.5}`, fault.Invalid, "count", "wrong_type"},
		{"too large a number", `{"count":99999999999999999999}`, fault.Invalid, "count", "wrong_type"},
		{"object for a list", `{"inner":{"list":{}}}`, fault.Invalid, "inner.list", "wrong_type"},
		{"text for a truth value", `{"flag":"true"}`, fault.Invalid, "flag", "wrong_type"},
		{"trailing object", `{"name":"x"}{}`, fault.Invalid, "body", "malformed_json"},
		{"trailing comma", `{"name":"x",}`, fault.Invalid, "", "malformed_json"},
		{"cut off", `{"name":"x`, fault.Invalid, "", "malformed_json"},
		{"single quotes", `{'name':'x'}`, fault.Invalid, "body", "malformed_json"},
		{"not a number", `{"count":NaN}`, fault.Invalid, "count", "malformed_json"},
		{"invalid UTF-8", "{\"name\":\"\xff\"}", fault.Invalid, "body", "invalid_utf8"},
		{"half a surrogate pair", `{"name":"\ud800"}`, fault.Invalid, "name", "malformed_json"},
		{"too large", `{"name":"` + strings.Repeat("x", MaxBody) + `"}`, fault.TooLarge, "body", "too_large"},
		{"deep", strings.Repeat(`{"inner":`, 3000) + "1" + strings.Repeat("}", 3000), fault.Invalid, "", ""},
		{"a secret as a field's name", `{"` + strings.Repeat("x", 500) + `":1}`, fault.Invalid, strings.Repeat("x", 8) + "…", "unknown_field"},
	} {
		var v sample
		err := request(c.body, "application/json").Decode(&v)
		e, ok := errors.AsType[*fault.Error](err)
		if !ok {
			t.Errorf("%s: %v", c.name, err)
			continue
		}
		if e.Kind != c.kind || len(e.Fields) != 1 || c.field != "" && e.Fields[0].Name != c.field || c.code != "" && e.Code != c.code {
			t.Errorf("%s: kind %d, %+v; want kind %d about %q, %q", c.name, e.Kind, e.Fields, c.kind, c.field, c.code)
		}
	}
}

// A null is refused wherever the form is ours, and passed on where it is a browser's.
func TestS24ANullMayStandOnlyInAnotherForm(t *testing.T) {
	for body, ok := range map[string]bool{
		`{"credential":{"id":"x","response":{"userHandle":null}}}`: true, `{"list":[{"credential":[null]}]}`: true,
		`{"credential":null}`: false, `{"credential":{},"list":null}`: false, `{"list":[null]}`: false, `{"list":[{"credential":null}]}`: false,
	} {
		var v struct {
			Credential jsontext.Value `json:"credential"`
			List       []struct {
				Credential jsontext.Value `json:"credential"`
			} `json:"list"`
		}
		if err := request(body, "application/json").Decode(&v); (err == nil) != ok {
			t.Errorf("%s: %v", body, err)
		}
	}
}

func TestABodyIsReadOnlyAsJSON(t *testing.T) {
	for contentType, want := range map[string]bool{
		"application/json": true, "application/json; charset=utf-8": true, "Application/JSON": true, "application/merge-patch+json": true,
		"": false, "text/plain": false, "application/x-www-form-urlencoded": false, "multipart/form-data": false, "application/jsonx": false, ";": false,
	} {
		var v sample
		err := request(`{"name":"x"}`, contentType).Decode(&v)
		if got := err == nil; got != want {
			t.Errorf("%q: %v", contentType, err)
		}
		if err != nil && !fault.Is(err, fault.UnsupportedMedia) {
			t.Errorf("%q: %v", contentType, err)
		}
	}
	// Circularo's clients send JSON under any name, but a browser's cookie does not go with it.
	for cookie, want := range map[string]bool{"": true, "__Host-keyfob=x": false} {
		r := request(`{"name":"x"}`, "text/plain;charset=UTF-8")
		r.Resource, r.headers["Cookie"] = "/api/v1/search", []string{cookie}
		var v sample
		if err := r.Decode(&v); (err == nil) != want {
			t.Errorf("with the cookie %q: %v", cookie, err)
		}
	}
	var v sample
	if err := request("", "").DecodeOptional(&v); err != nil {
		t.Errorf("no body where none is needed: %v", err)
	}
}

func FuzzDecodeNeverFailsInAnotherWay(f *testing.F) {
	f.Add(`{"name":"x","count":1,"inner":{"list":[{"id":"a"}]}}`)
	f.Add(`{"name":null}`)
	f.Add("\x00")
	f.Fuzz(func(t *testing.T, body string) {
		var v sample
		err := request(body, "application/json").Decode(&v)
		if err != nil && fault.KindOf(err) == fault.Internal {
			t.Fatalf("%q: %v", body, err)
		}
	})
}
