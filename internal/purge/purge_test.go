package purge

import (
	"slices"
	"testing"
	"time"

	"keyfob/internal/fault"
)

var now = time.Date(2030, 1, 2, 3, 4, 5, 600_000_000, time.UTC)

// C2: auto purge ends validity and the record at the same instant, never earlier than promised.
func TestC2AutoPurgeSetsBothTimesToTheSameInstant(t *testing.T) {
	lives := map[string]time.Duration{"1h": time.Hour, "4h": 4 * time.Hour, "1d": 24 * time.Hour, "4d": 96 * time.Hour, "10d": 240 * time.Hour, "30d": 720 * time.Hour}
	for _, name := range Choices() {
		l, err := Auto(name, now)
		if err != nil {
			t.Fatal(err)
		}
		if name == "never" {
			if l.Expired(now.AddDate(1000, 0, 0)) || l.Purged(now.AddDate(1000, 0, 0)) {
				t.Error("never ends")
			}
			continue
		}
		due := now.Add(lives[name])
		if !l.ExpiresAt.Equal(l.PurgeAt) || l.ExpiresAt.Before(due) || l.ExpiresAt.Sub(due) >= time.Second || l.ExpiresAt.Nanosecond() != 0 {
			t.Errorf("%s: %+v", name, l)
		}
		if before := l.ExpiresAt.Add(-time.Nanosecond); l.Expired(before) || l.Purged(before) || !l.Expired(l.ExpiresAt) || !l.Purged(l.PurgeAt) {
			t.Errorf("%s: not due at its very instant", name)
		}
	}
	if want := []string{"1h", "4h", "1d", "4d", "10d", "30d", "never"}; !slices.Equal(Choices(), want) {
		t.Errorf("choices %v", Choices())
	}
	for _, bad := range []string{"", "2h", "1H", "0", "-1h", "forever"} {
		if _, err := Auto(bad, now); !fault.Is(err, fault.Invalid) {
			t.Errorf("%q: %v", bad, err)
		}
	}
}

// K6: a plain expiry ends validity only.
func TestK6APlainExpiryLeavesTheRecord(t *testing.T) {
	l, err := Until(now.Add(time.Minute), now)
	if err != nil || !l.PurgeAt.IsZero() || !l.Expired(now.Add(time.Minute+time.Second)) || l.Purged(now.AddDate(50, 0, 0)) {
		t.Errorf("%+v, %v", l, err)
	}
	for _, at := range []time.Time{now, now.Add(-time.Second), {}, now.AddDate(100, 0, 1), time.Date(9999, 12, 31, 23, 59, 59, 0, time.FixedZone("", -3600))} {
		if _, err := Until(at, now); !fault.Is(err, fault.Unprocessable) {
			t.Errorf("%v: %v", at, err)
		}
	}
}
