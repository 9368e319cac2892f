package infratest

import (
	"maps"
	"slices"
	"strings"
	"testing"

	"keyfob/internal/template"
)

// The key of what is sealed. Who may open is said by the key's own policy alone; who may seal, by the roles.
const (
	ringARN  = "${KeyringStack.Outputs.KeyArn}"
	openRole = "RevealTokenRole"
)

// onKey holds a role's statement about keys to the keys that functions have: nothing is opened by a role's leave, and
// what is sealed is sealed with the key for it.
func (v *verdict) onKey(id string, s statement) {
	for _, a := range s.actions {
		key := ringARN
		switch a {
		case "kms:Encrypt":
		case "kms:GenerateDataKey":
			key = "${TableStack.Outputs.KeyArn}" // what is given up, in the failures bucket
		default:
			if strings.HasPrefix(a, "kms:") {
				v.say(id, "%s: %s is nothing that a role of its own may give", s.sid, a)
			}
			continue
		}
		if sorted(s.resources) != key {
			v.say(id, "%s: %s with %v, not with %s", s.sid, a, s.resources, key)
		}
	}
}

// keyring holds the root template to handing the key's policy the role of the one function that reveals, and the functions
// the alias of that key.
func (v *verdict) keyring() {
	props, err := v.tm.Properties("KeyringStack")
	if err != nil {
		v.say("KeyringStack", "%v", err)
		return
	}
	if got := text(props, "Parameters", "RevealRoleArn"); got != "${"+openRole+".Arn}" || v.owner[openRole] != "RevealTokenFunction" {
		v.say("KeyringStack", "%s may open, and the role of RevealTokenFunction is of %s", got, v.owner[openRole])
	}
	for _, f := range v.tm.Functions {
		if key := f.Environment["KEYRING_KEY"]; key != "" && key != text(props, "Parameters", "AliasName") {
			v.say(f.LogicalID, "its key is %s, and the key ring's %s", key, text(props, "Parameters", "AliasName"))
		}
	}
}

// administer are the actions of a key's policy that neither read nor write what it seals, nor give anybody leave to.
var administer = strings.Fields(`kms:CancelKeyDeletion kms:CreateAlias kms:DeleteAlias kms:DescribeKey kms:DisableKey kms:DisableKeyRotation
	kms:EnableKey kms:EnableKeyRotation kms:GetKeyPolicy kms:GetKeyRotationStatus kms:ListGrants kms:ListKeyPolicies kms:ListKeyRotations
	kms:ListResourceTags kms:PutKeyPolicy kms:RevokeGrant kms:RotateKeyOnDemand kms:ScheduleKeyDeletion kms:TagResource kms:UntagResource
	kms:UpdateAlias kms:UpdateKeyDescription`)

const (
	revealRole = "arn:aws:iam::123456789012:role/keyfob-RevealTokenRole-EXAMPLE"
	account    = "arn:aws:iam::123456789012:root"
)

// loosened says in what the key's policy lets more happen than that the account administers it and seals, that one role
// opens, and that both are done for one account and token only.
func loosened(tm *template.Template) []string {
	v := &verdict{tm: tm}
	props, err := tm.Properties("Key")
	if err != nil {
		return []string{err.Error()}
	}
	who := map[string]string{}
	list, _ := at(props, "KeyPolicy", "Statement").([]any)
	for i, s := range statementsOf(props["KeyPolicy"]) {
		principal, _ := at(list[i], "Principal").(map[string]any)
		if s.effect != "Allow" || len(principal) != 1 || len(texts(principal["AWS"])) != 1 || sorted(s.resources) != "*" || len(s.actions) == 0 ||
			at(list[i], "NotAction") != nil || at(list[i], "NotPrincipal") != nil {
			v.say(s.sid, "it does not allow named actions to one principal")
			continue
		}
		for _, a := range s.actions {
			if who[a] != "" {
				v.say(s.sid, "%s is in two statements", a)
			}
			who[a] = texts(principal["AWS"])[0]
			if !slices.Contains(administer, a) && !bound(s.condition) {
				v.say(s.sid, "%s for whatever text: %v", a, s.condition)
			}
		}
	}
	want := map[string]string{"kms:Encrypt": account, "kms:Decrypt": revealRole}
	for _, a := range administer {
		want[a] = account
	}
	if !maps.Equal(who, want) {
		v.say("Key", "may be used by %v", who)
	}
	alias, err := tm.Properties("KeyAlias")
	if err != nil || props["EnableKeyRotation"] != true || text(alias, "TargetKeyId") != "Key" {
		v.say("Key", "it does not rotate, or the alias is not its own: %v", alias)
	}
	return v.said
}

// bound reports whether a condition asks for a context of exactly an account and a token.
func bound(condition map[string]any) bool {
	null, _ := condition["Null"].(map[string]any)
	return len(condition) == 2 && len(null) == 2 &&
		sorted(texts(at(condition, "ForAllValues:StringEquals", "kms:EncryptionContextKeys"))) == "account token" &&
		null["kms:EncryptionContext:account"] == "false" && null["kms:EncryptionContext:token"] == "false"
}

var revealing = map[string]string{"RevealRoleArn": revealRole}

func TestS30OnlyTheFunctionThatRevealsMayOpenWhatIsSealed(t *testing.T) {
	for _, v := range loosened(load(t, "infra/keyring.yaml", revealing)) {
		t.Error(v)
	}
}

func TestS30ALooserKeyPolicyIsFound(t *testing.T) {
	whole := string(read(t, "infra/keyring.yaml"))
	for name, change := range map[string][2]string{
		"the account opens":            {"Principal: {AWS: !Ref RevealRoleArn}", "Principal: {AWS: !Sub 'arn:${AWS::Partition}:iam::${AWS::AccountId}:root'}"},
		"anybody opens":                {"Principal: {AWS: !Ref RevealRoleArn}", "Principal: '*'"},
		"two open":                     {"Principal: {AWS: !Ref RevealRoleArn}", "Principal: {AWS: [!Ref RevealRoleArn, 'arn:aws:iam::123456789012:role/x']}"},
		"who seals opens":              {"Action: kms:Encrypt", "Action: [kms:Encrypt, kms:Decrypt]"},
		"who opens passes it on":       {"Action: kms:Decrypt", "Action: [kms:Decrypt, kms:CreateGrant]"},
		"administrators use it":        {"- kms:CreateAlias", "- kms:CreateGrant"},
		"every action":                 {"Action: kms:Encrypt", "Action: kms:*"},
		"all but some":                 {"Action: kms:Encrypt", "NotAction: kms:Encrypt"},
		"sealed under another context": {"kms:EncryptionContextKeys: [account, token]", "kms:EncryptionContextKeys: [account, token, note]"},
		"sealed for no token":          {"                kms:EncryptionContext:token: 'false'\n", ""},
		"sealed without a context":     {"kms:EncryptionContext:account: 'false'", "kms:EncryptionContext:account: 'true'"},
		"no rotation":                  {"EnableKeyRotation: true", "EnableKeyRotation: false"},
	} {
		t.Run(name, func(t *testing.T) {
			changed := strings.Replace(whole, change[0], change[1], 1)
			if changed == whole {
				t.Fatalf("infra/keyring.yaml does not have %q", change[0])
			}
			tm, err := template.Parse("changed.yaml", []byte(changed), template.Options{Parameters: revealing})
			if err != nil {
				t.Fatal(err)
			}
			if len(loosened(tm)) == 0 {
				t.Error("nothing was found")
			}
		})
	}
}
