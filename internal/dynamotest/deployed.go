package dynamotest

import (
	"path/filepath"
	"testing"

	"keyfob/internal/table/dynamo"
	"keyfob/internal/template"
)

// Deployed makes a table as infra/table.yaml defines it on the shared server, and gives the role over it and its name.
func Deployed(t testing.TB) (db *dynamo.Table, name string) {
	t.Helper()
	client, name := Client(t), TableName()
	root, err := moduleRoot()
	check(t, err)
	file, err := template.Load(filepath.Join(root, "infra", "table.yaml"), template.Options{})
	check(t, err)
	properties, err := file.Properties("Table")
	check(t, err)
	definition, err := dynamo.Define(properties)
	check(t, err)
	check(t, definition.Create(t.Context(), client, name))
	return dynamo.New(client, dynamo.Config{Table: name}), name
}
