package main

import (
	"strings"
	"testing"

	"keyfob/internal/dynamotest"
	"keyfob/internal/table"
	"keyfob/internal/table/dynamo"
)

// The table that the operator makes in a DynamoDB Local is the one that infra/ deploys, and making it twice is no error.
func TestTheOperatorMakesTheDeployedTable(t *testing.T) {
	endpoint, name := dynamotest.Shared(t).URL, dynamotest.TableName()
	for range 2 {
		var out strings.Builder
		c := command()
		c.SetOut(&out)
		c.SetArgs([]string{"operator", "table", "create", "--endpoint", endpoint, "--name", name, "--definition", "../../infra/table.yaml"})
		if err := c.ExecuteContext(t.Context()); err != nil {
			t.Fatal(err)
		}
		if want := "table " + name + " is ready at " + endpoint + "\n"; out.String() != want {
			t.Errorf("%q, want %q", out.String(), want)
		}
	}
	db := dynamo.New(dynamotest.Client(t), dynamo.Config{Table: name})
	it := table.Item{table.AttrPK: table.S("tok#x"), table.AttrSK: table.S("tok")}
	if err := db.Commit(t.Context(), table.Create(it)); err != nil {
		t.Error(err)
	}
}

func TestBadArgumentsAreOneLine(t *testing.T) {
	for _, args := range [][]string{
		{"operator", "table", "create", "--definition", "nothing.yaml"},
		{"operator", "table", "create", "--definition", "../../infra/mail.yaml"},
		{"operator", "table", "create", "extra"},
		{"operator", "nothing"},
		{"operator", "tabel", "create"},
	} {
		c := command()
		c.SetOut(&strings.Builder{})
		c.SetErr(&strings.Builder{})
		c.SetArgs(args)
		err := c.ExecuteContext(t.Context())
		if err == nil || strings.Contains(err.Error(), "\n") {
			t.Errorf("%v: %v", args, err)
		}
	}
}
