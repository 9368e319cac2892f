// Package ses sends Keyfob's messages through Amazon SES (version 1 of its API, SendEmail).
//
// It promises that a message goes to exactly one recipient, in UTF-8, with the id of the event that owed it as the tag
// "event"; that a recipient's domain is written in ASCII, as SES wants it; that what SES will refuse again is a
// *mail.Rejected; and that anything else is a fault of kind Unavailable, worth another try.
//
// It does not try again by itself: the client it is given has its own retries for throttling and lost connections,
// within the budget of one message, and the caller decides about later ones. SES has no idempotency token, so after a lost answer a further try may
// deliver a message twice; a lost notice would be worse.
package ses

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	netmail "net/mail"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/aws/aws-sdk-go-v2/aws"
	awsses "github.com/aws/aws-sdk-go-v2/service/ses"
	"github.com/aws/aws-sdk-go-v2/service/ses/types"
	"golang.org/x/net/idna"

	"keyfob/internal/mail"
)

// A Client is what is asked of *ses.Client.
type Client interface {
	SendEmail(ctx context.Context, in *awsses.SendEmailInput, opts ...func(*awsses.Options)) (*awsses.SendEmailOutput, error)
}

// DefaultBudget is Config's. The function that sends has a few messages to send in 25 seconds, and one that SES keeps waiting
// must not take all of them.
const DefaultBudget = 10 * time.Second

// A Config says how messages leave.
type Config struct {
	From             string        // the sender: an address, or "Name <address>"; SES must have verified it
	ConfigurationSet string        // the SES configuration set that publishes deliveries; empty for none
	Budget           time.Duration // of one message, with all requests and pauses of the client's; DefaultBudget if zero
}

// A Sender is a mail.Sender over SES. It may be used by several goroutines at once.
type Sender struct {
	client Client
	from   string
	set    *string
	budget time.Duration
}

var _ mail.Sender = (*Sender)(nil)

// New makes a Sender. The error says that From is not an address.
func New(client Client, c Config) (*Sender, error) {
	from, err := netmail.ParseAddress(c.From)
	if err != nil {
		return nil, fmt.Errorf("ses: the sender %q is not an address", c.From)
	}
	// String writes a name that is not ASCII as a MIME encoded word, which SES asks for.
	s := &Sender{client: client, from: from.String(), budget: cmp.Or(c.Budget, DefaultBudget)}
	if from.Name == "" {
		s.from = from.Address
	}
	if c.ConfigurationSet != "" {
		s.set = aws.String(c.ConfigurationSet)
	}
	return s, nil
}

// Send hands the message to SES. A nil error says that SES has queued it.
func (s *Sender) Send(ctx context.Context, m mail.Message) error {
	if err := mail.Validate(m); err != nil {
		return err
	}
	to, err := ascii(m.To)
	if err != nil {
		return err
	}
	in := &awsses.SendEmailInput{
		Source:               aws.String(s.from),
		Destination:          &types.Destination{ToAddresses: []string{to}},
		ConfigurationSetName: s.set,
		Message:              &types.Message{Subject: content(m.Subject), Body: &types.Body{Text: content(m.Text)}},
	}
	if m.HTML != "" {
		in.Message.Body.Html = content(m.HTML)
	}
	if tag := tagValue(m.EventID); tag != "" {
		in.Tags = []types.MessageTag{{Name: aws.String("event"), Value: aws.String(tag)}}
	}
	ctx, cancel := context.WithTimeout(ctx, s.budget)
	defer cancel()
	out, err := s.client.SendEmail(ctx, in)
	if err != nil {
		return verdict(err)
	}
	if aws.ToString(out.MessageId) == "" {
		return verdict(errors.New("ses: an answer without a message id"))
	}
	return nil
}

// lookup writes a domain as it is looked up (RFC 5891 §5), with the bounds of the DNS on its labels.
var lookup = idna.New(idna.MapForLookup(), idna.BidiRule(), idna.VerifyDNSLength(true))

// ascii writes an address as this API of SES takes it. A domain has a form in ASCII (RFC 5891 §4); what stands before the @
// has none, and SES cannot send to one that is not in ASCII.
// https://docs.aws.amazon.com/ses/latest/APIReference/API_SendEmail.html
func ascii(address string) (string, error) {
	at := strings.LastIndexByte(address, '@')
	local, domain := address[:at], address[at+1:]
	if !isASCII(local) {
		return "", &mail.Rejected{Reason: "SES cannot send to an address that is not ASCII before the @"}
	}
	if isASCII(domain) {
		return address, nil
	}
	domain, err := lookup.ToASCII(domain)
	if err != nil {
		return "", &mail.Rejected{Reason: "the recipient's domain is none that can be written in ASCII"}
	}
	return local + "@" + domain, nil
}

func isASCII(s string) bool {
	return !strings.ContainsFunc(s, func(r rune) bool { return r >= utf8.RuneSelf })
}

func content(s string) *types.Content {
	return &types.Content{Charset: aws.String("UTF-8"), Data: aws.String(s)}
}

// maxTag is SES's limit for a tag's value.
const maxTag = 256

// tagValue makes a tag's value of an event's id. Event ids are made of what SES allows (letters, digits, _ and -); any
// other character becomes a dash, since a tag that does not match is better than a message that is refused for its tag.
func tagValue(id string) string {
	b := []byte(id[:min(len(id), maxTag)])
	for i, c := range b {
		if !('0' <= c && c <= '9' || 'A' <= c && c <= 'Z' || 'a' <= c && c <= 'z' || c == '_' || c == '-') {
			b[i] = '-'
		}
	}
	return string(b)
}
