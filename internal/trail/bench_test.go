package trail_test

import (
	"fmt"
	"testing"
	"time"

	"keyfob/internal/audit"
	"keyfob/internal/trail"
)

// BenchmarkPage reads a page of 50 among ever more events. It is to be flat: what there is besides costs nothing.
//
//	go test -run '^$' -bench Page ./internal/trail
func BenchmarkPage(b *testing.B) {
	for _, n := range []int{1000, 10_000, 100_000} {
		w := newWorld(b)
		w.series(n, audit.TokenEdited, deploy)
		w.happened(event(audit.TokenCreated, start, olivia, session, nightly))
		middle := start.Add(time.Duration(n/2) * time.Second)
		for _, c := range []struct {
			name string
			read read
			f    trail.Filter
		}{
			{"newest", w.account(owner), trail.Filter{}},
			{"token", w.token(owner, deploy), trail.Filter{}},
			{"until", w.account(owner), trail.Filter{Until: &middle}},
			{"action", w.account(owner), trail.Filter{Action: "token.edited"}},
			{"none", w.account(owner), trail.Filter{Action: "session"}},
		} {
			b.Run(fmt.Sprintf("%s/%d", c.name, n), func(b *testing.B) {
				w.items.Store(0)
				for b.Loop() {
					if _, err := c.read(c.f, 50, ""); err != nil {
						b.Fatal(err)
					}
				}
				b.ReportMetric(float64(w.items.Load())/float64(b.N), "items/op")
			})
		}
	}
}
