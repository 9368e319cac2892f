package main

import (
	"fmt"
	"net/http"
	"os"
	"runtime"
	"runtime/debug"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"keyfob/internal/password"
)

// These measure what the service promises of logins. Each compares within one run, so that another machine, or a busy one,
// gives other times but much the same ratios:
//
//	go test -run '^$' -bench 'Login(P|R)' -benchtime 200x ./cmd/local
//	go test -run '^$' -bench LoginMemory -benchtime 10x ./cmd/local
//	go test -run '^$' -bench LoginFlood -benchtime 20000x ./cmd/local

// loginBody is a login's body.
func loginBody(name, plain string) string {
	return fmt.Sprintf(`{"name":%q,"password":%q,"returnToken":true}`, name, plain)
}

// tryLogin logs in and gives the status.
func (s *testService) tryLogin(b testing.TB, body string) int {
	r, err := http.Post(s.URL+"/v1/login", "application/json", strings.NewReader(body)) //nolint:noctx // measured
	if err != nil {
		b.Error(err)
		return 0
	}
	defer func() { _ = r.Body.Close() }()
	return r.StatusCode
}

// processorTime is what this process has spent so far.
func processorTime(b testing.TB) time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		b.Fatal(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// BenchmarkLoginProcessorTime compares what a login costs, through the whole service and with its client, with one bare
// argon2id. It is to be at most 1.10 of it, in the middle.
func BenchmarkLoginProcessorTime(b *testing.B) {
	defer debug.SetGCPercent(debug.SetGCPercent(collectAt)) // for both, as main sets it
	s := startTest(b)
	body, hash := loginBody(testEmail, testPassword), password.Dummy()
	var bare, login []time.Duration
	for b.Loop() {
		before := processorTime(b)
		if _, err := password.Verify(hash, testPassword); err != nil {
			b.Fatal(err)
		}
		between := processorTime(b)
		if status := s.tryLogin(b, body); status != http.StatusOK {
			b.Fatal(status)
		}
		bare, login = append(bare, between-before), append(login, processorTime(b)-between)
	}
	b.ReportMetric(median(bare)/1e6, "argon2id-ms")
	b.ReportMetric(median(login)/1e6, "login-ms")
	b.ReportMetric(median(login)/median(bare), "ratio")
}

// median gives the middle one, in nanoseconds.
func median(d []time.Duration) float64 {
	d = slices.Sorted(slices.Values(d))
	return float64(d[len(d)/2])
}

// BenchmarkLoginRefused compares how long refusals take, in the middle: whoever is refused, and why ever. They are to be
// within 5 % of each other.
func BenchmarkLoginRefused(b *testing.B) {
	c := newClient(b)
	s, boss := c.service, c.login()
	mine := c.get("/v1/account", boss).text("id")
	c.want(c.turn(boss, c.user(mine, "disabled@example.com", "member"), `{"status":"disabled"}`), http.StatusOK)
	c.account("twice@example.com")
	c.user(mine, "twice@example.com", "member")
	kinds := []struct{ name, body string }{
		{"unknown", loginBody("nobody@example.com", testPassword)}, {"wrong", loginBody(testEmail, "wrong horse battery")},
		{"disabled", loginBody("disabled@example.com", testPassword)}, {"twice", loginBody("twice@example.com", "wrong horse battery")},
	}
	took, spent := make([][]time.Duration, len(kinds)), make([][]time.Duration, len(kinds))
	for n := 0; b.Loop(); n++ {
		for j := range kinds {
			i := (n + j) % len(kinds)        // none is always the first
			s.clock.Advance(2 * time.Minute) // so that none has to wait: a failure every eight minutes
			begun, before := time.Now(), processorTime(b)
			if status := s.tryLogin(b, kinds[i].body); status != http.StatusUnauthorized {
				b.Fatal(kinds[i].name, status)
			}
			took[i], spent[i] = append(took[i], time.Since(begun)), append(spent[i], processorTime(b)-before)
		}
	}
	var all, work []float64
	for i, k := range kinds {
		all, work = append(all, median(took[i])), append(work, median(spent[i]))
		b.ReportMetric(all[i]/1e6, k.name+"-ms")
	}
	b.ReportMetric(slices.Max(all)/slices.Min(all), "ratio")
	b.ReportMetric(slices.Max(work)/slices.Min(work), "processor-ratio")
}

// resident reads a line such as VmRSS of this process, in MiB.
func resident(b testing.TB, line string) float64 {
	text, err := os.ReadFile("/proc/self/status")
	if err != nil {
		b.Skip(err)
	}
	for l := range strings.Lines(string(text)) {
		if rest, ok := strings.CutPrefix(l, line+":"); ok {
			kib, err := strconv.Atoi(strings.TrimSuffix(strings.TrimSpace(rest), " kB"))
			if err != nil {
				b.Fatal(err)
			}
			return float64(kib) / 1024
		}
	}
	b.Skip("no ", line)
	return 0
}

// BenchmarkLoginMemory reports how much more memory than idle 16 logins at once take at their peak. It is to be no more
// than 16 × 19 MiB + 32 MiB.
func BenchmarkLoginMemory(b *testing.B) {
	defer debug.SetGCPercent(debug.SetGCPercent(collectAt))
	s := startTest(b)
	body := loginBody(testEmail, testPassword)
	s.tryLogin(b, body)
	var most float64
	for b.Loop() {
		debug.FreeOSMemory()
		idle := resident(b, "VmRSS")
		if err := os.WriteFile("/proc/self/clear_refs", []byte("5"), 0); err != nil { // forgets the peak
			b.Skip(err)
		}
		var wg sync.WaitGroup
		for range 16 {
			wg.Go(func() {
				if status := s.tryLogin(b, body); status != http.StatusOK {
					b.Error(status)
				}
			})
		}
		wg.Wait()
		most = max(most, resident(b, "VmHWM")-idle)
	}
	b.ReportMetric(most, "MiB-over-idle")
	b.ReportMetric(0, "ns/op")
}

// BenchmarkLoginFlood compares how long validations take, all but one of a hundred, while nobody logs in and while 32 try
// to without pause. It is to be at most 3 times as long.
func BenchmarkLoginFlood(b *testing.B) {
	defer debug.SetGCPercent(debug.SetGCPercent(collectAt))
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(0))
	makeRoom() // as main does
	s := startTest(b)
	token := s.token(b)
	b.Run("quiet", func(b *testing.B) { validate(b, s.URL, token) })
	b.Run("flooded", func(b *testing.B) {
		var stop atomic.Bool
		var logins atomic.Int64
		var wg sync.WaitGroup
		for range 32 {
			wg.Go(func() {
				for !stop.Load() {
					s.tryLogin(b, loginBody(testEmail, testPassword))
					logins.Add(1)
				}
			})
		}
		validate(b, s.URL, token)
		stop.Store(true)
		n := logins.Load()
		wg.Wait()
		b.ReportMetric(float64(n)/b.Elapsed().Seconds(), "logins/s")
	})
}
