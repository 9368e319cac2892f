// Package leak is the receiving end of GitHub's secret scanning partner alerts: messages that say which credentials were
// found in public, and where.
//
// It promises that nothing of an alert is read before its signature has proved that it comes from the holder of one of
// the keys that the operator configured; that afterwards each credential of this realm that it names is of no use any
// more, its owners' trail says where it was found, and no answer, event or error repeats a credential; and that to
// receive the same alert again changes nothing. Where something could not be ended the alert as a whole is answered with
// an error that says to send it again, and what was ended stays so.
//
// It scans nothing, fetches no keys from anywhere, and does not word the mails (packages notice and mail do).
// https://docs.github.com/en/code-security/secret-scanning/secret-scanning-partnership-program/secret-scanning-partner-program
package leak

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"sync"
	"time"

	"keyfob/internal/audit"
	"keyfob/internal/authority"
	"keyfob/internal/disavowal"
	"keyfob/internal/fault"
	"keyfob/internal/link"
	"keyfob/internal/table"
)

// The bounds of an alert. GitHub sends all that a scan has found in one message.
const (
	MaxBody    = 1 << 20 // bytes
	MaxEntries = 1000
)

// Leaks receives alerts.
type Leaks struct {
	Table     table.Table
	Now       func() time.Time
	Authority *authority.Authority
}

// A Delivery is an alert as it comes over the wire.
type Delivery struct {
	Key       string // header Github-Public-Key-Identifier
	Signature string // header Github-Public-Key-Signature
	Body      []byte
	From      audit.Origin
}

// A Verdict answers one entry of an alert. The credential itself is not in it.
type Verdict struct {
	Hash string // SHA-256 of the credential, in base64
	Type string // as the entry named it
	Real bool   // it is, or was, a credential of this realm
}

// Receive ends what the alert names, and answers each of its entries. Errors: TooLarge, Invalid (names the header or the
// field), Unauthenticated where the alert is not proved to come from GitHub, Unavailable where it is to be sent again.
func (l *Leaks) Receive(ctx context.Context, d Delivery) ([]Verdict, error) {
	if len(d.Body) > MaxBody {
		message := fmt.Sprintf("The body is larger than %d bytes.", MaxBody)
		return nil, &fault.Error{Kind: fault.TooLarge, Code: "too_large", Message: message, Fields: []fault.Field{{Name: "body", Code: "too_large", Message: message}}}
	}
	if err := l.verify(ctx, d); err != nil {
		return nil, err
	}
	entries, err := parse(d.Body)
	if err != nil {
		return nil, err
	}
	found, err := l.end(ctx, entries, d.From)
	if err != nil {
		return nil, err
	}
	verdicts := make([]Verdict, len(entries))
	for i, e := range entries {
		sum := sha256.Sum256([]byte(e.Token))
		verdicts[i] = Verdict{Hash: base64.StdEncoding.EncodeToString(sum[:]), Type: e.Type, Real: found[e.Token]}
	}
	return verdicts, nil
}

// workers are how many credentials are ended at the same time: GitHub waits for half a minute, the gateway for less, and
// there may be a thousand.
const workers = 8

// end ends each credential once, though it may have been found in many places, and tells which of them are real. The
// failure of one does not save the others, unless it is the table's: then there is no use in going on.
func (l *Leaks) end(ctx context.Context, entries []entry, from audit.Origin) (map[string]bool, error) {
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	todo := make(chan entry)
	go func() {
		defer close(todo)
		seen := make(map[string]bool, len(entries))
		for _, e := range entries {
			if seen[e.Token] {
				continue
			}
			seen[e.Token] = true
			select {
			case todo <- e:
			case <-ctx.Done():
				return
			}
		}
	}()
	var (
		lock   sync.Mutex
		failed error
		found  = make(map[string]bool, len(entries))
		all    sync.WaitGroup
	)
	links := link.Links{Table: l.Table, Now: l.Now, Form: l.Authority.Form}
	disavowals := disavowal.Disavowals{Table: l.Table, Now: l.Now, Form: l.Authority.Form}
	for range workers {
		all.Go(func() {
			for e := range todo {
				where := place(e.URL, e.Token)
				is, err := l.Authority.RevokeLeaked(ctx, e.Token, where, from)
				if err == nil && !is {
					is, err = links.EndLeaked(ctx, e.Token, where, from)
				}
				if err == nil && !is {
					is, err = disavowals.WithdrawLeaked(ctx, e.Token, where, from)
				}
				lock.Lock()
				found[e.Token] = is
				if err != nil && failed == nil {
					failed = err
				}
				lock.Unlock()
				if fault.Is(err, fault.Unavailable) {
					stop()
				}
			}
		})
	}
	all.Wait()
	if failed == nil {
		failed = ctx.Err() // the time is up, and some were not even begun
	}
	if failed != nil {
		return nil, fault.Retry(failed)
	}
	return found, nil
}
