package bolt

import (
	"bufio"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"go.etcd.io/bbolt"

	"keyfob/internal/table"
)

// crashFile names, in the environment of a copy of this test binary, the file to commit to until it is killed.
const crashFile = "KEYFOB_BOLT_CRASH_FILE"

const crashWorkers = 3

func TestMain(m *testing.M) {
	if path := os.Getenv(crashFile); path != "" {
		fmt.Fprintln(os.Stderr, commitForEver(path))
		os.Exit(1)
	}
	os.Exit(m.Run())
}

// commitForEver has workers commit, each from the count on that it finds in the table, and prints each worker and
// count when the commit has returned.
func commitForEver(path string) error {
	tab, err := Open(path, time.Now)
	if err != nil {
		return err
	}
	failed := make(chan error)
	for w := range crashWorkers {
		go func() {
			items, err := tab.Get(context.Background(), crashCounter(w))
			for n := int64(1); err == nil; n++ {
				if items[0] != nil && n <= items[0].Int("n") {
					continue
				}
				if err = tab.Commit(context.Background(), crashCommit(w, n)...); err == nil {
					_, err = fmt.Println(w, n)
				}
			}
			failed <- err
		}()
	}
	return <-failed
}

func crashCounter(w int) table.Key { return table.Key{PK: "counter", SK: fmt.Sprint(w)} }

// crashCommit is a worker's commit number n: it counts, makes two items and deletes the first of its last two.
func crashCommit(w int, n int64) []table.Op {
	counter := table.Item{"pk": table.S("counter"), "sk": table.S(fmt.Sprint(w)), "n": table.N(n)}
	pk := fmt.Sprint("worker-", w)
	ops := []table.Op{table.Create(item(pk, fmt.Sprintf("%08d-a", n))), table.Create(item(pk, fmt.Sprintf("%08d-b", n)))}
	if n == 1 {
		return append(ops, table.Create(counter))
	}
	return append(ops, table.Replace(counter, n-1), table.Delete(table.Key{PK: pk, SK: fmt.Sprintf("%08d-a", n-1)}, table.Present()))
}

// killAfter runs a copy of this binary on the file until it has acknowledged so many commits, kills it, and gives
// the highest count that each worker acknowledged.
func killAfter(t *testing.T, path string, commits int) (acknowledged [crashWorkers]int64) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), os.Args[0])
	cmd.Env = append(os.Environ(), crashFile+"="+path)
	cmd.Stderr = os.Stderr
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	lines := 0
	for s := bufio.NewScanner(out); s.Scan(); lines++ { // also what was printed before the kill and is read after it
		var w int
		var n int64
		if _, err := fmt.Sscan(s.Text(), &w, &n); err != nil {
			break // a line cut short by the kill
		}
		acknowledged[w] = n
		if lines == commits {
			if err := cmd.Process.Kill(); err != nil {
				t.Fatal(err)
			}
		}
	}
	if err := cmd.Wait(); lines < commits {
		t.Fatalf("it ended by itself after %d commits: %v", lines, err)
	}
	return acknowledged
}

func TestKilledProcessLeavesEachCommitWholeOrNotAtAll(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "table.db")
	var certain [crashWorkers]int64 // counts that must be there
	for _, commits := range []int{1, 30, 200, 7, 90} {
		for w, n := range killAfter(t, path, commits) {
			certain[w] = max(certain[w], n)
		}
		tab, err := Open(path, time.Now)
		if err != nil {
			t.Fatal(err)
		}
		for w := range crashWorkers {
			n := mustGet(t, tab, "counter", fmt.Sprint(w)).Int("n")
			if n < certain[w] || n > certain[w]+1 {
				t.Errorf("worker %d: count %d, but it had acknowledged %d", w, n, certain[w])
			}
			certain[w] = n
			var want []string
			for i := int64(1); i <= n; i++ {
				if i == n {
					want = append(want, fmt.Sprintf("%08d-a", i))
				}
				want = append(want, fmt.Sprintf("%08d-b", i))
			}
			page, err := tab.Query(t.Context(), table.Query{PK: fmt.Sprint("worker-", w), Limit: 1 << 20})
			if err != nil {
				t.Fatal(err)
			}
			var got []string
			for _, it := range page.Items {
				got = append(got, it.Key().SK)
			}
			if d := cmp.Diff(want, got); d != "" {
				t.Fatalf("worker %d at count %d (-want +got):\n%s", w, n, d)
			}
		}
		feedTellsTheTable(t, tab)
		if err := tab.view(func(tx *bbolt.Tx) error {
			for err := range tx.Check() {
				t.Errorf("bbolt finds: %v", err)
			}
			return nil
		}); err != nil {
			t.Error(err)
		}
		if err := tab.Close(); err != nil {
			t.Fatal(err)
		}
	}
}

// feedTellsTheTable replays the feed from the beginning and asserts that it ends in what the table holds.
func feedTellsTheTable(t *testing.T, tab *Table) {
	t.Helper()
	replayed := map[table.Key]table.Item{}
	for _, r := range changes(t, tab, "") {
		k := r.Change.Keys.Key()
		if !reflect.DeepEqual(replayed[k], r.Change.OldImage) {
			t.Fatalf("%s of %v does not begin where the record before ended (-want +got):\n%s", r.EventName, k, cmp.Diff(replayed[k], r.Change.OldImage))
		}
		if replayed[k] = r.Change.NewImage; r.EventName == table.Remove {
			delete(replayed, k)
		}
	}
	held := map[table.Key]table.Item{}
	if err := tab.view(func(tx *bbolt.Tx) error {
		return tx.Bucket([]byte(bucketItems)).ForEach(func(_, v []byte) error {
			it, err := decodeItem(v)
			held[it.Key()] = it
			return err
		})
	}); err != nil {
		t.Fatal(err)
	}
	if !reflect.DeepEqual(held, replayed) {
		t.Fatalf("the feed tells of another table (-table +feed):\n%s", cmp.Diff(held, replayed))
	}
}
