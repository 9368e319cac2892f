package streams_test

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"keyfob/internal/local/lambdahost"
	"keyfob/internal/local/streams"
)

func TestAGivenUpBatchIsAFileOfLambdasForm(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "failures")
	keep := streams.Folder(dir, "M")
	d := streams.Discarded{Version: "1.0", Timestamp: "2026-11-21T20:00:01.000Z", Payload: []byte(`{"Records":[]}`)}
	d.RequestContext.RequestID = lambdahost.NewRequestID()
	for range 2 {
		if err := keep(t.Context(), d); err != nil {
			t.Fatal(err)
		}
	}
	var names []string
	err := filepath.WalkDir(dir, func(path string, d os.DirEntry, err error) error {
		if err == nil && !d.IsDir() {
			names = append(names, path)
		}
		return err
	})
	if err != nil || len(names) != 1 { // the same request id: the same name
		t.Fatalf("files %q, %v", names, err)
	}
	if !strings.Contains(names[0], "/aws/lambda/") || !strings.Contains(names[0], "/2026/11/21/2026-11-21T20.00.01-"+d.RequestContext.RequestID) {
		t.Errorf("name %s", names[0])
	}
	data, err := os.ReadFile(names[0])
	if err != nil {
		t.Fatal(err)
	}
	for _, member := range []string{"requestContext", "version", "timestamp", "DDBStreamBatchInfo", "payload"} {
		var m map[string]any
		if err := json.Unmarshal(data, &m); err != nil || m[member] == nil {
			t.Errorf("%s: %v", member, err)
		}
	}
}
