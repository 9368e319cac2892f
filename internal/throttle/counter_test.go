package throttle

import (
	"testing"
	"time"
)

func TestANetworkIsAn24OrA64(t *testing.T) {
	for _, c := range []struct {
		a, b string
		same bool
	}{
		{"203.0.113.0", "203.0.113.255", true},
		{"203.0.113.255", "203.0.114.0", false},
		{"203.0.113.7", "::ffff:203.0.113.9", true},
		{"2001:db8:1:2::1", "2001:db8:1:2:ffff:ffff:ffff:ffff", true},
		{"2001:db8:1:2::1", "2001:db8:1:3::1", false},
		{"2001:DB8:1:2::1", "2001:db8:1:2::1", true},
		{"fe80::1%eth0", "fe80::2%eth1", true},
		{"::ffff:0:0", "::1", false},
		{"", "no address", true},
		{"", "203.0.113.7", false},
		{"203.0.113.7:443", "test-invoke-source-ip", true},
	} {
		if same := networkOf(c.a) == networkOf(c.b); same != c.same {
			t.Errorf("%q is %q, %q is %q", c.a, networkOf(c.a), c.b, networkOf(c.b))
		}
	}
}

func TestDifferentThingsHaveDifferentCounters(t *testing.T) {
	a, b := networkOf("203.0.113.7"), networkOf("198.51.100.20")
	keys := map[string]string{}
	for what, k := range map[string]string{
		"name in A":             digest("pair", a, "olivia@example.com").PK,
		"name in B":             digest("pair", b, "olivia@example.com").PK,
		"other name in A":       digest("pair", a, "adam@example.com").PK,
		"network A":             digest("network", a).PK,
		"network B":             digest("network", b).PK,
		"name that holds parts": digest("pair", a, b+"\x00olivia@example.com").PK,
		"no name in A":          digest("pair", a, "").PK,
	} {
		if other, twice := keys[k]; twice {
			t.Errorf("%s and %s share a counter", what, other)
		}
		keys[k] = what
	}
	if digest("pair", a, "Olivia@Example.com") != digest("pair", a, "olivia@example.com") {
		t.Error("upper case opens a counter of its own")
	}
}

// Whether the store has purged a counter or not makes no difference.
func TestACounterIsPurgedOnlyWhenAllIsForgotten(t *testing.T) {
	now := time.Date(2026, 11, 21, 20, 0, 0, 0, time.UTC)
	for _, l := range []limit{pairLimit(), networkLimit()} {
		for count := 1; count <= l.most; count++ {
			c := counter{key: digest("x"), limit: l, count: count, last: now}
			at := time.Unix(c.op().Item.PurgeAt(), 0)
			if c.level(at) != 0 || c.wait(at) > 0 || at.Before(now) {
				t.Errorf("limit %+v, count %d: purged at %v with level %d", l, count, at, c.level(at))
			}
		}
	}
}
