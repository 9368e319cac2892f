package bolt

import (
	"context"
	"errors"
	"sync"
	"testing"

	"go.etcd.io/bbolt"

	"keyfob/internal/fault"
	"keyfob/internal/table"
)

// stall makes the table's next flush wait. It returns when a commit has come to it, and gives what lets it go on.
func stall(t *testing.T, tab *Table) (release func()) {
	t.Helper()
	arrived, gate := make(chan struct{}), make(chan struct{})
	tab.flush = func(tx *bbolt.Tx) error {
		arrived <- struct{}{}
		<-gate
		tab.flush = (*bbolt.Tx).Commit
		return tx.Commit()
	}
	var wg sync.WaitGroup
	wg.Go(func() {
		if err := tab.Commit(context.WithoutCancel(t.Context()), table.Create(item("stall", "x"))); err != nil {
			t.Errorf("the stalled commit: %v", err)
		}
	})
	<-arrived
	return func() { close(gate); wg.Wait() }
}

// An awaited context tells when somebody begins to wait for its end.
type awaited struct {
	context.Context
	begun chan struct{}
}

func (a awaited) Done() <-chan struct{} {
	a.begun <- struct{}{}
	return a.Context.Done()
}

func TestCommitCancelledWhileItWaitsChangesNothing(t *testing.T) {
	tab := open(t, "", newClock().now)
	release := stall(t, tab)
	ctx, cancel := context.WithCancel(t.Context())
	begun, done := make(chan struct{}), make(chan error)
	go func() { done <- tab.Commit(awaited{ctx, begun}, table.Create(item("p", "a"))) }()
	<-begun
	cancel()
	if err := <-done; !errors.Is(err, context.Canceled) {
		t.Errorf("%v, want context.Canceled", err)
	}
	release()
	if mustGet(t, tab, "p", "a") != nil {
		t.Error("the cancelled commit was made")
	}
}

func TestReadersDoNotWaitForAFlush(t *testing.T) {
	tab := open(t, "", newClock().now)
	mustCommit(t, tab, table.Create(item("p", "a")))
	release := stall(t, tab)
	if mustGet(t, tab, "p", "a") == nil || mustGet(t, tab, "stall", "x") != nil {
		t.Error("a reader sees something else than the last flushed state")
	}
	release()
}

func TestCloseEndsWhatIsUnderWayAndRefusesTheRest(t *testing.T) {
	path := t.TempDir() + "/table.db"
	tab := open(t, path, newClock().now)
	release := stall(t, tab)
	closed := make(chan error)
	go func() { closed <- tab.Close() }()
	<-tab.stop // Close has begun
	if err := tab.Commit(t.Context(), table.Create(item("p", "late"))); !fault.Is(err, fault.Unavailable) {
		t.Errorf("a commit while closing: %v, want Unavailable", err)
	}
	release()
	if err := <-closed; err != nil {
		t.Fatal(err)
	}
	_, get := tab.Get(t.Context(), item("p", "a").Key())
	_, query := tab.Query(t.Context(), table.Query{PK: "p", Limit: 1})
	_, changes := tab.Changes(t.Context(), "", 1)
	_, purge := tab.Purge(t.Context())
	_, bookmark := tab.Bookmark("notify")
	for i, err := range []error{get, query, changes, purge, bookmark, tab.Commit(t.Context(), table.Create(item("p", "a"))), tab.SetBookmark("notify", "")} {
		if !fault.Is(err, fault.Unavailable) {
			t.Errorf("call %d on a closed table: %v, want Unavailable", i, err)
		}
	}
	if err := tab.Close(); err != nil {
		t.Errorf("closing it again: %v", err)
	}
	again := open(t, path, newClock().now)
	if mustGet(t, again, "stall", "x") == nil || mustGet(t, again, "p", "late") != nil {
		t.Error("opened again, it has not what was answered with success, and that alone")
	}
}
