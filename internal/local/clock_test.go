package local_test

import (
	"testing"
	"testing/synctest"
	"time"

	"keyfob/internal/local"
)

func passed(ch <-chan time.Time) bool {
	select {
	case <-ch:
		return true
	default:
		return false
	}
}

func TestAStandingClockPassesOnlyByAdvance(t *testing.T) {
	c := local.NewClock(func() time.Time { return epoch })
	ch, now := c.After(time.Minute), c.After(0)
	if !passed(now) {
		t.Error("no time has not passed")
	}
	c.Advance(59 * time.Second)
	if passed(ch) {
		t.Error("it passed too early")
	}
	c.Advance(time.Second)
	if !passed(ch) || !c.Now().Equal(epoch.Add(time.Minute)) {
		t.Errorf("it did not pass, at %v", c.Now())
	}
}

func TestARunningClockPassesByItselfAndByAdvance(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := local.NewClock(nil)
		slow, fast := c.After(time.Hour), c.After(time.Minute)
		<-time.After(time.Minute)
		synctest.Wait()
		if !passed(fast) || passed(slow) {
			t.Error("not the right one has passed")
		}
		c.Advance(59 * time.Minute)
		if !passed(slow) {
			t.Error("moving the clock did not end the wait")
		}
	})
}
