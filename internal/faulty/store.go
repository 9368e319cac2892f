package faulty

import (
	"context"
	"sync/atomic"

	"keyfob/internal/fault"
	"keyfob/internal/table"
	"keyfob/internal/table/bolt"
)

// A Store is a process' embedded table with its feed, bookmarks and TTL. It does nothing for a process that has died, and
// nothing for the TTL while that is stopped. What functions ask of it goes by way of a Table, which makes the faults.
type Store struct {
	*bolt.Table
	Process *Process
	NoTTL   *atomic.Bool // nil: the TTL always runs
}

// Purge deletes what is due, unless the TTL is stopped.
func (s *Store) Purge(ctx context.Context) (int, error) {
	if err := s.alive(); err != nil {
		return 0, err
	}
	if s.NoTTL != nil && s.NoTTL.Load() {
		return 0, nil
	}
	return s.Table.Purge(ctx)
}

// Changes implements table.Feed.
func (s *Store) Changes(ctx context.Context, after string, limit int) ([]table.Record, error) {
	if err := s.alive(); err != nil {
		return nil, err
	}
	return s.Table.Changes(ctx, after, limit)
}

// SetBookmark keeps how far a consumer has come.
func (s *Store) SetBookmark(consumer, sequence string) error {
	if err := s.alive(); err != nil {
		return err
	}
	return s.Table.SetBookmark(consumer, sequence)
}

func (s *Store) alive() error {
	if s.Process.isDead() {
		return fault.Retry(ErrDead)
	}
	return nil
}
