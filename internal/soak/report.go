package soak

import (
	"fmt"
	"io"
	"maps"
	"slices"
	"text/tabwriter"
	"time"

	"keyfob/internal/faulty"
)

// A Report is what came of a run.
type Report struct {
	Seed       uint64
	Operations map[string][3]int // by kind: acknowledged, refused, unknown
	Faults     map[faulty.Kind]int
	Owed       int // notices
	Sent       int
	Duplicates int // for which the plan gave cause
	Allowed    int // for how many it did
	Rejected   int // mails that the mail service refused for good
	Broken     map[string]int
	Details    []string // of what is broken
	Secrets    int      // that were looked for
	Took       time.Duration
}

func (w *world) report(took time.Duration) *Report {
	r := w.judged
	counts, details := w.ledger.read()
	r.Seed, r.Operations, r.Faults, r.Took, r.Details, r.Broken = w.config.Seed, w.tally.clone(), w.plan.Counts(), took, details, map[string]int{}
	for _, p := range promises {
		r.Broken[string(p)] = counts[p]
	}
	return &r
}

// Kept reports whether all that is promised was kept.
func (r *Report) Kept() bool {
	for _, n := range r.Broken {
		if n > 0 {
			return false
		}
	}
	return true
}

// Total counts the operations.
func (r *Report) Total() (n int) {
	for _, o := range r.Operations {
		n += o[0] + o[1] + o[2]
	}
	return n
}

// Write writes the report as a table.
func (r *Report) Write(out io.Writer) error {
	t := tabwriter.NewWriter(out, 0, 0, 2, ' ', tabwriter.AlignRight)
	row := func(format string, args ...any) { _, _ = fmt.Fprintf(t, format+"\n", args...) }
	row("operation\tacknowledged\trefused\tunknown\t")
	var sum [3]int
	for _, kind := range slices.Sorted(maps.Keys(r.Operations)) {
		n := r.Operations[kind]
		row("%s\t%d\t%d\t%d\t", kind, n[0], n[1], n[2])
		for i := range sum {
			sum[i] += n[i]
		}
	}
	row("%d operations\t%d\t%d\t%d\t", r.Total(), sum[0], sum[1], sum[2])
	row("\t\t\t\t")
	row("fault\tinjected\t\t\t")
	faults := 0
	for _, kind := range slices.Sorted(maps.Keys(r.Faults)) {
		row("%s\t%d\t\t\t", kind, r.Faults[kind])
		faults += r.Faults[kind]
	}
	row("%d kinds\t%d\t\t\t", len(r.Faults), faults)
	row("\t\t\t\t")
	row("notices owed\t%d\t\t\t", r.Owed)
	row("sent\t%d\t\t\t", r.Sent)
	row("refused for good\t%d\t\t\t", r.Rejected)
	row("sent twice, allowed\t%d\tof %d\t\t", r.Duplicates, r.Allowed)
	row("secrets looked for\t%d\t\t\t", r.Secrets)
	for _, p := range promises {
		row("%s\t%d\t\t\t", p, r.Broken[string(p)])
	}
	if err := t.Flush(); err != nil {
		return err
	}
	for _, detail := range r.Details {
		if _, err := fmt.Fprintln(out, detail); err != nil {
			return err
		}
	}
	_, err := fmt.Fprintf(out, "seed %d, %s, %s\n", r.Seed, r.Took.Round(time.Second/10), map[bool]string{true: "all promises kept", false: "PROMISES BROKEN"}[r.Kept()])
	return err
}
