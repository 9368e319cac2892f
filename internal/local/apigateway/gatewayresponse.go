package apigateway

import (
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"

	"keyfob/internal/template"
)

// A failure is an exchange that ends with a gateway response instead of a function's answer.
type failure struct {
	kind      string // the type of gateway response
	status    int    // where it is another than the type's own
	message   string
	noMessage bool   // the message is null
	capital   bool   // the default body says "Message"
	code      string // x-amzn-ErrorType
}

// A gatewayResponse is a template's gateway response, ready to be rendered.
type gatewayResponse struct {
	status  int
	header  []mapping
	bodies  map[string]body // by content type
	ordered []string        // the content types
}

// A mapping gives a header its value.
type mapping struct {
	name   string
	static string
	source string // where it is not static: context.…, method.request.…, stageVariables.…
}

// A body is a template cut at its variables: text, variable, text, …, text.
type body struct {
	texts     []string
	variables []string
}

// compileResponses prepares the template's gateway responses. An error names the place of what cannot be rendered.
func compileResponses(all map[string]template.GatewayResponse) (map[string]*gatewayResponse, error) {
	out := make(map[string]*gatewayResponse, len(all))
	for _, kind := range slices.Sorted(maps.Keys(all)) {
		r := all[kind]
		c := &gatewayResponse{status: r.StatusCode, bodies: make(map[string]body)}
		for _, name := range slices.Sorted(maps.Keys(r.Headers)) {
			m, err := compileMapping(name, r.Headers[name])
			if err != nil {
				return nil, fmt.Errorf("%s.ResponseParameters.Headers.%s: %w", r.Place, name, err)
			}
			c.header = append(c.header, m)
		}
		for _, contentType := range slices.Sorted(maps.Keys(r.Templates)) {
			b, err := compileBody(r.Templates[contentType])
			if err != nil {
				return nil, fmt.Errorf("%s.ResponseTemplates.%s: %w", r.Place, contentType, err)
			}
			c.bodies[contentType] = b
			c.ordered = append(c.ordered, contentType)
		}
		out[kind] = c
	}
	return out, nil
}

func compileMapping(name, expression string) (mapping, error) {
	if n := len(expression); n >= 2 && expression[0] == '\'' && expression[n-1] == '\'' {
		return mapping{name: name, static: expression[1 : n-1]}, nil
	}
	if !isVariable(expression) {
		return mapping{}, fmt.Errorf("%q is neither a static value in single quotes nor a variable known here", expression)
	}
	return mapping{name: name, source: expression}, nil
}

// compileBody finds the variables in a template. It is simple substitution: nothing else of VTL is understood by
// API Gateway here either.
func compileBody(text string) (body, error) {
	var b body
	rest := text
	start := 0
	for {
		i := strings.IndexByte(rest[start:], '$')
		if i < 0 {
			b.texts = append(b.texts, rest)
			return b, nil
		}
		i += start
		name := rest[i+1:]
		if end := strings.IndexFunc(name, func(r rune) bool { return !isNameRune(r) }); end >= 0 {
			name = name[:end]
		}
		name = strings.TrimRight(name, ".")
		if !strings.HasPrefix(name, "context.") && !strings.HasPrefix(name, "method.request.") && !strings.HasPrefix(name, "stageVariables.") {
			start = i + 1
			continue
		}
		if !isVariable(name) {
			return b, fmt.Errorf("the local service does not know the variable $%s", name)
		}
		b.texts, b.variables = append(b.texts, rest[:i]), append(b.variables, name)
		rest, start = rest[i+1+len(name):], 0
	}
}

func isNameRune(r rune) bool {
	return r == '.' || r == '_' || r == '-' || '0' <= r && r <= '9' || 'a' <= r && r <= 'z' || 'A' <= r && r <= 'Z'
}

// fail answers with the gateway response for the failure: the template's own for its type, or else the template's
// default for 4XX or 5XX, or else API Gateway's.
func (x *exchange) fail(f *failure) {
	status := f.status
	if status == 0 {
		status = statusOf[f.kind]
	}
	r := x.gateway.responses[f.kind]
	if r == nil {
		r = x.gateway.responses[fmt.Sprintf("DEFAULT_%dXX", status/100)]
	}
	h := x.w.Header()
	contentType, text := "application/json", ""
	if r != nil {
		if r.status != 0 {
			status = r.status
		}
		for _, m := range r.header {
			value := m.static
			if m.source != "" {
				value = x.substitute(m.source, f)
			}
			if value != "" {
				h[spelling(m.name)] = []string{value}
			}
		}
		if chosen, ok := r.choose(x.r.Header.Get("Accept")); ok {
			contentType, text = chosen, x.render(r.bodies[chosen], f)
		}
	}
	if text == "" {
		name := "message"
		if f.capital {
			name = "Message"
		}
		text = `{"` + name + `":` + f.messageString() + `}`
	}
	if h.Get("Content-Type") == "" {
		h.Set("Content-Type", contentType)
	}
	h["x-amzn-ErrorType"] = []string{f.code}
	x.setIDs(h)
	x.w.WriteHeader(status)
	_, _ = x.w.Write([]byte(text))
}

// statusOf is the status of each type of gateway response.
var statusOf = template.GatewayResponseStatus()

// choose picks the template: the first of the accepted types that there is one for, else JSON, else the first.
func (r *gatewayResponse) choose(accept string) (contentType string, ok bool) {
	if len(r.ordered) == 0 {
		return "", false
	}
	for kind := range strings.SplitSeq(accept, ",") {
		kind, _, _ = strings.Cut(kind, ";")
		kind = strings.ToLower(strings.TrimSpace(kind))
		if _, ok := r.bodies[kind]; ok {
			return kind, true
		}
	}
	if _, ok := r.bodies["application/json"]; ok {
		return "application/json", true
	}
	return r.ordered[0], true
}

func (x *exchange) render(b body, f *failure) string {
	var out strings.Builder
	for i, text := range b.texts {
		out.WriteString(text)
		if i < len(b.variables) {
			out.WriteString(x.substitute(b.variables[i], f))
		}
	}
	return out.String()
}

// messageString is the message as a JSON string, or null.
func (f *failure) messageString() string {
	if f.noMessage {
		return "null"
	}
	return string(appendString(nil, f.message))
}

// setIDs names the request in the answer.
func (x *exchange) setIDs(h http.Header) {
	h["x-amzn-RequestId"] = []string{x.id}
	h["x-amz-apigw-id"] = []string{x.extended}
}

// refuseHeader answers where API Gateway's front door does, before there is an API: no gateway response.
func (x *exchange) refuseHeader() *failure {
	h := x.w.Header()
	h.Set("Content-Type", "application/json")
	h.Set("Connection", "close")
	x.w.WriteHeader(http.StatusRequestHeaderFieldsTooLarge)
	_, _ = x.w.Write([]byte(`{"message":"HTTP header is larger than 10240 bytes."}`))
	return nil
}

func tooLarge() *failure {
	return &failure{kind: "REQUEST_TOO_LARGE", message: "HTTP content length exceeded 10485760 bytes", code: "RequestTooLargeException"}
}
