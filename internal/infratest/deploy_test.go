package infratest

import (
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// cfn-lint translates the template as SAM does and then checks everything it knows of CloudFormation. It does not look
// into nested templates, so those are named.
func TestS31TheTemplatesHaveNoFindings(t *testing.T) {
	lint := tool(t, "cfn-lint")
	args := []string{"--", "template.yaml"}
	for _, file := range glob(t, "infra/*.yaml") {
		rel, _ := filepath.Rel(root, file)
		args = append(args, rel)
	}
	run := exec.Command(lint, args...)
	run.Dir = root
	if out, err := run.CombinedOutput(); err != nil {
		t.Errorf("%v\n%s", err, out)
	}
}

func TestEveryConfigEnvAnswersWhatADeploymentAsks(t *testing.T) {
	config := samconfig(t)
	parameter := regexp.MustCompile(`^(\w+)="([^"]*)"$`)
	for env, realm := range map[string]string{"default": "us", "us": "us", "eu": "eu", "sandbox": "sandbox"} {
		deploy := config[env+".deploy.parameters"]
		if deploy["capabilities"] != `"CAPABILITY_IAM CAPABILITY_AUTO_EXPAND"` || deploy["resolve_s3"] != "true" || deploy["confirm_changeset"] != "true" ||
			deploy["s3_prefix"] != config[env+".global.parameters"]["stack_name"] {
			t.Errorf("%s: %v", env, deploy)
		}
		if global := config[env+".global.parameters"]; global["stack_name"] == "" || global["region"] == "" {
			t.Errorf("%s: %v", env, global)
		}
		if config[env+".validate.parameters"]["lint"] != "true" {
			t.Errorf("%s: sam validate does not lint", env)
		}
		// SAM's cache would keep a function whose shared code has changed.
		if config[env+".build.parameters"]["cached"] != "false" {
			t.Errorf("%s: sam build caches", env)
		}
		given := map[string]string{}
		overrides := deploy["parameter_overrides"]
		if len(overrides) < 2 {
			t.Fatalf("%s: no parameter_overrides", env)
		}
		for field := range strings.FieldsSeq(strings.ReplaceAll(overrides[1:len(overrides)-1], `\"`, `"`)) {
			m := parameter.FindStringSubmatch(field)
			if m == nil {
				t.Fatalf("%s: %s is not a parameter", env, field)
			}
			given[m[1]] = m[2]
		}
		if given["Realm"] != realm || given["MailFrom"] == "" {
			t.Errorf("%s: %v", env, given)
		}
		// Realms that others rely on keep room for the authorizer; a first deployment, into an account of which nothing is
		// known, cannot.
		if _, reserved := given["AuthorizerConcurrency"]; reserved != (env == "us" || env == "eu") {
			t.Errorf("%s: %v", env, given)
		}
		load(t, "template.yaml", given) // every parameter is one of the template's, with a value that it allows
	}
	for section := range config {
		if env, _, _ := strings.Cut(section, "."); !slices.Contains([]string{"default", "us", "eu", "sandbox"}, env) {
			t.Errorf("%s is not a config-env that is known here", section)
		}
	}
}

// samconfig reads the part of TOML that samconfig.toml keeps to: sections, and one value to a line.
func samconfig(t *testing.T) map[string]map[string]string {
	t.Helper()
	out := map[string]map[string]string{}
	section, head, pair := "", regexp.MustCompile(`^\[([\w.]+)\]$`), regexp.MustCompile(`^(\w+) = ("(?:[^"\\]|\\.)*"|true|false|[0-9.]+)$`)
	for i, line := range strings.Split(string(read(t, "samconfig.toml")), "\n") {
		if line == "" || strings.HasPrefix(line, "#") {
			continue
		}
		if m := head.FindStringSubmatch(line); m != nil {
			if section = m[1]; out[section] != nil {
				t.Fatalf("samconfig.toml:%d: the section is there twice", i+1)
			}
			out[section] = map[string]string{}
			continue
		}
		m := pair.FindStringSubmatch(line)
		if m == nil {
			t.Fatalf("samconfig.toml:%d: %s", i+1, line)
		}
		if section == "" {
			continue // the file's version
		}
		value := m[2]
		if m[1] == "stack_name" || m[1] == "s3_prefix" || m[1] == "region" {
			value = strings.Trim(value, `"`)
		}
		out[section][m[1]] = value
	}
	return out
}
