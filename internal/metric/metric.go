// Package metric measures what functions do and nobody else can see, for CloudWatch: it writes lines of the function's
// log in CloudWatch's embedded metric format, which cost no call and no permission.
//
//	meter := metric.New(out, "keyfob", function, time.Now)
//	meter.Put(metric.OwedNotices.Of(3), metric.OldestOwedSeconds.Of(900))
//
// It promises that
//   - there are no metrics but those that it names, so that each has an alarm or a graph (a test in internal/infratest
//     holds that);
//   - a dimension is the deployment's name or a function's, never anything that a caller sent or an id: the number of
//     metrics, which is what CloudWatch charges for, is bounded;
//   - a measurement is one line of JSON in one write, in the members that the function's log lines have, so that neither
//     Lambda nor CloudWatch takes it for anything else;
//   - a nil *Meter measures nothing, and nothing that is measured fails for it.
//
// It does not measure what AWS does by itself: invocations, durations, throttles, iterator age. It has no I/O and no
// clock but what it is given.
//
// https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/CloudWatch_Embedded_Metric_Format_Specification.html
package metric

// Namespace is where CloudWatch keeps the metrics.
const Namespace = "Keyfob"

// The dimensions. A metric has the first, and with ByFunction the second as well.
const (
	Stack    = "stack"
	Function = "function_name"
)

// Units, as CloudWatch spells them.
const (
	Count        = "Count"
	Seconds      = "Seconds"
	Milliseconds = "Milliseconds"
)

// A Metric is one of those below.
type Metric struct {
	Name       string
	Unit       string
	ByFunction bool // it is kept for each function by itself; else for the deployment as a whole
}

// The metrics.
var (
	// Undecided counts requests that a function could not decide about or carry out: those that the authorizer failed
	// for another reason than their credential, and those that were answered with a 5xx.
	Undecided = Metric{Name: "Undecided", Unit: Count, ByFunction: true}

	// NoticeLatency is the time from an event to the mail service's yes to a mail about it.
	NoticeLatency = Metric{Name: "NoticeLatency", Unit: Milliseconds}

	// NoticesSent, NoticesRejected and NoticesSuppressed count what became of mails: taken by the mail service, refused by
	// it for good, or not sent because their address is not written to.
	NoticesSent       = Metric{Name: "NoticesSent", Unit: Count}
	NoticesRejected   = Metric{Name: "NoticesRejected", Unit: Count}
	NoticesSuppressed = Metric{Name: "NoticesSuppressed", Unit: Count}

	// PurgeLag is the time from the instant at which a record was due to the one at which the store deleted it.
	PurgeLag = Metric{Name: "PurgeLag", Unit: Seconds}

	// OwedNotices and OldestOwedSeconds are what the sweep found still owed, past the time that the stream is given, and how
	// long the oldest of it has been; Reminders counts what it told of before its time.
	OwedNotices       = Metric{Name: "OwedNotices", Unit: Count}
	OldestOwedSeconds = Metric{Name: "OldestOwedSeconds", Unit: Seconds}
	Reminders         = Metric{Name: "Reminders", Unit: Count}
)

// All lists the metrics.
func All() []Metric {
	return []Metric{
		Undecided, NoticeLatency, NoticesSent, NoticesRejected, NoticesSuppressed, PurgeLag,
		OwedNotices, OldestOwedSeconds, Reminders,
	}
}

// An Observation is values of one metric.
type Observation struct {
	metric Metric
	values []int64
}

// Of gives the metric values. One that is negative, as where two clocks disagree, counts as 0.
func (m Metric) Of(values ...int64) Observation {
	o := Observation{metric: m, values: make([]int64, len(values))}
	for i, v := range values {
		o.values[i] = max(v, 0)
	}
	return o
}
