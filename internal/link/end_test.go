package link_test

import (
	"slices"
	"testing"
	"time"

	"keyfob/internal/audit"
	"keyfob/internal/link"
	"keyfob/internal/table"
	"keyfob/internal/table/key"
	"keyfob/internal/token"
)

func (w *world) changed() []audit.Event {
	w.Helper()
	page, err := w.Table.Query(w.Context(), table.Query{PK: key.PrefixAudit + w.acc.ID, Limit: 100})
	if err != nil {
		w.Fatal(err)
	}
	var all []audit.Event
	for _, it := range page.Items {
		e, err := audit.FromItem(it)
		if err != nil {
			w.Fatal(err)
		}
		if e.Type == audit.UserChanged {
			all = append(all, e)
		}
	}
	return all
}

// S33, P5: whoever holds a link, or finds one in public, ends it; what ends it is recorded once, and without the link.
func TestS33WhoeverHoldsALinkMayEndIt(t *testing.T) {
	w := newWorld(t)
	from := audit.Origin{IP: "192.0.2.9", RequestID: "r-9"}
	text := w.enclose(w.issue(w.active, link.Reset))
	for range 2 {
		if err := w.EndPresented(t.Context(), text, audit.ViaAPI, from); err != nil {
			t.Fatal(err)
		}
		w.ended("presented", text)
	}
	w.advance(time.Second)
	text = w.enclose(w.issue(w.invited, link.Invitation))
	for i, want := range []bool{true, false} {
		if found, err := w.EndLeaked(t.Context(), text, "https://example.com/a", from); found != want || err != nil {
			t.Errorf("%d: %t, %v", i, found, err)
		}
		w.ended("leaked", text)
	}
	all := w.changed()
	slices.SortFunc(all, func(a, b audit.Event) int { return a.At.Compare(b.At) })
	if len(all) != 2 {
		t.Fatalf("%d events: %+v", len(all), all)
	}
	for i, e := range all {
		user := []string{w.active.ID, w.invited.ID}[i]
		if e.Subject.ID != user || len(e.Changes) != 1 || e.Changes[0].Field != "link" || e.Origin != from || e.Note == "" || e.Actor.User != "" {
			t.Errorf("%+v", e)
		}
	}
}

func TestWhatIsNoLiveLinkIsEndedByNobody(t *testing.T) {
	w := newWorld(t)
	text := w.enclose(w.issue(w.active, link.Reset))
	id, err := token.ParseID(w.active.ID[len("usr_"):])
	if err != nil {
		t.Fatal(err)
	}
	other := w.Form.NewOf(token.Link, id).Plaintext().Reveal()
	for _, s := range []string{"", "nonsense", other, w.Form.New(token.Link).Plaintext().Reveal(), w.Form.NewOf(token.Session, id).Plaintext().Reveal(), text[:len(text)-1]} {
		if found, err := w.EndLeaked(t.Context(), s, "", audit.Origin{}); found || err != nil {
			t.Errorf("%q: %t, %v", s, found, err)
		}
		if err := w.EndPresented(t.Context(), s, audit.ViaAPI, audit.Origin{}); err != nil {
			t.Errorf("%q: %v", s, err)
		}
	}
	if _, err := w.Find(t.Context(), text); err != nil {
		t.Error(err)
	}
	w.advance(link.Reset.Life() + time.Second)
	if err := w.EndPresented(t.Context(), text, audit.ViaAPI, audit.Origin{}); err != nil {
		t.Error(err)
	}
	if n := len(w.changed()); n != 0 {
		t.Errorf("%d events", n)
	}
}
