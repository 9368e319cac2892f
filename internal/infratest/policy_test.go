package infratest

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"keyfob/internal/table/key"
	"keyfob/internal/template"
)

// may is what each function may do with the table: its actions, and the prefixes of the partition keys they are for.
// It is the contract between the decisions in internal/ and the policies in template.yaml.
var may = map[string]map[string]string{
	"AuthorizerFunction":  {"GetItem": "ses# tok#", "PutItem": "aud# due# ses# tok# trl#"},
	"LoginFunction":       {"GetItem": "thr# unw#", "BatchGetItem": "acc# mfa# ses# thr# unw#", "Query": "lgn#", "PutItem": "acc# ase# aud# chg# due# ses# thr# trl# unw# use#", "DeleteItem": "thr#", "ConditionCheckItem": "acc#"},
	"LogoutFunction":      {"GetItem": "ses#", "PutItem": "aud# trl#", "DeleteItem": "ase# ses# use#"},
	"UnlockFunction":      {"GetItem": "thr# unw#", "BatchGetItem": "acc# chg# mfa# ses# thr#", "PutItem": "acc# ase# aud# chg# due# mfa# ses# thr# trl# use#", "DeleteItem": "ase# chg# ses# thr# use#", "ConditionCheckItem": "acc# mfa# ses#"},
	"FactorsFunction":     {"GetItem": "ses# tok#", "BatchGetItem": "acc# chg# mfa# ses# thr# tok#", "Query": "use# utk#", "PutItem": "acc# ase# aud# chg# due# mfa# ses# thr# tok# trl# use#", "DeleteItem": "ase# chg# mfa# ses# use#", "ConditionCheckItem": "acc# mfa# ses#"},
	"PasswordFunction":    {"GetItem": "acc# lnk# ses# thr# tok#", "BatchGetItem": "acc# ses# thr# tok#", "Query": "lgn# use# utk#", "PutItem": "acc# ase# aud# due# rst# ses# thr# tok# trl# use#", "DeleteItem": "ase# lnk# ses# thr# use#", "ConditionCheckItem": "acc#"},
	"SessionsFunction":    {"GetItem": "ses#", "BatchGetItem": "ses#", "Query": "use#", "PutItem": "aud# trl#", "DeleteItem": "ase# ses# use#"},
	"DashboardFunction":   {},
	"CreateTokenFunction": {"GetItem": "cat#", "BatchGetItem": "acc# cat# idm# qta# ses# tok#", "Query": "atk# utk#", "PutItem": "atk# aud# due# idm# qta# tok# trl# utk#", "ConditionCheckItem": "acc# cat# ses# tok#"},
	"EditTokenFunction":   {"GetItem": "cat# tok#", "BatchGetItem": "acc# atk# cat# qta# ses# tok# utk#", "PutItem": "atk# aud# due# tok# trl# utk#", "DeleteItem": "due#", "ConditionCheckItem": "acc# ses# tok#"},
	"RotateTokenFunction": {"GetItem": "tok#", "BatchGetItem": "acc# atk# idm# qta# ses# tok# utk#", "PutItem": "atk# aud# due# idm# tok# trl# utk#", "DeleteItem": "due#", "ConditionCheckItem": "acc# ses# tok#"},
	"RevealTokenFunction": {"GetItem": "tok#", "BatchGetItem": "acc# idm# qta# ses# tok#", "PutItem": "aud# due# idm# trl#", "ConditionCheckItem": "acc# ses# tok#"},
	"ListTokensFunction":  {"GetItem": "tok#", "BatchGetItem": "tok#", "Query": "atk# utk#", "PutItem": "aud# due# trl#"},
	"AccountFunction":     {"GetItem": "acc# lnk# ses# sup# thr# tok#", "BatchGetItem": "acc# lnk# ses# sup# thr# tok#", "Query": "acc# ase# atk# use# utk#", "PutItem": "acc# aud# due# lgn# lnk# ses# thr# tok# trl#", "DeleteItem": "acc# ase# lgn# lnk# mfa# ses# use#", "ConditionCheckItem": "acc# ses# tok#"},
	"TokenInfoFunction":   {},
	"RevokeFunction":      {"GetItem": "aud# dis# lnk# ses# tok#", "BatchGetItem": "acc# aud# qta# ses# tok#", "Query": "trl# use#", "PutItem": "aud# dis# due# qta# tok# trl#", "DeleteItem": "ase# atk# due# lnk# ses# use# utk#", "ConditionCheckItem": "acc#"},
	"LeaksFunction":       {"GetItem": "cfg# dis# lnk# ses# tok#", "BatchGetItem": "qta#", "PutItem": "aud# dis# due# qta# tok# trl#", "DeleteItem": "ase# atk# due# lnk# ses# use# utk#"},
	"ResourcesFunction":   {"GetItem": "cat#", "BatchGetItem": "cat#", "Query": "cat#", "PutItem": "aud# cat# trl#", "DeleteItem": "cat#", "ConditionCheckItem": "cat#"},
	"RunFunction":         {"GetItem": "cat#", "Query": "run#", "PutItem": "aud# run# trl#", "ConditionCheckItem": "cat#"},
	"SearchFunction":      {"Query": "acc# cat#"},
	"AuditFunction":       {"GetItem": "aud# tok#", "BatchGetItem": "aud#", "Query": "aud# trl#"},
	"NotifyFunction":      {"GetItem": "acc# lnk# ntc#", "BatchGetItem": "acc# chg# dig# ntc# ses# sup#", "Query": "acc#", "PutItem": "aud# chg# dig# dis# due# lnk# ntc# trl#", "DeleteItem": "due#", "ConditionCheckItem": "ses#"},
	"SweepFunction":       {"GetItem": "acc# aud# dig# lnk# ntc# rst# ses# thr# tok#", "BatchGetItem": "acc# aud# chg# dig# due# ntc# qta# ses# sup# tok#", "Query": "acc# ase# atk# dig# due# lgn# trl# use# utk#", "PutItem": "acc# aud# chg# dig# dis# due# lnk# ntc# qta# ses# thr# tok# trl#", "DeleteItem": "ase# atk# dig# due# rst# ses# use# utk#", "ConditionCheckItem": "acc# rst# ses# tok#"},
	"FeedbackFunction":    {"GetItem": "sup#", "BatchGetItem": "acc#", "Query": "lgn#", "PutItem": "aud# due# sup# trl#"},
	"UpkeepFunction":      {"GetItem": "acc# lnk# ses# thr# tok#", "BatchGetItem": "acc# aud# due# qta# ses# tok#", "Query": "ase# atk# lgn# use# utk#", "PutItem": "acc# aud# due# lnk# qta# ses# thr# tok# trl#", "DeleteItem": "ase# atk# due# rst# ses# use# utk#", "ConditionCheckItem": "acc# rst#"},
	"OperatorFunction":    {"GetItem": "acc# cfg# lgn# lnk# ses# sup# tok#", "BatchGetItem": "acc# lgn# qta# ses# tok#", "Query": "ase# atk# lgn# use# utk#", "PutItem": "acc# atk# aud# cfg# due# lgn# lnk# qta# ses# sup# tok# trl# utk#", "DeleteItem": "ase# mfa# ses# use#", "ConditionCheckItem": "acc#"},
}

// besides is what functions may do to anything but the table and their own log.
var besides = map[string][]string{
	"CreateTokenFunction": {"kms:Encrypt"},
	"RotateTokenFunction": {"kms:Encrypt"},
	"UpkeepFunction": {
		"dynamodb:DescribeStream", "dynamodb:GetRecords", "dynamodb:GetShardIterator", "dynamodb:ListStreams",
		"kms:GenerateDataKey", "s3:ListBucket", "s3:PutObject",
	},
	"SweepFunction":    {"ses:SendEmail"},
	"FeedbackFunction": {"kms:GenerateDataKey", "s3:ListBucket", "s3:PutObject"},
	"NotifyFunction": {
		"dynamodb:DescribeStream", "dynamodb:GetRecords", "dynamodb:GetShardIterator", "dynamodb:ListStreams",
		"kms:GenerateDataKey", "s3:ListBucket", "s3:PutObject", "ses:SendEmail",
	},
}

// prefixes are those that there are.
var prefixes = []string{
	key.PrefixToken, key.PrefixSession, key.PrefixAccount, key.PrefixLogin, key.PrefixAccountTokens, key.PrefixUserTokens,
	key.PrefixUserSessions, key.PrefixAccountSessions, key.PrefixLink, key.PrefixDisavowal, key.PrefixFactors, key.PrefixChallenge, key.PrefixUserNetworks, key.PrefixReset, key.PrefixSuppression, key.PrefixAudit, key.PrefixTrail, key.PrefixNotice, key.PrefixThrottle, key.PrefixDue, key.PrefixDigest, key.PrefixCatalogue, key.PrefixQuota, key.PrefixIdempotency, key.PrefixConfig, key.PrefixRun,
}

const tableARN = "${TableStack.Outputs.TableArn}"

func TestS31EachFunctionMayDoWhatItNeedsAndNothingElse(t *testing.T) {
	for _, v := range violations(load(t, "template.yaml", nil)) {
		t.Error(v)
	}
}

func TestS31EveryKeyPatternIsSomebodysAndNobodyNamesAnother(t *testing.T) {
	used := map[string]bool{}
	for function, actions := range may {
		for _, list := range actions {
			for p := range strings.FieldsSeq(list) {
				used[p] = true
				if !slices.Contains(prefixes, p) {
					t.Errorf("%s: package key has no prefix %s", function, p)
				}
			}
		}
	}
	for _, p := range prefixes {
		if !used[p] {
			t.Errorf("no function uses %s", p)
		}
	}
}

// The key is used through a service or not at all.
func TestS31TheKeyIsUsedThroughDynamoDBOnly(t *testing.T) {
	statements := statementsOf(properties(t, load(t, "template.yaml", nil), "UseTableKey")["PolicyDocument"])
	if len(statements) != 1 {
		t.Fatalf("%d statements", len(statements))
	}
	s := statements[0]
	if sorted(s.actions) != "kms:Decrypt" || sorted(s.resources) != "${TableStack.Outputs.KeyArn}" ||
		text(s.condition, "StringEquals", "kms:ViaService") != "dynamodb.us-east-1.amazonaws.com" {
		t.Errorf("%+v", s)
	}
}

// A statement of a policy document.
type statement struct {
	sid, effect        string
	actions, resources []string
	condition          map[string]any
}

func statementsOf(document any) []statement {
	list, _ := at(document, "Statement").([]any)
	var out []statement
	for _, v := range list {
		condition, _ := at(v, "Condition").(map[string]any)
		out = append(out, statement{text(v, "Sid"), text(v, "Effect"), texts(at(v, "Action")), texts(at(v, "Resource")), condition})
	}
	return out
}

// violations says in what a template's roles differ from the two tables above.
func violations(tm *template.Template) []string {
	v := &verdict{tm: tm, owner: map[string]string{}}
	for _, f := range tm.Functions {
		v.function(f.LogicalID)
	}
	for function := range may {
		if _, ok := tm.Function(function); !ok {
			v.say(function, "is not in the template")
		}
	}
	v.keyring()
	for _, kind := range []string{"AWS::IAM::Policy", "AWS::IAM::RolePolicy"} {
		for _, id := range tm.Resources(kind) {
			v.say(id, "adds to a role from outside of it")
		}
	}
	return v.said
}

type verdict struct {
	tm    *template.Template
	owner map[string]string // of a role
	said  []string
}

func (v *verdict) say(id, format string, args ...any) {
	v.said = append(v.said, id+": "+fmt.Sprintf(format, args...))
}

func (v *verdict) function(id string) {
	props, err := v.tm.Properties(id)
	if err != nil {
		v.say(id, "%v", err)
		return
	}
	role := strings.TrimSuffix(strings.TrimPrefix(text(props, "Role"), "${"), ".Arn}")
	if v.tm.Type(role) != "AWS::IAM::Role" || props["Policies"] != nil {
		v.say(id, "has no role of its own in the template; SAM would make a wider one")
		return
	}
	if other := v.owner[role]; other != "" {
		v.say(id, "shares the role of %s", other)
	}
	v.owner[role] = id
	r, err := v.tm.Properties(role)
	if err != nil {
		v.say(id, "%v", err)
		return
	}
	if trust := statementsOf(r["AssumeRolePolicyDocument"]); len(trust) != 1 || sorted(trust[0].actions) != "sts:AssumeRole" ||
		text(at(r, "AssumeRolePolicyDocument", "Statement").([]any)[0], "Principal", "Service") != "lambda.amazonaws.com" {
		v.say(id, "others than Lambda may take its role")
	}
	wanted, ok := may[id]
	if !ok {
		v.say(id, "is not in the table of what functions may do")
	}
	attached := ""
	if len(wanted) > 0 {
		attached = "UseTableKey"
	}
	if got := sorted(texts(r["ManagedPolicyArns"])); got != attached {
		v.say(id, "has the managed policies [%s], not [%s]", got, attached)
	}
	list, _ := r["Policies"].([]any)
	var statements []statement
	for _, p := range list {
		statements = append(statements, statementsOf(at(p, "PolicyDocument"))...)
	}
	v.statements(id, text(props, "LoggingConfig", "LogGroup"), statements, wanted)
}

func (v *verdict) statements(id, logGroup string, statements []statement, wanted map[string]string) {
	var others []string
	got := map[string]string{}
	for _, s := range statements {
		if s.effect != "Allow" || len(s.actions) == 0 || len(s.resources) == 0 {
			v.say(id, "%s: it is not a statement that allows named actions on named resources", s.sid)
		}
		for _, a := range s.actions {
			if strings.ContainsAny(a, "*?") {
				v.say(id, "%s: %s is a wildcard", s.sid, a)
			}
		}
		for _, r := range s.resources {
			// The one that AWS forces: Lambda names the objects it keeps.
			if strings.ContainsAny(r, "*?") && r != "${FailuresStack.Outputs.BucketArn}/aws/lambda/*" {
				v.say(id, "%s: %s is a wildcard", s.sid, r)
			}
		}
		switch {
		case slices.Contains(s.resources, tableARN):
			v.onTable(id, s, got)
		case sorted(s.actions) == "logs:CreateLogStream logs:PutLogEvents":
			if logGroup == "" || sorted(s.resources) != "${"+logGroup+".Arn}" {
				v.say(id, "%s: it may write to %v, and its log is %q", s.sid, s.resources, logGroup)
			}
		default:
			v.onKey(id, s)
			others = append(others, s.actions...)
		}
	}
	for action, keys := range wanted {
		if got[action] != keys {
			v.say(id, "%s on [%s], not on [%s]", action, got[action], keys)
		}
	}
	for action, keys := range got {
		if _, ok := wanted[action]; !ok {
			v.say(id, "%s on [%s], which it has no need of", action, keys)
		}
	}
	if sorted(others) != sorted(besides[id]) {
		v.say(id, "besides the table it may %v, not %v", others, besides[id])
	}
}

// onTable holds a statement about the table to its form. An action stands in one statement only: of a request for
// several keys, all have to match one statement's prefixes.
func (v *verdict) onTable(id string, s statement, got map[string]string) {
	keys := texts(at(s.condition, "ForAllValues:StringLike", "dynamodb:LeadingKeys"))
	if len(s.condition) != 2 || len(keys) == 0 || text(s.condition, "Null", "dynamodb:LeadingKeys") != "false" || len(s.resources) != 1 {
		v.say(id, "%s: it is not bound to keys: %v", s.sid, s.condition)
	}
	for i, k := range keys {
		p, ok := strings.CutSuffix(k, "*")
		if !ok || !slices.Contains(prefixes, p) {
			v.say(id, "%s: %s is not a prefix of package key", s.sid, k)
		}
		keys[i] = p
	}
	for _, a := range s.actions {
		name, ok := strings.CutPrefix(a, "dynamodb:")
		if !ok || got[name] != "" {
			v.say(id, "%s: %s is in two statements, or not the table's", s.sid, a)
		}
		got[name] = sorted(keys)
	}
}
