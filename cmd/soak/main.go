// Soak drives the whole service with many clients while its parts fail by plan, and judges whether its promises were kept.
//
//	go run ./cmd/soak [-seed N] [-minutes M] [-ops N] [-workers N] [-data DIR] [-template template.yaml]
//
// It prints one table of figures. The exit code is 0 where every promise was kept, 1 where one was broken, and 2 where the
// run could not be made.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"os/signal"
	"syscall"
	"time"

	"keyfob/internal/soak"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	code := run(ctx, os.Args[1:], os.Stdout, os.Stderr)
	stop()
	os.Exit(code)
}

// run makes one run, and gives the exit code.
func run(ctx context.Context, args []string, stdout, stderr io.Writer) int {
	var c soak.Config
	var minutes float64
	f := flag.NewFlagSet("soak", flag.ContinueOnError)
	f.SetOutput(stderr)
	f.Uint64Var(&c.Seed, "seed", rand.Uint64N(1<<32), "`number` that the run follows from; a random one where not given") //#nosec G404 -- a play, not a secret
	f.Float64Var(&minutes, "minutes", 0, "end after so many `minutes`")
	f.IntVar(&c.Ops, "ops", 0, "end after so many `operations`; 2000 where nothing else ends it")
	f.IntVar(&c.Workers, "workers", 16, "`number` of clients at work at the same time")
	f.StringVar(&c.Dir, "data", "", "empty `folder` for the service's data; one that is made, and taken away again, where not given")
	f.StringVar(&c.Template, "template", "template.yaml", "`file` with the deployed template")
	switch err := f.Parse(args); {
	case errors.Is(err, flag.ErrHelp):
		return 0
	case err != nil:
		return 2
	}
	c.Progress = stderr
	c.Duration = time.Duration(minutes * float64(time.Minute))
	if c.Ops == 0 && c.Duration == 0 {
		c.Ops = 2000
	}
	report, err := soakIn(ctx, c)
	if err == nil {
		err = report.Write(stdout)
	}
	switch {
	case err != nil:
		_, _ = fmt.Fprintf(stderr, "soak: seed %d: %v\n", c.Seed, err)
		return 2
	case !report.Kept():
		return 1
	}
	return 0
}

// soakIn makes the run in its folder.
func soakIn(ctx context.Context, c soak.Config) (_ *soak.Report, err error) {
	if c.Dir == "" {
		if c.Dir, err = os.MkdirTemp("", "keyfob-soak-"); err != nil {
			return nil, err
		}
		defer func() { err = errors.Join(err, os.RemoveAll(c.Dir)) }()
	}
	return soak.Run(ctx, c)
}
