package settings

import (
	"strings"
	"testing"
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
