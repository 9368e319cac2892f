package metric_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"keyfob/internal/metric"
)

// lines is a log: each write is one line.
type lines struct{ writes []string }

func (l *lines) Write(b []byte) (int, error) {
	l.writes = append(l.writes, string(b))
	return len(b), nil
}

var at = time.Date(2030, 1, 2, 3, 4, 5, 678_000_000, time.FixedZone("", 3600))

func meter(w *lines) *metric.Meter {
	return metric.New(w, "keyfob-eu", "keyfob-eu-Notify\"Function", func() time.Time { return at })
}

// read reads a line as CloudWatch does: the values of each metric by its name, its unit and its dimensions.
func read(t *testing.T, line string) (values map[string][]float64, described map[string]string) {
	t.Helper()
	if strings.Count(line, "\n") != 1 || !strings.HasSuffix(line, "\n") {
		t.Fatalf("not one line: %q", line)
	}
	var members map[string]json.RawMessage
	if err := json.Unmarshal([]byte(line), &members); err != nil {
		t.Fatal(err)
	}
	var aws struct {
		Timestamp         int64
		CloudWatchMetrics []struct {
			Namespace  string
			Dimensions [][]string
			Metrics    []struct{ Name, Unit string }
		}
	}
	if err := json.Unmarshal(members["_aws"], &aws); err != nil || aws.Timestamp != at.UnixMilli() {
		t.Fatalf("%v: %s", err, members["_aws"])
	}
	values, described = map[string][]float64{}, map[string]string{}
	for _, d := range aws.CloudWatchMetrics {
		for _, m := range d.Metrics {
			of := []string{d.Namespace, m.Unit}
			for _, name := range d.Dimensions[0] {
				var value string
				if err := json.Unmarshal(members[name], &value); err != nil || len(d.Dimensions) != 1 {
					t.Fatalf("dimension %s: %v", name, err)
				}
				of = append(of, value)
			}
			described[m.Name] = strings.Join(of, " ")
			var one float64
			if json.Unmarshal(members[m.Name], &one) == nil {
				values[m.Name] = []float64{one}
			} else {
				var several []float64
				if err := json.Unmarshal(members[m.Name], &several); err != nil || len(several) < 1 || len(several) > 100 {
					t.Fatalf("%s is %s", m.Name, members[m.Name])
				}
				values[m.Name] = several
			}
		}
	}
	return values, described
}

func TestAMeasurementIsOneLineInCloudWatchsForm(t *testing.T) {
	w := &lines{}
	meter(w).Put(metric.NoticeLatency.Of(120, 80), metric.NoticesSent.Of(2), metric.Undecided.Of(1), metric.PurgeLag.Of(-5), metric.Reminders.Of())
	if len(w.writes) != 1 {
		t.Fatalf("%d lines", len(w.writes))
	}
	values, described := read(t, w.writes[0])
	if got, want := fmt.Sprint(values), "map[NoticeLatency:[120 80] NoticesSent:[2] PurgeLag:[0] Undecided:[1]]"; got != want {
		t.Errorf("%s, want %s", got, want)
	}
	if described["NoticeLatency"] != "Keyfob Milliseconds keyfob-eu" || described["Undecided"] != `Keyfob Count keyfob-eu keyfob-eu-Notify"Function` {
		t.Errorf("%v", described)
	}
}

// Lambda reads time and level out of a line in JSON; without them it gives the line its own.
// https://docs.aws.amazon.com/lambda/latest/dg/monitoring-cloudwatchlogs-log-level.html
func TestALineHasWhatLambdaReads(t *testing.T) {
	w := &lines{}
	meter(w).Put(metric.Reminders.Of(1))
	var line struct{ Timestamp, Level, Message, Service string }
	if err := json.Unmarshal([]byte(w.writes[0]), &line); err != nil {
		t.Fatal(err)
	}
	if got, err := time.Parse(time.RFC3339, line.Timestamp); err != nil || !got.Equal(at) || line.Level != "INFO" || line.Message == "" || line.Service != "keyfob" {
		t.Errorf("%+v, %v", line, err)
	}
}

func TestMoreValuesThanALineMayHoldAreSeveralLines(t *testing.T) {
	w := &lines{}
	latencies := make([]int64, 250)
	for i := range latencies {
		latencies[i] = int64(i)
	}
	meter(w).Put(metric.NoticeLatency.Of(latencies...), metric.NoticesSent.Of(250))
	var all []float64
	sent := 0
	for _, line := range w.writes {
		values, _ := read(t, line)
		all = append(all, values["NoticeLatency"]...)
		sent += len(values["NoticesSent"])
	}
	if len(w.writes) != 3 || len(all) != 250 || !slices.IsSorted(all) || sent != 1 {
		t.Errorf("%d lines, %d values, %d counts", len(w.writes), len(all), sent)
	}
}

func TestATallyIsOneLineWithCountsAddedUp(t *testing.T) {
	w := &lines{}
	tally := metric.NewTally(meter(w))
	var all sync.WaitGroup
	for range 60 {
		all.Go(func() {
			tally.Add(metric.NoticesSent, 1)
			tally.Add(metric.NoticeLatency, 7)
		})
	}
	all.Wait()
	tally.Put()
	tally.Put()
	if len(w.writes) != 1 {
		t.Fatalf("%d lines", len(w.writes))
	}
	if values, _ := read(t, w.writes[0]); values["NoticesSent"][0] != 60 || len(values["NoticeLatency"]) != 60 {
		t.Errorf("%v", values)
	}
	for range 1000 {
		tally.Add(metric.NoticeLatency, 7)
	}
	tally.Put()
	if len(w.writes) != 11 {
		t.Errorf("1000 values in %d lines", len(w.writes)-1)
	}
}

// broken is a log that cannot be written.
type broken struct{}

func (broken) Write([]byte) (int, error) { return 0, errors.New("broken pipe") }

func TestNothingFailsForAMeter(t *testing.T) {
	var none *metric.Meter
	var nobody *metric.Tally
	for _, m := range []*metric.Meter{none, metric.New(broken{}, "", "", time.Now)} {
		m.Put(metric.Undecided.Of(1))
		tally := metric.NewTally(m)
		tally.Add(metric.NoticesSent, 1)
		tally.Put()
	}
	nobody.Add(metric.NoticesSent, 1)
	nobody.Put()
}

func TestEveryMetricIsListedOnceWithAUnit(t *testing.T) {
	seen := map[string]bool{}
	for _, m := range metric.All() {
		if seen[m.Name] || m.Name == "" || !slices.Contains([]string{metric.Count, metric.Seconds, metric.Milliseconds}, m.Unit) {
			t.Errorf("%+v", m)
		}
		seen[m.Name] = true
	}
}
