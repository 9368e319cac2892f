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

// observed tells Observe, where there is one, of an outcome, and how long after the event it came.
func (n *Notices) observed(e audit.Event, what Outcome) {
	if n.Observe != nil {
		n.Observe(what, max(n.Now().Sub(e.At), 0))
	}
}

// noteTime is what is kept of a sender's time for noting what became of a mail: that it went out but could not be noted
// is the one way in which somebody is told twice. It is as long as the table may try.
const noteTime = 4 * time.Second
