package bolt

import (
	"context"
	"errors"
	"time"

	"go.etcd.io/bbolt"
)

// All changes go through one goroutine, the writer. It takes the jobs that wait, applies them one after the other in
// one transaction, each to the state that those before it left, and answers them all when the transaction is on the
// disk. A refused job leaves the transaction as it found it, so it does no harm to its neighbours; but its refusal
// may rest on what they did, so it too is told only when that is certain.

// Bounds of what is gathered into one transaction.
const (
	maxJobs     = 128
	maxJobBytes = 8 << 20
)

// A job is a change that waits to be made.
type job struct {
	size int // about how many bytes it writes

	// apply makes the change, or refuses to and changes nothing. After any other error the transaction is spoilt.
	apply func(c *change) (refusal, err error)

	refusal error
	done    chan error // the answer; with room for it
}

func newJob(size int, apply func(c *change) (refusal, err error)) *job {
	return &job{size: size, apply: apply, done: make(chan error, 1)}
}

// submit hands a job to the writer and waits for the answer. When ctx ends before the writer has taken the job,
// nothing is changed; a job once taken is waited for, so that its outcome is known.
func (t *Table) submit(ctx context.Context, j *job) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	select {
	case t.queue <- j:
		return <-j.done
	case <-ctx.Done():
		return ctx.Err()
	case <-t.stop:
		return t.unavailable(errors.New("the table is closed"))
	}
}

func (t *Table) write() {
	defer close(t.stopped)
	for {
		select {
		case j := <-t.queue:
			t.answer(t.gather(j))
		case <-t.stop:
			return
		}
	}
}

// gather takes the jobs that wait behind first.
func (t *Table) gather(first *job) []*job {
	jobs, size := []*job{first}, first.size
	for len(jobs) < maxJobs && size < maxJobBytes {
		select {
		case j := <-t.queue:
			jobs, size = append(jobs, j), size+j.size
		default:
			return jobs
		}
	}
	return jobs
}

// answer makes the jobs' changes and tells each job how it ended. When the transaction fails nobody can say what is on
// the disk, so the table is broken from then on.
func (t *Table) answer(jobs []*job) {
	var recorded bool
	err := t.guard(func() (err error) {
		recorded, err = t.transact(jobs)
		return err
	})
	if err != nil {
		err = t.unavailable(t.fail(err))
	}
	if recorded && err == nil {
		t.feed.announce()
	}
	for _, j := range jobs {
		if err != nil {
			j.refusal = err
		}
		j.done <- j.refusal
	}
}

// transact applies the jobs in one transaction and flushes it, unless there is nothing to flush. It tells whether the
// feed has grown.
func (t *Table) transact(jobs []*job) (recorded bool, err error) {
	tx, err := t.db.Begin(true)
	if err != nil {
		return false, err
	}
	defer func() { _ = tx.Rollback() }() // does nothing after a commit
	c := newChange(tx, t.now())
	for _, j := range jobs {
		if j.refusal, err = j.apply(c); err != nil {
			return false, err
		}
	}
	if !c.changed {
		return false, nil
	}
	if c.recorded {
		if err := c.trim(c.at, trimPerCommit); err != nil {
			return false, err
		}
	}
	return c.recorded, t.flush(tx)
}

// A change is a write transaction under way.
type change struct {
	items, due, feed, bookmarks *bbolt.Bucket

	at       time.Time
	changed  bool // there is something to flush
	recorded bool // some of it is in the feed
}

func newChange(tx *bbolt.Tx, at time.Time) *change {
	c := &change{
		items:     tx.Bucket([]byte(bucketItems)),
		due:       tx.Bucket([]byte(bucketDue)),
		feed:      tx.Bucket([]byte(bucketFeed)),
		bookmarks: tx.Bucket([]byte(bucketBookmarks)),
		at:        at,
	}
	c.feed.FillPercent = 0.95 // only ever appended to
	return c
}
