package standing_test

import (
	"testing"

	"keyfob/internal/account"
	"keyfob/internal/authority"
	"keyfob/internal/standing"
	"keyfob/internal/table"
	"keyfob/internal/table/key"
)

// S8: another password ends every session, and no token is so much as written because of it.
func TestS8TheGenerationOfAPasswordReachesSessionsAndNoTokens(t *testing.T) {
	w := newWorld(t)
	former := w.session(w.admin.ID)
	w.plant(w.admin.ID, 5, 0)
	w.decide(w.admin.ID, func(u *account.User) { u.Generation++ })
	if err := w.carrier(w.table).User(t.Context(), w.acc.ID, w.admin.ID); err != nil {
		t.Fatal(err)
	}
	if _, denied, err := w.authority().Verify(t.Context(), former.Plaintext().Reveal()); err != nil || denied != authority.Ended {
		t.Errorf("the former session: %q, %v", denied, err)
	}
	acc, u := w.records(w.admin.ID)
	if found := w.standings(w.admin.ID); found[standing.Of(acc, u)] != 1 || found[standing.OfToken(acc, u)] != 5 || u.Behind {
		t.Errorf("%+v", found)
	}
	page, err := w.table.Query(t.Context(), table.Query{PK: key.PrefixUserTokens + w.admin.ID, Limit: 100})
	if err != nil || len(page.Items) != 5 {
		t.Fatal(len(page.Items), err)
	}
	for _, pointer := range page.Items {
		sk := pointer.String(table.AttrSK)
		items, err := w.table.Get(t.Context(), key.Token(sk[len(sk)-16:]).Key())
		if err != nil || items[0].Version() != 1 {
			t.Errorf("a token was written: version %d, %v", items[0].Version(), err)
		}
	}
	// What is carried for another reason leaves the tokens without one too.
	w.decide(w.admin.ID, func(u *account.User) { u.Factors = true })
	if err := w.carrier(w.table).User(t.Context(), w.acc.ID, w.admin.ID); err != nil {
		t.Fatal(err)
	}
	acc, u = w.records(w.admin.ID)
	if found := w.standings(w.admin.ID); found[standing.OfToken(acc, u)] != 5 {
		t.Errorf("%+v", found)
	}
}
