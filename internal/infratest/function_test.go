package infratest

import (
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/goccy/go-yaml"

	"keyfob/internal/notice"
	"keyfob/internal/template"
)

// variables are what functions read of their environment.
var variables = []string{
	"AWS_ENDPOINT_URL_DYNAMODB", "AWS_ENDPOINT_URL_KMS", "AWS_ENDPOINT_URL_SES", "BRAND", "CONFIGURATION_SET", "DASHBOARD_ORIGIN", "GOMAXPROCS", "LOG_LEVEL",
	"MAIL_FROM", "PUBLIC_URL", "REALM", "TABLE_NAME",
}

// own is what some functions read besides.
var own = map[string][]string{
	"CreateTokenFunction": {"KEYRING_KEY"}, "RotateTokenFunction": {"KEYRING_KEY"}, "RevealTokenFunction": {"KEYRING_KEY"},
	"UnlockFunction": {"KEYRING_KEY"}, "FactorsFunction": {"KEYRING_KEY"},
}

func TestEveryFunctionIsAFolderThatTheMakefileBuildsForItsArchitecture(t *testing.T) {
	made := tool(t, "make")
	for architecture, goarch := range map[string]string{"": "arm64", "arm64": "arm64", "x86_64": "amd64"} {
		parameters := map[string]string{}
		if architecture != "" {
			parameters["Architecture"] = architecture
		}
		tm := load(t, "template.yaml", parameters)
		for _, f := range tm.Functions {
			props := properties(t, tm, f.LogicalID)
			if files, _ := filepath.Glob(filepath.Join(root, f.CodeURI, "*.go")); len(files) == 0 {
				t.Errorf("%s: there is no program in %s", f.LogicalID, f.CodeURI)
			}
			if props["Runtime"] != nil || props["Handler"] != nil || props["Architectures"] != nil {
				t.Errorf("%s: runtime, handler and architecture are said once, in Globals", f.LogicalID)
			}
			dry := exec.Command(made, "-n", "-C", root, "build-"+f.LogicalID)
			dry.Env = append(os.Environ(), "ARTIFACTS_DIR=/artifacts")
			if architecture != "" {
				dry.Env = append(dry.Env, "ARCHITECTURE="+architecture)
			} else {
				dry.Env = slices.DeleteFunc(dry.Env, func(v string) bool { return strings.HasPrefix(v, "ARCHITECTURE=") })
			}
			out, err := dry.CombinedOutput()
			command := strings.Join(strings.Fields(strings.ReplaceAll(string(out), "\\\n", " ")), " ")
			want := "CGO_ENABLED=0 GOOS=linux GOARCH=" + goarch + " go build -trimpath -tags lambda.norpc -ldflags '-s -w' -o '/artifacts/bootstrap' ./" + f.CodeURI
			if err != nil || !strings.Contains(command+" ", want+" ") {
				t.Errorf("%s for %q: %v: %s", f.LogicalID, architecture, err, command)
			}
		}
	}
}

// A folder of functions/ that no function is made from would never be deployed.
func TestEveryFolderOfFunctionsIsAFunction(t *testing.T) {
	tm := load(t, "template.yaml", nil)
	for _, main := range glob(t, "functions/*/main.go") {
		folder, err := filepath.Rel(root, filepath.Dir(main))
		if err != nil {
			t.Fatal(err)
		}
		if !slices.ContainsFunc(tm.Functions, func(f template.Function) bool { return f.CodeURI == filepath.ToSlash(folder) }) {
			t.Errorf("%s is no function's CodeUri", folder)
		}
	}
}

// sam local drops variables that the template does not declare; a real function must not have an endpoint set.
func TestEveryFunctionDeclaresTheVariablesThatFunctionsRead(t *testing.T) {
	tm := load(t, "template.yaml", nil)
	for _, f := range tm.Functions {
		if got := slices.Sorted(maps.Keys(f.Environment)); sorted(got) != sorted(append(own[f.LogicalID], variables...)) {
			t.Errorf("%s: %v", f.LogicalID, got)
		}
		if f.Environment["AWS_ENDPOINT_URL_DYNAMODB"] != "" || f.Environment["AWS_ENDPOINT_URL_KMS"] != "" || f.Environment["AWS_ENDPOINT_URL_SES"] != "" || f.Environment["TABLE_NAME"] != tm.StackName {
			t.Errorf("%s: %v", f.LogicalID, f.Environment)
		}
		for name, v := range f.Environment {
			if strings.Contains(v, "${") {
				t.Errorf("%s: %s comes out of another resource, which sam local cannot see into", f.LogicalID, name)
			}
		}
	}
	var env struct{ Parameters map[string]string }
	if err := json.Unmarshal(read(t, "events/env.json"), &env); err != nil {
		t.Fatal(err)
	}
	all := slices.Clone(variables)
	for _, more := range own {
		all = append(all, more...)
	}
	slices.Sort(all)
	if got := slices.Sorted(maps.Keys(env.Parameters)); !slices.Equal(got, slices.Compact(all)) {
		t.Errorf("events/env.json: %v", got)
	}
}

// Links in mails lead to where people reach the API: by the name that the deployment was given, or else by API Gateway's,
// which no function can know that the API leads to.
func TestLinksLeadToThePublicURL(t *testing.T) {
	const own = "https://Api.execute-api.us-east-1.amazonaws.com/live"
	for given, want := range map[string]string{"": own, "https://keys.example.com": "https://keys.example.com"} {
		tm := load(t, "template.yaml", map[string]string{"PublicUrl": given})
		for _, f := range tm.Functions {
			want := want
			if !slices.Contains([]string{"NotifyFunction", "OperatorFunction", "SweepFunction", "UpkeepFunction"}, f.LogicalID) {
				want = given
			}
			if got := f.Environment["PUBLIC_URL"]; got != want {
				t.Errorf("%s: %q, not %q", f.LogicalID, got, want)
			}
		}
	}
}

// The gateway gives an authorizer ten seconds and a function 29.
func TestS25EveryFunctionAnswersBeforeTheGatewayGivesUp(t *testing.T) {
	for _, f := range load(t, "template.yaml", nil).Functions {
		limit := 28 * time.Second
		if f.LogicalID == "AuthorizerFunction" {
			limit = 9 * time.Second
		}
		if f.Timeout > limit {
			t.Errorf("%s has %v", f.LogicalID, f.Timeout)
		}
	}
}

// A password hash takes 19 MiB and a processor; an authorizer's cold start is waited for by everybody.
func TestFunctionsThatComputeHaveTheProcessorForIt(t *testing.T) {
	tm := load(t, "template.yaml", nil)
	for id, least := range map[string]int{"AuthorizerFunction": 256, "LoginFunction": 512, "UnlockFunction": 512, "PasswordFunction": 512, "OperatorFunction": 512} {
		if f, _ := tm.Function(id); f.MemorySize < least {
			t.Errorf("%s has %d MiB", id, f.MemorySize)
		}
	}
}

// A flood of logins, or of whatever else makes a function hash, is held back by the gateway before it takes the room that
// other functions run in: every POST that leads to a function with a hasher has a limit of its own, however it is called.
func TestAFloodOfHashingIsHeldBackAtTheGateway(t *testing.T) {
	tm := load(t, "template.yaml", nil)
	limits := map[string]any{}
	settings, _ := properties(t, tm, "Api")["MethodSettings"].([]any)
	for _, s := range settings {
		path := strings.ReplaceAll(strings.TrimPrefix(text(s, "ResourcePath"), "/"), "~1", "/")
		limits[text(s, "HttpMethod")+" "+path] = []any{at(s, "ThrottlingRateLimit"), at(s, "ThrottlingBurstLimit")}
	}
	hashing := 0
	for _, r := range tm.API.Routes {
		f, _ := tm.Function(r.Function)
		if r.Method != http.MethodPost || !strings.Contains(string(read(t, f.CodeURI+"/main.go")), "NewHasher") {
			continue
		}
		hashing++
		if limit := fmt.Sprint(limits[r.Method+" "+r.Path]); limit != "[50 50]" {
			t.Errorf("%s %s has the limit %s", r.Method, r.Path, limit)
		}
	}
	if hashing < 8 {
		t.Errorf("only %d routes that hash", hashing)
	}
}

func TestRoomIsReservedForTheAuthorizerOnlyWhereAskedFor(t *testing.T) {
	for given, want := range map[string]int{"0": -1, "20": 20} {
		f, _ := load(t, "template.yaml", map[string]string{"AuthorizerConcurrency": given}).Function("AuthorizerFunction")
		if f.Concurrency != want {
			t.Errorf("%s: %d", given, f.Concurrency)
		}
	}
}

func TestEveryFunctionHasALogOfItsOwnThatIsKeptForAWhile(t *testing.T) {
	tm := load(t, "template.yaml", map[string]string{"LogRetentionDays": "30"})
	seen := map[string]bool{}
	for _, f := range tm.Functions {
		props := properties(t, tm, f.LogicalID)
		group := text(props, "LoggingConfig", "LogGroup")
		if seen[group] || tm.Type(group) != "AWS::Logs::LogGroup" || text(props, "LoggingConfig", "LogFormat") != "JSON" {
			t.Errorf("%s: %v", f.LogicalID, props["LoggingConfig"])
		}
		seen[group] = true
	}
	for _, id := range tm.Resources("AWS::Logs::LogGroup") {
		if v := properties(t, tm, id)["RetentionInDays"]; v != "30" {
			t.Errorf("%s is kept for %v days", id, v)
		}
	}
}

// P6: what a mapping has to be so that nothing is lost and nothing holds up the rest for good. A stream feeds two functions
// at most.
func TestP6TheStreamReachesItsConsumersAndKeepsWhatIsGivenUp(t *testing.T) {
	filters := map[string][]string{
		"NotifyFunction": {`{"dynamodb":{"Keys":{"pk":{"S":[{"prefix":"aud#"}]}}},"eventName":["INSERT"]}`},
		"UpkeepFunction": {
			`{"dynamodb":{"Keys":{"pk":{"S":[{"prefix":"tok#"}]}}},"eventName":["REMOVE"],"userIdentity":{"principalId":["dynamodb.amazonaws.com"],"type":["Service"]}}`,
			`{"dynamodb":{"Keys":{"pk":{"S":[{"prefix":"acc#"}]}},"NewImage":{"behind":{"BOOL":[true]}}},"eventName":["INSERT","MODIFY"]}`,
			`{"dynamodb":{"Keys":{"pk":{"S":[{"prefix":"rst#"}]}}},"eventName":["INSERT"]}`,
			`{"dynamodb":{"Keys":{"pk":{"S":[{"prefix":"aud#"}]}},"NewImage":{"type":{"S":["password.changed"]}}},"eventName":["INSERT"]}`,
		},
	}
	streams := load(t, "template.yaml", nil).Streams
	if len(streams) != len(filters) {
		t.Fatalf("%d streams", len(streams))
	}
	for _, s := range streams {
		want, ok := filters[s.Function]
		if !ok || s.Source != "${TableStack.Outputs.StreamArn}" || !s.Enabled || s.Latest || !s.ReportFailures || !s.Bisect ||
			s.OnFailure != "${FailuresStack.Outputs.BucketArn}" || s.BatchSize < 1 || s.BatchSize > 100 {
			t.Errorf("%+v", s)
		}
		// Bounded, but for longer than a dead sender's claim; well within the stream's 24 hours.
		if s.Retries < 20 || s.Retries > 200 || s.MaxAge < time.Hour || s.MaxAge > 20*time.Hour {
			t.Errorf("%s: %d retries, for %v", s.Function, s.Retries, s.MaxAge)
		}
		var got []string
		for _, filter := range s.Filters {
			var pattern any
			if err := json.Unmarshal([]byte(filter), &pattern); err != nil {
				t.Fatal(err)
			}
			compact, _ := json.Marshal(pattern)
			got = append(got, string(compact))
		}
		if !slices.Equal(got, want) {
			t.Errorf("%s: %s", s.Function, got)
		}
	}
}

func TestTheNameOfEveryParameterIsDescribedAndBrandAndRealmAreBound(t *testing.T) {
	tm := string(read(t, "template.yaml"))
	for name, pattern := range map[string]string{"Brand": `[a-z]{2,8}`, "Realm": `[a-z][a-z0-9]{1,15}`} {
		block := regexp.MustCompile(`(?s)\n  ` + name + `:\n.*?\n  [A-Z]`).FindString(tm)
		if !strings.Contains(block, "Description:") || !strings.Contains(block, "AllowedPattern: '"+pattern+"'") {
			t.Errorf("%s: %s", name, block)
		}
	}
}

// P6: what was given up can be brought again for as long as the bucket keeps it. By then it must still be known what was sent.
func TestP6DeliveriesAreRememberedForLongerThanWhatWasGivenUpIsKept(t *testing.T) {
	var document struct {
		Parameters struct {
			RetentionDays struct {
				MaxValue int `yaml:"MaxValue"`
			} `yaml:"RetentionDays"`
		} `yaml:"Parameters"`
	}
	if err := yaml.Unmarshal(read(t, "infra/failures.yaml"), &document); err != nil {
		t.Fatal(err)
	}
	if most := time.Duration(document.Parameters.RetentionDays.MaxValue) * 24 * time.Hour; most == 0 || most >= notice.Keep {
		t.Errorf("the bucket may keep for %v, and deliveries are remembered for %v", most, notice.Keep)
	}
}
