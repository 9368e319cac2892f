package metric

import (
	"encoding/json"
	"io"
	"time"
)

// maxValues is how many values of a metric CloudWatch takes from one line.
const maxValues = 100

// A Meter writes observations. It may be used by several goroutines at once if its writer may; a nil one writes nothing.
type Meter struct {
	to              io.Writer
	stack, function string
	now             func() time.Time
}

// New makes a meter of a deployment's function. Whatever w writes for is to be the function's log.
func New(w io.Writer, stack, function string, now func() time.Time) *Meter {
	return &Meter{w, stack, function, now}
}

// Put writes what was observed: in one line, or in more where there are more values than a line may hold. That it could
// not be written is nobody's business: what was observed has happened all the same.
func (m *Meter) Put(observations ...Observation) {
	if m == nil {
		return
	}
	for {
		var now, later []Observation
		for _, o := range observations {
			n := min(len(o.values), maxValues)
			if n == 0 {
				continue
			}
			now = append(now, Observation{o.metric, o.values[:n]})
			later = append(later, Observation{o.metric, o.values[n:]})
		}
		if len(now) == 0 {
			return
		}
		m.line(now)
		observations = later
	}
}

// directive says which members of a line are metrics.
type directive struct {
	Namespace  string
	Dimensions [][]string
	Metrics    []definition
}

type definition struct{ Name, Unit string }

// line writes one line. Its level is INFO, as Lambda has it for lines that name none; the functions' logs are set up to
// let every level through, and what a function logs is for the function to choose.
func (m *Meter) line(observations []Observation) {
	at := m.now().UTC()
	out := map[string]any{
		"timestamp": at.Format(time.RFC3339Nano), "level": "INFO", "message": "metrics", "service": "keyfob",
		Stack: m.stack, Function: m.function,
	}
	var whole, each []definition
	for _, o := range observations {
		d := definition{o.metric.Name, o.metric.Unit}
		if o.metric.ByFunction {
			each = append(each, d)
		} else {
			whole = append(whole, d)
		}
		out[o.metric.Name] = o.values
		if len(o.values) == 1 {
			out[o.metric.Name] = o.values[0]
		}
	}
	var directives []directive
	if whole != nil {
		directives = append(directives, directive{Namespace, [][]string{{Stack}}, whole})
	}
	if each != nil {
		directives = append(directives, directive{Namespace, [][]string{{Stack, Function}}, each})
	}
	out["_aws"] = map[string]any{"Timestamp": at.UnixMilli(), "CloudWatchMetrics": directives}
	b, err := json.Marshal(out)
	if err != nil {
		return // there is nothing in it that has no form in JSON
	}
	_, _ = m.to.Write(append(b, '\n'))
}
