package authority_test

import (
	"testing"

	"keyfob/internal/account"
	"keyfob/internal/audit"
	"keyfob/internal/authority"
	"keyfob/internal/fault"
	"keyfob/internal/scope"
	"keyfob/internal/standing"
	"keyfob/internal/table/key"
)

// S9, S12: a session that was let through and is locked, has to enrol, or rests on a former password by the time it asks
// for a token gets none: a token would outlive that.
func TestS9ASessionThatIsLockedMeanwhileIssuesNoToken(t *testing.T) {
	for name, c := range map[string]struct {
		user    func(*account.User)
		account func(*account.Account)
		kind    fault.Kind
		code    string
	}{
		"locked":           {user: func(u *account.User) { u.Factors = true }, kind: fault.Forbidden, code: string(scope.SessionLocked)},
		"has to enrol":     {account: func(a *account.Account) { a.Policy.MFA = true }, kind: fault.Forbidden, code: string(scope.NeedsFactor)},
		"another password": {user: func(u *account.User) { u.Generation++ }, kind: fault.Unauthenticated},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			p, _ := w.login(w.acc, w.owner)
			w.issue(p, authority.Request{Scope: scope.Full()})
			carrier := &standing.Carrier{Table: w.table, Accounts: &account.Accounts{Table: w.table}}
			acc, u, err := carrier.Accounts.WithUser(t.Context(), w.acc.ID, w.owner.ID)
			if err != nil {
				t.Fatal(err)
			}
			if c.user != nil {
				c.user(&u)
				u.Behind = true
				err = w.table.Commit(t.Context(), u.Replace())
			} else {
				c.account(&acc)
				acc.Behind = true
				err = w.table.Commit(t.Context(), acc.Replace())
			}
			if err == nil {
				err = carrier.User(t.Context(), acc.ID, u.ID)
			}
			if err == nil {
				err = carrier.Account(t.Context(), acc.ID)
			}
			if err != nil {
				t.Fatal(err)
			}
			_, _, err = w.authority().Issue(t.Context(), p, audit.ViaAPI, audit.Origin{}, authority.Request{Name: "after", Scope: scope.Full()})
			w.refused(err, c.kind, c.code)
		})
	}
}

// S8: a token does not rest on the password, so it has nothing of its generation.
func TestS8ATokenIsOfNoGeneration(t *testing.T) {
	w := newWorld(t)
	_, u, err := (&account.Accounts{Table: w.table}).WithUser(t.Context(), w.acc.ID, w.owner.ID)
	if err != nil {
		t.Fatal(err)
	}
	u.Generation = 7
	w.owner = u
	if err := w.table.Commit(t.Context(), w.owner.Replace()); err != nil {
		t.Fatal(err)
	}
	p, _ := w.login(w.acc, w.owner)
	made, _ := w.issue(p, authority.Request{Scope: scope.Full()})
	items, err := w.table.Get(t.Context(), key.Token(made.ID.String()).Key())
	if err != nil || standing.From(items[0]) != standing.OfToken(w.acc, w.owner) || standing.From(items[0]).Generation != 0 {
		t.Errorf("%+v, %v", items[0], err)
	}
}
