package operator_test

import (
	"errors"
	"slices"
	"strings"
	"sync"
	"testing"

	"keyfob/internal/account"
	"keyfob/internal/audit"
	"keyfob/internal/fault"
	"keyfob/internal/link"
	"keyfob/internal/notice"
	"keyfob/internal/operator"
	"keyfob/internal/password"
	"keyfob/internal/scope"
	"keyfob/internal/table"
	"keyfob/internal/table/key"
)

func (w *world) events(kind audit.Type) []audit.Event {
	w.Helper()
	page, err := w.table.Query(w.Context(), table.Query{PK: key.PrefixAudit + w.made.Account.ID, Limit: 100})
	if err != nil {
		w.Fatal(err)
	}
	var all []audit.Event
	for _, it := range page.Items {
		e, err := audit.FromItem(it)
		if err != nil {
			w.Fatal(err)
		}
		if e.Type == kind {
			all = append(all, e)
		}
	}
	return all
}

// world is an account that an operator has made.
type world struct {
	*testing.T
	*operator.Operator
	table table.Table
	made  operator.Created
}

func newWorld(t *testing.T) *world {
	t.Helper()
	o, db := newOperator(t)
	made, err := o.CreateAccount(t.Context(), operator.NewAccount{Name: "Example Ltd", Email: "owner@example.com", Unlicensed: true}, audit.Origin{})
	if err != nil {
		t.Fatal(err)
	}
	return &world{t, o, db, made}
}

// P5: a user is made with the event: one who is given a password, and one who is invited and gets a link.
func TestP5AUserIsMadeWithTheEvent(t *testing.T) {
	w := newWorld(t)
	const phrase = "seven lanterns over a quiet river"
	for given, kind := range map[string]audit.Type{phrase: audit.UserCreated, "": audit.UserInvited} {
		email := string(kind) + "@example.com"
		u, l, err := w.CreateUser(t.Context(), operator.NewUser{Account: w.made.Account.ID, Email: email, Role: scope.Member, Password: given}, audit.Origin{RequestID: "r-2"})
		if err != nil {
			t.Fatal(err)
		}
		accounts := account.Accounts{Table: w.table}
		_, stored, err := accounts.WithUser(t.Context(), w.made.Account.ID, u.ID)
		if err != nil || stored != u || stored.Role != scope.Member || stored.Name != string(kind) || stored.Verified != (given != "") {
			t.Errorf("%+v, %v", stored, err)
		}
		if given != "" {
			if ok, err := password.Verify(stored.PasswordHash, given); err != nil || !ok || stored.Status != account.Active || l != (notice.Enclosure{}) {
				t.Errorf("%+v, %+v, %v", stored, l, err)
			}
		} else if found, err := w.Links.Find(t.Context(), secret(t, l)); err != nil || found.User != stored || stored.Status != account.Invited {
			t.Errorf("%+v, %+v, %v", stored, found, err)
		}
		if logins, err := accounts.Logins(t.Context(), strings.ToUpper(email)); err != nil || len(logins) != 1 || logins[0].User != u.ID {
			t.Errorf("%v, %v", logins, err)
		}
		events := slices.DeleteFunc(w.events(kind), func(e audit.Event) bool { return e.Subject.ID != u.ID })
		if len(events) != 1 || events[0].Actor.Via != audit.ViaOperator || events[0].Origin.RequestID != "r-2" {
			t.Errorf("%+v", events)
		}
	}
}

// A link that the operator asks for is the user's only one, and of the kind that the user can use.
func TestAnotherLinkEndsTheFormerOne(t *testing.T) {
	w := newWorld(t)
	former := secret(t, w.made.Link)
	u, l, err := w.LinkUser(t.Context(), w.made.Account.ID, w.made.Owner.ID, audit.Origin{RequestID: "r-3"})
	if err != nil || u.ID != w.made.Owner.ID {
		t.Fatalf("%+v, %v", u, err)
	}
	if _, err := w.Links.Find(t.Context(), former); !fault.Is(err, fault.Unprocessable) {
		t.Errorf("the former one: %v", err)
	}
	if found, err := w.Links.Find(t.Context(), secret(t, l)); err != nil || found.Purpose != link.Invitation {
		t.Errorf("%+v, %v", found, err)
	}
	if n := len(w.events(audit.UserInvited)); n != 2 {
		t.Errorf("%d invitations are recorded", n)
	}
	active, _, err := w.CreateUser(t.Context(), operator.NewUser{Account: w.made.Account.ID, Email: "mia@example.com", Role: scope.Member, Password: "seven lanterns over a quiet river"}, audit.Origin{})
	if err != nil {
		t.Fatal(err)
	}
	if _, l, err = w.LinkUser(t.Context(), active.Account, active.ID, audit.Origin{}); err != nil {
		t.Fatal(err)
	}
	if found, err := w.Links.Find(t.Context(), secret(t, l)); err != nil || found.Purpose != link.Reset || len(w.events(audit.PasswordRequested)) != 1 {
		t.Errorf("%+v, %v", found, err)
	}
}

func TestALinkThatWouldNotWorkIsRefusedByField(t *testing.T) {
	w := newWorld(t)
	other, err := w.CreateAccount(t.Context(), operator.NewAccount{Name: "Other Ltd", Email: "other@example.com"}, audit.Origin{})
	if err != nil {
		t.Fatal(err)
	}
	refused := func(name, acc, user, field string) {
		t.Helper()
		_, l, err := w.LinkUser(t.Context(), acc, user, audit.Origin{})
		if e, ok := errors.AsType[*fault.Error](err); !ok || len(e.Fields) != 1 || e.Fields[0].Name != field || l != (notice.Enclosure{}) {
			t.Errorf("%s: %v", name, err)
		}
	}
	refused("no account", "", w.made.Owner.ID, "account")
	refused("no user", w.made.Account.ID, "", "user")
	refused("nonsense", w.made.Account.ID, strings.Repeat("x", 5000), "user")
	refused("another account's", w.made.Account.ID, other.Owner.ID, "user")
	for _, s := range []account.Status{account.Disabled, account.Removed} {
		_, u, err := (&account.Accounts{Table: w.table}).WithUser(t.Context(), w.made.Account.ID, w.made.Owner.ID)
		if err != nil {
			t.Fatal(err)
		}
		u.Status = s
		if err := w.table.Commit(t.Context(), u.Replace()); err != nil {
			t.Fatal(err)
		}
		refused(string(s), u.Account, u.ID, "user")
		if _, _, err := w.LinkUser(t.Context(), u.Account, u.ID, audit.Origin{}); strings.Contains(err.Error(), "no such user") != (s == account.Removed) {
			t.Errorf("%s: %v", s, err)
		}
	}
	acc := other.Account
	acc.Status = account.Suspended
	if err := w.table.Commit(t.Context(), acc.Replace()); err != nil {
		t.Fatal(err)
	}
	refused("suspended", acc.ID, other.Owner.ID, "account")
	for _, given := range []string{"", "seven lanterns over a quiet river"} {
		_, l, err := w.CreateUser(t.Context(), operator.NewUser{Account: acc.ID, Email: "mia@example.com", Role: scope.Member, Password: given}, audit.Origin{})
		if e, ok := errors.AsType[*fault.Error](err); !ok || e.Kind != fault.Unprocessable || e.Code != "suspended" || e.Fields[0].Name != "account" || l != (notice.Enclosure{}) {
			t.Errorf("a new user of a suspended account: %v", err)
		}
	}
}

// S26: of users of one login name, asked for at once, one is made.
func TestS26ALoginNameIsOneUsersOfTheAccount(t *testing.T) {
	w := newWorld(t)
	ask := operator.NewUser{Account: w.made.Account.ID, Email: "mia@example.com", Role: scope.Member, Password: "seven lanterns over a quiet river"}
	var all sync.WaitGroup
	errs := make([]error, 4)
	for i := range errs {
		all.Go(func() { _, _, errs[i] = w.CreateUser(t.Context(), ask, audit.Origin{}) })
	}
	all.Wait()
	made := 0
	for _, err := range errs {
		if err == nil {
			made++
		} else if e, ok := errors.AsType[*fault.Error](err); !ok || e.Kind != fault.Conflict || e.Fields[0].Name != "email" {
			t.Error(err)
		}
	}
	if made != 1 {
		t.Errorf("%d were made", made)
	}
	ask.Email = "OWNER@example.com"
	if _, _, err := w.CreateUser(t.Context(), ask, audit.Origin{}); !fault.Is(err, fault.Conflict) {
		t.Errorf("the owner's name: %v", err)
	}
	// In another account it is free.
	other, err := w.CreateAccount(t.Context(), operator.NewAccount{Name: "Other Ltd", Email: "other@example.com"}, audit.Origin{})
	if err != nil {
		t.Fatal(err)
	}
	ask.Account = other.Account.ID
	if _, _, err := w.CreateUser(t.Context(), ask, audit.Origin{}); err != nil {
		t.Error(err)
	}
}

func TestAUserIsRefusedByField(t *testing.T) {
	w := newWorld(t)
	good := operator.NewUser{Account: w.made.Account.ID, Email: "mia@example.com", Name: "Mia", Role: scope.Admin, Password: "seven lanterns over a quiet river"}
	for name, change := range map[string]func(*operator.NewUser){
		"account no":       func(n *operator.NewUser) { n.Account = "" },
		"account absent":   func(n *operator.NewUser) { n.Account = "acc_0000000000000000" },
		"account nonsense": func(n *operator.NewUser) { n.Account = strings.Repeat("x", 5000) },
		"email":            func(n *operator.NewUser) { n.Email = "mia" },
		"name":             func(n *operator.NewUser) { n.Name = "a\nb" },
		"role":             func(n *operator.NewUser) { n.Role = "king" },
		"role no":          func(n *operator.NewUser) { n.Role = "" },
		"password":         func(n *operator.NewUser) { n.Password = "Example Ltd" },
	} {
		n := good
		change(&n)
		_, _, err := w.CreateUser(t.Context(), n, audit.Origin{})
		field, _, _ := strings.Cut(name, " ")
		if e, ok := errors.AsType[*fault.Error](err); !ok || len(e.Fields) != 1 || e.Fields[0].Name != field {
			t.Errorf("%s: %v", name, err)
		}
	}
	if n := len(w.events(audit.UserCreated)); n != 0 {
		t.Errorf("%d users were made", n)
	}
}

// C3: the licence is the operator's to give and to take; each time leaves an event, what changes nothing leaves none.
func TestC3TheLicenceIsGivenAndTaken(t *testing.T) {
	w := newWorld(t)
	for _, on := range []bool{true, true, false} {
		acc, err := w.License(t.Context(), w.made.Account.ID, on, audit.Origin{})
		if err != nil || acc.APIManagement != on {
			t.Fatalf("%+v, %v", acc, err)
		}
		stored, err := (&account.Accounts{Table: w.table}).Get(t.Context(), acc.ID)
		if err != nil || stored.APIManagement != on || stored.Policy != w.made.Account.Policy {
			t.Errorf("%+v, %v", stored, err)
		}
	}
	events := w.events(audit.AccountChanged)
	if len(events) != 2 || len(events[0].Changes) != 1 || events[0].Changes[0].Field != "apiManagement" || events[0].Actor.Via != audit.ViaOperator {
		t.Errorf("%+v", events)
	}
	if _, err := w.License(t.Context(), "acc_0000000000000000", true, audit.Origin{}); !fault.Is(err, fault.Unprocessable) {
		t.Errorf("%v", err)
	}
}
