package api

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/mail"
	"strings"
	"time"

	"github.com/go-json-experiment/json"
	"golang.org/x/net/idna"

	"keyfob/internal/notice"
)

// Feedback is the function that hears from SES, through SNS, what became of mails: of those that came back for good and
// of those that were complained of, it keeps further ones from their readers (S32). It implements lambda.Handler.
func Feedback(c Config) *MailFeedback {
	return &MailFeedback{c.Log, &notice.Suppressions{Table: c.Table, Now: c.Now, Accounts: c.accounts()}}
}

// MailFeedback sees SES's notifications through.
type MailFeedback struct {
	log          *slog.Logger
	suppressions *notice.Suppressions
}

// Invoke takes an event of SNS. An error says that a notification is none that SES makes, or could not be seen through:
// Lambda brings the event again, which does no harm, since nothing is done twice.
func (f *MailFeedback) Invoke(ctx context.Context, payload []byte) ([]byte, error) {
	var event struct {
		Records []struct {
			EventSource string
			Sns         struct{ Message string }
		}
	}
	if err := json.Unmarshal(payload, &event); err != nil || len(event.Records) == 0 {
		return nil, f.failed(ctx, errNotOfSNS)
	}
	var failed error
	for _, r := range event.Records {
		if r.EventSource != "aws:sns" {
			failed = errors.Join(failed, errNotOfSNS)
			continue
		}
		failed = errors.Join(failed, f.see(ctx, r.Sns.Message))
	}
	if failed != nil {
		return nil, f.failed(ctx, failed)
	}
	return []byte("{}"), nil
}

var errNotOfSNS = errors.New("api: the payload is no event of SNS")

func (f *MailFeedback) failed(ctx context.Context, err error) error {
	f.log.LogAttrs(ctx, slog.LevelError, "mail feedback", slog.String("outcome", "failed"), slog.String("error", err.Error()))
	return err
}

func (f *MailFeedback) see(ctx context.Context, message string) error {
	returns, err := returned(message)
	if err != nil {
		return err
	}
	for _, r := range returns {
		if err := f.suppressions.Hold(ctx, r); err != nil {
			return err
		}
	}
	if len(returns) > 0 {
		f.log.LogAttrs(ctx, slog.LevelInfo, "mail feedback", slog.String("outcome", "ok"),
			slog.String("reason", string(returns[0].Reason)), slog.String("event", returns[0].Event), slog.Int("addresses", len(returns)))
	}
	return nil
}

// sesEvent is the part of SES's record of a sending event that is used.
// https://docs.aws.amazon.com/ses/latest/dg/event-publishing-retrieving-sns-contents.html
type sesEvent struct {
	EventType string `json:"eventType"`
	Mail      struct {
		Tags map[string][]string `json:"tags"`
	} `json:"mail"`
	Bounce struct {
		Type       string         `json:"bounceType"`
		SubType    string         `json:"bounceSubType"`
		Recipients []sesRecipient `json:"bouncedRecipients"`
		Timestamp  time.Time      `json:"timestamp"`
	} `json:"bounce"`
	Complaint struct {
		SubType    string         `json:"complaintSubType"`
		Feedback   string         `json:"complaintFeedbackType"`
		Recipients []sesRecipient `json:"complainedRecipients"`
		Timestamp  time.Time      `json:"timestamp"`
	} `json:"complaint"`
}

type sesRecipient struct {
	EmailAddress string `json:"emailAddress"`
}

// probe begins what SES publishes to see whether it may. It is no JSON.
const probe = "Successfully validated SNS topic"

// returned reads who is not to be written to any more from what SES has published; nobody where it says anything else than
// that a mail came back for good or was complained of. The error says that SES publishes no such thing.
func returned(message string) ([]notice.Return, error) {
	if strings.HasPrefix(message, probe) {
		return nil, nil
	}
	var e sesEvent
	if err := json.Unmarshal([]byte(message), &e); err != nil {
		return nil, errNotOfSES
	}
	r := notice.Return{Event: mailed(e.Mail.Tags["event"])}
	var to []sesRecipient
	switch {
	case e.EventType == "":
		return nil, errNotOfSES
	case e.EventType == "Bounce" && e.Bounce.Type == "Permanent":
		r.Reason, r.Detail, r.At, to = notice.Bounced, word(e.Bounce.SubType), e.Bounce.Timestamp, e.Bounce.Recipients
	case e.EventType == "Bounce" && e.Bounce.Type == "":
		return nil, errNotOfSES
	case e.EventType == "Complaint" && e.Complaint.Feedback == "not-spam": // the reader took it out of the junk
		return nil, nil
	case e.EventType == "Complaint":
		r.Reason, r.Detail, r.At, to = notice.Complained, word(e.Complaint.Feedback), e.Complaint.Timestamp, e.Complaint.Recipients
	default:
		return nil, nil
	}
	if len(to) == 0 || r.At.IsZero() {
		return nil, errNotOfSES
	}
	var all []notice.Return
	for i, recipient := range to {
		a, err := mail.ParseAddress(recipient.EmailAddress)
		if err != nil {
			return nil, fmt.Errorf("%w: recipient %d is no address", errNotOfSES, i)
		}
		for _, address := range spellings(a.Address) {
			r.Address = address
			all = append(all, r)
		}
	}
	return all, nil
}

var errNotOfSES = errors.New("api: the notification is none that SES makes")

// spellings gives an address as SES tells it, and as people write it where its domain is not ASCII.
func spellings(address string) []string {
	at := strings.LastIndexByte(address, '@')
	domain, err := idna.Lookup.ToUnicode(address[at+1:])
	if err != nil || strings.EqualFold(domain, address[at+1:]) {
		return []string{address}
	}
	return []string{address, address[:at+1] + domain}
}

// mailed gives the event whose mail it was, if the tag is an event's id.
func mailed(tag []string) string {
	if len(tag) == 1 && strings.HasPrefix(tag[0], "evt_") {
		return word(tag[0])
	}
	return ""
}

// maxWord bounds what is kept of SES's words, in bytes.
const maxWord = 64

// word gives the text if it is a word of letters, digits, - and _; else nothing. It comes to stand in the audit trail.
func word(s string) string {
	ok := len(s) <= maxWord && !strings.ContainsFunc(s, func(r rune) bool {
		return !('0' <= r && r <= '9' || 'A' <= r && r <= 'Z' || 'a' <= r && r <= 'z' || r == '-' || r == '_')
	})
	if !ok {
		return ""
	}
	return s
}
