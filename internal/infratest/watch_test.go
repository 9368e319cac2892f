package infratest

import (
	"encoding/json"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/goccy/go-yaml"

	"keyfob/internal/metric"
	"keyfob/internal/template"
)

// handed gives the parameters that template.yaml hands to a nested template: what is referred to by its name. Some of it is
// made by SAM only, so that a resolved template has it not.
func handed(t *testing.T, id string) map[string]string {
	t.Helper()
	var document struct {
		Resources map[string]struct {
			Properties struct {
				Parameters map[string]any `yaml:"Parameters"`
			} `yaml:"Properties"`
		} `yaml:"Resources"`
	}
	if err := yaml.Unmarshal(read(t, "template.yaml"), &document); err != nil {
		t.Fatal(err)
	}
	out := map[string]string{}
	for name, v := range document.Resources[id].Properties.Parameters {
		switch v := v.(type) {
		case string:
			out[name] = strings.ReplaceAll(v, "AWS::StackName", "keyfob")
		case []any: // !Join
			out[name] = strings.Join(texts(v[1]), v[0].(string))
		default:
			t.Fatalf("%s is %v", name, v)
		}
	}
	if len(out) == 0 {
		t.Fatalf("%s is handed nothing", id)
	}
	return out
}

// alarms gives the resolved alarms.
func alarms(t *testing.T) map[string]map[string]any {
	t.Helper()
	tm := load(t, "infra/alarms.yaml", handed(t, "AlarmsStack"))
	out := map[string]map[string]any{}
	for _, id := range tm.Resources("AWS::CloudWatch::Alarm") {
		out[id] = properties(t, tm, id)
	}
	return out
}

// A widget is a graph of the dashboard; a text's has no metrics.
type widget struct {
	Type                string
	X, Y, Width, Height int
	Properties          struct {
		Title, Region, Markdown string
		Metrics                 [][]any
	}
}

func dashboard(t *testing.T) []widget {
	t.Helper()
	var body struct{ Widgets []widget }
	text := text(properties(t, load(t, "infra/watch.yaml", handed(t, "WatchStack")), "Dashboard"), "DashboardBody")
	if err := json.Unmarshal([]byte(text), &body); err != nil || len(body.Widgets) == 0 {
		t.Fatalf("%v: %s", err, text)
	}
	return body.Widgets
}

// An observed is a metric as an alarm or a graph names it.
type observed struct {
	where, namespace, name string
	dimensions             map[string]string
}

// search is a graph of whatever metrics a filter finds.
var search = regexp.MustCompile(`^SEARCH\('\{([^,}]+),([^}]+)\} MetricName="(\w+)" (\w+)=(.+)', '\w+', \d+\)$`)

// allObserved lists what alarms and dashboard look at.
func allObserved(t *testing.T) []observed {
	t.Helper()
	var all []observed
	for id, a := range alarms(t) {
		o := observed{id, text(a, "Namespace"), text(a, "MetricName"), map[string]string{}}
		list, _ := a["Dimensions"].([]any)
		for _, d := range list {
			o.dimensions[text(d, "Name")] = text(d, "Value")
		}
		all = append(all, o)
	}
	for _, w := range dashboard(t) {
		for _, m := range w.Properties.Metrics {
			if expression := text(m[0], "expression"); expression != "" {
				found := search.FindStringSubmatch(expression)
				if found == nil || len(expression) > 1024 {
					t.Errorf("%s: %s", w.Properties.Title, expression)
					continue
				}
				o := observed{w.Properties.Title, found[1], found[3], map[string]string{}}
				for name := range strings.SplitSeq(found[2], ",") {
					o.dimensions[name] = ""
				}
				o.dimensions[found[4]] = found[5]
				all = append(all, o)
				continue
			}
			var words []string
			for _, word := range m {
				if s, ok := word.(string); ok {
					words = append(words, s)
				}
			}
			o := observed{w.Properties.Title, words[0], words[1], map[string]string{}}
			for i := 2; i+1 < len(words); i += 2 {
				o.dimensions[words[i]] = words[i+1]
			}
			all = append(all, o)
		}
	}
	return all
}

// Each metric of ours is looked at by an alarm or a graph, under the dimensions that it is written with; and none is looked at
// that is not written. A name that is misspelt would be an alarm that never rings.
func TestEveryMetricIsWatchedAndNoOther(t *testing.T) {
	watched := map[string]bool{}
	for _, o := range allObserved(t) {
		if o.namespace != metric.Namespace {
			continue
		}
		i := slices.IndexFunc(metric.All(), func(m metric.Metric) bool { return m.Name == o.name })
		if i < 0 {
			t.Errorf("%s looks at %s, which nothing writes", o.where, o.name)
			continue
		}
		watched[o.name] = true
		want := 1
		if metric.All()[i].ByFunction {
			want = 2
		}
		_, function := o.dimensions[metric.Function]
		if strings.Trim(o.dimensions[metric.Stack], `"`) != "keyfob" || len(o.dimensions) != want || function != (want == 2) {
			t.Errorf("%s looks at %s of %v", o.where, o.name, o.dimensions)
		}
	}
	for _, m := range metric.All() {
		if !watched[m.Name] {
			t.Errorf("nothing looks at %s", m.Name)
		}
	}
}

func TestEveryMetricIsWritten(t *testing.T) {
	var code strings.Builder
	for _, folder := range []string{"internal", "functions", "authorizer"} {
		err := filepath.WalkDir(filepath.Join(root, folder), func(path string, d os.DirEntry, err error) error {
			if err != nil || d.IsDir() || !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go") || filepath.Base(filepath.Dir(path)) == "metric" {
				return err
			}
			data, err := os.ReadFile(path)
			code.Write(data)
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	for _, m := range metric.All() {
		if !regexp.MustCompile(`metric\.` + m.Name + `\b`).MatchString(code.String()) {
			t.Errorf("nothing writes %s", m.Name)
		}
	}
}

// A main that gives its handler no meter would have it measure nothing, and nobody would see the difference.
func TestEveryFunctionMeasures(t *testing.T) {
	for _, file := range append(glob(t, "functions/*/main.go"), filepath.Join(root, "authorizer", "main.go")) {
		data, err := os.ReadFile(file)
		if err != nil || !regexp.MustCompile(`\bMeter: +s\.Meter\(os\.Stdout, time\.Now\),`).Match(data) {
			t.Errorf("%s: %v", file, err)
		}
	}
}

// Lambda gives a line without a level of its own the level INFO and filters by that; so its filter has to let INFO through
// whatever the functions are told to log.
func TestNoLevelOfLogsTakesTheMetricsAway(t *testing.T) {
	for _, level := range []string{"DEBUG", "INFO", "WARN", "ERROR"} {
		tm := load(t, "template.yaml", map[string]string{"LogLevel": level})
		for _, f := range tm.Functions {
			if got := text(properties(t, tm, f.LogicalID), "LoggingConfig", "ApplicationLogLevel"); got != "DEBUG" || f.Environment["LOG_LEVEL"] != level {
				t.Errorf("%s with %s: %q, LOG_LEVEL %q", f.LogicalID, level, got, f.Environment["LOG_LEVEL"])
			}
		}
	}
}

// alarmed is what somebody is told of, by the metric and what it is about; a function without an entry of its own is told of
// as part of the API or of the account.
var alarmed = map[string][]string{
	"AuthorizerFunction": {"Duration", "Throttles"},
	"NotifyFunction":     {"DestinationDeliveryFailures", "Errors", "IteratorAge"},
	"UpkeepFunction":     {"DestinationDeliveryFailures", "Errors", "IteratorAge"},
	"FeedbackFunction":   {"AsyncEventsDropped", "DestinationDeliveryFailures"},
	"SweepFunction":      {"Errors", "Invocations"},
	"":                   {"Throttles"},
}

func TestWhatSomebodyHasToBeToldOfHasItsAlarm(t *testing.T) {
	got, others := map[string][]string{}, []string{}
	for id, a := range alarms(t) {
		if about := text(a, "AlarmDescription"); len(about) < 60 || !strings.HasSuffix(about, ".") || len(about) > 1024 {
			t.Errorf("%s: %q", id, about)
		}
		dimensions, _ := a["Dimensions"].([]any)
		if text(a, "Namespace") != "AWS/Lambda" || len(dimensions) > 0 && text(dimensions[0], "Name") != "FunctionName" {
			others = append(others, text(a, "MetricName"))
			continue
		}
		about := ""
		if len(dimensions) > 0 {
			about = text(dimensions[0], "Value")
		}
		got[about] = append(got[about], text(a, "MetricName"))
	}
	for function, want := range alarmed {
		if sorted(got[function]) != sorted(want) {
			t.Errorf("%s: %v, want %v", function, got[function], want)
		}
		delete(got, function)
	}
	if len(got) != 0 {
		t.Errorf("%v", got)
	}
	want := []string{"5XXError", "OldestOwedSeconds", "OnFailureDestinationDeliveredEventCount", "OnFailureDestinationDeliveredEventCount", "OwedNotices", "PurgeLag", "Reputation.BounceRate", "Reputation.ComplaintRate", "Undecided", "NumberOfObjects"}
	if sorted(others) != sorted(want) {
		t.Errorf("%v, want %v", others, want)
	}
	// Silence is a breach where it means that something has stopped, and nowhere else.
	for id, a := range alarms(t) {
		if (text(a, "TreatMissingData") == "breaching") != (id == "SweepStopped") {
			t.Errorf("%s: %v", id, a["TreatMissingData"])
		}
	}
}

// Each function is in the dashboard's graphs of errors and of throttles, and the groups are small enough for an expression.
func TestEveryFunctionIsInTheDashboard(t *testing.T) {
	tm := load(t, "template.yaml", nil)
	shown := map[string]string{}
	for _, o := range allObserved(t) {
		if names := o.dimensions["FunctionName"]; o.namespace == "AWS/Lambda" && strings.HasPrefix(names, "(") {
			shown[o.name] += " " + names
			if n := strings.Count(names, `"`) / 2; n > 10 {
				t.Errorf("%s: %d functions", o.where, n) // of 64 letters each
			}
		}
	}
	for _, f := range tm.Functions {
		for _, name := range []string{"Errors", "Throttles"} {
			if f.LogicalID == "AuthorizerFunction" && name == "Errors" {
				continue // they are mostly 401s, and are shown as such
			}
			if !strings.Contains(shown[name], `"`+f.LogicalID+`"`) {
				t.Errorf("%s is not in the graphs of %s: %s", f.LogicalID, name, shown[name])
			}
		}
		if tm.API != nil && slices.ContainsFunc(tm.API.Routes, func(r template.Route) bool { return r.Function == f.LogicalID }) && !strings.Contains(shown["Duration"], `"`+f.LogicalID+`"`) {
			t.Errorf("%s is not in the graph of durations", f.LogicalID)
		}
	}
}

// Graphs stand on a grid of 24 columns, none on another, each of this region.
func TestTheDashboardIsWellFormed(t *testing.T) {
	taken := map[[2]int]string{}
	for _, w := range dashboard(t) {
		name := w.Properties.Title + w.Properties.Markdown
		if w.X < 0 || w.X+w.Width > 24 || name == "" || (w.Type == "metric") != (len(w.Properties.Metrics) > 0 && w.Properties.Region == "us-east-1") {
			t.Errorf("%+v", w)
		}
		for x := w.X; x < w.X+w.Width; x++ {
			for y := w.Y; y < w.Y+w.Height; y++ {
				if other := taken[[2]int{x, y}]; other != "" {
					t.Fatalf("%s lies on %s", name, other)
				}
				taken[[2]int{x, y}] = name
			}
		}
	}
}
