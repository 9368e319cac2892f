// Package bolt keeps a table in one file of this machine, by way of go.etcd.io/bbolt: the table role without AWS.
//
// It promises what package table promises, and moreover:
//   - A Commit that has returned is on the disk. A process killed at any moment leaves, for each commit, all of it or
//     none, its feed records included. Commits that wait at the same time share the disk's flush.
//   - A damaged file, a file of something else or one that another process holds is an error of one line, never a
//     panic. What is found damaged later is an error too, never an answer. Where the damage, or a failed write, leaves
//     the whole file in doubt, the table refuses every call from then on. There is one exception: where the page that
//     tells of the last commit is damaged, the file is as if the process had been killed within that commit.
//   - The change feed is complete, in the order of the commits over all partitions, and readable as soon as the
//     commit has returned. It keeps 24 hours of the injected clock.
//
// It does not share its file between processes, and it purges only when it is told to, by Purge.
package bolt

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime/debug"
	"sync"
	"sync/atomic"
	"time"

	"go.etcd.io/bbolt"
	bbolterrors "go.etcd.io/bbolt/errors"

	"keyfob/internal/fault"
	"keyfob/internal/table"
)

// lockTimeout is how long Open waits for another process to let go of the file.
const lockTimeout = time.Second

// A Table is an open file. It is safe for concurrent use.
type Table struct {
	path  string
	now   func() time.Time
	db    *bbolt.DB
	file  *os.File                 // the one under db
	flush func(tx *bbolt.Tx) error // commits tx and returns when it is on the disk; tests make it fail

	queue   chan *job
	stop    chan struct{} // closed by Close
	stopped chan struct{} // closed by the writer at its end
	closing sync.Once

	broken atomic.Pointer[error] // why the file cannot be relied on any more
	wedged atomic.Bool           // bbolt was stopped by a panic, perhaps with its locks held
	feed   announcement
}

var (
	_ table.Table = (*Table)(nil)
	_ table.Feed  = (*Table)(nil)
)

// Open opens the table in the file at path, or makes a new one. It reads the whole file once to find damage: a file with
// a hundred thousand items takes a good tenth of a second. The clock stamps the feed's records and tells what is due; it is called from
// several goroutines. An error names the path and is one line.
func Open(path string, now func() time.Time) (*Table, error) {
	t := &Table{
		path:    path,
		now:     now,
		flush:   (*bbolt.Tx).Commit,
		queue:   make(chan *job),
		stop:    make(chan struct{}),
		stopped: make(chan struct{}),
	}
	t.feed.next = make(chan struct{})
	if err := t.guard(t.open); err != nil {
		_ = t.release()
		return nil, fmt.Errorf("table/bolt: %s: %w", path, err)
	}
	go t.write()
	return t, nil
}

func (t *Table) open() error {
	isNew, err := t.inspect()
	if err != nil {
		return err
	}
	if t.db, err = t.openBolt(false); err != nil || !isNew {
		return err
	}
	if err := t.db.Update(create); err != nil {
		return err
	}
	return syncDir(filepath.Dir(t.path))
}

// openBolt has bbolt open the file, and lock it. Its errors do not name the path.
func (t *Table) openBolt(readOnly bool) (*bbolt.DB, error) {
	db, err := bbolt.Open(t.path, 0o600, &bbolt.Options{
		ReadOnly:     readOnly,
		Timeout:      lockTimeout,
		FreelistType: bbolt.FreelistMapType,
		NoStatistics: true,
		OpenFile: func(path string, flag int, mode os.FileMode) (*os.File, error) {
			file, err := os.OpenFile(path, flag, mode) //#nosec G304 -- the file that the caller of Open names
			t.file = file
			return file, err
		},
	})
	switch {
	case err == nil:
		return db, nil
	case errors.Is(err, bbolterrors.ErrTimeout):
		return nil, errors.New("another process holds the file")
	case errors.Is(err, bbolterrors.ErrInvalid), errors.Is(err, bbolterrors.ErrVersionMismatch), errors.Is(err, bbolterrors.ErrChecksum):
		return nil, fmt.Errorf("not a table, or a damaged one: %w", err)
	}
	return nil, withoutPath(err)
}

// withoutPath takes the path off an error that names it, for Open names it already.
func withoutPath(err error) error {
	if pathError, ok := errors.AsType[*os.PathError](err); ok {
		return pathError.Err
	}
	return err
}

// Close lets the commits under way end, refuses further ones and closes the file. Only its first call does so.
func (t *Table) Close() (err error) {
	t.closing.Do(func() {
		close(t.stop)
		<-t.stopped
		t.feed.announce()
		err = t.release()
	})
	return err
}

// release closes the file. Where bbolt cannot be asked to, its mapping of the file, and so its lock on it, stays until
// the process ends.
func (t *Table) release() error {
	switch {
	case t.db != nil && !t.wedged.Load():
		return t.db.Close()
	case t.file != nil:
		return t.file.Close()
	}
	return nil
}

// guard runs fn, which uses the file. Where the file is damaged or cut short while it is open, bbolt panics, or reads
// where there is no memory; here either becomes an error. It breaks the table, because bbolt's locks may then be held
// for ever.
func (t *Table) guard(fn func() error) (err error) {
	if broken := t.broken.Load(); broken != nil {
		return *broken
	}
	defer debug.SetPanicOnFault(debug.SetPanicOnFault(true))
	defer func() {
		if p := recover(); p != nil {
			t.wedged.Store(true)
			err = t.fail(fmt.Errorf("the file is damaged: %v", p))
		}
	}()
	return fn()
}

// fail breaks the table for the reason given, unless it is broken already, and returns what broke it.
func (t *Table) fail(reason error) error {
	t.broken.CompareAndSwap(nil, &reason)
	return *t.broken.Load()
}

// view runs fn in a read transaction.
func (t *Table) view(fn func(tx *bbolt.Tx) error) error {
	if err := t.guard(func() error { return t.db.View(fn) }); err != nil {
		return t.unavailable(err)
	}
	return nil
}

func (t *Table) unavailable(err error) error {
	return fault.Retry(fmt.Errorf("table/bolt: %s: %w", t.path, err))
}
