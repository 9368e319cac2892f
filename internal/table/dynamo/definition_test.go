package dynamo_test

import (
	"maps"
	"os"
	"regexp"
	"strings"
	"testing"

	"keyfob/internal/dynamotest"
	"keyfob/internal/table/dynamo"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
)

func TestADefinitionMakesTheTableItDescribesOnce(t *testing.T) {
	client := dynamotest.Client(t)
	name := newTable(t, client)
	if err := definition(t).Create(t.Context(), client, name); err != nil {
		t.Errorf("a table that is there already: %v", err)
	}
	out, err := client.DescribeTable(t.Context(), &dynamodb.DescribeTableInput{TableName: &name})
	if err != nil {
		t.Fatal(err)
	}
	if tbl := out.Table; len(tbl.KeySchema) != 2 || aws.ToString(tbl.KeySchema[0].AttributeName) != "pk" ||
		tbl.KeySchema[1].KeyType != types.KeyTypeRange || tbl.BillingModeSummary.BillingMode != types.BillingModePayPerRequest ||
		tbl.StreamSpecification.StreamViewType != types.StreamViewTypeNewAndOldImages || len(tbl.GlobalSecondaryIndexes) != 0 {
		t.Errorf("%+v", tbl)
	}
	ttl, err := client.DescribeTimeToLive(t.Context(), &dynamodb.DescribeTimeToLiveInput{TableName: &name})
	if err != nil {
		t.Fatal(err)
	}
	if d := ttl.TimeToLiveDescription; aws.ToString(d.AttributeName) != "purgeAt" || d.TimeToLiveStatus != types.TimeToLiveStatusEnabled {
		t.Errorf("time to live: %+v", d)
	}
}

func TestADefinitionRefusesWhatItWouldHaveToLeaveOut(t *testing.T) {
	protected := properties(t)
	protected["SSESpecification"] = map[string]any{"KMSMasterKeyId": map[string]any{"Ref": "Key"}}
	protected["Tags"] = []any{}
	if _, err := dynamo.Define(protected); err != nil {
		t.Errorf("what only protects a deployed table is passed over, but: %v", err)
	}
	for name, value := range map[string]any{
		"GlobalSecondaryIndexes": []any{map[string]any{"IndexName": "i"}},
		"LocalSecondaryIndexes":  []any{},
		"Unknown":                "x",
		"BillingMode":            map[string]any{"Ref": "Mode"},
		"KeySchema":              []any{},
		"StreamSpecification":    map[string]any{"StreamViewType": "KEYS_ONLY", "Odd": 1},
	} {
		bad := maps.Clone(properties(t))
		bad[name] = value
		if _, err := dynamo.Define(bad); err == nil {
			t.Errorf("%s = %v is accepted", name, value)
		}
	}
}

// patternTable finds the rows of the key patterns in a package comment.
var patternTable = regexp.MustCompile(`(?m)^//\tpk +sk +type +what it is\n(//\t.+\n)+`)

func TestThePackageCommentHasTheKeyPatternsOfPackageKey(t *testing.T) {
	var tables []string
	for _, file := range []string{"dynamo.go", "../key/key.go"} {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		found := patternTable.FindString(string(text))
		if strings.Count(found, "\n") < 10 {
			t.Fatalf("%s: no table of key patterns", file)
		}
		tables = append(tables, found)
	}
	if tables[0] != tables[1] {
		t.Errorf("package dynamo has\n%s\npackage key has\n%s", tables[0], tables[1])
	}
}
