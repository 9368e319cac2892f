package trail_test

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"keyfob/internal/audit"
	"keyfob/internal/dynamotest"
	"keyfob/internal/table/dynamo"
	"keyfob/internal/template"
	"keyfob/internal/trail"
)

// wanted says by the filter's own words whether an event is to come.
func wanted(f trail.Filter, e audit.Event) bool {
	about := f.Token == "" || e.Subject.ID == f.Token
	for _, s := range e.Also {
		about = about || s.ID == f.Token
	}
	return about && (f.Actor == "" || f.Actor == e.Actor.User || f.Actor == e.Actor.Credential) &&
		(f.Action == "" || f.Action == string(e.Type) || f.Action == e.Type.Noun()) &&
		(f.Since == nil || !e.At.Before(*f.Since)) && (f.Until == nil || e.At.Before(*f.Until))
}

// C15: by actor, action, token and time, in every combination and by pages of any size, just what the filter says comes,
// newest first; of either table.
func TestC15FiltersHoldTogether(t *testing.T) {
	t.Run("bolt", func(t *testing.T) { filters(t, newWorld(t), 300, 3) })
	t.Run("dynamo", func(t *testing.T) {
		w := newWorld(t)
		w.Table = deployedTable(t)
		filters(t, w, 120, 101)
	})
}

func filters(t *testing.T, w *world, n, step int) {
	r := rand.New(rand.NewPCG(1, 2))
	pick := func(from ...string) string { return from[r.IntN(len(from))] }
	types := audit.Types()
	events := make([]audit.Event, n)
	for i := range events {
		at := start.Add(time.Duration(i) * 10 * time.Millisecond)
		e := event(types[r.IntN(len(types))], at, pick(olivia, maxine), pick(session, deploy, nightly), pick(deploy, nightly, unknown(3)))
		if e.Subject.ID == deploy && r.IntN(3) == 0 {
			e.Also = []audit.Subject{{Kind: "token", ID: nightly, Name: "nightly"}}
		}
		events[i] = e
	}
	w.happened(events...)
	times := []*time.Time{nil, ptr(events[n/4].At), ptr(events[n/2].At.Add(time.Microsecond)), ptr(events[n-1].At.Add(time.Hour))}
	tried, found := 0, 0
	for _, actor := range []string{"", olivia, maxine, session, deploy, "usr_000000000000000x"} {
		for _, action := range []string{"", "token", "token.revoked", "session.ended", "notice"} {
			for _, tok := range []string{"", deploy, nightly, unknown(4)} {
				for i, since := range times {
					for _, until := range times {
						if since != nil && until != nil && until.Before(*since) {
							continue
						}
						f := trail.Filter{Actor: actor, Action: action, Token: tok, Since: since, Until: until}
						if tried++; tried%step != 0 {
							continue
						}
						var want []string
						for _, e := range events {
							if wanted(f, e) {
								want = append(want, e.ID)
							}
						}
						slices.Reverse(want)
						found += len(want)
						got, _ := w.all(w.account(owner), f, []int{3, 50, 100, 1000}[i])
						if !slices.Equal(got, want) {
							t.Fatalf("%s: %d events, want %d", fmt.Sprint(f), len(got), len(want))
						}
						if tok == deploy || tok == nightly {
							if got, _ := w.all(w.token(owner, tok), trail.Filter{Actor: actor, Action: action, Since: since, Until: until}, 50); !slices.Equal(got, want) {
								t.Fatalf("%s, by its own trail: %d events, want %d", fmt.Sprint(f), len(got), len(want))
							}
						}
					}
				}
			}
		}
	}
	if tried < 500 || found == 0 {
		t.Fatalf("%d filters, %d events", tried, found)
	}
}

// deployedTable is DynamoDB's, of the deployed definition.
func deployedTable(t *testing.T) *dynamo.Table {
	t.Helper()
	client := dynamotest.Client(t)
	tm, err := template.Load("../../infra/table.yaml", template.Options{})
	if err != nil {
		t.Fatal(err)
	}
	properties, err := tm.Properties("Table")
	if err != nil {
		t.Fatal(err)
	}
	definition, err := dynamo.Define(properties)
	if err != nil {
		t.Fatal(err)
	}
	name := dynamotest.TableName()
	if err := definition.Create(t.Context(), client, name); err != nil {
		t.Fatal(err)
	}
	return dynamo.New(client, dynamo.Config{Table: name})
}
