package operator_test

import (
	"errors"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"keyfob/internal/account"
	"keyfob/internal/audit"
	"keyfob/internal/fault"
	"keyfob/internal/link"
	"keyfob/internal/notice"
	"keyfob/internal/operator"
	"keyfob/internal/password"
	"keyfob/internal/scope"
	"keyfob/internal/table"
	"keyfob/internal/table/bolt"
	"keyfob/internal/table/key"
	"keyfob/internal/token"
)

func newOperator(t *testing.T) (*operator.Operator, *bolt.Table) {
	t.Helper()
	now := func() time.Time { return time.Date(2030, 1, 2, 3, 4, 5, 0, time.UTC) }
	db, err := bolt.Open(filepath.Join(t.TempDir(), "table"), now)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = db.Close() })
	links := &link.Links{Table: db, Now: now, Form: token.Form{Brand: "kf", Realm: "us"}, URL: "https://keys.example.com"}
	return &operator.Operator{Table: db, Now: now, Hasher: password.NewHasher(1), Links: links}, db
}

// secret gives the text of a link as its reader presents it.
func secret(t *testing.T, l notice.Enclosure) string {
	t.Helper()
	text, ok := strings.CutPrefix(l.Link, "https://keys.example.com/password#")
	if !ok {
		t.Fatalf("%+v", l)
	}
	return text
}

// P5: an account is made with its owner, who is invited, and the events of both; the link in the answer is the owner's.
func TestP5AnAccountIsMadeWithItsOwnerAndTheirEvents(t *testing.T) {
	o, db := newOperator(t)
	made, err := o.CreateAccount(t.Context(), operator.NewAccount{Name: "Example Ltd", Email: "Owner@Example.com"}, audit.Origin{RequestID: "r-1"})
	if err != nil {
		t.Fatal(err)
	}
	accounts := account.Accounts{Table: db}
	acc, owner, err := accounts.WithUser(t.Context(), made.Account.ID, made.Owner.ID)
	if err != nil || acc.Name != "Example Ltd" || owner.Role != scope.Owner || owner.Name != "Owner" || owner.Verified ||
		owner.Status != account.Invited || owner.PasswordHash != "" {
		t.Errorf("%+v, %+v, %v", acc, owner, err)
	}
	logins, err := accounts.Logins(t.Context(), "owner@EXAMPLE.com")
	if err != nil || len(logins) != 1 || logins[0].User != made.Owner.ID {
		t.Errorf("%v, %v", logins, err)
	}
	if found, err := o.Links.Find(t.Context(), secret(t, made.Link)); err != nil || found.User != owner || found.Purpose != link.Invitation {
		t.Errorf("the link: %+v, %v", found, err)
	}
	page, err := db.Query(t.Context(), table.Query{PK: key.PrefixAudit + acc.ID, Limit: 10})
	if err != nil || len(page.Items) != 2 {
		t.Fatalf("%v, %v", page, err)
	}
	for _, it := range page.Items {
		e, err := audit.FromItem(it)
		if err != nil || e.Actor.Via != audit.ViaOperator || e.Origin.RequestID != "r-1" {
			t.Errorf("%+v, %v", e, err)
		}
	}
}

func TestAnOwnerWithAPasswordNeedsNoLink(t *testing.T) {
	o, _ := newOperator(t)
	made, err := o.CreateAccount(t.Context(), operator.NewAccount{Name: "Example Ltd", Email: "owner@example.com", Password: "seven lanterns over a quiet river"}, audit.Origin{})
	if err != nil || made.Link != (notice.Enclosure{}) || made.Owner.Status != account.Active || !made.Owner.Verified {
		t.Fatalf("%+v, %v", made, err)
	}
	if ok, err := password.Verify(made.Owner.PasswordHash, "seven lanterns over a quiet river"); err != nil || !ok {
		t.Error(ok, err)
	}
	if r, err := o.Links.Get(t.Context(), made.Owner.ID); err != nil || !r.Issued.IsZero() {
		t.Errorf("%+v, %v", r, err)
	}
}

func TestAnAccountIsRefusedByField(t *testing.T) {
	o, _ := newOperator(t)
	good := operator.NewAccount{Name: "Example Ltd", Email: "owner@example.com", Owner: "Olivia", Password: "seven lanterns over a quiet river"}
	for field, change := range map[string]func(*operator.NewAccount){
		"account.name":   func(n *operator.NewAccount) { n.Name = "a\nb" },
		"owner.email":    func(n *operator.NewAccount) { n.Email = "Olivia <owner@example.com>" },
		"owner.name":     func(n *operator.NewAccount) { n.Owner = strings.Repeat("x", 201) },
		"owner.password": func(n *operator.NewAccount) { n.Password = "owner@example.com" },
	} {
		n := good
		change(&n)
		_, err := o.CreateAccount(t.Context(), n, audit.Origin{})
		e, ok := errors.AsType[*fault.Error](err)
		if !ok || len(e.Fields) != 1 || e.Fields[0].Name != field {
			t.Errorf("%s: %v", field, err)
		}
	}
}

func TestOnlyABareAddressIsAnEmail(t *testing.T) {
	for s, want := range map[string]bool{
		"owner@example.com": true, "o+tag@example.com": true, "ümlaut@example.com": true, "o@sub.example.com": true,
		"": false, "owner": false, "@example.com": false, "owner@": false, "a b@example.com": false, "owner@example.com ": false,
		"<owner@example.com>": false, "owner@example.com\r\nBcc: x@example.com": false, "a@example.com,b@example.com": false,
		strings.Repeat("x", 250) + "@example.com": false,
	} {
		if err := account.Email("email", s); (err == nil) != want {
			t.Errorf("%q: %v", s, err)
		}
	}
}
