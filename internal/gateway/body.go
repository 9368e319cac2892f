package gateway

import (
	"bytes"
	"errors"
	"mime"
	"reflect"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"keyfob/internal/fault"
)

// MaxBody bounds a request's body, in bytes.
const MaxBody = 64 << 10

// Decode reads the request's JSON object into v, a pointer to a struct. It refuses what is not one JSON object of
// v's form: another media type, over MaxBody bytes, invalid UTF-8, an unknown or doubled member, a wrong type,
// anything after it. The error names the field. No body at all is refused too.
func (r *Request) Decode(v any) error {
	if len(bytes.TrimSpace(r.Body)) == 0 {
		return fault.Bad("body", "required", "A JSON object is required as the body.")
	}
	return r.DecodeOptional(v)
}

// Unmarshal reads a JSON object into v, a pointer to a struct, as strictly as Decode reads a body.
func Unmarshal(object []byte, v any) error {
	if !utf8.Valid(object) {
		return fault.Bad("body", "invalid_utf8", "The body is not valid UTF-8.")
	}
	if len(object) == 0 || object[0] != '{' {
		return fault.Bad("body", "wrong_type", "The body is not a JSON object.")
	}
	if err := json.Unmarshal(object, v, json.RejectUnknownMembers(true)); err != nil {
		return explain(err)
	}
	return refuseNull(object)
}

// DecodeOptional is Decode, but takes no body as an empty object.
func (r *Request) DecodeOptional(v any) error {
	if err := r.Bounded(); err != nil {
		return err
	}
	body := bytes.TrimSpace(r.Body)
	if len(body) == 0 {
		return nil
	}
	if !isJSON(r.Header("Content-Type")) && !r.kept() {
		return NotJSON()
	}
	return Unmarshal(body, v)
}

// refuseNull refuses a null anywhere: to a decoder it is the same as nothing, and a caller who sends one where a list of
// actions or a life belongs must not be taken to have left the choice to us. The body has been decoded before.
func refuseNull(body []byte) error {
	d := jsontext.NewDecoder(bytes.NewReader(body))
	for {
		t, err := d.ReadToken()
		if err != nil {
			return nil // its end
		}
		if t.Kind() == 'n' && !within(d.StackPointer(), foreign) {
			field := path(d.StackPointer())
			return fault.Bad(field, "wrong_type", field+" has the wrong type: null.")
		}
	}
}

// foreign is the member whose value has a form that is not ours, in which a null may stand: what a browser answers to a
// request of Web Authentication.
const foreign = "credential"

// within reports whether the pointer leads into a member of the name.
func within(p jsontext.Pointer, member string) bool {
	for p != "" {
		if p = p.Parent(); p.LastToken() == member {
			return true
		}
	}
	return false
}

// Bounded refuses a body over MaxBody bytes.
func (r *Request) Bounded() error {
	if len(r.Body) > MaxBody {
		return &fault.Error{Kind: fault.TooLarge, Code: "too_large", Message: "The body is larger than 65536 bytes.",
			Fields: []fault.Field{{Name: "body", Code: "too_large", Message: "The body is larger than 65536 bytes."}}}
	}
	return nil
}

// NotJSON is the refusal of a body that does not say it is JSON.
func NotJSON() error {
	return &fault.Error{Kind: fault.UnsupportedMedia, Code: "unsupported_media_type", Message: "The body's media type is not application/json.",
		Fields: []fault.Field{{Name: "Content-Type", Code: "unsupported_media_type", Message: "Content-Type is application/json."}}}
}

// kept reports whether the route is one that is kept for other systems' clients, called without a browser's cookie.
// Scripts send JSON there as whatever their library takes a text for, and always got away with it.
func (r *Request) kept() bool {
	return strings.HasPrefix(r.Resource, "/api/v1/") && r.Header("Cookie") == ""
}

// IsJSON reports whether the request says that its body is JSON.
func (r *Request) IsJSON() bool { return isJSON(r.Header("Content-Type")) }

// isJSON reports whether the media type is application/json, or a type that is JSON by its suffix. A browser sends
// neither across origins without asking first, which is what keeps the cookie safe.
func isJSON(contentType string) bool {
	t, _, err := mime.ParseMediaType(contentType)
	return err == nil && (t == "application/json" || strings.HasSuffix(t, "+json"))
}

// explain names the field that a decoding error is about. It never repeats a value: it may be a secret.
func explain(err error) error {
	if s, ok := errors.AsType[*json.SemanticError](err); ok {
		field := path(s.JSONPointer)
		if errors.Is(err, json.ErrUnknownName) {
			return fault.Bad(field, "unknown_field", field+" is not a field of this request.")
		}
		if s.JSONKind == 'n' || s.GoType == nil {
			return fault.Bad(field, "wrong_type", field+" has the wrong type.")
		}
		if s.JSONKind == '"' && s.GoType == reflect.TypeFor[time.Time]() {
			return fault.Bad(field, "malformed", field+" is not a time such as 2030-02-01T03:04:05Z (RFC 3339).")
		}
		if k := s.GoType.Kind(); s.JSONKind == '0' && k >= reflect.Int && k <= reflect.Uint64 {
			return fault.Bad(field, "wrong_type", field+" is not a whole number within bounds.")
		}
		return fault.Bad(field, "wrong_type", field+" has the wrong type: "+kinds[s.JSONKind]+".")
	}
	if s, ok := errors.AsType[*jsontext.SyntacticError](err); ok {
		field := path(s.JSONPointer)
		if errors.Is(err, jsontext.ErrDuplicateName) {
			return fault.Bad(field, "duplicate_field", field+" is there more than once.")
		}
		return fault.Bad(field, "malformed_json", "The body is not valid JSON at byte "+strconv.FormatInt(s.ByteOffset, 10)+".")
	}
	return fault.Bad("body", "malformed_json", "The body is not valid JSON.")
}

var kinds = map[jsontext.Kind]string{'n': "null", 'f': "a truth value", 't': "a truth value", '"': "a text", '0': "a number", '{': "an object", '[': "a list"}

// path writes a JSON pointer as people write fields: grants.exports[0].id; "body" for the whole.
func path(p jsontext.Pointer) string {
	var b strings.Builder
	for part := range p.Tokens() {
		if _, err := strconv.ParseUint(part, 10, 32); err == nil {
			b.WriteString("[" + part + "]")
			continue
		}
		if b.Len() > 0 {
			b.WriteByte('.')
		}
		b.WriteString(clip(part))
	}
	if b.Len() == 0 {
		return "body"
	}
	return b.String()
}

// clip bounds a member's name that the caller made up. No field's name is as long as a credential, and somebody may have
// put one in a name's place: then only its beginning is told, which is no secret.
func clip(name string) string {
	if len(name) > 32 {
		return strings.ToValidUTF8(name[:8], "") + "…"
	}
	return name
}
