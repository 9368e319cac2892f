package infratest

import (
	"encoding/json"
	"strings"
	"testing"
)

// S21: what may stand in the access log. A path, a query, a header, or the gateway's error text may hold a credential.
func TestS21TheAccessLogHoldsNothingThatCouldBeACredential(t *testing.T) {
	allowed := map[string]bool{
		"requestTime": true, "requestId": true, "extendedRequestId": true, "identity.sourceIp": true, "httpMethod": true,
		"resourcePath": true, "status": true, "responseLength": true, "responseLatency": true, "integration.latency": true,
		"authorizer.latency": true, "authorizer.status": true, "authorizer.principalId": true, "error.responseType": true, "tlsVersion": true,
	}
	format := text(properties(t, load(t, "template.yaml", nil), "Api"), "AccessLogSetting", "Format")
	var line map[string]string
	if err := json.Unmarshal([]byte(format), &line); err != nil || strings.Contains(format, "\n") {
		t.Fatalf("it is not one JSON object on one line: %v", err)
	}
	for name, v := range line {
		v, ok := strings.CutPrefix(v, "$context.")
		if !ok || !allowed[v] {
			t.Errorf("%s: %s", name, v)
		}
	}
	for _, name := range []string{"requestId", "status", "method", "principal"} {
		if line[name] == "" {
			t.Errorf("%s is not in it", name)
		}
	}
}

// S21: execution logs and traces hold whole requests.
func TestS21NothingTracesRequests(t *testing.T) {
	tm := load(t, "template.yaml", nil)
	api := properties(t, tm, "Api")
	settings, _ := api["MethodSettings"].([]any)
	if len(settings) == 0 || api["TracingEnabled"] != false {
		t.Errorf("%v, tracing %v", settings, api["TracingEnabled"])
	}
	for _, s := range settings {
		if at(s, "DataTraceEnabled") != false || at(s, "LoggingLevel") != "OFF" || at(s, "ThrottlingRateLimit") == nil || at(s, "ThrottlingBurstLimit") == nil {
			t.Errorf("%v", s)
		}
	}
	for _, f := range tm.Functions {
		if v := properties(t, tm, f.LogicalID)["Tracing"]; v != nil {
			t.Errorf("%s: tracing %v", f.LogicalID, v)
		}
	}
	if !strings.Contains(string(read(t, "template.yaml")), "    Tracing: Disabled\n") {
		t.Error("functions are not told not to trace")
	}
}
