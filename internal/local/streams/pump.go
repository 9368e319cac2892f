// Package streams carries a table's change feed to a function as Lambda's event source mapping for DynamoDB streams
// does.
//
// It promises that records reach the function in the feed's order, one batch at a time, in batches no larger and no
// later than the mapping says; that only records which match its filters do; that a batch that fails comes again,
// after a growing pause, from the first failed record on, split in two where the mapping wants that; that a batch
// which is given up goes to the on-failure destination with its payload before the pump goes on; and that the place
// reached is kept, so that after a restart nothing is left out. Records that were delivered just before the process
// died may come again.
//
// It has one shard. The pauses between retries are its own: AWS does not publish Lambda's.
package streams

import (
	"context"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"keyfob/internal/table"
	"keyfob/internal/template"
)

// A Source is the feed.
type Source interface {
	table.Feed
	// Changed gives a channel that is closed when the feed next grows.
	Changed() <-chan struct{}
}

// Bookmarks keep how far a consumer has come.
type Bookmarks interface {
	Bookmark(consumer string) (sequence string, err error)
	SetBookmark(consumer, sequence string) error
}

// A Function is the consumer. Its errors are those of lambdahost.
type Function interface {
	Invoke(ctx context.Context, requestID string, payload []byte) ([]byte, error)
}

// A Config describes a mapping.
type Config struct {
	Mapping     template.Stream
	Source      Source
	Bookmarks   Bookmarks
	Function    Function
	FunctionARN string
	Now         func() time.Time
	After       func(time.Duration) <-chan time.Time // time.After where nil
	Log         *slog.Logger

	// Discard keeps a batch that was given up. An error makes the pump try again later.
	Discard func(context.Context, Discarded) error
}

// A Pump is a mapping at work.
type Pump struct {
	config  Config
	filters []pattern

	after   string    // the last record read
	batch   []record  // read, matching, not yet delivered
	size    int       // bytes of the batch
	opened  time.Time // when the batch's first record was read
	skipped int       // records passed over since the bookmark was last set

	mu          sync.Mutex
	idleOn      <-chan struct{} // the Changed channel it waits on with nothing left to do; nil while it works
	pausedUntil time.Time       // when it tries again; zero while it does not wait for that
	ended       bool            // Run has returned
	moved       chan struct{}   // closed when one of the above changes
	hurry       chan struct{}   // ends the wait for a batch to fill
}

// A record is a record of the feed with its JSON.
type record struct {
	table.Record
	json []byte
}

// readAhead is how many records are asked of the feed at once.
const readAhead = 1000

// retention is how long a stream keeps a record, and so how long one is retried at most.
const retention = 24 * time.Hour

// New makes a pump. The error names the filter that cannot be used.
func New(c Config) (*Pump, error) {
	if c.After == nil {
		c.After = time.After
	}
	p := &Pump{config: c, moved: make(chan struct{}), hurry: make(chan struct{}, 1)}
	for i, text := range c.Mapping.Filters {
		f, err := parsePattern([]byte(text))
		if err != nil {
			return nil, fmt.Errorf("%s.FilterCriteria.Filters[%d].Pattern: %w", c.Mapping.Place, i, err)
		}
		p.filters = append(p.filters, f)
	}
	return p, nil
}

// Run pumps until ctx ends; a batch that is with the function then is finished first. It returns nil, or the reason
// why it could not begin or end.
func (p *Pump) Run(ctx context.Context) error {
	defer p.end()
	if err := p.start(ctx); err != nil {
		return err
	}
	failures := 0
	for ctx.Err() == nil {
		changed := p.config.Source.Changed()
		more, err := p.read(ctx)
		if err != nil && ctx.Err() == nil {
			p.config.Log.Error("the change feed cannot be read", "mapping", p.config.Mapping.Name, "error", err)
			failures++
			p.pause(ctx, failures)
			continue
		}
		failures = 0
		switch {
		case !p.isFull() && more:
		case p.isFull() || len(p.batch) > 0 && p.waited() >= p.config.Mapping.Window:
			if !p.deliver(ctx, p.take()) {
				return nil
			}
		case len(p.batch) > 0:
			p.fill(ctx, changed)
		default:
			p.rest(ctx, changed)
		}
	}
	return p.bookmark()
}

// start finds the place to begin at: the bookmark, or the end of the feed where the mapping says LATEST.
func (p *Pump) start(ctx context.Context) error {
	var err error
	if p.after, err = p.config.Bookmarks.Bookmark(p.config.Mapping.Name); err != nil || p.after != "" || !p.config.Mapping.Latest {
		return err
	}
	for {
		records, err := p.config.Source.Changes(ctx, p.after, readAhead)
		if err != nil {
			return err
		}
		if len(records) == 0 {
			p.skipped = 1
			return p.bookmark()
		}
		p.after = records[len(records)-1].Change.SequenceNumber
	}
}

// read takes in what the feed has, up to a full batch, and reports whether there may be more.
func (p *Pump) read(ctx context.Context) (more bool, err error) {
	if p.isFull() {
		return true, nil
	}
	records, err := p.config.Source.Changes(ctx, p.after, readAhead)
	if err != nil {
		return false, err
	}
	for _, r := range records {
		taken, err := p.takeIn(r)
		if err != nil {
			return false, err
		}
		if !taken {
			return true, nil
		}
		p.after = r.Change.SequenceNumber
	}
	if len(p.batch) == 0 && p.skipped >= readAhead {
		return len(records) == readAhead, p.bookmark()
	}
	return len(records) == readAhead, nil
}

// takeIn adds the record to the batch if it matches, and reports whether there was room for it.
func (p *Pump) takeIn(r table.Record) (bool, error) {
	data, err := marshal(r)
	if err != nil {
		return false, err
	}
	if !p.matches(data) {
		p.skipped++
		return true, nil
	}
	if p.isFull() || len(p.batch) > 0 && p.size+len(data) > maxPayload {
		p.size = maxPayload
		return false, nil
	}
	if len(p.batch) == 0 {
		p.opened = p.config.Now()
	}
	p.batch = append(p.batch, record{r, data})
	p.size += len(data) + 1
	return true, nil
}

func (p *Pump) isFull() bool {
	return len(p.batch) >= p.config.Mapping.BatchSize || p.size >= maxPayload
}

func (p *Pump) waited() time.Duration { return p.config.Now().Sub(p.opened) }

func (p *Pump) take() []record {
	b := p.batch
	p.batch, p.size = nil, 0
	return b
}

func (p *Pump) matches(data []byte) bool {
	if len(p.filters) == 0 {
		return true
	}
	v, err := parseJSON(data)
	if err != nil {
		return false
	}
	for _, f := range p.filters {
		if f.matches(v) {
			return true
		}
	}
	return false
}

// bookmark keeps the place reached, which is before the batch that is still held.
func (p *Pump) bookmark() error {
	if len(p.batch) > 0 || p.after == "" || p.skipped == 0 {
		return nil
	}
	return p.keep(p.after)
}

func (p *Pump) keep(sequence string) error {
	p.skipped = 0
	return p.config.Bookmarks.SetBookmark(p.config.Mapping.Name, sequence)
}
