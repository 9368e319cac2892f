package runtimeapi_test

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"keyfob/internal/runtimeapi"
)

// warmEvents is how many events a started function gets after its first.
const warmEvents = 200

// BenchmarkColdStart prints the processor time that a function uses until it is ready (init), until it has answered
// its first event (first) and for an event after that (warm): the medians over the starts, of which there are as
// many of each function as the benchmark has iterations. The functions take turns, so that whatever else the machine
// does slows all of them alike. The metrics are those of the authorizer as it is deployed.
//
//	go test ./internal/runtimeapi -run '^$' -bench ColdStart -benchtime 40x
func BenchmarkColdStart(b *testing.B) {
	single := []string{"GOMAXPROCS=1"}
	runs := []*run{
		prepare(b, "LoadDefaultConfig, "+systemTwice, stock(b), systemTwice),
		prepare(b, "LoadDefaultConfig, "+systemFile, stock(b), systemFile),
		prepare(b, "LoadDefaultConfig, "+pinnedRoots, stock(b), pinnedRoots),
		prepare(b, "awsconf, fallback to "+systemFile, handmade(b), systemFile),
		prepare(b, "awsconf, "+pinnedRoots, handmade(b), pinnedRoots),
		prepare(b, "awsconf, "+pinnedRoots+", GOMAXPROCS=1", handmade(b), pinnedRoots, single...),
		prepare(b, "authorizer, "+pinnedRoots, authorizer(b), pinnedRoots),
		prepare(b, "authorizer, "+pinnedRoots+", GOMAXPROCS=1", authorizer(b), pinnedRoots, single...),
	}
	for b.Loop() {
		for _, r := range runs {
			r.once(b)
		}
	}
	var report strings.Builder
	for _, r := range runs {
		init, first, warm := median(r.init), median(r.first), median(r.warm)
		fmt.Fprintf(&report, "%-50s init %5.2f ms   first %5.2f ms   warm %4.0f µs\n", r.name, 1e3*init.Seconds(), 1e3*first.Seconds(), 1e6*warm.Seconds())
		if r.name == "authorizer, "+pinnedRoots {
			b.ReportMetric(0, "ns/op")
			b.ReportMetric(1e3*first.Seconds(), "first-ms")
			b.ReportMetric(1e6*warm.Seconds(), "warm-µs")
		}
	}
	b.Log("processor time\n" + strings.TrimSuffix(report.String(), "\n"))
}

// A run is a subject that is started again and again, and what that took.
type run struct {
	name   string
	binary string
	env    []string
	subject
	db *standIn

	init, first, warm []time.Duration
}

// prepare builds the subject and starts a stand-in for it.
func prepare(tb testing.TB, name string, s subject, trust string, env ...string) *run {
	tb.Helper()
	binary, err := runtimeapi.Build(tb.Context(), s.pkg, tb.TempDir())
	if err != nil {
		tb.Fatal(err)
	}
	db := newStandIn(tb, s.item)
	env = slices.Concat(s.env, trusting(tb, db, trust), []string{"AWS_ENDPOINT_URL_DYNAMODB=" + db.URL}, env)
	return &run{name: name, binary: binary, env: env, subject: s, db: db}
}

// once starts the subject, gives it its events and ends it.
func (r *run) once(b *testing.B) {
	b.Helper()
	f, err := runtimeapi.Start(b.Context(), r.binary, r.env)
	if err != nil {
		b.Fatal(err)
	}
	defer f.Close()
	before := r.db.reads.Load()
	ready := cpu(b, f)
	r.invoke(b, f)
	answered := cpu(b, f)
	for range warmEvents {
		r.invoke(b, f)
	}
	r.init, r.first = append(r.init, ready), append(r.first, answered)
	r.warm = append(r.warm, (cpu(b, f)-answered)/warmEvents)
	if reads, others := r.db.reads.Load()-before, r.db.refused.Load(); reads != 1+warmEvents || others != 0 {
		b.Fatalf("%s: %d reads and %d other requests for %d events", r.name, reads, others, 1+warmEvents)
	}
}

// invoke gives the function its event and expects its answer.
func (r *run) invoke(tb testing.TB, f *runtimeapi.Function) {
	tb.Helper()
	res, err := f.Invoke(tb.Context(), r.payload)
	if err != nil || res.FunctionError != "" || !strings.Contains(string(res.Payload), r.want) {
		tb.Fatalf("%s %v\n%s", res.Payload, err, f.Output())
	}
}

func cpu(b *testing.B, f *runtimeapi.Function) time.Duration {
	b.Helper()
	t, err := f.CPU()
	if errors.Is(err, errors.ErrUnsupported) {
		b.Skip("the processor time of a running process is read on Linux only")
	}
	if err != nil {
		b.Fatal(err)
	}
	return t
}

func median(all []time.Duration) time.Duration {
	slices.Sort(all)
	return all[len(all)/2]
}
