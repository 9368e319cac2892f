// Package mail is the role of whatever carries Keyfob's messages to people, and the messages themselves.
//
// It promises that a message never holds a credential but for the links or the code that its reader alone is to have, that what a caller typed (a token's name, a user agent)
// is escaped in HTML and kept to one line in subjects, and that a Sender tells a refusal that will stay one
// (*Rejected) from a failure worth another try (any other error).
//
// It decides neither who gets a message nor whether one is owed: package notice does.
package mail

import "context"

// A Message is one mail to one person.
type Message struct {
	To      string // a bare address: user@example.com
	Subject string // one line
	Text    string
	HTML    string
	EventID string // the audit event that owed it; sent along as a tag, so that deliveries can be matched
}

// A Sender carries messages.
type Sender interface {
	// Send hands the message over, if Validate finds no fault with it. A nil error says that the mail service has
	// accepted it.
	Send(ctx context.Context, m Message) error
}

// A Rejected error says that the mail service refuses the message and will go on refusing it.
type Rejected struct{ Reason string }

func (r *Rejected) Error() string { return "mail: rejected: " + r.Reason }
