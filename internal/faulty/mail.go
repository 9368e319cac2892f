package faulty

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"maps"
	"regexp"
	"strings"
	"sync"
	"time"

	"keyfob/internal/fault"
	"keyfob/internal/mail"
)

// A Post is the mail service: what it has said yes to is sent, whatever becomes of who asked. It outlives processes, and is
// safe for concurrent use.
type Post struct {
	// Archive gets every message as a line of JSON; nil for no archive.
	Archive io.Writer
	// Delivered is called with every message that was sent, one at a time; nil for nobody.
	Delivered func(mail.Message)

	mu       sync.Mutex
	sent     map[Posted]int
	rejected map[Posted]int
	unheard  map[Posted]int
	digested map[Posted]int
	refused  map[Posted]string
}

// A Posted is a mail as it is counted: by the event that it is of, and who it went to. A digest counts for each of the events
// that it tells of, and not as a mail of its own.
type Posted struct{ Event, To string }

// isDigest reports whether a mail is a digest, by its tag.
func isDigest(m mail.Message) bool { return strings.HasPrefix(m.EventID, "dgs_") }

// eventID is what a digest names events by.
var eventID = regexp.MustCompile(`\bevt_[0-9A-Za-z]{16}\b`)

// of lists the events that a mail is of.
func of(m mail.Message) []string {
	if isDigest(m) {
		return eventID.FindAllString(m.Text, -1)
	}
	return []string{m.EventID}
}

// Send implements mail.Sender.
func (p *Post) Send(_ context.Context, m mail.Message) error {
	if err := mail.Validate(m); err != nil {
		return err
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.Archive != nil {
		data, err := json.Marshal(m)
		if err == nil {
			_, err = p.Archive.Write(append(data, '\n'))
		}
		if err != nil {
			return fault.Retry(err)
		}
	}
	count(&p.sent, m)
	if isDigest(m) {
		count(&p.digested, m)
	}
	if p.Delivered != nil {
		p.Delivered(m)
	}
	return nil
}

// Sent gives how often each mail was sent.
func (p *Post) Sent() map[Posted]int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return clone(p.sent)
}

// Load reads what was sent from an archive, in the place of what is known so far. A last line that is cut short was not sent.
func (p *Post) Load(archive io.Reader) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.sent = nil
	for d := json.NewDecoder(archive); ; {
		var m mail.Message
		switch err := d.Decode(&m); {
		case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
			return nil
		case err != nil:
			return err
		}
		count(&p.sent, m)
	}
}

// Rejected gives how often each mail was refused for good.
func (p *Post) Rejected() map[Posted]int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return clone(p.rejected)
}

// Digested gives how often each mail was sent as a part of a digest.
func (p *Post) Digested() map[Posted]int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return clone(p.digested)
}

// Refused gives the digest with which each mail was refused for good, where it was in one.
func (p *Post) Refused() map[Posted]string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return maps.Clone(p.refused)
}

// Unheard gives how often the yes, or the no for good, to each mail did not reach who asked: only then may it be asked again.
func (p *Post) Unheard() map[Posted]int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return clone(p.unheard)
}

func count(all *map[Posted]int, m mail.Message) {
	if *all == nil {
		*all = map[Posted]int{}
	}
	for _, event := range of(m) {
		(*all)[Posted{event, m.To}]++
	}
}

func clone(m map[Posted]int) map[Posted]int {
	out := make(map[Posted]int, len(m))
	for k, n := range m {
		out[k] = n
	}
	return out
}

func (p *Post) reject(m mail.Message) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	count(&p.rejected, m)
	if isDigest(m) {
		if p.refused == nil {
			p.refused = map[Posted]string{}
		}
		for _, event := range of(m) {
			p.refused[Posted{event, m.To}] = m.EventID
		}
	}
	return &mail.Rejected{Reason: "MessageRejected"}
}

// slow is what a slow answer takes, in real time: long enough for another sender to come in between.
const slow = 20 * time.Millisecond

// A Mailer is the mail service as one function of one process sees it.
type Mailer struct {
	Post     *Post
	Function string
	Plan     *Plan
	Process  *Process
}

var _ mail.Sender = (*Mailer)(nil)

var mailErrors = map[Kind]error{
	MailBusy: errors.New("faulty: Maximum sending rate exceeded"), MailQuota: errors.New("faulty: Daily message quota exceeded"),
	MailPaused: errors.New("faulty: Sending paused for this account"), MailLost: errLost,
}

// Send implements mail.Sender.
func (s *Mailer) Send(ctx context.Context, m mail.Message) error {
	s.Process.alive(ctx, nobody)
	if err := ctx.Err(); err != nil {
		return fault.Retry(err)
	}
	kinds := []Kind{MailBusy, MailQuota, MailPaused, MailRejected, MailLost, MailHang, MailSlow}
	if mortalCall(ctx) {
		kinds = append(kinds, MailDies, MailDiesEre)
	}
	kind := s.Plan.choose(Call{Function: s.Function, Verb: Send, Message: &m}, kinds...)
	switch kind {
	case MailBusy, MailQuota, MailPaused:
		return fault.Retry(mailErrors[kind])
	case MailRejected:
		return s.Post.reject(m)
	case MailHang:
		err := s.Process.hang(ctx)
		s.Process.alive(ctx, nobody)
		return err
	case MailSlow:
		select {
		case <-time.After(slow):
		case <-ctx.Done():
			return fault.Retry(ctx.Err())
		}
	case MailDiesEre:
		die(ctx)
	}
	err := s.Post.Send(ctx, m)
	if err != nil {
		return err
	}
	switch {
	case kind == MailDies || s.Process.isDead():
		s.Post.missed(m)
		die(ctx)
	case kind == MailLost:
		s.Post.missed(m)
		return fault.Retry(mailErrors[kind])
	}
	return nil
}

// missed notes that nobody has heard the yes to the message.
func (p *Post) missed(m mail.Message) {
	p.mu.Lock()
	defer p.mu.Unlock()
	count(&p.unheard, m)
}

// nobody is told.
func nobody(error) {}
