package mailbox

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"keyfob/internal/fault"
	"keyfob/internal/mail"
)

var start = time.Date(2026, 11, 21, 20, 15, 7, 0, time.UTC)

// open opens a mailbox whose clock gains a minute at each look.
func open(t *testing.T, dir string) *Mailbox {
	t.Helper()
	at := start
	m, err := Open(dir, func() time.Time { at = at.Add(time.Minute); return at })
	if err != nil {
		t.Fatal(err)
	}
	return m
}

func message(n int) mail.Message {
	return mail.Message{
		To: fmt.Sprintf("user%d@example.com", n), Subject: fmt.Sprintf("Subject %d <é>", n),
		Text: "text é\n", HTML: "<p>html é</p>\n", EventID: fmt.Sprintf("evt_%d", n),
	}
}

func send(t *testing.T, m *Mailbox, msgs ...mail.Message) {
	t.Helper()
	for _, msg := range msgs {
		if err := m.Send(t.Context(), msg); err != nil {
			t.Fatal(err)
		}
	}
}

func messages(t *testing.T, m *Mailbox) []Stored {
	t.Helper()
	list, err := m.Messages()
	if err != nil {
		t.Fatal(err)
	}
	return list
}

func TestMessagesComeBackNewestFirstAndSurviveARestart(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "a", "mail")
	m := open(t, dir)
	if list := messages(t, m); len(list) != 0 {
		t.Fatalf("a new mailbox holds %v", list)
	}
	send(t, m, message(1), message(2))
	m = open(t, dir)
	send(t, m, message(3))
	want := []Stored{
		{"0000000003", start.Add(time.Minute), "user3@example.com", "Subject 3 <é>", "text é\n", "<p>html é</p>\n", "evt_3"},
		{"0000000002", start.Add(2 * time.Minute), "user2@example.com", "Subject 2 <é>", "text é\n", "<p>html é</p>\n", "evt_2"},
		{"0000000001", start.Add(time.Minute), "user1@example.com", "Subject 1 <é>", "text é\n", "<p>html é</p>\n", "evt_1"},
	}
	if diff := cmp.Diff(want, messages(t, m)); diff != "" {
		t.Errorf("messages (-want +got):\n%s", diff)
	}
}

func TestADuplicateEventIsAMessageOfItsOwn(t *testing.T) {
	m := open(t, t.TempDir())
	send(t, m, message(1), message(1))
	if list := messages(t, m); len(list) != 2 || list[0].EventID != list[1].EventID || list[0].ID == list[1].ID {
		t.Errorf("messages: %v", list)
	}
}

func TestParallelSendsAllKeepTheirMessage(t *testing.T) {
	m, err := Open(t.TempDir(), func() time.Time { return start })
	if err != nil {
		t.Fatal(err)
	}
	var wg sync.WaitGroup
	for i := range 50 {
		wg.Go(func() {
			if err := m.Send(t.Context(), message(i)); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	seen := map[string]bool{}
	for _, s := range messages(t, m) {
		seen[s.EventID] = true
	}
	if len(seen) != 50 {
		t.Errorf("%d different messages, want 50", len(seen))
	}
}

func TestWhatADyingProcessLeftIsNoMessageAndIsClearedAway(t *testing.T) {
	dir := t.TempDir()
	send(t, open(t, dir), message(1))
	for _, name := range []string{".new-0000000002.json", "notes.json", "0000000002.txt", "12.json", "0000000009.json.bak"} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(`{"id":"000`), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	m := open(t, dir)
	send(t, m, message(2))
	if list := messages(t, m); len(list) != 2 || list[0].ID != "0000000002" {
		t.Errorf("messages: %v", list)
	}
	if left, _ := filepath.Glob(filepath.Join(dir, ".new-*")); len(left) != 0 {
		t.Errorf("left over: %v", left)
	}
	if _, err := os.Stat(filepath.Join(dir, "notes.json")); err != nil {
		t.Errorf("a stranger's file is gone: %v", err)
	}
}

func TestADamagedFileIsNamed(t *testing.T) {
	dir := t.TempDir()
	m := open(t, dir)
	send(t, m, message(1), message(2))
	for _, content := range []string{"", "{", `{"id":"0000000009"}`} {
		if err := os.WriteFile(filepath.Join(dir, "0000000001.json"), []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := m.Messages(); err == nil || !strings.Contains(err.Error(), "0000000001.json is damaged") {
			t.Errorf("content %q: %v", content, err)
		}
	}
}

func TestAFolderThatCannotBeUsedStopsOpen(t *testing.T) {
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for _, dir := range []string{file, filepath.Join(file, "mail")} {
		if _, err := Open(dir, time.Now); err == nil {
			t.Errorf("Open(%q) succeeded", dir)
		}
	}
}

func TestAMessageThatCannotBeKeptIsNotCalledSent(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "mail")
	m := open(t, dir)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := m.Send(ctx, message(1)); !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled: %v", err)
	}
	var rejected *mail.Rejected
	if err := m.Send(t.Context(), mail.Message{To: "a@example.com, b@example.com", Subject: "x"}); !errors.As(err, &rejected) {
		t.Errorf("two recipients: %v, want a *mail.Rejected", err)
	}
	if list := messages(t, m); len(list) != 0 {
		t.Errorf("messages: %v", list)
	}
	if err := os.RemoveAll(dir); err != nil {
		t.Fatal(err)
	}
	if err := m.Send(t.Context(), message(1)); !fault.Is(err, fault.Unavailable) {
		t.Errorf("folder gone: %v, want a failure worth another try", err)
	}
}
