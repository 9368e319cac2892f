package template

import (
	"cmp"
	"slices"
	"time"
)

// A Stream is an event source mapping: it reads a table's change feed and invokes a function with batches of it.
type Stream struct {
	Name           string // the function's logical id and the event's name
	Function       string // logical id
	Source         string // the stream, as it was resolved: "${Table.StreamArn}"
	Enabled        bool
	Latest         bool          // StartingPosition LATEST; else TRIM_HORIZON
	BatchSize      int           // records
	Window         time.Duration // how long a batch that is not full is waited for
	Filters        []string      // patterns, as JSON; a record passes if it matches one, or if there is none
	Retries        int           // after the first try; -1 for as long as the record lives
	MaxAge         time.Duration // of a record, after which it is given up; 0 for its whole life
	Bisect         bool
	ReportFailures bool   // ReportBatchItemFailures
	OnFailure      string // where given-up batches go; empty for nowhere
	Place          string // in the template
}

// minAge is the least that Lambda takes as a record's or an event's maximum age.
const minAge = time.Minute

func readMappings(t *Template) error {
	var err error
	for _, f := range t.Functions {
		f.each("DynamoDB", func(name string, o object) {
			t.Streams = append(t.Streams, readStream(f.LogicalID+name, f.LogicalID, o.need("Stream"), o, "Stream"))
			err = cmp.Or(err, *o.err)
		})
	}
	for _, id := range t.Resources("AWS::Lambda::EventSourceMapping") {
		props, e := t.Properties(id)
		if e != nil {
			return e
		}
		o := newObject(t.scope, "Resources."+id+".Properties", anyMap(props))
		function := logicalID(o.need("FunctionName"))
		if _, ok := t.Function(function); !ok {
			o.fail("FunctionName", "it is not a function in the template")
		}
		t.Streams = append(t.Streams, readStream(id, function, o.need("EventSourceArn"), o, "EventSourceArn", "FunctionName", "Tags"))
		err = cmp.Or(err, *o.err)
	}
	return err
}

func readStream(name, function, source string, o object, also ...string) Stream {
	o.only(append(also, "StartingPosition", "Enabled", "BatchSize", "MaximumBatchingWindowInSeconds", "FilterCriteria",
		"MaximumRetryAttempts", "MaximumRecordAgeInSeconds", "BisectBatchOnFunctionError", "FunctionResponseTypes",
		"DestinationConfig", "ParallelizationFactor", "KmsKeyArn", "MetricsConfig", "LoggingConfig")...)
	s := Stream{
		Name: name, Function: function, Source: source, Place: o.place,
		Enabled:   o.flag("Enabled", true),
		BatchSize: o.number("BatchSize", 100, 1, 10_000),
		Window:    time.Duration(o.number("MaximumBatchingWindowInSeconds", 0, 0, 300)) * time.Second,
		Retries:   o.number("MaximumRetryAttempts", -1, -1, 10_000),
		MaxAge:    time.Duration(max(o.number("MaximumRecordAgeInSeconds", -1, -1, 604_800), 0)) * time.Second,
		Bisect:    o.flag("BisectBatchOnFunctionError", false),
	}
	o.number("ParallelizationFactor", 1, 1, 10) // one batch at a time keeps the same order, only slower
	switch start := o.need("StartingPosition"); start {
	case "LATEST":
		s.Latest = true
	case "TRIM_HORIZON":
	default:
		o.fail("StartingPosition", "a table's stream starts at LATEST or TRIM_HORIZON")
	}
	for _, kind := range o.texts("FunctionResponseTypes") {
		if kind != "ReportBatchItemFailures" {
			o.fail("FunctionResponseTypes", "there is no response type "+kind)
		}
		s.ReportFailures = true
	}
	if s.MaxAge > 0 && s.MaxAge < minAge {
		o.fail("MaximumRecordAgeInSeconds", "Lambda takes -1 or at least 60")
	}
	s.Filters = readFilters(o.object("FilterCriteria"))
	s.OnFailure = readOnFailure(o.object("DestinationConfig"))
	return s
}

// readOnFailure gives where what is given up goes. There is nothing here for what succeeds to go to.
func readOnFailure(o object) string {
	o.only("OnFailure")
	failure := o.object("OnFailure")
	failure.only("Destination", "Type")
	return failure.text("Destination")
}

func readFilters(o object) []string {
	o.only("Filters")
	list, _ := o.m["Filters"].([]any)
	var out []string
	for _, item := range list {
		filter := object{scope: o.scope, place: join(o.place, "Filters"), err: o.err}
		filter.m, _ = item.(map[string]any)
		filter.only("Pattern")
		out = append(out, filter.need("Pattern"))
	}
	return slices.Clip(out)
}
