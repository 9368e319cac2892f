package infratest

import (
	"maps"
	"slices"
	"strings"
	"testing"

	"keyfob/internal/template"
)

// ringARN is the key whose sealing is left to the roles; who may open with it, as with the other, the key's own policy
// alone says.
const ringARN = "${KeyringStack.Outputs.KeyArn}"

// A keyStack is a key of what is sealed: the functions that have its alias, those of them that the key lets open, and the
// one that it lets seal; empty where the roles say who.
type keyStack struct {
	functions, open []string
	seal            string
}

var keyStacks = map[string]keyStack{
	"KeyringStack":   {functions: []string{"CreateToken", "RotateToken", "RevealToken"}, open: []string{"RevealToken"}},
	"FactorKeyStack": {functions: []string{"Unlock", "Factors"}, open: []string{"Unlock", "Factors"}, seal: "Factors"},
}

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

// keyring holds the root template to handing each key's policy the roles of the functions that open with it, and the
// functions the alias of their key.
func (v *verdict) keyring() {
	aliases := map[string]string{}
	for stack, want := range keyStacks {
		props, err := v.tm.Properties(stack)
		if err != nil {
			v.say(stack, "%v", err)
			continue
		}
		var open []string
		for _, f := range want.open {
			open = append(open, v.roleOf(stack, f))
		}
		seal := ""
		if want.seal != "" {
			seal = v.roleOf(stack, want.seal)
		}
		if got := text(props, "Parameters", "OpenRoleArns"); got != strings.Join(open, ",") {
			v.say(stack, "%s may open", got)
		}
		if got := text(props, "Parameters", "SealRoleArn"); got != seal {
			v.say(stack, "%s may seal", got)
		}
		for _, f := range want.functions {
			aliases[f+"Function"] = text(props, "Parameters", "AliasName")
		}
	}
	for _, f := range v.tm.Functions {
		if key := f.Environment["KEYRING_KEY"]; key != aliases[f.LogicalID] {
			v.say(f.LogicalID, "its key is %q, not %q", key, aliases[f.LogicalID])
		}
	}
	if aliases["RevealTokenFunction"] == aliases["UnlockFunction"] {
		v.say("FactorKeyStack", "it has the alias of the key for tokens")
	}
}

// roleOf gives the ARN of a function's role, as the template writes it, where it is that function's alone.
func (v *verdict) roleOf(stack, function string) string {
	if owner := v.owner[function+"Role"]; owner != function+"Function" {
		v.say(stack, "the role of %s is of %q", function, owner)
	}
	return "${" + function + "Role.Arn}"
}

// administer are the actions of a key's policy that neither read nor write what it seals, nor give anybody leave to.
var administer = strings.Fields(`kms:CancelKeyDeletion kms:CreateAlias kms:DeleteAlias kms:DescribeKey kms:DisableKey kms:DisableKeyRotation
	kms:EnableKey kms:EnableKeyRotation kms:GetKeyPolicy kms:GetKeyRotationStatus kms:ListGrants kms:ListKeyPolicies kms:ListKeyRotations
	kms:ListResourceTags kms:PutKeyPolicy kms:RevokeGrant kms:RotateKeyOnDemand kms:ScheduleKeyDeletion kms:TagResource kms:UntagResource
	kms:UpdateAlias kms:UpdateKeyDescription`)

const (
	openRole = "arn:aws:iam::123456789012:role/keyfob-UnlockRole-EXAMPLE"
	sealRole = "arn:aws:iam::123456789012:role/keyfob-FactorsRole-EXAMPLE"
	account  = "arn:aws:iam::123456789012:root"
)

// A policyOf is what a key's stack is given, and who may then seal and open.
type policyOf struct {
	parameters map[string]string
	seal, open string
}

var policies = map[string]policyOf{
	"one that roles seal with": {map[string]string{"OpenRoleArns": openRole}, account, openRole},
	"one that seals":           {map[string]string{"OpenRoleArns": openRole + "," + sealRole, "SealRoleArn": sealRole}, sealRole, sealRole + " " + openRole},
}

// loosened says in what the key's policy lets more happen than that the account administers it, that those seal and open
// who are to, and that both are done for one account and token only.
func loosened(tm *template.Template, may policyOf) []string {
	v := &verdict{tm: tm}
	props, err := tm.Properties("Key")
	if err != nil {
		return []string{err.Error()}
	}
	who := map[string]string{}
	list, _ := at(props, "KeyPolicy", "Statement").([]any)
	for i, s := range statementsOf(props["KeyPolicy"]) {
		principal, _ := at(list[i], "Principal").(map[string]any)
		if s.effect != "Allow" || len(principal) != 1 || len(texts(principal["AWS"])) == 0 || sorted(s.resources) != "*" || len(s.actions) == 0 ||
			at(list[i], "NotAction") != nil || at(list[i], "NotPrincipal") != nil {
			v.say(s.sid, "it does not allow named actions to named principals")
			continue
		}
		for _, a := range s.actions {
			if who[a] != "" {
				v.say(s.sid, "%s is in two statements", a)
			}
			who[a] = sorted(texts(principal["AWS"]))
			if !slices.Contains(administer, a) && !bound(s.condition) {
				v.say(s.sid, "%s for whatever text: %v", a, s.condition)
			}
		}
	}
	want := map[string]string{"kms:Encrypt": may.seal, "kms:Decrypt": may.open}
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

func TestS30OnlyTheFunctionsThatAreNamedMayOpenWhatIsSealed(t *testing.T) {
	for name, may := range policies {
		for _, v := range loosened(load(t, "infra/keyring.yaml", may.parameters), may) {
			t.Errorf("%s: %s", name, v)
		}
	}
}

func TestS30ALooserKeyPolicyIsFound(t *testing.T) {
	whole := string(read(t, "infra/keyring.yaml"))
	for name, change := range map[string][2]string{
		"the account opens":            {"Principal: {AWS: !Ref OpenRoleArns}", "Principal: {AWS: !Sub 'arn:${AWS::Partition}:iam::${AWS::AccountId}:root'}"},
		"anybody opens":                {"Principal: {AWS: !Ref OpenRoleArns}", "Principal: '*'"},
		"two open":                     {"Principal: {AWS: !Ref OpenRoleArns}", "Principal: {AWS: [!Select [0, !Ref OpenRoleArns], 'arn:aws:iam::123456789012:role/x']}"},
		"anybody seals":                {"!Ref SealRoleArn, !Sub 'arn:${AWS::Partition}:iam::${AWS::AccountId}:root'", "'*', '*'"},
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
			for kind, may := range policies {
				tm, err := template.Parse("changed.yaml", []byte(changed), template.Options{Parameters: may.parameters})
				if err != nil {
					t.Fatal(err)
				}
				if len(loosened(tm, may)) == 0 {
					t.Errorf("nothing was found in %s", kind)
				}
			}
		})
	}
}
