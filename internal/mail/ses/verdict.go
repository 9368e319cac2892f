package ses

import (
	"errors"
	"strings"

	"github.com/aws/smithy-go"

	"keyfob/internal/fault"
	"keyfob/internal/mail"
)

// verdict tells a refusal that will stay one from a failure worth another try.
//
// Terminal is what SES says of this message: trying again gets the same answer, and each try counts against the
// account's sending rate.
//
// Not terminal is what SES says of the deployment (a domain or a configuration set that is not there yet): it says
// nothing about the message, and the notices owed must go out once it is mended.
//
// Nor is a pause, of the account or of a configuration set. It says nothing about the message: an operator or
// Amazon lifts it, and the notices owed meanwhile must then still go out. SES names the pause by a code of its own or,
// when Amazon has ordered it, by a MessageRejected whose text begins with "Sending paused" or "Sending suspended".
// The event source's bounded retries and its on-failure destination keep that from becoming a storm.
//
// Throttling, an exhausted daily quota, 5xx, a connection that broke, a time-out, missing permissions and any code not
// known here are worth another try too: what cannot be decided must not lose a notice.
func verdict(err error) error {
	api, ok := errors.AsType[smithy.APIError](err)
	if !ok {
		return fault.Retry(err)
	}
	switch strings.TrimSuffix(api.ErrorCode(), "Exception") {
	case "MessageRejected":
		if paused(api.ErrorMessage()) {
			return fault.Retry(err)
		}
	case "InvalidParameterValue":
	default:
		return fault.Retry(err)
	}
	return &mail.Rejected{Reason: api.ErrorCode() + ": " + reason(api.ErrorMessage())}
}

func paused(message string) bool {
	return strings.HasPrefix(message, "Sending paused") || strings.HasPrefix(message, "Sending suspended")
}

// maxReason bounds what is kept of SES's own words, in bytes.
const maxReason = 300

// reason keeps SES's words to one bounded line, since they go into a record and a log.
func reason(s string) string {
	s = strings.Join(strings.Fields(s), " ")
	if len(s) > maxReason {
		s = strings.ToValidUTF8(s[:maxReason], "") + "…"
	}
	return s
}
