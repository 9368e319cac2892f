package replay

import (
	"testing"
	"time"

	"keyfob/internal/account"
	"keyfob/internal/audit"
	"keyfob/internal/authority"
	"keyfob/internal/catalogue"
	"keyfob/internal/dynamotest"
	"keyfob/internal/password"
	"keyfob/internal/scope"
	"keyfob/internal/table"
	"keyfob/internal/table/dynamo"
	"keyfob/internal/table/key"
	"keyfob/internal/template"
	"keyfob/internal/token"
)

// What the events speak of.
const (
	accountID     = "acc_EXAMPLEaccount01"
	ownerID       = "usr_EXAMPLEowner0001"
	exampleID     = "EXAMPLEexample01"
	exampleSecret = "ExampleSecretExampleSecretExampleSecretExam"
	ownerPassword = "seven lanterns over a quiet river"
)

// world makes a table of the deployed definition that holds what the events speak of, and gives its name.
func world(t *testing.T) string {
	t.Helper()
	definition, err := template.Load(root+"/infra/table.yaml", template.Options{})
	if err != nil {
		t.Fatal(err)
	}
	properties, err := definition.Properties("Table")
	if err != nil {
		t.Fatal(err)
	}
	d, err := dynamo.Define(properties)
	if err != nil {
		t.Fatal(err)
	}
	name := dynamotest.TableName()
	if err := d.Create(t.Context(), dynamotest.Client(t), name); err != nil {
		t.Fatal(err)
	}
	db := dynamo.New(dynamotest.Client(t), dynamo.Config{Table: name})
	hash, err := password.Hash(ownerPassword)
	if err != nil {
		t.Fatal(err)
	}
	now := time.Now()
	acc := account.Account{ID: accountID, Name: "Example Ltd", Status: account.Active, Policy: account.DefaultPolicy(), APIManagement: true, Created: now}
	owner := account.User{
		ID: ownerID, Account: accountID, Email: "owner@example.com", Name: "Olivia Example", Role: scope.Owner, Status: account.Active,
		Verified: true, PasswordHash: hash, Created: now,
	}
	ops := append(owner.Create(), acc.Create(), credential(token.API, now), credential(token.Session, now))
	if err := db.Commit(t.Context(), ops...); err != nil {
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

// credential makes the record of the published example credential of the kind, which New would give other ids.
func credential(k token.Kind, now time.Time) table.Op {
	id, err := token.ParseID(exampleID)
	if err != nil {
		panic(err)
	}
	digest := token.Form{Brand: "kf", Realm: "us"}.Format(k, id, exampleSecret).Digest()
	at := key.Token(exampleID).Key()
	it := table.Item{
		"account": table.S(accountID), "user": table.S(ownerID), "digest": table.B(digest.Bytes()),
		"role": table.S(scope.Owner), "issuers": table.S(scope.IssuersAdmins), "created": table.N(now.UnixMilli()),
	}
	if k == token.Session {
		at = key.Session(exampleID).Key()
		it["expires"] = table.N(now.Add(time.Hour).Unix())
	} else {
		it["name"], it["scope"] = table.S("deploy"), table.S("*")
	}
	it[table.AttrPK], it[table.AttrSK] = table.S(at.PK), table.S(at.SK)
	return table.Create(it)
}
