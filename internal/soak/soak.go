// Package soak is the fault bench: it drives the whole service with many clients while its table, its mail service, its key
// ring, its streams and its clock fail by plan (package faulty), and judges afterwards whether what is promised was kept.
//
// It promises to find it, and to say so, where
//   - an acknowledged change is not there, or one that was refused is (lost);
//   - a change is there in part: a record, its places in the lists, the counts, its event, the event's places (half done);
//   - an event that owes a mail has none to somebody it owes it to, or more than the plan gave cause for (P6);
//   - a credential was accepted that may not be: after the acknowledgement of its end, or unread (P1, P7);
//   - a request that could not be decided was answered otherwise than as one to try again (P7);
//   - a secret stands in a log, an event, a mail, an error or the table's file (P3).
//
// It knows the service by its API, its mails and its table, and none of its code but the forms of keys and events.
//
// What follows from the seed is who does what and which calls fail. In which order things happen is the machine's, so that
// a seed repeats a kind of run and not each step of it.
package soak

import (
	"context"
	"fmt"
	"io"
	"time"
)

// A Config says how to run.
type Config struct {
	Seed     uint64
	Ops      int           // end after so many operations; 0 for no bound
	Duration time.Duration // end after so long, in real time; 0 for no bound
	Workers  int           // clients that work at the same time; at least 2
	Dir      string        // an empty folder for the service's data
	Template string        // the deployed template
	Progress io.Writer     // gets a line now and then; nil for none
}

// Run runs the service and its clients with faults of every kind, and judges. The error says that it could not be run;
// what the service has broken is in the report.
func Run(ctx context.Context, c Config) (*Report, error) {
	w, err := newWorld(ctx, c, invocation)
	if err != nil {
		return nil, err
	}
	defer w.house.close()
	if err := w.populate(ctx); err != nil {
		return nil, err
	}
	begun := time.Now()
	w.mix()
	w.work(ctx)
	w.says("%d operations; settling", w.tally.ops())
	if err := w.settle(ctx); err != nil {
		return nil, err
	}
	w.says("judging")
	w.judge()
	return w.report(time.Since(begun)), nil
}

// says writes a line of progress.
func (w *world) says(format string, args ...any) {
	if w.config.Progress != nil {
		_, _ = fmt.Fprintf(w.config.Progress, format+"\n", args...)
	}
}
