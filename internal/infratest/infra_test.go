package infratest

import (
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/goccy/go-yaml"

	"keyfob/internal/table"
)

func TestTheTableIsWhatTheRoleAsksForAndProtected(t *testing.T) {
	p := properties(t, load(t, "infra/table.yaml", map[string]string{"TableName": "keyfob-eu"}), "Table")
	for path, want := range map[string]any{
		"TableName":                             "keyfob-eu",
		"BillingMode":                           "PAY_PER_REQUEST",
		"TimeToLiveSpecification/AttributeName": table.AttrPurgeAt,
		"TimeToLiveSpecification/Enabled":       true,
		"StreamSpecification/StreamViewType":    "NEW_AND_OLD_IMAGES",
		"PointInTimeRecoverySpecification/PointInTimeRecoveryEnabled": true,
		"SSESpecification/SSEEnabled":                                 true,
		"SSESpecification/SSEType":                                    "KMS",
		"SSESpecification/KMSMasterKeyId":                             "${Key.Arn}",
		"DeletionProtectionEnabled":                                   true,
		"GlobalSecondaryIndexes":                                      nil,
		"LocalSecondaryIndexes":                                       nil,
	} {
		if got := at(p, strings.Split(path, "/")...); got != want {
			t.Errorf("%s is %v, want %v", path, got, want)
		}
	}
	keys, _ := p["KeySchema"].([]any)
	if len(keys) != 2 || text(keys[0], "AttributeName") != table.AttrPK || text(keys[0], "KeyType") != "HASH" ||
		text(keys[1], "AttributeName") != table.AttrSK || text(keys[1], "KeyType") != "RANGE" {
		t.Errorf("%v", keys)
	}
}

func TestTheKeyRotatesAndIsUsedThroughServicesOnly(t *testing.T) {
	p := properties(t, load(t, "infra/table.yaml", nil), "Key")
	if p["EnableKeyRotation"] != true {
		t.Error("it does not rotate")
	}
	use := []string{"kms:CreateGrant", "kms:Decrypt", "kms:Encrypt", "kms:GenerateDataKey", "kms:GenerateDataKeyWithoutPlaintext", "kms:ReEncryptFrom", "kms:ReEncryptTo"}
	usable := false
	for _, s := range statementsOf(p["KeyPolicy"]) {
		for _, a := range s.actions {
			if strings.Contains(a, "*") {
				t.Errorf("%s: %s", s.sid, a)
			}
			if !slices.Contains(use, a) {
				continue
			}
			usable = true
			via := sorted(texts(at(s.condition, "StringEquals", "kms:ViaService")))
			if via != "dynamodb.us-east-1.amazonaws.com s3.us-east-1.amazonaws.com" || text(s.condition, "StringEquals", "kms:CallerAccount") != "123456789012" {
				t.Errorf("%s: %s via %q", s.sid, a, via)
			}
		}
	}
	if !usable {
		t.Error("nobody may use it")
	}
}

func TestTheFailuresBucketIsClosedAndForgets(t *testing.T) {
	tm := load(t, "infra/failures.yaml", map[string]string{"KeyArn": "arn:of:the:key"})
	p := properties(t, tm, "Failures")
	rules, _ := at(p, "BucketEncryption", "ServerSideEncryptionConfiguration").([]any)
	if len(rules) != 1 || text(rules[0], "ServerSideEncryptionByDefault", "SSEAlgorithm") != "aws:kms" ||
		text(rules[0], "ServerSideEncryptionByDefault", "KMSMasterKeyID") != "arn:of:the:key" {
		t.Errorf("%v", rules)
	}
	for _, name := range []string{"BlockPublicAcls", "BlockPublicPolicy", "IgnorePublicAcls", "RestrictPublicBuckets"} {
		if at(p, "PublicAccessBlockConfiguration", name) != true {
			t.Errorf("%s is not set", name)
		}
	}
	if life, _ := at(p, "LifecycleConfiguration", "Rules").([]any); len(life) != 1 || text(life[0], "Status") != "Enabled" || at(life[0], "ExpirationInDays") == nil {
		t.Errorf("%v", life)
	}
	deny := statementsOf(properties(t, tm, "FailuresPolicy")["PolicyDocument"])
	if len(deny) != 1 || deny[0].effect != "Deny" || text(deny[0].condition, "Bool", "aws:SecureTransport") != "false" || len(deny[0].resources) != 2 {
		t.Errorf("%+v", deny)
	}
}

// passing are the keys of what is on its way only, and gone within days.
var passing = map[string]bool{"infra/mail.yaml FeedbackKey": true}

// What holds data outlives a stack that is deleted, and a change that would replace it.
func TestWhatHoldsDataOutlivesTheStack(t *testing.T) {
	keep := map[string][]string{
		"AWS::DynamoDB::Table": {"Retain"}, "AWS::KMS::Key": {"Retain"}, "AWS::S3::Bucket": {"Retain"},
		"AWS::Logs::LogGroup": {"Retain", "RetainExceptOnCreate"},
	}
	found := map[string]bool{}
	for _, file := range append(glob(t, "infra/*.yaml"), filepath.Join(root, "template.yaml")) {
		rel, _ := filepath.Rel(root, file)
		var document struct {
			Resources map[string]struct {
				Type                string `yaml:"Type"`
				DeletionPolicy      string `yaml:"DeletionPolicy"`
				UpdateReplacePolicy string `yaml:"UpdateReplacePolicy"`
			} `yaml:"Resources"`
		}
		if err := yaml.Unmarshal(read(t, rel), &document); err != nil {
			t.Fatalf("%s: %v", rel, err)
		}
		for id, r := range document.Resources {
			allowed, ok := keep[r.Type]
			if !ok || passing[filepath.ToSlash(rel)+" "+id] {
				continue
			}
			found[r.Type] = true
			if !slices.Contains(allowed, r.DeletionPolicy) || r.UpdateReplacePolicy != "Retain" {
				t.Errorf("%s: %s is deleted with %q, replaced with %q", rel, id, r.DeletionPolicy, r.UpdateReplacePolicy)
			}
		}
	}
	if len(found) != len(keep) {
		t.Errorf("found %v", found)
	}
}

// A file in infra/ that nothing nests would never be deployed.
func TestEveryNestedTemplateIsUsed(t *testing.T) {
	whole := string(read(t, "template.yaml"))
	for _, file := range glob(t, "infra/*.yaml") {
		rel, _ := filepath.Rel(root, file)
		if !strings.Contains(whole, "TemplateURL: "+filepath.ToSlash(rel)+"\n") {
			t.Errorf("%s is not nested in template.yaml", rel)
		}
	}
}
