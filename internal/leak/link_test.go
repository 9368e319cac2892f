package leak_test

import (
	"strings"
	"testing"

	"keyfob/internal/audit"
	"keyfob/internal/fault"
	"keyfob/internal/link"
	"keyfob/internal/token"
)

// S33: a link to set a password with is ended as a token is, and the trail says where it was found.
func TestS33ALinkThatWasFoundIsEnded(t *testing.T) {
	w := newWorld(t)
	links := link.Links{Table: w.table, Now: w.now, Form: w.form, URL: "https://keys.example.com"}
	put, enclosed, err := links.Minted(link.First(w.acc.ID, w.user.ID, link.Reset, w.now()))
	if err != nil {
		t.Fatal(err)
	}
	if err := w.table.Commit(t.Context(), put); err != nil {
		t.Fatal(err)
	}
	_, text, _ := strings.Cut(enclosed.Link, "#")
	d := w.github.delivery(t, alert(t, w.form.New(token.Link).Plaintext().Reveal(), text))
	if said, err := w.receive(d); said != "-+" || err != nil {
		t.Errorf("%s, %v", said, err)
	}
	if _, err := links.Find(t.Context(), text); !fault.Is(err, fault.Unprocessable) {
		t.Errorf("it goes on: %v", err)
	}
	if said, err := w.receive(d); said != "--" || err != nil { // nothing is left to know it by
		t.Errorf("again: %s, %v", said, err)
	}
	all := w.events(w.acc.ID, audit.UserChanged)
	if len(all) != 1 || all[0].Subject.ID != w.user.ID || !strings.HasSuffix(all[0].Note, found) || strings.Contains(all[0].Note, text) {
		t.Errorf("%+v", all)
	}
}
