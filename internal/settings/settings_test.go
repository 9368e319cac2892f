package settings

import (
	"strings"
	"testing"
	"time"

	"keyfob/internal/metric"
)

func TestWrongSettingsAreNamed(t *testing.T) {
	for _, c := range []struct{ name, value, want string }{
		{"BRAND", "KF", "BRAND"}, {"REALM", "u s", "REALM"}, {"DASHBOARD_ORIGIN", "http://keys.example.com", "DASHBOARD_ORIGIN"},
		{"DASHBOARD_ORIGIN", "https://keys.example.com/", "DASHBOARD_ORIGIN"}, {"DASHBOARD_ORIGIN", "*", "DASHBOARD_ORIGIN"},
		{"", "", ""}, {"REALM", "eusandbox", ""}, {"DASHBOARD_ORIGIN", "https://keys.example.com", ""},
	} {
		_, err := Read(func(name string) string {
			if name == c.name {
				return c.value
			}
			return ""
		})
		if c.want == "" && err != nil || c.want != "" && (err == nil || !strings.Contains(err.Error(), c.want) || strings.Contains(err.Error(), "\n")) {
			t.Errorf("%s=%s: %v", c.name, c.value, err)
		}
	}
}

// S29: what is measured is a line of the log like others: masked, and named after the deployment and the function.
func TestS29MetricsAreMaskedAsLogsAre(t *testing.T) {
	s, err := Read(func(name string) string {
		return map[string]string{"TABLE_NAME": "keyfob-eu", "AWS_LAMBDA_FUNCTION_NAME": "kf_us_0123456789abcdefsecret"}[name]
	})
	if err != nil {
		t.Fatal(err)
	}
	var out strings.Builder
	s.Meter(&out, time.Now).Put(metric.Undecided.Of(1))
	if got := out.String(); !strings.Contains(got, `"function_name":"[redacted]"`) || !strings.Contains(got, `"stack":"keyfob-eu"`) || strings.Count(got, "\n") != 1 {
		t.Error(got)
	}
}
