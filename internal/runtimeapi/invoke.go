package runtimeapi

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"time"
)

// maxPayload is the most that a function may answer with.
const maxPayload = 6<<20 + 100

// An invocation is one event on its way through the process.
type invocation struct {
	id       string
	payload  []byte
	deadline time.Time
	answered chan Result // gets one
}

// Invoke gives the process an event and returns its answer when the process has asked for the next one, or ended.
// An error says that there is no answer: ErrEnded, or the context's own. After the latter the process is killed, as
// Lambda does with a function that has run out of time.
func (f *Function) Invoke(ctx context.Context, payload []byte) (Result, error) {
	f.invoking.Lock()
	defer f.invoking.Unlock()
	ctx, cancel := context.WithTimeout(ctx, DefaultTimeout)
	defer cancel()
	deadline, _ := ctx.Deadline()
	inv := &invocation{id: newID(), payload: payload, deadline: deadline, answered: make(chan Result, 1)}
	f.setCurrent(inv)
	defer f.setCurrent(nil)

	select {
	case f.next <- inv:
	case <-f.ended:
		return Result{}, ErrEnded
	case <-ctx.Done():
		return Result{}, f.abort(ctx)
	}
	select { // the process must also have finished with the event: what it does after its answer belongs to it
	case <-f.idle:
	case <-f.ended:
	case <-ctx.Done():
		return Result{}, f.abort(ctx)
	}
	select {
	case res := <-inv.answered:
		return res, nil
	default:
	}
	select {
	case <-f.ended:
		return failure(inv.id, "Runtime.ExitError", fmt.Sprintf("RequestId: %s Error: Runtime exited with error: %v", inv.id, f.cmd.ProcessState)), nil
	default:
		return failure(inv.id, "Runtime.InvalidStateTransition", fmt.Sprintf("RequestId: %s Error: the next event was asked for without an answer to this one", inv.id)), nil
	}
}

func (f *Function) abort(ctx context.Context) error {
	_ = f.cmd.Process.Kill()
	<-f.ended
	return ctx.Err()
}

func failure(id, kind, message string) Result {
	payload, _ := json.Marshal(map[string]string{"errorType": kind, "errorMessage": message}) // cannot fail
	return Result{RequestID: id, Payload: payload, FunctionError: kind}
}

func (f *Function) setCurrent(inv *invocation) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.current = inv
}

// handler is the Runtime API.
func (f *Function) handler() http.Handler {
	mux := http.NewServeMux()
	const api = "/2018-06-01/runtime/"
	mux.HandleFunc("GET "+api+"invocation/next", f.serveNext)
	mux.HandleFunc("POST "+api+"invocation/{id}/response", func(w http.ResponseWriter, r *http.Request) {
		f.serveAnswer(w, r, func(body []byte) Result {
			// A stream that breaks off says so behind its body.
			return Result{Payload: body, FunctionError: r.Trailer.Get("Lambda-Runtime-Function-Error-Type")}
		})
	})
	mux.HandleFunc("POST "+api+"invocation/{id}/error", func(w http.ResponseWriter, r *http.Request) {
		f.serveAnswer(w, r, func(body []byte) Result { return Result{Payload: body, FunctionError: errorType(r, body)} })
	})
	mux.HandleFunc("POST "+api+"init/error", func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxPayload))
		if err != nil {
			return
		}
		select {
		case f.failed <- &InitError{Payload: body}:
		default:
		}
		accept(w)
	})
	return mux
}

func (f *Function) serveNext(w http.ResponseWriter, r *http.Request) {
	select {
	case f.idle <- struct{}{}:
	case <-r.Context().Done():
		return
	}
	select {
	case inv := <-f.next:
		h := w.Header()
		h.Set("Content-Type", "application/json")
		h.Set("Lambda-Runtime-Aws-Request-Id", inv.id)
		h.Set("Lambda-Runtime-Deadline-Ms", strconv.FormatInt(inv.deadline.UnixMilli(), 10))
		h.Set("Lambda-Runtime-Invoked-Function-Arn", FunctionARN)
		h.Set("Lambda-Runtime-Trace-Id", "Root=1-00000000-"+inv.id[24:]+inv.id[:8]+inv.id[9:13]+";Sampled=0")
		_, _ = w.Write(inv.payload)
	case <-r.Context().Done():
	}
}

// serveAnswer takes the answer to the current event.
func (f *Function) serveAnswer(w http.ResponseWriter, r *http.Request, read func([]byte) Result) {
	f.mu.Lock()
	inv := f.current
	f.mu.Unlock()
	if inv == nil || inv.id != r.PathValue("id") {
		http.Error(w, `{"errorType":"InvalidRequestID","errorMessage":"the request id is not the current one"}`, http.StatusBadRequest)
		return
	}
	body, err := io.ReadAll(io.LimitReader(r.Body, maxPayload+1))
	if err != nil {
		return
	}
	res := read(body)
	res.RequestID = inv.id
	if len(body) > maxPayload {
		res = failure(inv.id, "Function.ResponseSizeTooLarge", "Response payload size exceeded maximum allowed payload size (6291556 bytes).")
	}
	select {
	case inv.answered <- res:
	default:
		http.Error(w, `{"errorType":"InvalidStateTransition","errorMessage":"the event is answered already"}`, http.StatusForbidden)
		return
	}
	if len(body) > maxPayload {
		http.Error(w, `{"errorType":"RequestEntityTooLarge","errorMessage":"the answer is too large"}`, http.StatusRequestEntityTooLarge)
		return
	}
	accept(w)
}

func accept(w http.ResponseWriter) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(http.StatusAccepted)
	_, _ = io.WriteString(w, `{"status":"OK"}`)
}

// errorType finds the type of a reported error: in the header or in the report itself.
func errorType(r *http.Request, report []byte) string {
	if t := r.Header.Get("Lambda-Runtime-Function-Error-Type"); t != "" {
		return t
	}
	var e struct{ ErrorType string }
	if err := json.Unmarshal(report, &e); err != nil || e.ErrorType == "" {
		return "Unhandled"
	}
	return e.ErrorType
}

// newID makes a request id, which has the form of a UUID.
func newID() string {
	var b [16]byte
	_, _ = rand.Read(b[:]) // does not fail
	s := hex.EncodeToString(b[:])
	return s[:8] + "-" + s[8:12] + "-" + s[12:16] + "-" + s[16:20] + "-" + s[20:]
}
