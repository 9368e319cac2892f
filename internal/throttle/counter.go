package throttle

import (
	"crypto/sha256"
	"encoding/hex"
	"strings"
	"time"

	"keyfob/internal/network"
	"keyfob/internal/table"
	"keyfob/internal/table/key"
)

// A limit is how a counter slows down. Failures are forgotten one by one, so that a large number of them at once is
// remembered longer than a few, and not all are forgiven at one instant.
type limit struct {
	free    int           // failures that cost no wait
	forget  time.Duration // one failure is forgotten after each such time, from the end of the wait on
	longest time.Duration // the most that an attempt has to wait
	least   time.Duration // and the least, once it has to wait at all; 0 for a second
	most    int           // failures that are counted, so that a counter is back at nothing in good time
}

// pairLimit gives 5 failures in 15 minutes freely, and remembers for about an hour.
func pairLimit() limit {
	return limit{free: 5, forget: 3 * time.Minute, longest: 5 * time.Minute, most: 21}
}

// networkLimit gives 50 failures in 15 minutes freely. Its longest wait is shorter than a pair's, because all who
// share an office's address share it.
func networkLimit() limit {
	return limit{free: 50, forget: 18 * time.Second, longest: time.Minute, most: 100}
}

// userLimit gives 100 failures in a day freely: enough for anybody's fingers. After that there is one attempt a minute. At
// a million codes, of which up to three are right at a time, that gives an even chance after 160 days.
func userLimit() limit {
	return limit{free: 100, forget: 15 * time.Minute, longest: time.Minute, most: 110}
}

// nameLimit gives 100 wrong passwords in an hour freely, from all networks that the user is not known from together.
func nameLimit() limit {
	return limit{free: 100, forget: 36 * time.Second, longest: time.Minute, most: 110}
}

// A counter is the failures of a pair, of a network, of a name or of a user, or what was spent of a budget.
type counter struct {
	key        table.Key
	limit      limit
	version    int64 // of the item; 0 where there is none
	count      int   // failures at the time of the last one
	last       time.Time
	beforehand bool // Allow has counted the attempt already
}

// The attributes of a counter's item.
const (
	attrCount = "count"
	attrLast  = "last" // milliseconds since 1970
)

// fill takes over what is stored.
func (c *counter) fill(it table.Item) {
	*c = counter{key: c.key, limit: c.limit, version: it.Version(), count: int(it.Int(attrCount)), last: time.UnixMilli(it.Int(attrLast))}
}

// level is how many failures are not forgotten yet. Forgetting begins when the wait is over, or whoever uses every
// chance would be let off while waiting. A clock that lags behind the last failure's forgets nothing.
func (c counter) level(now time.Time) int {
	quiet := max(0, now.Sub(c.last)-c.delay())
	return max(0, c.count-int(quiet/c.limit.forget))
}

// wait is for how long no attempt may be made from now on. It is never longer than the last failure called for, also
// where that one was stamped by a clock that runs ahead.
func (c counter) wait(now time.Time) time.Duration {
	d := c.delay()
	return min(d, c.last.Add(d).Sub(now))
}

// delay is the time that must pass after the last failure: 1 s after the last free one, then twice as long each time, within
// the limit's bounds.
func (c counter) delay() time.Duration {
	over := c.count - c.limit.free
	if over < 0 {
		return 0
	}
	return min(max(time.Second<<min(over, 16), c.limit.least), c.limit.longest)
}

// counted is the counter with one more failure.
func (c counter) counted(now time.Time) counter {
	c.count, c.last = min(c.level(now)+1, c.limit.most), now
	return c
}

// less is the counter without the failure that was counted beforehand, when it stood as before said. Where others have
// been counted since, their wait stays.
func (c counter) less(before counter) counter {
	if c.version == before.version+1 {
		c.count, c.last = before.count, before.last
		return c
	}
	c.count = max(0, c.count-1)
	return c
}

// op writes the counter in the place of what was read. The store may delete it when all is forgotten.
func (c counter) op() table.Op {
	forgotten := c.last.Add(c.delay() + time.Duration(c.count)*c.limit.forget)
	it := table.Item{
		table.AttrPK: table.S(c.key.PK), table.AttrSK: table.S(c.key.SK),
		attrCount: table.N(c.count), attrLast: table.N(c.last.UnixMilli()),
		table.AttrPurgeAt: table.N(forgotten.Unix() + 1),
	}
	if c.version == 0 {
		return table.Create(it)
	}
	return table.Replace(it, c.version)
}

// networkOf gives the network of an address. All that is no address counts as one network.
func networkOf(ip string) string {
	if prefix, ok := network.Of(ip); ok {
		return prefix
	}
	return "unknown"
}

// digest names a counter without telling what it counts. The name comes last of the parts, so that nothing in it can
// pass for another part; in whatever way it is written, it is the same where the login it stands for is.
func digest(parts ...string) table.Key {
	sum := sha256.Sum256([]byte(key.Fold(strings.Join(parts, "\x00"))))
	return key.Throttle(hex.EncodeToString(sum[:])).Key()
}
