package dynamo_test

import (
	"context"
	"errors"
	"net"
	"net/http"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"keyfob/internal/dynamotest"
	"keyfob/internal/table"
	"keyfob/internal/table/dynamo"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
)

func TestAllRepetitionsOfACommitCarryItsOwnToken(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := &fake{}
		f.commit = func(context.Context, *dynamodb.TransactWriteItemsInput) error {
			switch len(f.commits) % 3 {
			case 1:
				return &net.OpError{Op: "read", Err: errors.New("connection reset by peer")}
			case 2:
				return cancellation("TransactionConflict")
			}
			return nil
		}
		tbl := on(f)
		for range 2 {
			if err := tbl.Commit(t.Context(), create("a")); err != nil {
				t.Fatal(err)
			}
		}
		tokens := map[string]int{}
		for _, in := range f.commits {
			tokens[aws.ToString(in.ClientRequestToken)]++
		}
		if len(tokens) != 2 || tokens[""] != 0 {
			t.Errorf("2 commits of 3 requests each have the tokens %v", tokens)
		}
		for token, n := range tokens {
			if n != 3 || len(token) > 36 {
				t.Errorf("token %q is on %d requests, want 3", token, n)
			}
		}
	})
}

// lossy is a way to DynamoDB on which the first answer to each commit is lost after DynamoDB has made it.
type lossy struct {
	http.RoundTripper
	sent atomic.Int64
}

func (l *lossy) RoundTrip(r *http.Request) (*http.Response, error) {
	resp, err := l.RoundTripper.RoundTrip(r)
	if err == nil && r.Header.Get("X-Amz-Target") == "DynamoDB_20120810.TransactWriteItems" && l.sent.Add(1)%2 == 1 {
		resp.Body.Close()
		return nil, errors.New("connection reset by peer")
	}
	return resp, err
}

func TestACommitWhoseAnswerIsLostIsMadeOnce(t *testing.T) {
	admin := dynamotest.Client(t)
	way := &lossy{RoundTripper: http.DefaultTransport}
	client := dynamodb.New(admin.Options(), func(o *dynamodb.Options) { o.HTTPClient = &http.Client{Transport: way} })
	tbl := dynamo.New(client, dynamo.Config{Table: newTable(t, admin)})
	op := create("a")
	for n, op := range []table.Op{op, table.Replace(op.Item, 1), table.Replace(op.Item, 2)} {
		if err := tbl.Commit(t.Context(), op, table.Check(table.Key{PK: "p", SK: "none"}, table.Absent())); err != nil {
			t.Fatalf("commit %d: %v", n, err)
		}
		items, err := tbl.Get(t.Context(), op.Key)
		if err != nil || items[0].Version() != int64(n+1) {
			t.Errorf("after commit %d the item is %v, %v", n, items, err)
		}
	}
	if err := tbl.Commit(t.Context(), table.Delete(op.Key, table.Present())); err != nil {
		t.Errorf("delete: %v", err)
	}
	if n := way.sent.Load(); n != 8 {
		t.Errorf("%d requests for 4 commits, want 2 for each", n)
	}
}

func TestAConflictIsAboutTheFirstFailedOperation(t *testing.T) {
	ops := []table.Op{create("a"), create("b"), create("c"), create("d")}
	const none, failed, busy = "None", "ConditionalCheckFailed", "TransactionConflict"
	for _, c := range []struct {
		name    string
		answers [][]string // the reasons of one request after another; the last one stays
		want    int        // the conflict's index
		sent    int
	}{
		{"TheFirstOfSeveral", [][]string{{none, failed, none, failed}}, 1, 1},
		{"TheLast", [][]string{{none, none, none, failed}}, 3, 1},
		{"NotToldWhileAnEarlierOneIsUndecided", [][]string{{busy, none, failed, none}, {none, failed, failed, none}}, 1, 2},
		{"ToldIfALaterOneIsUndecided", [][]string{{none, failed, busy, none}}, 1, 1},
		{"KnownInTheEnd", [][]string{{busy, none, failed, none}}, 2, -1},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				f := &fake{}
				f.commit = func(context.Context, *dynamodb.TransactWriteItemsInput) error {
					return cancellation(c.answers[min(len(f.commits), len(c.answers))-1]...)
				}
				err := on(f).Commit(t.Context(), ops...)
				conflict, ok := errors.AsType[*table.Conflict](err)
				if !ok || conflict.Index != c.want || conflict.Key != ops[c.want].Key {
					t.Errorf("got %v, want a conflict about operation %d", err, c.want)
				}
				if c.sent > 0 && f.requests() != c.sent {
					t.Errorf("%d requests, want %d", f.requests(), c.sent)
				}
			})
		})
	}
}

func TestCancellationsForLoadOrContentionEndUnavailable(t *testing.T) {
	for _, reason := range []string{"TransactionConflict", "ThrottlingError", "ProvisionedThroughputExceeded"} {
		synctest.Test(t, func(t *testing.T) {
			f := failing(cancellation(reason))
			wantUnavailable(t, on(f).Commit(t.Context(), create("a")))
			if n := f.requests(); n < 5 {
				t.Errorf("%s: %d requests", reason, n)
			}
		})
	}
	_, isMisuse := errors.AsType[*table.Misuse](on(failing(cancellation("ValidationError"))).Commit(t.Context(), create("a")))
	if !isMisuse {
		t.Error("an operation that DynamoDB finds malformed is no *table.Misuse")
	}
}

// crowded is a DynamoDB that takes its time over a transaction and cancels every other one on the same keys that
// comes meanwhile, as DynamoDB does and DynamoDB Local does not.
type crowded struct {
	fake
	mu        sync.Mutex
	held      map[string]bool
	done      int
	cancelled int
}

const latency = 15 * time.Millisecond

func (c *crowded) TransactWriteItems(_ context.Context, in *dynamodb.TransactWriteItemsInput, _ ...func(*dynamodb.Options)) (*dynamodb.TransactWriteItemsOutput, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	var mine, reasons []string
	collides := false
	for _, item := range in.TransactItems {
		sk := item.Put.Item["sk"].(*types.AttributeValueMemberS).Value
		mine = append(mine, sk)
		reasons = append(reasons, map[bool]string{false: "None", true: "TransactionConflict"}[c.held[sk]])
		collides = collides || c.held[sk]
	}
	if collides {
		c.cancelled++
		return nil, cancellation(reasons...)
	}
	for _, sk := range mine {
		c.held[sk] = true
	}
	c.mu.Unlock()
	<-time.After(latency)
	c.mu.Lock()
	for _, sk := range mine {
		delete(c.held, sk)
	}
	c.done++
	return &dynamodb.TransactWriteItemsOutput{}, nil
}

func TestThirtyTwoCommitsOnOneKeyAllGetThrough(t *testing.T) {
	for range 20 {
		synctest.Test(t, func(t *testing.T) {
			c := &crowded{held: map[string]bool{}}
			tbl := on(c)
			var all sync.WaitGroup
			for i := range 32 {
				all.Go(func() {
					if err := tbl.Commit(t.Context(), create("own"+string(rune('A'+i))), create("shared")); err != nil {
						t.Error(err)
					}
				})
			}
			all.Wait()
			if c.done != 32 || c.cancelled == 0 {
				t.Errorf("%d made, %d cancelled", c.done, c.cancelled)
			}
		})
	}
}
