package leak_test

import (
	"strings"
	"testing"

	"keyfob/internal/audit"
	"keyfob/internal/authority"
	"keyfob/internal/disavowal"
	"keyfob/internal/fault"
	"keyfob/internal/token"
)

// S33: a link by which somebody says that it was not them is ended where it is found in public; what it would have ended is not.
func TestS33ALinkThatDisavowsIsEndedWhereItIsFound(t *testing.T) {
	w := newWorld(t)
	secret, _ := w.token()
	d := disavowal.Disavowals{Table: w.table, Now: w.now, Form: w.form, URL: "https://keys.example.com"}
	made := w.events(w.acc.ID, audit.TokenCreated)
	ops, url, _, err := d.Mint(t.Context(), made[0], w.user)
	if err != nil {
		t.Fatal(err)
	}
	if err := w.table.Commit(t.Context(), ops...); err != nil {
		t.Fatal(err)
	}
	text := strings.TrimPrefix(url, "https://keys.example.com/disavow/")
	alerted := w.github.delivery(t, alert(t, w.form.New(token.Disavowal).Plaintext().Reveal(), text))
	for range 2 {
		if said, err := w.receive(alerted); said != "-+" || err != nil {
			t.Errorf("%s, %v", said, err)
		}
	}
	if _, err := d.Use(t.Context(), text, audit.Origin{}); !fault.Is(err, fault.Gone) {
		t.Errorf("it goes on: %v", err)
	}
	w.is(authority.None, secret)
	all := w.events(w.acc.ID, audit.UserChanged)
	if len(all) != 1 || all[0].Subject.ID != w.user.ID || !strings.HasSuffix(all[0].Note, found) || strings.Contains(all[0].Note, text) {
		t.Errorf("%+v", all)
	}
}
