package replay

import (
	"fmt"
	"log/slog"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"keyfob/internal/account"
	"keyfob/internal/api"
	"keyfob/internal/audit"
	"keyfob/internal/authority"
	"keyfob/internal/awsconf/kmsclient"
	"keyfob/internal/catalogue"
	"keyfob/internal/dynamotest"
	"keyfob/internal/keyring"
	"keyfob/internal/keyring/kms"
	"keyfob/internal/kmstest"
	"keyfob/internal/password"
	"keyfob/internal/scope"
	"keyfob/internal/table"
	"keyfob/internal/table/key"
	"keyfob/internal/token"
)

// What the events speak of.
const (
	accountID     = "acc_EXAMPLEaccount01"
	ownerID       = "usr_EXAMPLEowner0001"
	colleagueID   = "usr_EXAMPLEcolleague"
	exampleID     = "EXAMPLEexample01" // also of a user who is invited, because a link has the id of its user
	exampleSecret = "ExampleSecretExampleSecretExampleSecretExam"
	ownerPassword = "seven lanterns over a quiet river"
	keyAlias      = "alias/keyfob-reveal"
)

// world makes a table of the deployed definition that holds what the events speak of, and gives its name.
func world(t *testing.T, keys *kmstest.Server) string {
	t.Helper()
	db, name := dynamotest.Deployed(t)
	hash, err := password.Hash(ownerPassword)
	if err != nil {
		t.Fatal(err)
	}
	now := time.Now()
	acc := account.Account{ID: accountID, Name: "Example Ltd", Status: account.Active, Policy: account.DefaultPolicy(), APIManagement: true, Created: now}
	owner := account.User{
		ID: ownerID, Account: accountID, Email: "owner@example.com", Name: "Olivia Example", Role: scope.Owner, Status: account.Active,
		Verified: true, PasswordHash: hash, Developer: true, Created: now,
	}
	colleague, invited := owner, owner
	colleague.ID, colleague.Email, colleague.Name, colleague.Role = colleagueID, "colleague@example.com", "Colin Example", scope.Admin
	invited.ID, invited.Email, invited.Name, invited.Role = "usr_"+exampleID, "invited@example.com", "Ida Example", scope.Member
	invited.Status, invited.Verified, invited.PasswordHash = account.Invited, false, ""
	acc.Policy.Revealable = true
	ops := slices.Concat(owner.Create(), colleague.Create(), invited.Create())
	ops = append(ops, acc.Create(), invitation(now), credential(token.API, now, sealer(t, keys)), credential(token.Session, now, nil))
	made := audit.New(audit.TokenCreated, now, accountID, audit.Actor{User: ownerID, Via: audit.ViaDashboard}, audit.Origin{IP: "192.0.2.1"},
		audit.Subject{Kind: "token", ID: "tok_" + exampleID, Name: "Deploy"})
	ops = append(append(ops, disavowal(made)), made.Ops()...)
	if err := db.Commit(t.Context(), ops...); err != nil {
		t.Fatal(err)
	}
	if err := alertKeys(t, db); err != nil {
		t.Fatal(err)
	}
	c := catalogue.Catalogue{Table: db, Now: time.Now}
	by := authority.Principal{Kind: token.API, Account: accountID, User: ownerID, Holder: scope.Holder{Scope: scope.Full(), Role: scope.Owner}}
	for _, r := range []catalogue.Resource{{Category: scope.Exports, ID: "exp1", Name: "Orders"}, {Category: scope.Connections, ID: "con1", Name: "Shop"}} {
		if _, _, err := c.Put(t.Context(), by, audit.ViaAPI, audit.Origin{}, r); err != nil {
			t.Fatal(err)
		}
	}
	return name
}

// alertKeys configures the key that the leak alerts are signed with. Its private half is nobody's any more.
func alertKeys(t *testing.T, db table.Table) error {
	t.Helper()
	text, err := os.ReadFile(root + "/events/operator/leaks-keys.json")
	if err != nil {
		return err
	}
	out, err := api.Operator(api.Config{Table: db, Now: time.Now, Log: slog.New(slog.DiscardHandler)}).Invoke(t.Context(), text)
	if err == nil && !strings.Contains(string(out), `"publicKeys":["`) {
		err = fmt.Errorf("%s", out)
	}
	return err
}

// sealer seals the example token as createtoken does for a revealable one.
func sealer(t *testing.T, keys *kmstest.Server) func(string) []byte {
	return func(text string) []byte {
		t.Helper()
		client, err := kmsclient.New(func(name string) string {
			return map[string]string{"AWS_REGION": kmstest.Region, "AWS_ACCESS_KEY_ID": "example", "AWS_SECRET_ACCESS_KEY": "example", "AWS_ENDPOINT_URL_KMS": keys.URL}[name]
		})
		if err != nil {
			t.Fatal(err)
		}
		ring, err := kms.New(client, kms.Config{Key: keyAlias})
		if err != nil {
			t.Fatal(err)
		}
		sealed, err := ring.Seal(t.Context(), []byte(text), keyring.Binding{Account: accountID, Token: "tok_" + exampleID})
		if err != nil {
			t.Fatal(err)
		}
		return sealed
	}
}

// invitation makes the record of the published example link, which the service would give another secret. It is old enough
// to be sent again.
func invitation(now time.Time) table.Op {
	id, err := token.ParseID(exampleID)
	if err != nil {
		panic(err)
	}
	c := token.Form{Brand: "kf", Realm: "us"}.Format(token.Link, id, exampleSecret)
	digest, at := c.Digest(), key.Link("usr_"+exampleID).Key()
	return table.Create(table.Item{
		table.AttrPK: table.S(at.PK), table.AttrSK: table.S(at.SK), "account": table.S(accountID), "purpose": table.S("invitation"),
		"issued": table.N(now.Add(-time.Hour).UnixMilli()), "expires": table.N(now.Add(time.Hour).Unix()),
		"secrets": table.L{table.Item{"digest": table.B(digest.Bytes()), "until": table.N(now.Add(time.Hour).Unix())}},
	})
}

// disavowal makes the record of the published example link that a mail of the event carries, which the service would give
// another id and secret.
func disavowal(about audit.Event) table.Op {
	id, err := token.ParseID(exampleID)
	if err != nil {
		panic(err)
	}
	c := token.Form{Brand: "kf", Realm: "us"}.Format(token.Disavowal, id, exampleSecret)
	digest, at := c.Digest(), key.Disavowal(exampleID).Key()
	return table.Create(table.Item{
		table.AttrPK: table.S(at.PK), table.AttrSK: table.S(at.SK), "account": table.S(accountID), "reader": table.S(ownerID),
		"event": table.S(about.ID), "eventAt": table.N(about.At.UnixMilli()), "about": table.S(about.Type), "kind": table.S("tokens"),
		"ids": table.L{table.S(about.Subject.ID)}, "digest": table.B(digest.Bytes()), "expires": table.N(about.At.Add(time.Hour).Unix()),
	})
}

// credential makes the record of the published example credential of the kind, which New would give other ids.
func credential(k token.Kind, now time.Time, seal func(string) []byte) table.Op {
	id, err := token.ParseID(exampleID)
	if err != nil {
		panic(err)
	}
	c := token.Form{Brand: "kf", Realm: "us"}.Format(k, id, exampleSecret)
	digest := c.Digest()
	at := key.Token(exampleID).Key()
	it := table.Item{
		"account": table.S(accountID), "user": table.S(ownerID), "digest": table.B(digest.Bytes()),
		"role": table.S(scope.Owner), "issuers": table.S(scope.IssuersAdmins), "created": table.N(now.UnixMilli()),
	}
	if k == token.Session {
		at = key.Session(exampleID).Key()
		it["expires"], it["proven"], it["seen"] = table.N(now.Add(time.Hour).Unix()), table.N(now.UnixMilli()), table.N(now.UnixMilli())
	} else {
		it["name"], it["scope"], it["edition"], it["sealed"] = table.S("deploy"), table.S("*"), table.N(1), table.B(seal(c.Plaintext().Reveal()))
	}
	it[table.AttrPK], it[table.AttrSK] = table.S(at.PK), table.S(at.SK)
	return table.Create(it)
}
