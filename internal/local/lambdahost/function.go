package lambdahost

import (
	"context"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"github.com/aws/aws-lambda-go/lambdacontext"
)

// maxIdle is how many execution environments are kept for reuse.
const maxIdle = 64

// A Function is a function ready to be invoked. It is safe for concurrent use.
type Function struct {
	config Config

	mu     sync.Mutex
	idle   []*environment
	closed bool
	busy   sync.WaitGroup // invocations whose handler has not returned, abandoned ones included

	running                                 atomic.Int64
	invocations, errors, timeouts, throttle atomic.Int64
}

// New makes a function.
func New(c Config) *Function {
	if c.WithTimeout == nil {
		c.WithTimeout = context.WithTimeout
	}
	if c.Log == nil {
		c.Log = slog.New(slog.DiscardHandler)
	}
	return &Function{config: c}
}

// Name is the function's name, as others invoke it by.
func (f *Function) Name() string { return f.config.Name }

// ARN is the function's name as other services know it.
func (f *Function) ARN() string { return f.config.ARN }

// Timeout is how long an invocation may take.
func (f *Function) Timeout() time.Duration { return f.config.Timeout }

// Counts gives what was counted.
func (f *Function) Counts() Counts {
	return Counts{f.invocations.Load(), f.errors.Load(), f.timeouts.Load(), f.throttle.Load()}
}

// Invoke runs the handler with the payload, which then belongs to it, and returns its answer. The error is a
// *FunctionError, a *Throttled, a *TooLarge, or ctx's where ctx ends first; the handler then goes on by itself,
// as it would on Lambda when its caller has gone.
func (f *Function) Invoke(ctx context.Context, requestID string, payload []byte) ([]byte, error) {
	if len(payload) > MaxPayload {
		return nil, &TooLarge{len(payload)}
	}
	if n := f.running.Add(1); f.config.Concurrency >= 0 && n > int64(f.config.Concurrency) {
		f.running.Add(-1)
		f.throttle.Add(1)
		return nil, &Throttled{f.config.Name}
	}
	f.invocations.Add(1)

	base := lambdacontext.NewContext(context.Background(), &lambdacontext.LambdaContext{
		AwsRequestID: requestID, InvokedFunctionArn: f.config.ARN,
	})
	limited, cancel := f.config.WithTimeout(base, f.config.Timeout)
	env := f.take()
	env.in <- job{limited, cancel, payload}
	select {
	case r := <-env.out:
		f.running.Add(-1)
		f.put(env, r.dead)
		return f.settle(requestID, r.answer, r.err)
	case <-limited.Done():
		return f.expired(env, requestID)
	case <-ctx.Done():
		go func() { // nobody waits for it, but it counts as running until it ends
			select {
			case r := <-env.out:
				f.running.Add(-1)
				f.put(env, r.dead)
				_, _ = f.settle(requestID, r.answer, r.err)
			case <-limited.Done():
				_, _ = f.expired(env, requestID)
			}
		}()
		return nil, ctx.Err()
	}
}

// expired gives up an invocation whose deadline has passed.
func (f *Function) expired(env *environment, requestID string) ([]byte, error) {
	f.running.Add(-1)
	select {
	case r := <-env.out: // it came at the same instant, and so it counts
		f.put(env, r.dead)
		return f.settle(requestID, r.answer, r.err)
	default:
	}
	close(env.in) // whatever it answers now, nobody reads
	f.timeouts.Add(1)
	return f.settle(requestID, nil, &FunctionError{
		Type:    "Sandbox.Timedout",
		Message: "RequestId: " + requestID + " Error: Task timed out after " + seconds(f.config.Timeout) + " seconds",
		Timeout: true,
	})
}

func (f *Function) settle(requestID string, answer []byte, err *FunctionError) ([]byte, error) {
	if err == nil && len(answer) > MaxPayload {
		err = &FunctionError{Type: "Function.ResponseSizeTooLarge", Message: "Response payload size exceeded maximum allowed payload size (6291556 bytes)."}
	}
	if err == nil {
		return answer, nil
	}
	f.errors.Add(1)
	level := slog.LevelError
	if err.Message == "Unauthorized" {
		level = slog.LevelInfo // how an authorizer has the gateway answer 401: nothing is wrong with it
	}
	f.config.Log.Log(context.Background(), level, "function error", "function", f.config.Name, "requestId", requestID,
		"errorType", err.Type, "errorMessage", err.Message)
	return nil, err
}

func (f *Function) take() *environment {
	f.busy.Add(1)
	f.mu.Lock()
	defer f.mu.Unlock()
	if n := len(f.idle); n > 0 {
		env := f.idle[n-1]
		f.idle = f.idle[:n-1]
		return env
	}
	env := &environment{function: f, in: make(chan job, 1), out: make(chan result, 1)}
	go env.run()
	return env
}

func (f *Function) put(env *environment, dead bool) {
	if dead {
		return
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.closed || len(f.idle) == maxIdle {
		close(env.in)
		return
	}
	f.idle = append(f.idle, env)
}

// Close ends the idle environments and waits for the handlers that still run, until ctx ends.
func (f *Function) Close(ctx context.Context) error {
	f.mu.Lock()
	f.closed = true
	for _, env := range f.idle {
		close(env.in)
	}
	f.idle = nil
	f.mu.Unlock()
	done := make(chan struct{})
	go func() {
		f.busy.Wait()
		close(done)
	}()
	select {
	case <-done:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
