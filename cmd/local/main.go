// Local runs the whole service on one machine: the deployed handlers, routed by the deployed template.
//
//	go run ./cmd/local [-addr 127.0.0.1:3000] [-data DIR] [-template template.yaml] [-owner email:password] [-v]
//
// It prints one line "ready http://…" when it answers, then how to log in. What is wrong at the start is one line on
// the standard error and exit code 1. SIGINT and SIGTERM end it, after the requests that are under way.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"runtime"
	"runtime/debug"
	"strings"
	"syscall"
	"time"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	context.AfterFunc(ctx, stop) // a second signal ends the process at once
	makeRoom()
	os.Exit(run(ctx, os.Args[1:], os.Stdout, os.Stderr))
}

// hashesAtOnce is how many passwords are hashed at a time: others wait, so that a flood of logins leaves most of the machine
// to everybody else. On AWS, too, an instance hashes one at a time.
const hashesAtOnce = 1

// makeRoom has Go use one thread more for each hash at a time than there are processors. A hash takes tens of milliseconds
// in one go; requests would wait for those that share its thread, where the system can let both run by turns.
func makeRoom() { runtime.GOMAXPROCS(runtime.GOMAXPROCS(0) + hashesAtOnce) }

// drain is how long requests under way may still take when the service is told to end. None of them takes a second here,
// but for one that its client never finishes.
const drain = 5 * time.Second

// run runs the service until ctx ends, and gives the exit code.
func run(ctx context.Context, args []string, stdout, stderr io.Writer) int {
	o, err := parseFlags(args, stderr)
	if errors.Is(err, flag.ErrHelp) {
		return 0
	}
	if err == nil {
		err = serve(ctx, o, stdout)
	}
	if err != nil {
		_, _ = fmt.Fprintln(stderr, "local:", err)
		return 1
	}
	return 0
}

// Garbage is collected when as much again as this percentage of what is in use, a few megabytes, was allocated: at Go's
// own 100, collecting is a tenth of a request's cost. It is collected sooner where memory comes near the bound, which a
// few password hashes reach.
const (
	collectAt   = 400
	memoryBound = 40 << 20
)

// serve starts the service, says that it is ready, and ends it when ctx ends.
func serve(ctx context.Context, o options, stdout io.Writer) error {
	debug.SetGCPercent(collectAt)
	debug.SetMemoryLimit(memoryBound)
	s, err := start(ctx, o)
	if err != nil {
		return err
	}
	defer func() { _ = s.Close(context.Background()) }()
	who, err := s.owner(ctx, o)
	if err != nil {
		return err
	}
	debug.FreeOSMemory() // the owner's password was hashed in memory that is not needed again for long
	_, err = io.WriteString(stdout, greeting(s.URL, s.dir, who))
	if err != nil {
		return err
	}
	<-ctx.Done()
	ending, cancel := context.WithTimeout(context.Background(), drain)
	defer cancel()
	return s.Close(ending)
}

// options are what the command line says.
type options struct {
	addr, data, template string
	parameters           map[string]string // of the template, where not their defaults
	email, password      string            // of the owner; empty where not given
	verbose              io.Writer
}

func parseFlags(args []string, stderr io.Writer) (options, error) {
	var o options
	var who string
	var verbose bool
	f := flag.NewFlagSet("local", flag.ContinueOnError)
	f.SetOutput(io.Discard)
	f.StringVar(&o.addr, "addr", "127.0.0.1:3000", "`host:port` to listen on")
	f.StringVar(&o.data, "data", "", "`folder` that keeps everything; a new one where not given")
	f.StringVar(&o.template, "template", "template.yaml", "`file` with the deployed template")
	f.Func("parameter", "`Name=value` of a parameter of the template, such as Realm=sandbox; may be given several times", func(s string) error {
		name, value, ok := strings.Cut(s, "=")
		if !ok || name == "" {
			return errors.New("it is written Name=value")
		}
		if o.parameters == nil {
			o.parameters = map[string]string{}
		}
		o.parameters[name] = value
		return nil
	})
	f.StringVar(&who, "owner", "", "`email:password` of the account's owner; the password is made up where not given")
	f.BoolVar(&verbose, "v", false, "log to the standard error instead of the data folder")
	err := f.Parse(args)
	if errors.Is(err, flag.ErrHelp) {
		f.SetOutput(stderr)
		f.Usage()
		return o, err
	}
	if err == nil && f.NArg() > 0 {
		err = fmt.Errorf("there is something behind the flags: %q", f.Arg(0))
	}
	if verbose {
		o.verbose = stderr
	}
	o.email, o.password = splitOwner(who)
	return o, err
}
