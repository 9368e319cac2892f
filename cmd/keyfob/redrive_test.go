package main

import (
	"context"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"keyfob/internal/local/bucket"
)

const (
	batchKey = `aws/lambda/[0-9a-f-]{36}/shardId-[0-9-]+/2026/11/21/2026-11-21T20\.0[0-9]\.00-[0-9a-f-]{36}`
	eventKey = `aws/lambda/async/keyfob-SweepFunction/2026/11/21/2026-11-21T21\.00\.00-[0-9a-f-]{36}`
)

// A poisoned record: given up with its payload, listed, kept as long as it fails, and done when the cause is mended.
func TestWhatWasGivenUpIsRedrivenWhenTheCauseIsMended(t *testing.T) {
	s := startSmall(t)
	s.like(s.redrives(0), "there is nothing that was given up")
	s.like(s.redrives(0, "--dry-run"), "there is nothing that was given up")
	s.set(func() { s.poison = "b" })
	s.change("a", "b", "c")
	s.giveUp()
	s.like(s.redrives(0, "--dry-run"),
		batchKey+`: keyfob-NotifyFunction, RetryAttemptsExhausted, 2 records, given up at 2026-11-21T20:0[0-9]:00Z`, "found 1, unreadable 0; nothing was sent")
	s.like(s.redrives(1), batchKey+`: kept: 1 of 2 records failed: [0-9]+`, "redriven 0, kept 1")
	s.set(func() { s.broken = true })
	s.like(s.redrives(1), batchKey+`: kept: the function failed \(errorString\); its log says why`, "redriven 0, kept 1")
	s.set(func() { s.broken, s.poison, s.delivered = false, "", nil })
	s.like(s.redrives(0), batchKey+`: redriven, 2 records`, "redriven 1, kept 0")
	if got := strings.Join(s.delivered, " "); got != "b c" {
		t.Errorf("delivered %s", got)
	}
	s.like(s.redrives(0), "there is nothing that was given up")
}

// Oldest first; what fails holds up nothing behind it; and the prefix and the function are the operator's to choose.
func TestRedriveGoesOnBehindWhatItKeeps(t *testing.T) {
	s := startSmall(t)
	s.set(func() { s.poison = "first" })
	s.change("first")
	s.giveUp()
	s.set(func() { s.poison = "second" })
	s.change("second")
	s.giveUp()
	s.set(func() { s.broken = true })
	if _, err := s.Advance(t.Context(), 54*time.Minute); err != nil {
		t.Fatal(err)
	}
	s.set(func() { s.broken, s.poison = false, "first" })
	s.like(s.redrives(0, "--dry-run"),
		batchKey+": keyfob-NotifyFunction, .*", batchKey+": keyfob-NotifyFunction, .*",
		eventKey+": keyfob-SweepFunction, RetriesExhausted, 1 record, given up at 2026-11-21T21:00:00Z", "found 3, unreadable 0; nothing was sent")
	s.like(s.redrives(0, "--dry-run", "--prefix", "aws/lambda/async/"), eventKey+": .*", "found 1, .*")
	s.like(s.redrives(1),
		batchKey+": kept: 1 of 1 record failed: [0-9]+", batchKey+": redriven, 1 record", eventKey+": redriven, 1 record", "redriven 2, kept 1")
	if s.swept != 1 || strings.Join(s.delivered, " ") != "second" {
		t.Errorf("swept %d, delivered %s", s.swept, s.delivered)
	}
	s.like(s.redrives(0, "--function", "OtherFunction"), batchKey+": redriven, 1 record", "redriven 1, kept 0")
	if len(s.others) != 1 || !strings.Contains(s.others[0], `"first"`) {
		t.Errorf("the other function got %s", s.others)
	}
}

// An object that is damaged, or not what Lambda puts there, is told and kept, and nobody is invoked with it.
func TestADamagedObjectIsToldAndKept(t *testing.T) {
	s := startSmall(t)
	key := func(n string) string {
		return bucket.Key("async/F", time.Date(2026, 11, 21, 20, 0, 1, 0, time.UTC), "0b1c2d3e-0000-4000-8000-00000000000"+n)
	}
	context := func(function string) string {
		return `{"requestContext":{"functionArn":"arn:aws:lambda:us-east-1:123456789012:function:` + function + `","condition":"RetriesExhausted"},` +
			`"timestamp":"2026-11-21T20:00:01.000Z",`
	}
	s.put(key("1"), canary)
	s.put(key("2"), context("keyfob-OtherFunction")+`"requestPayload":{"command":"`+canary+`"}}`)
	s.put(key("3"), context("keyfob-GoneFunction")+`"payload":"{\"Records\":[{}]}"}`)
	s.put(key("4"), context("keyfob-OtherFunction")+`"payload":"{\"Records\":[{}]}"}`)
	s.put(key("5"), strings.Repeat(" ", maxObject+1))
	s.put(key("6"), context("keyfob-OtherFunction")+`"payload":{"Records":[{"x":"`+strings.Repeat("x", maxPayload)+`"}]}}`)
	s.like(s.redrives(1, "--dry-run"),
		".*: kept: it cannot be read: it is not a JSON object of Lambda's form", ".*: kept: it cannot be read: its payload is neither a list of records nor .*",
		".*: keyfob-GoneFunction, .*", ".*: keyfob-OtherFunction, .*", ".*: kept: it cannot be read: it is larger than anything .*",
		".*: keyfob-OtherFunction, .*", "found 3, unreadable 3; nothing was sent")
	s.like(s.redrives(1),
		".*: kept: it cannot be read: it is not .*", ".*: kept: it cannot be read: its payload is .*",
		".*: kept: there is no such function any more; --function names another", ".*: redriven, 1 record", ".*: kept: it cannot be read: .*",
		".*: kept: it is larger than a function is invoked with", "redriven 1, kept 5")
	if len(s.others) != 1 || s.others[0] != `{"Records":[{}]}` {
		t.Errorf("the function got %d events", len(s.others))
	}
	left, more, err := bucket.In(filepath.Join(s.dir, "failures")).List("", "", 10)
	if err != nil || len(left) != 5 || more {
		t.Errorf("left %v, %v", left, err)
	}
}

// Oldest first goes by when Lambda gave it up, whoever it is of and whenever it came into the bucket.
func TestRedriveGoesByTheTimeOfGivingUp(t *testing.T) {
	s := startSmall(t)
	for i, origin := range []string{"async/A", "async/C", "async/B"} {
		at := time.Date(2026, 11, 21, 20-i, 0, 0, 0, time.UTC)
		s.put(bucket.Key(origin, at, "0b1c2d3e-0000-4000-8000-000000000001"), `{"requestContext":{"functionArn":`+
			`"arn:aws:lambda:us-east-1:123456789012:function:keyfob-OtherFunction","condition":"RetriesExhausted"},`+
			`"timestamp":"2026-11-21T20:00:01.000Z","payload":{"Records":[{}]}}`)
	}
	s.like(s.redrives(0), ".*/B/.*T18.*: redriven, 1 record", ".*/C/.*T19.*: redriven, 1 record", ".*/A/.*T20.*: redriven, 1 record", "redriven 3, kept 0")
}

// What cannot go on is one line and exit code 2.
func TestRedriveTellsWhenItCannotGoOn(t *testing.T) {
	s := startSmall(t)
	for _, args := range [][]string{
		{}, {"--local", "127.0.0.1:3000"}, {"--local", "http://127.0.0.1:1"}, {"--local", s.URL, "--bucket", "b"}, {"--local", s.URL, "extra"},
	} {
		out, err := keyfob(t.Context(), "", io.Discard, append([]string{"operator", "redrive"}, args...)...)
		if exit(err, io.Discard) != 2 || out != "" || strings.Contains(err.Error(), "\n") {
			t.Errorf("%v: %v %s", args, err, out)
		}
	}
	s.set(func() { s.poison = "a" })
	s.change("a")
	s.giveUp()
	ctx, cancel := context.WithCancel(t.Context())
	r := &redriving{out: writer(func([]byte) { cancel() })}
	var err error
	if r.failures, err = openFailures(ctx, "", s.URL); err != nil {
		t.Fatal(err)
	}
	if r.functions, err = functions(ctx, s.URL, nil); err != nil {
		t.Fatal(err)
	}
	s.set(func() { s.poison = "" })
	keys, err := r.failures.list(ctx, "")
	if err != nil || len(keys) != 1 {
		t.Fatalf("%v, %v", keys, err)
	}
	data, err := r.failures.read(ctx, keys[0])
	if err != nil {
		t.Fatal(err)
	}
	s.put(strings.Replace(keys[0], "T20.", "T23.", 1), string(data))
	if err := r.run(ctx, ""); err == nil || r.redriven != 1 || r.kept != 0 {
		t.Errorf("interrupted: %v, redriven %d, kept %d", err, r.redriven, r.kept)
	}
	s.like(s.redrives(0), ".*: redriven, 1 record", "redriven 1, kept 0") // run again, it goes on
}

type writer func([]byte)

func (w writer) Write(p []byte) (int, error) { w(p); return len(p), nil }

// The whole service: a notice that could not be sent until its record was too old is in the bucket, and is sent when its
// mailbox is mended, once.
func TestP6ANoticeThatWasGivenUpIsSentByARedrive(t *testing.T) {
	s := startService(t)
	mails := filepath.Join(s.data, "mail")
	if err := os.Rename(mails, mails+".away"); err != nil {
		t.Fatal(err)
	}
	s.must(`{"command":"account.create","account":{"name":"Other Ltd"},"owner":{"email":"late@example.com"}}`, "operator", "invoke", "--local", s.url)
	s.clock("7h") // longer than a record is tried for
	redrive := []string{"operator", "redrive", "--local", s.url}
	if out := s.must("", append(redrive, "--dry-run")...); !strings.Contains(out, "NotifyFunction") || !strings.Contains(out, "nothing was sent") {
		t.Errorf("dry run:\n%s", out)
	}
	if err := os.Rename(mails+".away", mails); err != nil {
		t.Fatal(err)
	}
	if out, err := keyfob(t.Context(), "", io.Discard, redrive...); err != nil {
		t.Errorf("when it is back: %v\n%s", err, out)
	}
	if n := strings.Count(s.get("/_local/mail"), `"to":"late@example.com"`); n != 1 {
		t.Errorf("the owner got %d mails", n)
	}
	if out := s.must("", redrive...); out != "there is nothing that was given up\n" {
		t.Errorf("at the end:\n%s", out)
	}
}
