package streams_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"keyfob/internal/local/streams"
	"keyfob/internal/table"
	"keyfob/internal/template"
)

// feed is a change feed in memory, with its bookmarks, that can be made to fail.
type feed struct {
	mu      sync.Mutex
	records []table.Record
	changed chan struct{}
	marks   map[string]string
	failing error
}

func newFeed() *feed { return &feed{changed: make(chan struct{}), marks: map[string]string{}} }

// add appends records, one for each name, of the bubble's time.
func (f *feed) add(names ...string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, name := range names {
		key := table.Item{table.AttrPK: table.S("p#" + name), table.AttrSK: table.S("s")}
		f.records = append(f.records, table.Record{
			EventName: table.Insert, EventSourceARN: "arn:aws:dynamodb:local:0:table/t/stream/s",
			Change: table.Change{
				ApproximateCreationDateTime: table.EpochSeconds(time.Now().Unix()), Keys: key,
				NewImage:       table.Item{table.AttrPK: table.S("p#" + name), "name": table.S(name)},
				SequenceNumber: fmt.Sprintf("1%020d", len(f.records)+1),
			},
		})
	}
	close(f.changed)
	f.changed = make(chan struct{})
}

func (f *feed) Changes(_ context.Context, after string, limit int) ([]table.Record, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.failing != nil {
		return nil, f.failing
	}
	var out []table.Record
	for _, r := range f.records {
		if r.Change.SequenceNumber > after && len(out) < limit {
			out = append(out, r)
		}
	}
	return out, nil
}

func (f *feed) Changed() <-chan struct{} {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.changed
}

func (f *feed) Bookmark(consumer string) (string, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.marks[consumer], nil
}

func (f *feed) SetBookmark(consumer, sequence string) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.failing != nil {
		return f.failing
	}
	f.marks[consumer] = sequence
	return nil
}

func (f *feed) fail(err error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.failing = err
}

// consumer notes what it is invoked with and answers what the test says.
type consumer struct {
	mu      sync.Mutex
	batches []string // "a,b,c", or "a,b,c@3s" with the time since the first one where it is asked for
	begun   time.Time
	running int
	answer  func(names []string) ([]byte, error)
	t       *testing.T
}

func (c *consumer) Invoke(_ context.Context, _ string, payload []byte) ([]byte, error) {
	var e table.StreamEvent
	if err := json.Unmarshal(payload, &e); err != nil {
		c.t.Errorf("the event %s: %v", payload, err)
	}
	var names []string
	for _, r := range e.Records {
		names = append(names, r.Change.NewImage.String("name"))
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.running++; c.running > 1 {
		c.t.Error("two batches at a time")
	}
	defer func() { c.running-- }()
	if c.begun.IsZero() {
		c.begun = time.Now()
	}
	c.batches = append(c.batches, fmt.Sprintf("%s@%v", strings.Join(names, ","), time.Since(c.begun)))
	if c.answer == nil {
		return nil, nil
	}
	return c.answer(names)
}

func (c *consumer) got() []string {
	c.mu.Lock()
	defer c.mu.Unlock()
	return append([]string(nil), c.batches...)
}

// pass lets the bubble's clock move on, and everything happen that is then due.
func pass(d time.Duration) {
	<-time.After(d)
	synctest.Wait()
}

// rig is a pump in a bubble.
type rig struct {
	*feed
	consumer  consumer
	discarded []streams.Discarded
	refuse    int // how many discards are refused before one is taken
	pump      *streams.Pump
	stop      func()
}

// mapping is one with everything on: batches of 3, failures reported, five retries, a destination.
func mapping() template.Stream {
	return template.Stream{Name: "M", BatchSize: 3, Retries: 5, ReportFailures: true, OnFailure: "${Failures.Arn}"}
}

func start(t *testing.T, m template.Stream, f *feed, answer func(names []string) ([]byte, error), before ...func(*rig)) *rig {
	t.Helper()
	r := &rig{feed: f, consumer: consumer{t: t, answer: answer}}
	for _, prepare := range before {
		prepare(r)
	}
	p, err := streams.New(streams.Config{
		Mapping: m, Source: f, Bookmarks: f, Function: &r.consumer, FunctionARN: "arn:f", Now: time.Now, Log: discardLog(),
		Discard: func(_ context.Context, d streams.Discarded) error {
			if r.refuse > 0 {
				r.refuse--
				return errors.New("refused on purpose")
			}
			r.discarded = append(r.discarded, d)
			return nil
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	r.pump = p
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan struct{})
	go func() {
		if err := p.Run(ctx); err != nil {
			t.Error(err)
		}
		close(done)
	}()
	r.stop = func() { cancel(); <-done }
	synctest.Wait()
	return r
}
