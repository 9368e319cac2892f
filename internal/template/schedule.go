package template

import (
	"cmp"
	"encoding/json"
	"regexp"
	"strconv"
	"time"
)

// A Schedule is an EventBridge rule that invokes a function, asynchronously, at a fixed rate.
type Schedule struct {
	Name     string // of the rule: the Name property, or the stack's name, the function's logical id and the event's name
	Function string // logical id
	Every    time.Duration
	Input    string // the JSON text that the function gets; empty for EventBridge's own event
	Enabled  bool
	Place    string // in the template
}

// RuleARN gives the schedule's rule as its events name it.
func (t *Template) RuleARN(s Schedule) string {
	return "arn:" + t.Partition + ":events:" + t.Region + ":" + t.AccountID + ":rule/" + s.Name
}

func readSchedules(t *Template) error {
	var err error
	for _, f := range t.Functions {
		f.each("Schedule", func(name string, o object) {
			t.Schedules = append(t.Schedules, readSchedule(t.StackName+"-"+f.LogicalID+name, f.LogicalID, o))
			err = cmp.Or(err, *o.err)
		})
	}
	return err
}

// readSchedule reads the event. RetryPolicy and DeadLetterConfig are about an event that EventBridge cannot hand to Lambda,
// which does not happen here; what becomes of one that was handed over is the function's EventInvokeConfig.
func readSchedule(name, function string, o object) Schedule {
	o.only("Schedule", "Name", "Description", "Enabled", "State", "Input", "RetryPolicy", "DeadLetterConfig")
	s := Schedule{
		Name: or(o.text("Name"), name), Function: function, Place: o.place,
		Input: o.text("Input"), Enabled: o.flag("Enabled", true),
	}
	every, ok := rate(o.need("Schedule"))
	if !ok {
		o.fail("Schedule", "the local service knows rates, such as rate(1 minute), rate(5 minutes) or rate(1 day), and no others")
	}
	s.Every = every
	if s.Input != "" && !json.Valid([]byte(s.Input)) {
		o.fail("Input", "it is not JSON")
	}
	switch o.text("State") {
	case "", "ENABLED":
	case "DISABLED":
		s.Enabled = false
	default:
		o.fail("State", "it is neither ENABLED nor DISABLED")
	}
	if o.has("State") && o.has("Enabled") {
		o.fail("State", "SAM takes either State or Enabled")
	}
	return s
}

var rates = regexp.MustCompile(`^rate\(([1-9][0-9]{0,5}) (minute|hour|day)(s?)\)$`)

// rate reads a rate expression. EventBridge takes "1 minute" and "2 minutes", but neither "1 minutes" nor "2 minute".
// https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-scheduled-rule-pattern.html
func rate(expression string) (time.Duration, bool) {
	m := rates.FindStringSubmatch(expression)
	if m == nil {
		return 0, false
	}
	n, err := strconv.Atoi(m[1])
	if err != nil || (n == 1) != (m[3] == "") {
		return 0, false
	}
	unit := map[string]time.Duration{"minute": time.Minute, "hour": time.Hour, "day": 24 * time.Hour}[m[2]]
	return time.Duration(n) * unit, n <= int(farthest/unit)
}

// farthest bounds a rate, so that adding it to a time cannot overflow.
const farthest = 100 * 365 * 24 * time.Hour
