package notice_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"keyfob/internal/account"
	"keyfob/internal/audit"
	"keyfob/internal/mail"
	"keyfob/internal/table"
	"keyfob/internal/table/key"
)

// links makes a link for each mail, and leaves an item behind for each that was committed.
func (w *world) links(minted *[]string) {
	w.notices.Disavow = func(_ context.Context, e audit.Event, to account.User) ([]table.Op, string, time.Time, error) {
		if e.Type != audit.TokenCreated {
			return nil, "", time.Time{}, nil
		}
		id := to.Name + strings.Repeat("x", len(*minted))
		*minted = append(*minted, id)
		k := key.Disavowal(id).Key()
		return []table.Op{table.Create(table.Item{table.AttrPK: table.S(k.PK), table.AttrSK: table.S(k.SK)})}, "https://keys.example.com/disavow/" + id, w.notices.Now().Add(time.Hour), nil
	}
}

func (w *world) kept(t *testing.T, id string) bool {
	t.Helper()
	items, err := w.notices.Table.Get(t.Context(), key.Disavowal(id).Key())
	if err != nil {
		t.Fatal(err)
	}
	return items[0] != nil
}

// C12: a mail whose event can be disavowed carries a link of its own, made for its reader, that is there before the mail is
// sent; another mail carries none.
func TestC12EachMailHasALinkOfItsOwn(t *testing.T) {
	w := newWorld(t)
	var minted []string
	w.links(&minted)
	w.sender.fail = func(m mail.Message) error {
		if last := minted[len(minted)-1]; !w.kept(t, last) || !strings.Contains(m.Text, "/disavow/"+last+"\n") || !strings.HasPrefix(last, m.To) {
			t.Errorf("to %s, when the link was %s:\n%s", m.To, last, m.Text)
		}
		return nil
	}
	if err := w.notices.Deliver(t.Context(), w.event(audit.TokenCreated)); err != nil || len(minted) != 2 || len(w.sender.sent) != 2 {
		t.Fatalf("%v, %v", minted, err)
	}
	w.sender.fail = nil
	if err := w.notices.Deliver(t.Context(), w.event(audit.TokenRevoked)); err != nil || len(minted) != 2 || strings.Contains(w.sender.sent[3].Text, "/disavow/") {
		t.Errorf("%v, %v", minted, err)
	}
}

// A mail that is tried again has another link, and each that was promised is there; who lost the claim has made none.
func TestALinkIsCommittedWithItsClaimOrNotAtAll(t *testing.T) {
	w := newWorld(t)
	var minted []string
	w.links(&minted)
	e := w.event(audit.TokenCreated)
	w.sender.fail = func(mail.Message) error { return errors.New("throttled") }
	if w.notices.Deliver(t.Context(), e) == nil {
		t.Fatal("a failure is told as success")
	}
	w.sender.fail = nil
	if err := w.notices.Deliver(t.Context(), e); err != nil || len(minted) != 4 {
		t.Fatalf("%v, %v", minted, err)
	}
	for _, id := range minted {
		if !w.kept(t, id) {
			t.Errorf("%s is not there", id)
		}
	}
	lost := w.event(audit.TokenCreated)
	mint, overtaken := w.notices.Disavow, false
	w.notices.Disavow = func(ctx context.Context, e audit.Event, to account.User) ([]table.Op, string, time.Time, error) {
		if !overtaken {
			overtaken = true // by a sender that claims the delivery meanwhile
			k := key.Notice{Event: e.ID, Recipient: to.ID}.Key()
			if err := w.notices.Table.Commit(ctx, table.Create(table.Item{table.AttrPK: table.S(k.PK), table.AttrSK: table.S(k.SK), "state": table.S("sent")})); err != nil {
				t.Error(err)
			}
		}
		return mint(ctx, e, to)
	}
	if err := w.notices.Deliver(t.Context(), lost); !isLeft(err) || len(minted) != 6 || w.kept(t, minted[4]) || !w.kept(t, minted[5]) {
		t.Errorf("%v, %v", minted, err)
	}
	w.notices.Disavow = func(context.Context, audit.Event, account.User) ([]table.Op, string, time.Time, error) {
		return nil, "", time.Time{}, errors.New("no link")
	}
	sent := len(w.sender.sent)
	if err := w.notices.Deliver(t.Context(), w.event(audit.TokenCreated)); err == nil || len(w.sender.sent) != sent {
		t.Errorf("sent without its link: %v", err)
	}
}
