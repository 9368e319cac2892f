package password

import (
	"context"
	"errors"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"

	"keyfob/internal/fault"
)

// S3: 16 parallel logins take no more memory than the cap allows.
func TestNoMoreHashesRunAtOnceThanTheCap(t *testing.T) {
	for _, atOnce := range []int{1, 2, 5} {
		synctest.Test(t, func(t *testing.T) {
			h := NewHasher(atOnce)
			var running, most, done atomic.Int32
			release := make(chan struct{})
			for range 16 {
				go func() {
					err := h.within(t.Context(), func() {
						most.Store(max(most.Load(), running.Add(1)))
						<-release
						running.Add(-1)
					})
					if err != nil {
						t.Error(err)
					}
					done.Add(1)
				}()
			}
			synctest.Wait()
			if got := running.Load(); got != int32(atOnce) {
				t.Errorf("cap %d: %d run at once", atOnce, got)
			}
			for range 16 {
				release <- struct{}{}
				synctest.Wait()
			}
			if most.Load() != int32(atOnce) || done.Load() != 16 {
				t.Errorf("cap %d: at most %d ran at once, %d ended", atOnce, most.Load(), done.Load())
			}
		})
	}
}

func TestHashAndVerifyWaitForTheirTurnOnlyAsLongAsTheContextLasts(t *testing.T) {
	h := NewHasher(0) // as 1
	ctx, cancel := context.WithCancel(t.Context())
	err := h.within(t.Context(), func() {
		cancel()
		if _, err := h.Hash(ctx, "x"); !fault.Is(err, fault.Unavailable) || !errors.Is(err, context.Canceled) {
			t.Errorf("Hash without a turn: %v", err)
		}
		if ok, err := h.Verify(ctx, cheap("x"), "x"); ok || !fault.Is(err, fault.Unavailable) {
			t.Errorf("Verify without a turn: %t, %v", ok, err)
		}
	})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := h.Hash(ctx, "x"); !fault.Is(err, fault.Unavailable) {
		t.Errorf("Hash for a caller who has gone: %v", err)
	}
	synctest.Test(t, func(t *testing.T) {
		h := NewHasher(1)
		h.turns <- struct{}{} // somebody is at work and will be for long
		ctx, cancel := context.WithCancel(t.Context())
		ended := make(chan error)
		go func() {
			_, err := h.Verify(ctx, cheap("x"), "x")
			ended <- err
		}()
		synctest.Wait() // now it waits
		cancel()
		if err := <-ended; !errors.Is(err, context.Canceled) {
			t.Errorf("Verify whose caller left while it waited: %v", err)
		}
	})
}

func TestAHasherHashesAndVerifiesAsThePackageDoes(t *testing.T) {
	h := NewHasher(1)
	encoded, err := h.Hash(t.Context(), "a quite long passphrase")
	if err != nil {
		t.Fatal(err)
	}
	for plain, want := range map[string]bool{"a quite long passphrase": true, "another one": false} {
		if ok, err := h.Verify(t.Context(), encoded, plain); ok != want || err != nil {
			t.Errorf("Verify(%q) = %t, %v", plain, ok, err)
		}
	}
	if _, err := h.Verify(t.Context(), "nonsense", "x"); err == nil || fault.Is(err, fault.Unavailable) {
		t.Errorf("Verify of nonsense: %v", err)
	}
	if _, err := h.Hash(t.Context(), "\xff"); err == nil {
		t.Error("Hash took what is no text")
	}
}

func TestAPanicGivesTheTurnBack(t *testing.T) {
	h := NewHasher(1)
	func() {
		defer func() { _ = recover() }()
		_ = h.within(t.Context(), func() { panic("x") })
	}()
	if err := h.within(t.Context(), func() {}); err != nil {
		t.Error(err)
	}
	if len(h.turns) != 0 {
		t.Error("the turn is still taken")
	}
}

// BenchmarkSixteenLogins prints the heap that 16 parallel logins take under a cap of 2 and without one.
func BenchmarkSixteenLogins(b *testing.B) {
	encoded, err := Hash("a quite long passphrase")
	if err != nil {
		b.Fatal(err)
	}
	for name, atOnce := range map[string]int{"cap=2": 2, "cap=16": 16} {
		b.Run(name, func(b *testing.B) {
			h := NewHasher(atOnce)
			var peak uint64
			var mu sync.Mutex
			runtime.GC()
			for b.Loop() {
				var wg sync.WaitGroup
				for range 16 {
					wg.Go(func() {
						if ok, err := h.Verify(b.Context(), encoded, "a quite long passphrase"); !ok || err != nil {
							b.Error(ok, err)
						}
						var m runtime.MemStats
						runtime.ReadMemStats(&m)
						mu.Lock()
						peak = max(peak, m.HeapInuse)
						mu.Unlock()
					})
				}
				wg.Wait()
			}
			b.ReportMetric(float64(peak)/(1<<20), "peak-MiB")
		})
	}
}
