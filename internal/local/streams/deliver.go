package streams

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"time"

	"keyfob/internal/local/lambdahost"
	"keyfob/internal/table"
)

// maxPayload bounds a batch's bytes: what Lambda takes, less what is written around the records.
const maxPayload = lambdahost.MaxPayload - 1024

// A run is a batch, or a part of one, on its way.
type run struct {
	records []record
	tries   int // failed ones that count
	invoked int // all of them
	last    *responseContext
}

// deliver invokes the function with the records until they are through: accepted, or given up and kept. Where a
// run is split, its parts follow each other, so that the order stays. It reports whether it came to the end before
// ctx did.
func (p *Pump) deliver(ctx context.Context, records []record) bool {
	waiting := []run{{records: records}}
	failures := 0
	for len(waiting) > 0 {
		if ctx.Err() != nil {
			return false
		}
		r := waiting[0]
		waiting = waiting[1:]
		if old, young := p.byAge(r.records); len(old) > 0 {
			if !p.discard(ctx, run{records: old, invoked: r.invoked, last: r.last}, "RecordAgeExceeded") {
				return false
			}
			if len(young) > 0 {
				r.records = young
				waiting = slices.Insert(waiting, 0, r)
			}
			continue
		}
		rest, counts := p.try(ctx, &r)
		if done := len(r.records) - len(rest); done > 0 { // accepted, at least up to the first failed record
			if !p.reach(ctx, r.records[done-1]) {
				return false
			}
			r.records, r.tries, failures = rest, 0, 0
		} else if counts && r.failed() && p.config.Mapping.Bisect && len(rest) > 1 {
			first, second := r, r
			first.records, second.records = rest[:len(rest)/2], rest[len(rest)/2:]
			waiting = slices.Insert(waiting, 0, first, second) // splitting is not a retry
			continue
		}
		if len(rest) == 0 {
			continue
		}
		if counts {
			r.tries++
		}
		if retries := p.config.Mapping.Retries; retries >= 0 && r.tries > retries {
			if !p.discard(ctx, r, "RetryAttemptsExhausted") {
				return false
			}
			failures = 0
			continue
		}
		waiting = slices.Insert(waiting, 0, r)
		failures++
		p.pause(ctx, failures)
	}
	return true
}

// try invokes the function once. It gives the records that have to come again, and whether this counts as a try:
// a throttled function does not.
func (p *Pump) try(ctx context.Context, r *run) (rest []record, counts bool) {
	payload := event(r.records)
	answer, err := p.config.Function.Invoke(context.WithoutCancel(ctx), lambdahost.NewRequestID(), payload)
	if errors.As(err, new(*lambdahost.Throttled)) {
		return r.records, false
	}
	r.invoked++
	r.last = &responseContext{StatusCode: 200, ExecutedVersion: "$LATEST"}
	if err != nil {
		unhandled := "Unhandled"
		r.last.FunctionError = &unhandled
		p.config.Log.Warn("a batch failed", "mapping", p.config.Mapping.Name, "records", len(r.records), "error", err)
		return r.records, true
	}
	if !p.config.Mapping.ReportFailures {
		return nil, true
	}
	first, err := firstFailed(answer, r.records)
	if err != nil {
		p.config.Log.Warn("a batch failed: its answer cannot be used", "mapping", p.config.Mapping.Name, "error", err)
	}
	return r.records[first:], true
}

// failed reports whether the last invocation ended in a function error, rather than in reported failures.
func (r *run) failed() bool { return r.last != nil && r.last.FunctionError != nil }

// firstFailed reads the answer of a function that reports failures. It gives the index of the record that the next
// try starts with: the number of records where all were accepted, 0 with an error where the answer makes the whole
// batch a failure.
func firstFailed(answer []byte, records []record) (int, error) {
	answer = bytes.TrimSpace(answer)
	if len(answer) == 0 {
		return len(records), nil
	}
	var a struct {
		Failures []map[string]any `json:"batchItemFailures"`
	}
	if err := json.Unmarshal(answer, &a); err != nil {
		return 0, err
	}
	first := len(records)
	for _, f := range a.Failures {
		id, _ := f["itemIdentifier"].(string)
		i := 0
		for i < len(records) && records[i].Change.SequenceNumber != id {
			i++
		}
		if i == len(records) {
			return 0, fmt.Errorf("the itemIdentifier %q is of no record in the batch", id)
		}
		first = min(first, i)
	}
	return first, nil
}

// byAge parts the records that the mapping no longer wants delivered from those it does.
func (p *Pump) byAge(records []record) (old, young []record) {
	limit := cmp.Or(p.config.Mapping.MaxAge, retention)
	now := p.config.Now()
	for i, r := range records {
		if now.Sub(r.Change.ApproximateCreationDateTime.Time()) <= limit {
			return records[:i], records[i:]
		}
	}
	return records, nil
}

// reach keeps that everything up to the record is through. Nothing goes on before that is kept, lest a restart
// deliver much again.
func (p *Pump) reach(ctx context.Context, r record) bool {
	return p.insist(ctx, "the place in the change feed cannot be kept", func() error { return p.keep(r.Change.SequenceNumber) })
}

// insist does something until it works, or ctx ends. It reports whether it worked.
func (p *Pump) insist(ctx context.Context, complaint string, do func() error) bool {
	for failures := 1; ; failures++ {
		err := do()
		if err == nil {
			return true
		}
		p.config.Log.Error(complaint, "mapping", p.config.Mapping.Name, "error", err)
		if ctx.Err() != nil {
			return false
		}
		p.pause(ctx, failures)
	}
}

// event writes the event that the function gets.
func event(records []record) []byte {
	size := 16
	for _, r := range records {
		size += len(r.json) + 1
	}
	b := append(make([]byte, 0, size), `{"Records":[`...)
	for i, r := range records {
		if i > 0 {
			b = append(b, ',')
		}
		b = append(b, r.json...)
	}
	return append(b, "]}"...)
}

// marshal writes a record as the event has it.
func marshal(r table.Record) ([]byte, error) { return json.Marshal(r) }

// pauseFor is how long to wait after so many failures in a row: 1 s, doubled each time, up to a minute.
func pauseFor(failures int) time.Duration {
	return min(time.Second<<min(failures-1, 6), time.Minute)
}
