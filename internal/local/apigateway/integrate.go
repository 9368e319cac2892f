package apigateway

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strconv"
	"strings"

	"keyfob/internal/local/lambdahost"
	"keyfob/internal/scan"
)

// integrate invokes the route's function and gives its answer to the client.
func (x *exchange) integrate() *failure {
	ctx := context.Background()
	if x.route.function.Timeout() > x.route.Timeout {
		var cancel context.CancelFunc
		ctx, cancel = x.gateway.config.WithTimeout(ctx, x.route.Timeout)
		defer cancel()
	}
	answer, err := x.route.function.Invoke(ctx, newUUID(), x.proxyEvent())
	if err != nil {
		return x.integrationError(err)
	}
	resp, err := parseResponse(answer)
	if err != nil {
		x.gateway.config.Log.Error("malformed Lambda proxy response", "route", x.route.Method+" "+x.route.Path, "requestId", x.id, "error", err)
		return badGateway()
	}
	if resp.encoded {
		accept, _, _ := strings.Cut(x.headerValue("Accept"), ",")
		if x.isBinary(accept) {
			b, err := base64.StdEncoding.DecodeString(resp.body)
			if err != nil {
				return &failure{kind: "API_CONFIGURATION_ERROR", message: "Internal server error", code: "ApiConfigurationException"}
			}
			resp.body = string(b)
		}
	}
	h := x.w.Header()
	for _, f := range resp.header {
		setHeader(h, f)
	}
	if len(h["Content-Type"]) == 0 {
		h["Content-Type"] = []string{"application/json"}
	}
	x.setIDs(h)
	h["X-Amzn-Trace-Id"] = []string{x.traceID}
	x.w.WriteHeader(resp.status)
	_, _ = io.WriteString(x.w, resp.body)
	return nil
}

func (x *exchange) integrationError(err error) *failure {
	if errors.As(err, new(*lambdahost.FunctionError)) {
		return badGateway() // time-outs of the function too: to the gateway they are an answer of the wrong form
	}
	if errors.As(err, new(*lambdahost.TooLarge)) {
		return tooLarge()
	}
	if errors.Is(err, context.DeadlineExceeded) {
		return &failure{kind: "INTEGRATION_TIMEOUT", message: "Endpoint request timed out", code: "InternalServerErrorException"}
	}
	// A throttled function among others: Lambda's 429 is the gateway's 500.
	return &failure{kind: "INTEGRATION_FAILURE", status: http.StatusInternalServerError, message: "Internal server error", code: "InternalServerErrorException"}
}

func badGateway() *failure {
	return &failure{kind: "DEFAULT_5XX", status: http.StatusBadGateway, message: "Internal server error", code: "InternalServerErrorException"}
}

// answerPreflight answers as the mock integration does that SAM makes for Cors. Where every media type is binary, that
// integration cannot read its own template and fails (aws/serverless-application-model issue 553).
func (x *exchange) answerPreflight() *failure {
	if x.isBinary("application/json") {
		return &failure{kind: "API_CONFIGURATION_ERROR", message: "Internal server error", code: "InternalServerErrorException"}
	}
	h := x.w.Header()
	for name, value := range x.route.preflight {
		h.Set(name, value)
	}
	h.Set("Content-Type", "application/json")
	x.setIDs(h)
	x.w.WriteHeader(http.StatusOK)
	_, _ = x.w.Write([]byte("{}\n"))
	return nil
}

// A response is a function's answer in the form that proxy integrations want.
type response struct {
	status  int
	header  []headerValues
	body    string
	encoded bool
}

type headerValues struct {
	name   string
	values []string
}

// parseResponse reads a function's answer. All members are optional, but there may be no others.
func parseResponse(answer []byte) (*response, error) {
	r := &response{status: http.StatusOK}
	var single, multi []headerValues
	err := scan.Document(answer, func(s *scan.Scanner, name string) (err error) {
		switch name {
		case "statusCode", "headers", "multiValueHeaders", "body", "isBase64Encoded":
			if s.Null() {
				return nil
			}
		}
		switch name {
		case "statusCode":
			r.status, err = readStatus(s)
		case "headers":
			single, err = readHeaders(s, false)
		case "multiValueHeaders":
			multi, err = readHeaders(s, true)
		case "body":
			r.body, err = s.Text()
		case "isBase64Encoded":
			var flag string
			if flag, err = s.Literal(); err == nil && flag != "true" && flag != "false" {
				err = errors.New("isBase64Encoded is not true or false")
			}
			r.encoded = flag == "true"
		default:
			err = fmt.Errorf("there is a member %s", name)
		}
		return err
	})
	r.header = mergeHeaders(single, multi)
	return r, err
}

// readStatus reads a status code, which may stand in a text.
func readStatus(s *scan.Scanner) (int, error) {
	read := s.Literal
	if s.Kind() == '"' {
		read = s.Text
	}
	text, err := read()
	if err != nil {
		return 0, err
	}
	n, err := strconv.Atoi(text)
	if err != nil || n < 200 || n > 599 {
		return 0, fmt.Errorf("the status code %q is none", text)
	}
	return n, nil
}

func readHeaders(s *scan.Scanner, multi bool) ([]headerValues, error) {
	out := make([]headerValues, 0, 12)
	values := make([]string, 0, 12) // of all headers, which each have a part of it
	err := s.Object(func(s *scan.Scanner, name string) error {
		first := len(values)
		if (s.Kind() == '[') != multi {
			return fmt.Errorf("the value of %s is a list, or is not one where it should be", name)
		}
		err := s.Each(func(s *scan.Scanner) (err error) {
			value := ""
			switch s.Kind() {
			case '"':
				value, err = s.Text()
			case 't', 'f':
				value, err = s.Literal()
			default:
				err = fmt.Errorf("a value of %s is neither a text nor a truth value", name)
			}
			values = append(values, value)
			return err
		})
		out = append(out, headerValues{name, values[first:len(values):len(values)]})
		return err
	})
	return out, err
}

// mergeHeaders joins the two forms: where both name a header, its values are the list's and then the single one,
// unless the list has that already.
func mergeHeaders(single, multi []headerValues) []headerValues {
	if len(multi) == 0 {
		return single
	}
	for _, s := range single {
		i := slices.IndexFunc(multi, func(m headerValues) bool { return strings.EqualFold(m.name, s.name) })
		switch {
		case i < 0:
			multi = append(multi, s)
		case !slices.Contains(multi[i].values, s.values[0]):
			multi[i].values = append(multi[i].values, s.values[0])
		}
	}
	return multi
}

// setHeader sets a header of the answer under the name the client gets it by.
func setHeader(h http.Header, f headerValues) {
	switch {
	case has(discarded, f.name):
	case has(remapped, f.name):
		h["x-amzn-Remapped-"+f.name] = f.values
	default:
		h[spelling(f.name)] = f.values
	}
}

// spelling keeps a name as it was given, but for the one that net/http looks for.
func spelling(name string) string {
	if strings.EqualFold(name, "Content-Type") {
		return "Content-Type"
	}
	return name
}
