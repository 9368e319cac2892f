// Package mailbox keeps messages in a folder instead of sending them, and shows them on a page: the mail service of
// a Keyfob that runs on one machine.
//
// It promises that a message for which Send returned nil is in the folder whole, also after a crash, and comes back in
// the order of sending after a restart; that each Send keeps a message of its own, also for an event that was sent
// before, so that duplicates can be counted; and that nothing in a message can run in the browser that shows it.
//
// One process owns a folder at a time; whoever opens the data folder sees to that. It delivers nothing, and it asks
// nobody for a password: its handler is for a server that listens on the machine itself.
package mailbox

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"keyfob/internal/fault"
	"keyfob/internal/mail"
)

// A Stored message is one that was sent. Its JSON is both the file's and the handler's.
type Stored struct {
	ID      string    `json:"id"`   // 10 digits that count up by 1
	Time    time.Time `json:"time"` // when it was sent, UTC
	To      string    `json:"to"`
	Subject string    `json:"subject"`
	Text    string    `json:"text"`
	HTML    string    `json:"html"`
	EventID string    `json:"eventId"`
}

// A Mailbox is a folder of messages, one JSON file for each. It may be used by several goroutines at once.
type Mailbox struct {
	dir string
	now func() time.Time

	mu   sync.Mutex
	last uint64 // the number of the newest message
}

var _ mail.Sender = (*Mailbox)(nil)

// The names of files: <id>.json, and while one is being written .new-<id>.json. Others are nobody's business here.
const (
	suffix  = ".json"
	writing = ".new-"
	idLen   = 10
)

// Open opens the mailbox in the folder, which it makes if there is none.
func Open(dir string, now func() time.Time) (*Mailbox, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("mailbox: %w", err)
	}
	leftover, err := filepath.Glob(filepath.Join(dir, writing+"*"))
	if err != nil {
		return nil, fmt.Errorf("mailbox: %w", err)
	}
	for _, name := range leftover { // of a process that died while writing: Send has not returned for these
		if err := os.Remove(name); err != nil {
			return nil, fmt.Errorf("mailbox: %w", err)
		}
	}
	m := &Mailbox{dir: dir, now: now}
	ids, err := m.ids()
	if err != nil {
		return nil, err
	}
	if len(ids) > 0 {
		m.last, _ = number(ids[0])
	}
	return m, nil
}

// Send keeps the message.
func (m *Mailbox) Send(ctx context.Context, msg mail.Message) error {
	if err := mail.Validate(msg); err != nil {
		return err
	}
	if err := ctx.Err(); err != nil {
		return fault.Retry(err)
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	s := Stored{
		ID: fmt.Sprintf("%0*d", idLen, m.last+1), Time: m.now().UTC(),
		To: msg.To, Subject: msg.Subject, Text: msg.Text, HTML: msg.HTML, EventID: msg.EventID,
	}
	data, err := json.MarshalIndent(s, "", "  ")
	if err != nil {
		return fault.Retry(err)
	}
	if err := m.write(s.ID, data); err != nil {
		return fault.Retry(err)
	}
	m.last++
	return nil
}

// write puts the file in its place in one step, so that there is never half of one.
func (m *Mailbox) write(id string, data []byte) error {
	temp := filepath.Join(m.dir, writing+id+suffix)
	f, err := os.OpenFile(temp, os.O_CREATE|os.O_TRUNC|os.O_WRONLY, 0o600) // #nosec G304 -- the id is one Send made
	if err != nil {
		return err
	}
	_, err = f.Write(data)
	err = errors.Join(err, f.Sync(), f.Close())
	if err != nil {
		return errors.Join(err, os.Remove(temp))
	}
	if err := os.Rename(temp, filepath.Join(m.dir, id+suffix)); err != nil {
		return err
	}
	return syncDir(m.dir)
}

// syncDir makes a rename in the folder outlast a power cut.
func syncDir(dir string) error {
	d, err := os.Open(dir) // #nosec G304 -- the mailbox's own folder
	if err != nil {
		return err
	}
	err = d.Sync()
	return errors.Join(err, d.Close())
}

// Messages returns all messages, the newest first. A damaged file is an error that names it.
func (m *Mailbox) Messages() ([]Stored, error) {
	ids, err := m.ids()
	if err != nil {
		return nil, err
	}
	return m.newest(ids, func(Stored) bool { return true }, len(ids))
}

// newest reads the messages under the ids in their order until it has limit of those wanted.
func (m *Mailbox) newest(ids []string, wanted func(Stored) bool, limit int) ([]Stored, error) {
	list := make([]Stored, 0, min(limit, len(ids)))
	for _, id := range ids {
		if len(list) == limit {
			break
		}
		s, err := m.read(id)
		if errors.Is(err, fs.ErrNotExist) { // somebody tidied up meanwhile
			continue
		}
		if err != nil {
			return nil, err
		}
		if wanted(s) {
			list = append(list, s)
		}
	}
	return list, nil
}

// read reads one message. The error of one that is not there is fs.ErrNotExist.
func (m *Mailbox) read(id string) (Stored, error) {
	if _, ok := number(id); !ok {
		return Stored{}, fs.ErrNotExist
	}
	data, err := os.ReadFile(filepath.Join(m.dir, id+suffix)) // #nosec G304 -- the id is digits only
	if err != nil {
		return Stored{}, fmt.Errorf("mailbox: %w", err)
	}
	var s Stored
	if err := json.Unmarshal(data, &s); err != nil || s.ID != id {
		return Stored{}, fmt.Errorf("mailbox: the file %s%s is damaged", id, suffix)
	}
	return s, nil
}

// ids lists the ids of the messages, the newest first.
func (m *Mailbox) ids() ([]string, error) {
	entries, err := os.ReadDir(m.dir)
	if err != nil {
		return nil, fmt.Errorf("mailbox: %w", err)
	}
	var ids []string
	for _, e := range entries {
		id, ok := strings.CutSuffix(e.Name(), suffix)
		if _, isID := number(id); ok && isID && e.Type().IsRegular() {
			ids = append(ids, id)
		}
	}
	slices.Reverse(ids) // ReadDir sorts by name
	return ids, nil
}

// number reads an id: exactly idLen digits, so that none can be a path.
func number(id string) (n uint64, ok bool) {
	if len(id) != idLen || strings.ContainsFunc(id, func(r rune) bool { return r < '0' || r > '9' }) {
		return 0, false
	}
	n, err := strconv.ParseUint(id, 10, 64)
	return n, err == nil
}
