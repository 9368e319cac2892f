package local

import (
	"context"
	"errors"
	"fmt"
	"time"

	"keyfob/internal/local/lambdahost"
)

// purgeEvery is how often the store is told to purge, by the service's clock. DynamoDB takes longer.
const purgeEvery = time.Minute

// endFor bounds, in real time, how long what runs in the background may take to end.
const endFor = 5 * time.Second

// settleFor bounds, in real time, how long a moved clock, or whoever asks for the mails, waits for schedules and event
// source mappings to come to rest first.
const settleFor = 5 * time.Second

// purge purges until ctx ends.
func (s *Server) purge(ctx context.Context) {
	for {
		select {
		case <-s.config.Clock.After(purgeEvery):
		case <-ctx.Done():
			return
		}
		if _, err := s.config.Store.Purge(ctx); err != nil && ctx.Err() == nil {
			s.config.Log.Error("purging", "error", err)
		}
	}
}

// Invoke invokes the function with the CodeUri as somebody with the permission to could, past the API. The error is
// one of lambdahost's.
func (s *Server) Invoke(ctx context.Context, codeURI string, payload []byte) ([]byte, error) {
	f := s.byCode[codeURI]
	if f == nil {
		return nil, fmt.Errorf("there is no function with the CodeUri %s", codeURI)
	}
	return f.Invoke(ctx, "local", payload)
}

// Settle waits until the schedules that are due have run, and the event source mappings have delivered all that is in the
// change feed then, or wait to try again what failed. The error is ctx's.
func (s *Server) Settle(ctx context.Context) error {
	if err := s.timetable.Settle(ctx); err != nil {
		return err
	}
	return s.settlePumps(ctx)
}

// settlePumps is Settle for the event source mappings. What one function writes may be another's to take, so there are as
// many rounds as mappings.
func (s *Server) settlePumps(ctx context.Context) error {
	for range s.pumps {
		before := s.config.Store.Changed()
		for _, p := range s.pumps {
			if err := p.Settle(ctx); err != nil {
				return err
			}
		}
		if s.config.Store.Changed() == before {
			return nil
		}
	}
	return nil
}

// Advance moves the service's clock forward and purges what is due then. It gives the new time. What the change feed
// holds is delivered first, as it would have been in the time that is skipped. The schedules that are due have run once
// when it returns, and found all that delivered.
func (s *Server) Advance(ctx context.Context, d time.Duration) (time.Time, error) {
	if s.rests(ctx, s.Settle); ctx.Err() != nil {
		return time.Time{}, ctx.Err()
	}
	if err := s.move(ctx, d); err != nil {
		return s.config.Clock.Now(), err
	}
	return s.config.Clock.Now(), s.timetable.Settle(ctx)
}

// move moves the clock, purges, and lets the event source mappings come to rest, before any schedule runs.
func (s *Server) move(ctx context.Context, d time.Duration) error {
	release, err := s.timetable.Hold(ctx)
	if err != nil {
		return err
	}
	defer release()
	s.config.Clock.Advance(d)
	_, err = s.config.Store.Purge(ctx)
	s.rests(ctx, s.settlePumps)
	return err
}

// rests waits for what settles, but not longer than settleFor: what takes longer goes on meanwhile.
func (s *Server) rests(ctx context.Context, settle func(context.Context) error) {
	settling, cancel := context.WithTimeout(ctx, settleFor)
	defer cancel()
	_ = settle(settling)
}

// Stats are what was counted since the start.
type Stats struct {
	Table     TableCounts                  `json:"table"`
	Functions map[string]lambdahost.Counts `json:"functions"` // by logical id
}

// Stats gives what was counted so far.
func (s *Server) Stats() Stats {
	out := Stats{Table: s.table.counts(), Functions: make(map[string]lambdahost.Counts, len(s.functions))}
	for id, f := range s.functions {
		out.Functions[id] = f.Counts()
	}
	return out
}

// Close takes no more requests, lets those under way end, and the functions, and stops what runs in the background.
// Requests that are still under way when ctx ends are cut off.
func (s *Server) Close(ctx context.Context) error {
	var err error
	s.closing.Do(func() {
		if s.http.Shutdown(ctx) != nil {
			err = s.http.Close() // a client that never finishes its request does not keep the service from ending
		}
		s.stop()
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), endFor)
		defer cancel()
		ended := make(chan struct{})
		go func() {
			s.running.Wait()
			close(ended)
		}()
		select {
		case <-ended:
		case <-ctx.Done():
			err = errors.Join(err, ctx.Err())
		}
		for _, f := range s.functions {
			err = errors.Join(err, f.Close(ctx))
		}
	})
	return err
}
