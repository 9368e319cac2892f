package ses

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/aws/retry"
	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"
	"github.com/aws/aws-sdk-go-v2/credentials"
	awsses "github.com/aws/aws-sdk-go-v2/service/ses"
	"github.com/google/go-cmp/cmp"

	"keyfob/internal/fault"
	"keyfob/internal/mail"
)

// client makes an SDK client of the stand-in that tries a call up to attempts times, without waiting between them.
func client(s *standIn, secret string, attempts int, timeout time.Duration) *awsses.Client {
	return awsses.New(awsses.Options{
		Region:       region,
		BaseEndpoint: aws.String(s.URL),
		Credentials:  credentials.NewStaticCredentialsProvider(accessKey, secret, ""),
		HTTPClient:   awshttp.NewBuildableClient().WithTimeout(timeout),
		Retryer: retry.NewStandard(func(o *retry.StandardOptions) {
			o.MaxAttempts = attempts
			o.Backoff = retry.BackoffDelayerFunc(func(int, error) (time.Duration, error) { return 0, nil })
		}),
	})
}

func sender(t *testing.T, c Client) *Sender {
	t.Helper()
	s, err := New(c, Config{From: "Keyfob <no-reply@keys.example.com>", ConfigurationSet: "keyfob-us"})
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func once(s *standIn) *awsses.Client { return client(s, secretKey, 1, 30*time.Second) }

func message() mail.Message {
	return mail.Message{
		To:      "adam@example.com",
		Subject: `Keyfob: API token "R&D + ops = 100% é 🚀" was created`,
		Text:    "a+b=c&d%20e\r\nsecond line: é 🚀\n",
		HTML:    "<p>R&amp;D + ops = 100%; é 🚀</p>\n",
		EventID: "evt_5dTqvJ2m-Xw8LrB4Z",
	}
}

func TestAMessageArrivesSignedInTheQueryProtocolsFormByteForByte(t *testing.T) {
	s := newStandIn(t)
	m := message()
	if err := sender(t, once(s)).Send(t.Context(), m); err != nil {
		t.Fatal(err)
	}
	want := url.Values{
		"Action":                           {"SendEmail"},
		"Version":                          {"2010-12-01"},
		"Source":                           {`"Keyfob" <no-reply@keys.example.com>`},
		"Destination.ToAddresses.member.1": {m.To},
		"Message.Subject.Data":             {m.Subject},
		"Message.Subject.Charset":          {"UTF-8"},
		"Message.Body.Text.Data":           {m.Text},
		"Message.Body.Text.Charset":        {"UTF-8"},
		"Message.Body.Html.Data":           {m.HTML},
		"Message.Body.Html.Charset":        {"UTF-8"},
		"ConfigurationSetName":             {"keyfob-us"},
		"Tags.member.1.Name":               {"event"},
		"Tags.member.1.Value":              {m.EventID},
	}
	_, accepted := s.seen()
	if diff := cmp.Diff([]url.Values{want}, accepted); diff != "" {
		t.Errorf("form (-want +got):\n%s", diff)
	}
}

func TestWhatIsEmptyIsLeftOut(t *testing.T) {
	s := newStandIn(t)
	plain, err := New(once(s), Config{From: "no-reply@keys.example.com"})
	if err != nil {
		t.Fatal(err)
	}
	if err := plain.Send(t.Context(), mail.Message{To: "adam@example.com", Subject: "Hello", Text: "Hello"}); err != nil {
		t.Fatal(err)
	}
	_, accepted := s.seen()
	form := accepted[0]
	for _, name := range []string{"ConfigurationSetName", "Tags.member.1.Name", "Message.Body.Html.Data"} {
		if form.Has(name) {
			t.Errorf("%s is in the form: %q", name, form[name])
		}
	}
	if got := form.Get("Source"); got != "no-reply@keys.example.com" {
		t.Errorf("Source = %q", got)
	}
}

// This holds the stand-in itself to account: were its check of the signature idle, the other tests would show nothing.
func TestTheStandInRefusesAWrongKey(t *testing.T) {
	s := newStandIn(t)
	err := sender(t, client(s, "another secret key", 1, 30*time.Second)).Send(t.Context(), message())
	if _, accepted := s.seen(); err == nil || len(accepted) != 0 || !strings.Contains(err.Error(), "SignatureDoesNotMatch") {
		t.Errorf("a request signed with another key: %v, %d accepted", err, len(accepted))
	}
}

func TestRefusalsThatStayAreRejectedAndAllElseIsWorthAnotherTry(t *testing.T) {
	for _, c := range []struct {
		name     string
		answer   http.HandlerFunc
		rejected string // the Reason; empty where another try is worth it
	}{
		{"message rejected", sesError(400, "Sender", "MessageRejected", "Email address is not verified."), "MessageRejected: Email address is not verified."},
		{"a long text of several lines", sesError(400, "Sender", "MessageRejected", "a\n b"+strings.Repeat("é", 300)), "MessageRejected: a b" + strings.Repeat("é", 148) + "…"},
		{"MAIL FROM domain", sesError(400, "Sender", "MailFromDomainNotVerifiedException", "No MX record."), ""},
		{"configuration set", sesError(400, "Sender", "ConfigurationSetDoesNotExist", "Not found."), ""},
		{"bad parameter", sesError(400, "Sender", "InvalidParameterValue", "Missing final '@domain'"), "InvalidParameterValue: Missing final '@domain'"},
		{"account paused by its owner", sesError(400, "Sender", "AccountSendingPausedException", "Email sending is disabled for your account."), ""},
		{"configuration set paused", sesError(400, "Sender", "ConfigurationSetSendingPausedException", "Paused."), ""},
		{"account paused by Amazon", sesError(400, "Sender", "MessageRejected", "Sending paused for this account. For more information, please check the inbox."), ""},
		{"account suspended by Amazon", sesError(400, "Sender", "MessageRejected", "Sending suspended for this account."), ""},
		{"sending rate", sesError(400, "Sender", "Throttling", "Maximum sending rate exceeded."), ""},
		{"daily quota", sesError(400, "Sender", "Throttling", "Daily message quota exceeded."), ""},
		{"no permission", sesError(403, "Sender", "AccessDenied", "User is not authorized."), ""},
		{"expired credentials", sesError(403, "Sender", "ExpiredToken", "The security token is expired."), ""},
		{"internal failure", sesError(500, "Receiver", "InternalFailure", "Oops."), ""},
		{"unavailable, without a body", func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(503) }, ""},
		{"no XML", func(w http.ResponseWriter, _ *http.Request) {
			w.WriteHeader(502)
			_, _ = w.Write([]byte("<html>bad gateway"))
		}, ""},
		{"a yes without a message id", func(w http.ResponseWriter, _ *http.Request) {
			_, _ = w.Write([]byte("<SendEmailResponse><SendEmailResult></SendEmailResult></SendEmailResponse>"))
		}, ""},
		{"dropped connection", drop, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := newStandIn(t, c.answer)
			err := sender(t, once(s)).Send(t.Context(), message())
			if calls, _ := s.seen(); calls != 1 {
				t.Errorf("%d calls arrived, want 1", calls)
			}
			var rejected *mail.Rejected
			switch {
			case c.rejected == "":
				if errors.As(err, &rejected) || !fault.Is(err, fault.Unavailable) {
					t.Errorf("%v, want a failure worth another try", err)
				}
			case !errors.As(err, &rejected):
				t.Errorf("%v, want a *mail.Rejected", err)
			case rejected.Reason != c.rejected:
				t.Errorf("reason %q, want %q", rejected.Reason, c.rejected)
			}
		})
	}
}

func TestAServerThatDoesNotAnswerEndsWithTheClientsTimeOut(t *testing.T) {
	over := make(chan struct{})
	s := newStandIn(t, func(http.ResponseWriter, *http.Request) { <-over })
	defer close(over)
	err := sender(t, client(s, secretKey, 1, 50*time.Millisecond)).Send(t.Context(), message())
	if !fault.Is(err, fault.Unavailable) {
		t.Errorf("%v, want a failure worth another try", err)
	}
}

// hung is an SES that never answers.
type hung struct{}

func (hung) SendEmail(ctx context.Context, _ *awsses.SendEmailInput, _ ...func(*awsses.Options)) (*awsses.SendEmailOutput, error) {
	<-ctx.Done()
	return nil, ctx.Err()
}

// S25: however long the client and its retries would go on, a message has its budget, and no more than the caller's time.
func TestS25AMessageIsGivenUpWithinItsBudget(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		for given, want := range map[time.Duration]time.Duration{0: DefaultBudget, time.Second: time.Second, time.Hour: 20 * time.Second} {
			s, err := New(hung{}, Config{From: "no-reply@keys.example.com", Budget: given})
			if err != nil {
				t.Fatal(err)
			}
			ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
			start := time.Now()
			err = s.Send(ctx, message())
			if took := time.Since(start); took != want || !fault.Is(err, fault.Unavailable) {
				t.Errorf("%v: given up after %v: %v", given, took, err)
			}
			cancel()
		}
	})
}

func TestACancelledContextIsToldAsSuch(t *testing.T) {
	s := newStandIn(t)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	err := sender(t, once(s)).Send(ctx, message())
	if _, accepted := s.seen(); !errors.Is(err, context.Canceled) || len(accepted) != 0 {
		t.Errorf("%v, %d accepted", err, len(accepted))
	}
}

func TestTheClientsOwnRetriesCarryAMessageOverThrottlingAndBrokenConnections(t *testing.T) {
	s := newStandIn(t, sesError(400, "Sender", "Throttling", "Maximum sending rate exceeded."), drop)
	if err := sender(t, client(s, secretKey, 3, 30*time.Second)).Send(t.Context(), message()); err != nil {
		t.Fatal(err)
	}
	if calls, accepted := s.seen(); calls != 3 || len(accepted) != 1 {
		t.Errorf("%d calls, %d accepted; want 3 and 1", calls, len(accepted))
	}
}

func TestARejectedMessageIsNotTriedAgain(t *testing.T) {
	s := newStandIn(t, sesError(400, "Sender", "MessageRejected", "No."))
	_ = sender(t, client(s, secretKey, 3, 30*time.Second)).Send(t.Context(), message())
	if calls, _ := s.seen(); calls != 1 {
		t.Errorf("%d calls, want 1", calls)
	}
}

func TestOnlyOneRecipientCanBeWrittenTo(t *testing.T) {
	s := newStandIn(t)
	for _, to := range []string{"", "a@example.com,b@example.com", "a@example.com\r\nBcc: b@example.com"} {
		m := message()
		m.To = to
		var rejected *mail.Rejected
		if err := sender(t, once(s)).Send(t.Context(), m); !errors.As(err, &rejected) {
			t.Errorf("recipient %q: %v, want a *mail.Rejected", to, err)
		}
	}
	if calls, _ := s.seen(); calls != 0 {
		t.Errorf("%d calls arrived, want none", calls)
	}
}

func TestATagHoldsOnlyWhatSESAllows(t *testing.T) {
	for id, want := range map[string]string{
		"evt_5dTq-2m": "evt_5dTq-2m", "": "", "a b/c.é": "a-b-c---", strings.Repeat("x", 300): strings.Repeat("x", 256),
	} {
		if got := tagValue(id); got != want {
			t.Errorf("tagValue(%q) = %q, want %q", id, got, want)
		}
	}
}

func TestTheSenderMustBeAnAddress(t *testing.T) {
	for _, from := range []string{"", "keyfob", "a@example.com, b@example.com", "a@example.com\r\nBcc: b@example.com"} {
		if _, err := New(nil, Config{From: from}); err == nil {
			t.Errorf("sender %q was accepted", from)
		}
	}
	s, err := New(nil, Config{From: "Schlüssel <no-reply@keys.example.com>"})
	if err != nil {
		t.Fatal(err)
	}
	if want := "=?utf-8?q?Schl=C3=BCssel?= <no-reply@keys.example.com>"; s.from != want {
		t.Errorf("from = %q, want %q", s.from, want)
	}
}
