// Package runtimeapi runs a function as Lambda does: it is the host of Lambda's Runtime API (version 2018-06-01) for
// one process of a compiled bootstrap, unmodified.
//
//	f, err := runtimeapi.Start(ctx, "build/AuthorizerFunction/bootstrap", []string{"TABLE_NAME=keyfob"})
//	res, err := f.Invoke(ctx, event)
//
// It promises that the process sees what it would see on Lambda as far as the Runtime API and the environment go:
// one event at a time, with its request id, deadline, function ARN and trace id, and of the environment only
// Lambda's own variables and those that are given. What it writes is kept, and the time it uses can be read.
//
// It is for tests and benchmarks. It limits neither memory nor processor time, runs no extensions and no layers,
// streams no responses, and starts no second process when one has ended.
package runtimeapi

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os/exec"
	"path/filepath"
	"sync"
	"time"
)

// What the process learns of itself.
const (
	FunctionName = "keyfob-test"
	FunctionARN  = "arn:aws:lambda:us-east-1:123456789012:function:" + FunctionName
)

// DefaultTimeout is how long an invocation may take, and a start, where the context sets no sooner end.
const DefaultTimeout = 30 * time.Second

// ErrEnded is the error of calling a function whose process is no more.
var ErrEnded = errors.New("runtimeapi: the function's process has ended")

// A Result is a function's answer.
type Result struct {
	RequestID     string
	Payload       []byte // the answer, or the error as JSON with errorType and errorMessage
	FunctionError string // empty for success; else the error's type
}

// A Function is a running process. Its methods are safe for concurrent use.
type Function struct {
	cmd    *exec.Cmd
	server *http.Server
	output buffer
	ended  chan struct{} // closed when the process has

	invoking sync.Mutex       // a process gets one event at a time
	next     chan *invocation // to the process's request for the next event
	idle     chan struct{}    // a token for each such request
	failed   chan *InitError  // the process could not get ready
	mu       sync.Mutex       // guards current
	current  *invocation
}

// An InitError is a process that ended, or said that it failed, before it asked for an event.
type InitError struct {
	Payload []byte // what it reported; empty where it just ended
	Output  string // what it wrote
}

func (e *InitError) Error() string {
	return fmt.Sprintf("runtimeapi: the function did not get ready: %s%s", e.Payload, e.Output)
}

// Start starts the binary and returns when it asks for its first event. The variables in env, NAME=value, are added
// to Lambda's own and take precedence. The error is an *InitError where the process does not get that far.
func Start(ctx context.Context, binary string, env []string) (*Function, error) {
	ctx, cancel := context.WithTimeout(ctx, DefaultTimeout)
	defer cancel()
	binary, err := filepath.Abs(binary)
	if err != nil {
		return nil, err
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	f := &Function{
		cmd:    exec.Command(binary), //#nosec G204 -- running the caller's binary is what this is for
		ended:  make(chan struct{}),
		next:   make(chan *invocation),
		idle:   make(chan struct{}, 1),
		failed: make(chan *InitError, 1),
	}
	f.server = &http.Server{Handler: f.handler(), ReadHeaderTimeout: DefaultTimeout}
	go func() { _ = f.server.Serve(listener) }()
	f.cmd.Dir = filepath.Dir(binary)
	f.cmd.Env = append(environment(listener.Addr().String(), f.cmd.Dir), env...)
	f.cmd.Stdout, f.cmd.Stderr = &f.output, &f.output
	f.cmd.WaitDelay = time.Second // a child of the process's may hold these open
	if err := f.cmd.Start(); err != nil {
		_ = f.server.Close()
		return nil, err
	}
	go func() {
		_ = f.cmd.Wait()
		close(f.ended)
	}()
	select {
	case <-f.idle:
		return f, nil
	case e := <-f.failed:
		err = e
	case <-f.ended:
		err = &InitError{}
	case <-ctx.Done():
		err = ctx.Err()
	}
	_ = f.Close()
	if e, ok := err.(*InitError); ok {
		e.Output = f.Output()
	}
	return nil, err
}

// environment is what Lambda gives every function.
func environment(api, dir string) []string {
	return []string{
		"AWS_LAMBDA_RUNTIME_API=" + api,
		"AWS_LAMBDA_FUNCTION_NAME=" + FunctionName,
		"AWS_LAMBDA_FUNCTION_VERSION=$LATEST",
		"AWS_LAMBDA_FUNCTION_MEMORY_SIZE=256",
		"AWS_LAMBDA_INITIALIZATION_TYPE=on-demand",
		"AWS_LAMBDA_LOG_GROUP_NAME=/aws/lambda/" + FunctionName,
		"AWS_LAMBDA_LOG_STREAM_NAME=2026/01/01/[$LATEST]0",
		"AWS_EXECUTION_ENV=AWS_Lambda_provided.al2023",
		"AWS_REGION=us-east-1",
		"AWS_DEFAULT_REGION=us-east-1",
		"AWS_ACCESS_KEY_ID=test",
		"AWS_SECRET_ACCESS_KEY=test",
		"AWS_SESSION_TOKEN=test",
		"LAMBDA_TASK_ROOT=" + dir,
		"LAMBDA_RUNTIME_DIR=/var/runtime",
		"LANG=en_US.UTF-8",
		"PATH=/usr/local/bin:/usr/bin/:/bin:/opt/bin",
		"TZ=:UTC",
		"_HANDLER=bootstrap",
	}
}

// Output gives all that the process has written to its standard output and error.
func (f *Function) Output() string { return f.output.String() }

// CPU gives the processor time, user and system, that the process has used so far or, once it has ended, in all.
func (f *Function) CPU() (time.Duration, error) {
	select {
	case <-f.ended:
		return f.cmd.ProcessState.UserTime() + f.cmd.ProcessState.SystemTime(), nil
	default:
		return processTime(f.cmd.Process.Pid)
	}
}

// Close kills the process and returns when it is gone.
func (f *Function) Close() error {
	_ = f.cmd.Process.Kill() // it may have ended
	<-f.ended
	return f.server.Close()
}

// buffer is a bytes.Buffer that may be read while it is written to.
type buffer struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (b *buffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buf.Write(p)
}

func (b *buffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buf.String()
}
