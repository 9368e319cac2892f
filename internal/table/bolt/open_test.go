package bolt

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"go.etcd.io/bbolt"

	"keyfob/internal/table"
)

// wantOneLine asserts an error of one line that names the path and says the words.
func wantOneLine(t *testing.T, err error, path, words string) {
	t.Helper()
	if err == nil {
		t.Fatal("it was opened")
	}
	text := err.Error()
	if strings.ContainsAny(text, "\n\r") || len(text) > 300 || strings.Count(text, path) != 1 || !strings.Contains(text, words) {
		t.Errorf("%q: want one line that names %s once and says %q", text, path, words)
	}
}

func TestOpenSaysInOneLineWhatIsWrong(t *testing.T) {
	bolt := func(change func(tx *bbolt.Tx) error) func(t *testing.T, path string) {
		return func(t *testing.T, path string) {
			db, err := bbolt.Open(path, 0o600, nil)
			if err != nil {
				t.Fatal(err)
			}
			if err := db.Update(change); err != nil {
				t.Fatal(err)
			}
			if err := db.Close(); err != nil {
				t.Fatal(err)
			}
		}
	}
	content := func(b string) func(t *testing.T, path string) {
		return func(t *testing.T, path string) {
			if err := os.WriteFile(path, []byte(b), 0o600); err != nil {
				t.Fatal(err)
			}
		}
	}
	for _, test := range []struct {
		name  string
		make  func(t *testing.T, path string)
		words string
	}{
		{"ADirectory", func(t *testing.T, path string) {
			if err := os.Mkdir(path, 0o700); err != nil {
				t.Fatal(err)
			}
		}, "not a regular file"},
		{"AShortText", content("hello\n"), "not a table"},
		{"ALongText", content(strings.Repeat("hello\n", 10_000)), "not a table"},
		{"Zeros", content(strings.Repeat("\x00", 1<<16)), "not a table"},
		{"AnotherBoltFile", bolt(func(tx *bbolt.Tx) error { _, err := tx.CreateBucket([]byte("theirs")); return err }), "not a table"},
		{"ALaterFormat", bolt(func(tx *bbolt.Tx) error {
			b, err := tx.CreateBucket([]byte(bucketAbout))
			if err != nil {
				return err
			}
			return b.Put([]byte(formatKey), []byte("2"))
		}), `format "2"`},
		{"AMissingBucket", bolt(func(tx *bbolt.Tx) error {
			b, err := tx.CreateBucket([]byte(bucketAbout))
			if err != nil {
				return err
			}
			return b.Put([]byte(formatKey), []byte(format))
		}), "no bucket"},
	} {
		t.Run(test.name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "table.db")
			test.make(t, path)
			_, err := Open(path, time.Now)
			wantOneLine(t, err, path, test.words)
		})
	}
	put := func(bucket string, key, value []byte) func(tx *bbolt.Tx) error {
		return func(tx *bbolt.Tx) error { return tx.Bucket([]byte(bucket)).Put(key, value) }
	}
	for name, change := range map[string]func(tx *bbolt.Tx) error{
		"ADamagedItem":        put(bucketItems, appendKey(nil, "p", "b"), []byte("not an item")),
		"AnItemUnderAnothers": put(bucketItems, appendKey(nil, "p", "b"), appendItem(nil, table.Create(item("p", "a")).Item)),
		"ADamagedDueTime":     put(bucketDue, dueKey(1, appendKey(nil, "p", "a")), []byte("sum")),
		"ADamagedRecord":      put(bucketFeed, appendStamp(nil, 1), []byte("not a record")),
		"ADamagedBookmark":    put(bucketBookmarks, []byte("notify"), []byte(formatSequence(1))),
		"ASequenceUsedUp":     func(tx *bbolt.Tx) error { return tx.Bucket([]byte(bucketFeed)).SetSequence(0) },
	} {
		t.Run(name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "table.db")
			tab := open(t, path, time.Now)
			mustCommit(t, tab, table.Create(item("p", "a")))
			if err := tab.Close(); err != nil {
				t.Fatal(err)
			}
			bolt(change)(t, path)
			_, err := Open(path, time.Now)
			wantOneLine(t, err, path, "damaged")
		})
	}
	t.Run("NoSuchDirectory", func(t *testing.T) {
		path := filepath.Join(t.TempDir(), "absent", "table.db")
		_, err := Open(path, time.Now)
		wantOneLine(t, err, path, "no such file or directory")
	})
	t.Run("HeldByAnother", func(t *testing.T) {
		t.Parallel() // takes as long as the lock's time-out
		path := filepath.Join(t.TempDir(), "table.db")
		tab := open(t, path, time.Now)
		_, err := Open(path, time.Now)
		wantOneLine(t, err, path, "another process holds the file")
		mustCommit(t, tab, table.Create(item("p", "a"))) // the holder is not disturbed
	})
}

func TestEmptyFileIsANewTable(t *testing.T) {
	path := filepath.Join(t.TempDir(), "table.db")
	if err := os.WriteFile(path, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	mustCommit(t, open(t, path, time.Now), table.Create(item("p", "a")))
}

func TestFileIsForItsOwnerOnly(t *testing.T) {
	path := filepath.Join(t.TempDir(), "table.db")
	open(t, path, time.Now)
	info, err := os.Stat(path)
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("the file has the mode %v, %v", info.Mode(), err)
	}
}

func TestAcknowledgedMeansSynced(t *testing.T) {
	tab := open(t, "", time.Now)
	if tab.db.NoSync || tab.db.NoGrowSync || tab.db.NoFreelistSync {
		t.Error("bbolt is told not to sync")
	}
}
