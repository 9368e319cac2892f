package notice

import (
	"time"

	"keyfob/internal/audit"
)

// An Outcome is what became of the mail that somebody was owed.
type Outcome string

// The outcomes that are told of. That there was nothing to be told any more, or that it is to be tried again, is none.
const (
	Sent       Outcome = stateSent
	Rejected   Outcome = stateRejected
	Suppressed Outcome = stateSuppressed
)

// observed tells Observe of an outcome of the event's mail.
func (n *Notices) observed(e audit.Event, what Outcome) { n.observe(what, e.At) }

// observe tells Observe, where there is one, of an outcome, and how long after the mail was owed it came.
func (n *Notices) observe(what Outcome, owed time.Time) {
	if n.Observe != nil {
		n.Observe(what, max(n.Now().Sub(owed), 0))
	}
}
