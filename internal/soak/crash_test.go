package soak

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"testing"
	"time"

	"keyfob/internal/faulty"
	"keyfob/internal/table"
	"keyfob/internal/table/key"
)

// What a copy of this test binary is told in its environment: the folder of the service to run until it is killed, and the
// session to work with.
const (
	crashFolder  = "KEYFOB_SOAK_CRASH_FOLDER"
	crashSession = "KEYFOB_SOAK_CRASH_SESSION"
)

func TestMain(m *testing.M) {
	if dir := os.Getenv(crashFolder); dir != "" {
		fmt.Fprintln(os.Stderr, workUntilKilled(dir, os.Getenv(crashSession)))
		os.Exit(1)
	}
	code := m.Run()
	if w, err := furnished(); err == nil {
		_ = os.RemoveAll(w.house.dir)
	}
	os.Exit(code)
}

// load takes in what the mail service has sent before this process.
func (h *house) load() error {
	archive, err := os.Open(h.path("mails"))
	if err != nil {
		return err
	}
	return errors.Join(h.post.Load(archive), archive.Close())
}

// crashLanes is how many clients a service has that is to be killed.
const crashLanes = 3

// workUntilKilled runs the service on the folder, has clients make and end tokens, and prints each change once it is
// acknowledged.
func workUntilKilled(dir, session string) error {
	ctx := context.Background()
	w, err := newWorld(ctx, Config{Dir: dir, Template: "../../template.yaml"}, 0)
	if err != nil {
		return err
	}
	failed := make(chan error)
	for lane := range crashLanes {
		go func() {
			for n := 0; ; n++ {
				name := fmt.Sprintf("crash-%d-%d-%d", os.Getpid(), lane, n)
				a := w.send(ctx, "create", request{
					method: "POST", path: "/v1/tokens", credential: session, once: name, shows: true,
					body: map[string]any{"name": name, "scope": "full", "autoPurge": "never"},
				})
				if a.outcome() != acknowledged {
					failed <- fmt.Errorf("%d %s", a.status, a.body)
				}
				fmt.Println("made", name, a.text("id"), a.text("token"))
				if n%2 == 0 {
					continue
				}
				if r := w.send(ctx, "revoke", request{method: "DELETE", path: "/v1/tokens/" + a.text("id"), credential: session}); r.outcome() == acknowledged {
					fmt.Println("ended", name, a.text("id"), a.text("token"))
				}
			}
		}()
	}
	return <-failed
}

// killedOutright has the process that runs the service killed, by the system and wherever it is, and goes on with what it
// has left.
func killedOutright(s *scene) {
	for _, changes := range []int{1, 25, 60} {
		if err := s.house.stop(); err != nil {
			s.Fatal(err)
		}
		made := s.killAfter(changes)
		if err := s.house.load(); err != nil {
			s.Fatal(err)
		}
		if err := s.house.start(s.Context()); err != nil {
			s.Fatal(err)
		}
		s.plan.Count(faulty.ProcessDies)
		s.abandoned(s.inspect())
		for _, c := range made {
			s.validate(s.Context(), c, 0)
		}
		s.pass(3*time.Minute, time.Minute)
	}
}

// killAfter runs a copy of this binary until it has acknowledged so many changes, kills it, and takes in what it had.
func (s *scene) killAfter(changes int) []*credential {
	s.Helper()
	cmd := exec.CommandContext(s.Context(), os.Args[0])
	cmd.Env = append(os.Environ(), crashFolder+"="+s.house.dir, crashSession+"="+s.person.session.secret)
	cmd.Stderr = os.Stderr
	out, err := cmd.StdoutPipe()
	if err != nil {
		s.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		s.Fatal(err)
	}
	made := map[string]*credential{}
	lines := 0
	for in := bufio.NewScanner(out); in.Scan(); lines++ {
		var what, name, handle, secret string
		if _, err := fmt.Sscan(in.Text(), &what, &name, &handle, &secret); err != nil {
			break // cut short by the kill
		}
		if what == "made" {
			i := s.intents.make(name)
			i.outcome, i.handle = acknowledged, handle
			s.intents.call(handle, name, true)
			made[handle] = s.given(s.person, secret, handle, name)
			made[handle].doubtful.Store(true) // it may be revoked already, and nobody was told
		} else {
			made[handle].ended.Store(true)
			s.intents.did(handle, "token.revoked", acknowledged)
		}
		if lines == changes {
			if err := cmd.Process.Kill(); err != nil {
				s.Fatal(err)
			}
		}
	}
	if err := cmd.Wait(); lines < changes {
		s.Fatalf("it ended by itself after %d changes: %v", lines, err)
	}
	all := make([]*credential, 0, len(made))
	for _, c := range made {
		all = append(all, c)
	}
	return all
}

// abandoned finds the mails that were sent and of which nobody was left to note it.
func (s *scene) abandoned(inv *inventory) {
	sent := s.house.post.Sent()
	inv.under(key.PrefixNotice, func(event string, it table.Item) {
		to := s.people[it.Key().SK]
		if to != nil && it.String("state") == "claimed" && sent[faulty.Posted{Event: event, To: to.email}] > 0 {
			s.house.mu.Lock()
			s.house.unnoted[unnoted{event, to.id}]++
			s.house.mu.Unlock()
		}
	})
}
