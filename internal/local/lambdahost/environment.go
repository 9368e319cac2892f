package lambdahost

import (
	"context"
	"fmt"
	"reflect"
	"runtime/debug"
	"strconv"
	"time"
)

// An environment is what Lambda calls an execution environment: it runs one invocation at a time. Here it is a
// goroutine that is kept between invocations, because a handler's stack is costly to grow each time anew.
type environment struct {
	function *Function
	in       chan job    // closed when no invocation will follow
	out      chan result // has room for one, so that a late answer finds nobody and is dropped
}

type job struct {
	ctx     context.Context
	cancel  context.CancelFunc
	payload []byte
}

type result struct {
	answer []byte
	err    *FunctionError
	dead   bool // the goroutine is ending and takes no further job
}

func (e *environment) run() {
	for j := range e.in {
		e.serve(j)
	}
}

// serve answers the job whatever the handler does: returns, panics or ends the goroutine.
func (e *environment) serve(j job) {
	r := result{err: &FunctionError{Type: "Runtime.ExitError", Message: "the handler ended its goroutine"}, dead: true}
	defer func() {
		if p := recover(); p != nil {
			r.dead = false
			r.err = &FunctionError{Type: typeName(p), Message: fmt.Sprint(p)}
			e.function.config.Log.Error("panic", "function", e.function.config.Name, "stack", string(debug.Stack()))
		}
		e.out <- r // before the context ends, which would look like the deadline
		j.cancel()
		e.function.busy.Done()
	}()
	answer, err := e.function.config.Handler.Invoke(j.ctx, j.payload)
	r = result{answer: answer}
	if err != nil {
		r.err = &FunctionError{Type: typeName(err), Message: err.Error()}
	}
}

// typeName names an error's type as aws-lambda-go reports it.
func typeName(v any) string {
	t := reflect.TypeOf(v)
	if t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	if name := t.Name(); name != "" {
		return name
	}
	return t.String()
}

// seconds writes a time-out as Lambda does: "3.00".
func seconds(d time.Duration) string { return strconv.FormatFloat(d.Seconds(), 'f', 2, 64) }
