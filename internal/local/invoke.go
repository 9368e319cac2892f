package local

import (
	"crypto/rand"
	"errors"
	"io"
	"net/http"
	"path"
	"strings"

	"github.com/go-json-experiment/json/jsontext"

	"keyfob/internal/local/lambdahost"
)

// lambdaPath is where Lambda's own API begins: what clients of AWS take as its endpoint.
const lambdaPath = "/_local/lambda"

// version is the one that a function has.
const version = "$LATEST"

// serveInvoke is Lambda's Invoke, so that `aws lambda invoke --endpoint-url …/_local/lambda` and every SDK reach the
// functions here. Of a function's names it takes the logical id, the name, the ARN and the last part of its CodeUri. It
// waits for the answer: there is no queue for events.
func (s *Server) serveInvoke(w http.ResponseWriter, r *http.Request) {
	id := rand.Text()
	w.Header().Set("X-Amzn-Requestid", id)
	f := s.named(r.PathValue("name"))
	if f == nil {
		fail(w, http.StatusNotFound, "ResourceNotFoundException", "Function not found: "+r.PathValue("name"))
		return
	}
	dry := false
	switch r.Header.Get("X-Amz-Invocation-Type") {
	case "", "RequestResponse":
	case "DryRun":
		dry = true
	default:
		fail(w, http.StatusBadRequest, "InvalidParameterValueException", "Of the invocation types, RequestResponse and DryRun are served here.")
		return
	}
	payload, err := io.ReadAll(http.MaxBytesReader(w, r.Body, lambdahost.MaxPayload))
	if errors.As(err, new(*http.MaxBytesError)) {
		fail(w, http.StatusRequestEntityTooLarge, "RequestTooLargeException", "The payload is larger than Lambda takes.")
		return
	}
	if len(payload) == 0 {
		payload = []byte("{}")
	}
	if err != nil || !jsontext.Value(payload).IsValid() {
		fail(w, http.StatusBadRequest, "InvalidRequestContentException", "Could not parse request body into json.")
		return
	}
	if dry {
		w.WriteHeader(http.StatusNoContent)
		return
	}
	out, err := f.Invoke(r.Context(), id, payload)
	if errors.As(err, new(*lambdahost.Throttled)) {
		fail(w, http.StatusTooManyRequests, "TooManyRequestsException", "Rate Exceeded.")
		return
	}
	h := w.Header()
	h.Set("X-Amz-Executed-Version", version)
	if fe, failed := errors.AsType[*lambdahost.FunctionError](err); failed {
		h.Set("X-Amz-Function-Error", "Unhandled")
		answer(w, http.StatusOK, functionFailure{fe.Message, fe.Type})
		return
	}
	if err != nil { // the caller has gone
		return
	}
	h.Set("Content-Type", "application/json")
	h.Set("Cache-Control", "no-store")
	h.Set("X-Content-Type-Options", "nosniff")
	_, _ = w.Write(out)
}

// named finds a function by one of its names; nil where it is none's. There is one version of each.
func (s *Server) named(name string) *lambdahost.Function {
	name = strings.TrimSuffix(name, ":"+version)
	if f := s.functions[name]; f != nil {
		return f
	}
	for code, f := range s.byCode {
		if name == f.Name() || name == f.ARN() || name == path.Base(code) {
			return f
		}
	}
	return nil
}

// functionFailure is the payload of an invocation that the function failed.
type functionFailure struct {
	Message string `json:"errorMessage"`
	Type    string `json:"errorType"`
}

// fail answers as Lambda does what it does not do.
func fail(w http.ResponseWriter, status int, kind, message string) {
	w.Header().Set("X-Amzn-Errortype", kind)
	answer(w, status, struct {
		Type    string `json:"Type"`
		Message string `json:"message"`
	}{"User", message})
}
