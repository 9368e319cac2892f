package bolt

import (
	"fmt"
	"testing"

	"keyfob/internal/table"
)

func TestBookmarksArePersistentAndEachConsumersOwn(t *testing.T) {
	path := t.TempDir() + "/table.db"
	tab := open(t, path, newClock().now)
	for i := range 5 {
		mustCommit(t, tab, table.Create(item("p", fmt.Sprint(i))))
	}
	at := changes(t, tab, "")[2].Change.SequenceNumber
	if got, err := tab.Bookmark("notify"); err != nil || got != "" {
		t.Errorf("a new consumer is at %q, %v", got, err)
	}
	if err := tab.SetBookmark("notify", at); err != nil {
		t.Fatal(err)
	}
	if err := tab.SetBookmark("sweeper", at); err != nil {
		t.Fatal(err)
	}
	if err := tab.SetBookmark("sweeper", ""); err != nil {
		t.Fatal(err)
	}
	if err := tab.SetBookmark("", at); !isMisuse(err) {
		t.Errorf("a consumer without a name: %v, want a *table.Misuse", err)
	}
	if err := tab.Close(); err != nil {
		t.Fatal(err)
	}
	tab = open(t, path, newClock().now)
	for consumer, want := range map[string]string{"notify": at, "sweeper": "", "other": ""} {
		if got, err := tab.Bookmark(consumer); err != nil || got != want {
			t.Errorf("%s is at %q, %v, want %q", consumer, got, err, want)
		}
	}
	if rest := changes(t, tab, at); len(rest) != 2 || rest[0].Change.Keys.Key().SK != "3" {
		t.Errorf("after the bookmark come %d records", len(rest))
	}
}
