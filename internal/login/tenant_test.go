package login_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"keyfob/internal/account"
	"keyfob/internal/audit"
	"keyfob/internal/fault"
	"keyfob/internal/login"
	"keyfob/internal/password"
)

// asked holds the error to the question for the tenant, and to naming exactly these accounts.
func asked(t *testing.T, err error, named, not []account.Account) {
	t.Helper()
	f, ok := errors.AsType[*fault.Error](err)
	if !ok || f.Kind != fault.Unprocessable || len(f.Fields) != 1 || f.Fields[0].Name != "tenant" || f.Code != "required" {
		t.Fatalf("%v", err)
	}
	for _, acc := range named {
		if !strings.Contains(f.Message, acc.ID) {
			t.Errorf("%s is not named: %s", acc.ID, f.Message)
		}
	}
	for _, acc := range not {
		if strings.Contains(f.Message, acc.ID) {
			t.Errorf("%s is named: %s", acc.ID, f.Message)
		}
	}
}

// S5: who has a login name in several accounts is asked which one, and only who knows a password is told of any.
func TestS5OnlyWhoKnowsAPasswordIsToldOfTheAccounts(t *testing.T) {
	w := newWorld(t)
	hash := w.owner.Owner.PasswordHash
	other, err := password.Hash("another giraffe umbrella")
	if err != nil {
		t.Fatal(err)
	}
	same, different := w.account(t, account.Active, ""), w.account(t, account.Active, "")
	w.user(t, "owner@example.com", same, account.Active, hash)
	w.user(t, "Owner@Example.COM", different, account.Active, other)
	_, err = w.from(t, "192.0.2.1", "")
	asked(t, err, []account.Account{w.owner.Account, same}, []account.Account{different})
	_, err = w.logins.Login(t.Context(), login.Attempt{Name: "owner@example.com", Password: "another giraffe umbrella"}, audit.ViaAPI, audit.Origin{IP: "192.0.2.1"})
	asked(t, err, []account.Account{different}, []account.Account{w.owner.Account, same})
	if _, err := w.try(t.Context(), "owner@example.com", "wrong horse battery", "192.0.2.1"); !fault.Is(err, fault.Unauthenticated) || strings.Contains(err.Error(), "acc_") {
		t.Errorf("a stranger: %v", err)
	}
	for _, acc := range []account.Account{w.owner.Account, same} {
		if in, err := w.from(t, "192.0.2.1", acc.ID); err != nil || in.Account.ID != acc.ID || in.Session.Account != acc.ID {
			t.Errorf("%s: %+v, %v", acc.ID, in.Session, err)
		}
	}
	if _, err := w.from(t, "192.0.2.1", different.ID); !fault.Is(err, fault.Unauthenticated) {
		t.Errorf("with the password of another account: %v", err)
	}
}

// Nobody can make a person name the tenant by inviting them, nor by an account in which they cannot log in any more.
func TestOnlyAccountsThatOneCanLogInToCount(t *testing.T) {
	w := newWorld(t)
	hash := w.owner.Owner.PasswordHash
	w.user(t, "owner@example.com", w.account(t, account.Active, ""), account.Invited, "")
	w.user(t, "owner@example.com", w.account(t, account.Active, ""), account.Disabled, hash)
	w.user(t, "owner@example.com", w.account(t, account.Active, ""), account.Removed, hash)
	w.user(t, "owner@example.com", w.account(t, account.Suspended, ""), account.Active, hash)
	if in, err := w.from(t, "192.0.2.1", ""); err != nil || in.Account.ID != w.owner.Account.ID {
		t.Errorf("%+v, %v", in.Account, err)
	}
	// And an account that can be used, but not from here, is there all the same: it is not told, and not asked for alone.
	office := w.account(t, account.Active, "198.51.100.0/24")
	w.user(t, "owner@example.com", office, account.Active, hash)
	_, err := w.from(t, "192.0.2.1", "")
	asked(t, err, []account.Account{w.owner.Account}, []account.Account{office})
	_, err = w.from(t, "198.51.100.1", "")
	asked(t, err, []account.Account{w.owner.Account, office}, nil)
}

// A name in more accounts than one Get can read is found wherever its tenant is named.
func TestANameInVeryManyAccountsIsFoundByItsTenant(t *testing.T) {
	w := newWorld(t)
	var accs []account.Account
	for range 120 {
		acc := w.account(t, account.Active, "")
		w.user(t, "owner@example.com", acc, account.Active, w.owner.Owner.PasswordHash)
		accs = append(accs, acc)
	}
	for _, acc := range []account.Account{accs[0], accs[50], accs[119]} {
		if in, err := w.from(t, "192.0.2.1", acc.ID); err != nil || in.Account.ID != acc.ID {
			t.Fatalf("%s: %v", acc.ID, err)
		}
	}
	if _, err := w.from(t, "192.0.2.1", ""); !fault.Is(err, fault.Unprocessable) {
		t.Errorf("without a tenant: %v", err)
	}
}

// S4: the password of one account is no way to forget the failures of another: a question for the tenant starts nothing.
func TestTheQuestionForTheTenantStartsNothing(t *testing.T) {
	w := newWorld(t)
	same := w.account(t, account.Active, "")
	w.user(t, "owner@example.com", same, account.Active, w.owner.Owner.PasswordHash)
	_, err := w.from(t, "192.0.2.1", "")
	asked(t, err, []account.Account{w.owner.Account, same}, nil)
	for _, acc := range []account.Account{w.owner.Account, same} {
		if n := len(w.events(t, acc.ID, audit.SessionStarted)); n != 0 {
			t.Errorf("%d sessions were started", n)
		}
	}
	w.now.Add(int64(time.Minute))
	if _, err := w.from(t, "192.0.2.1", same.ID); err != nil {
		t.Error(err)
	}
}
