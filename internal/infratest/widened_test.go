package infratest

import (
	"strings"
	"testing"

	"keyfob/internal/template"
)

// A test over policies that no policy could fail would be worth nothing.
func TestS31AWiderPolicyIsFound(t *testing.T) {
	whole := string(read(t, "template.yaml"))
	for name, change := range map[string][2]string{
		"a wildcard for an action":       {"Action: [dynamodb:GetItem]", "Action: ['dynamodb:*']"},
		"another action":                 {"Action: [dynamodb:GetItem]", "Action: [dynamodb:GetItem, dynamodb:Scan]"},
		"any table":                      {"Resource: !GetAtt TableStack.Outputs.TableArn", "Resource: '*'"},
		"another prefix":                 {"['ses#*', 'tok#*']", "['ses#*', 'tok#*', 'acc#*']"},
		"any key":                        {"['ses#*', 'tok#*']", "['*']"},
		"a prefix that is none":          {"['ses#*', 'tok#*']", "['tok#*', 'sess#*']"},
		"no condition on there be keys":  {"dynamodb:LeadingKeys: 'false'", "dynamodb:LeadingKeys: 'true'"},
		"any log":                        {"Resource: !GetAtt AuthorizerLog.Arn", "Resource: '*'"},
		"another function's log":         {"Resource: !GetAtt AuthorizerLog.Arn", "Resource: !GetAtt LoginLog.Arn"},
		"another function's role":        {"Role: !GetAtt TokenInfoRole.Arn", "Role: !GetAtt LoginRole.Arn"},
		"a role that SAM makes":          {"      Role: !GetAtt TokenInfoRole.Arn\n", ""},
		"the key where there is no need": {"      Policies:\n        - PolicyName: TokenInfo\n", "      ManagedPolicyArns: [!Ref UseTableKey]\n      Policies:\n        - PolicyName: TokenInfo\n"},
		"mail for another function":      {"Sid: Log\n                Effect: Allow\n                Action: [logs:CreateLogStream, logs:PutLogEvents]", "Sid: Send\n                Effect: Allow\n                Action: [ses:SendEmail]"},
		"sealing for another function":   {"Sid: Log\n                Effect: Allow\n                Action: [logs:CreateLogStream, logs:PutLogEvents]\n                Resource: !GetAtt ListTokensLog.Arn", "Sid: Seal\n                Effect: Allow\n                Action: kms:Encrypt\n                Resource: !GetAtt KeyringStack.Outputs.KeyArn"},
		"opening for one that seals":     {"Action: kms:Encrypt", "Action: [kms:Decrypt, kms:Encrypt]"},
		"sealing with any key":           {"Action: kms:Encrypt\n                Resource: !GetAtt KeyringStack.Outputs.KeyArn", "Action: kms:Encrypt\n                Resource: '*'"},
		"sealing with the table's key":   {"Action: kms:Encrypt\n                Resource: !GetAtt KeyringStack.Outputs.KeyArn", "Action: kms:Encrypt\n                Resource: !GetAtt TableStack.Outputs.KeyArn"},
		"another function that opens":    {"OpenRoleArns: !GetAtt RevealTokenRole.Arn", "OpenRoleArns: !GetAtt CreateTokenRole.Arn"},
		"another function that unlocks":  {"!GetAtt UnlockRole.Arn, !GetAtt FactorsRole.Arn", "!GetAtt UnlockRole.Arn, !GetAtt FactorsRole.Arn, !GetAtt LoginRole.Arn"},
		"who unlocks seals":              {"SealRoleArn: !GetAtt FactorsRole.Arn", "SealRoleArn: !GetAtt UnlockRole.Arn"},
		"whoever may seals factors":      {"        SealRoleArn: !GetAtt FactorsRole.Arn\n", ""},
		"one key for both":               {"alias/${AWS::StackName}-factors\n", "alias/${AWS::StackName}-reveal\n"},
		"the other key's alias":          {"KEYRING_KEY: !Sub 'alias/${AWS::StackName}-factors'", "KEYRING_KEY: !Sub 'alias/${AWS::StackName}-reveal'"},
		"a table for the pages":          {"                Resource: !GetAtt DashboardLog.Arn\n", "                Resource: !GetAtt DashboardLog.Arn\n              - Sid: Get\n                Effect: Allow\n                Action: [dynamodb:GetItem]\n                Resource: !GetAtt TableStack.Outputs.TableArn\n"},
		"the role that opens, twice":     {"Role: !GetAtt EditTokenRole.Arn", "Role: !GetAtt RevealTokenRole.Arn"},
		"another key under the alias":    {"AliasName: !Sub alias/${AWS::StackName}-reveal", "AliasName: !Sub alias/${AWS::StackName}"},
		"a policy from outside":          {"  AccessLog:\n", "  More:\n    Type: AWS::IAM::Policy\n    Properties: {PolicyName: more}\n\n  AccessLog:\n"},
	} {
		t.Run(name, func(t *testing.T) {
			changed := strings.Replace(whole, change[0], change[1], 1)
			if changed == whole {
				t.Fatalf("template.yaml does not have %q", change[0])
			}
			tm, err := template.Parse("changed.yaml", []byte(changed), template.Options{})
			if err != nil {
				t.Fatal(err)
			}
			if len(violations(tm)) == 0 {
				t.Error("nothing was found")
			}
		})
	}
}
