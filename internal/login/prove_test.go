package login_test

import (
	"errors"
	"testing"

	"keyfob/internal/account"
	"keyfob/internal/audit"
	"keyfob/internal/authority"
	"keyfob/internal/factor"
	"keyfob/internal/fault"
	"keyfob/internal/login"
)

var _ factor.Prover = (*login.Logins)(nil)

// S12, S4: whoever is logged in proves the password again; guesses are slowed down with those of logins.
func TestS12ThePasswordIsProvenAgain(t *testing.T) {
	w := newWorld(t)
	by := authority.Principal{Account: w.owner.Account.ID, User: w.owner.Owner.ID}
	prove := func(plain, ip string) error {
		_, err := w.logins.Prove(t.Context(), by, plain, audit.Origin{IP: ip})
		return err
	}
	if err := prove(secret, "192.0.2.1"); err != nil {
		t.Error(err)
	}
	if err := prove("", "192.0.2.1"); !fault.Is(err, fault.Invalid) {
		t.Errorf("nothing: %v", err)
	}
	for range 5 {
		err := prove("wrong horse battery", "203.0.113.9")
		if f, ok := errors.AsType[*fault.Error](err); !ok || f.Kind != fault.Unprocessable || f.Code != "wrong_password" || f.Fields[0].Name != "password" {
			t.Fatalf("%v", err)
		}
	}
	if err := prove(secret, "203.0.113.9"); !fault.Is(err, fault.TooMany) {
		t.Errorf("the sixth: %v", err)
	}
	if _, err := w.try(t.Context(), "owner@example.com", secret, "203.0.113.9"); !fault.Is(err, fault.TooMany) {
		t.Errorf("a login after it: %v", err)
	}
	if err := prove(secret, "192.0.2.1"); err != nil {
		t.Errorf("from elsewhere: %v", err)
	}
	w.set(t, w.owner.Owner.Key(), "status", string(account.Disabled))
	if err := prove(secret, "192.0.2.1"); !fault.Is(err, fault.Unauthenticated) {
		t.Errorf("a disabled user: %v", err)
	}
}
