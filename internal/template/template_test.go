package template_test

import (
	"errors"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"keyfob/internal/template"
)

func load(t *testing.T, parameters map[string]string) *template.Template {
	t.Helper()
	if parameters == nil {
		parameters = map[string]string{"MailFrom": "tokens@example.com"}
	}
	got, err := template.Load("testdata/service.yaml", template.Options{Parameters: parameters})
	if err != nil {
		t.Fatal(err)
	}
	return got
}

func TestFunctionsHaveGlobalsMergedAndIntrinsicsResolved(t *testing.T) {
	got := load(t, nil)
	f, ok := got.Function("TokensFunction")
	if !ok {
		t.Fatal("there is no TokensFunction")
	}
	want := template.Function{
		LogicalID: "TokensFunction", Name: "keyfob-TokensFunction", CodeURI: "functions/tokens",
		MemorySize: 512, Timeout: 10 * time.Second, Concurrency: 5, Async: template.Async{Retries: 2, MaxAge: 6 * time.Hour},
		Environment: map[string]string{
			"TABLE_NAME": "Table", "REALM": "us", "ENDPOINT": "", "MAIL_FROM": "tokens@example.com",
			"NAME": "a-keyfob-us-${Kept}-${Table.Arn}",
		},
	}
	if diff := cmp.Diff(want, f, cmpopts.IgnoreUnexported(template.Function{})); diff != "" {
		t.Error(diff)
	}
	if arn := got.ARN(f); arn != "arn:aws:lambda:us-east-1:123456789012:function:keyfob-TokensFunction" {
		t.Errorf("ARN = %s", arn)
	}
	if a, _ := got.Function("AuthorizerFunction"); a.CodeURI != "authorizer" || a.Timeout != 5*time.Second || a.Concurrency != -1 {
		t.Errorf("authorizer = %+v", a)
	}
}

func TestRoutesCarryTheirFunctionAndAuthorizer(t *testing.T) {
	type route struct{ Method, Path, Function, Authorizer string }
	var got []route
	for _, r := range load(t, nil).API.Routes {
		got = append(got, route{r.Method, r.Path, r.Function, r.Authorizer})
		if r.Timeout != 29*time.Second {
			t.Errorf("%s %s waits %v", r.Method, r.Path, r.Timeout)
		}
	}
	want := []route{
		{"POST", "/v1/revoke", "TokensFunction", ""},
		{"GET", "/v1/tokens", "TokensFunction", "Keyfob"},
		{"GET", "/v1/tokens/{id}", "TokensFunction", "Keyfob"},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

func TestTheAPIsSettingsAreRead(t *testing.T) {
	a := load(t, nil).API
	if a.Stage != "live" || a.LogicalID != "Api" || a.CORS != nil || !slices.Equal(a.BinaryMediaTypes, []string{"image/png", "*/*"}) {
		t.Errorf("API = %+v", a)
	}
	if k := a.Authorizers["Keyfob"]; k.Function != "AuthorizerFunction" || k.Type != "REQUEST" || k.TTL != 0 || len(k.Identity) != 0 {
		t.Errorf("authorizer = %+v", k)
	}
	u := a.GatewayResponses["UNAUTHORIZED"]
	if u.StatusCode != 401 || u.Headers["WWW-Authenticate"] != `'Bearer realm="us"'` || u.Templates["application/json"] != `{"message":"Unauthenticated."}` {
		t.Errorf("UNAUTHORIZED = %+v", u)
	}
}

func TestAParameterChoosesBetweenTheBranchesOfAnIf(t *testing.T) {
	a := load(t, map[string]string{"MailFrom": "x@example.com", "DashboardOrigin": "https://keys.example.com"}).API
	want := &template.CORS{
		AllowOrigin: "https://keys.example.com", AllowHeaders: "authorization,content-type", MaxAge: "600", AllowCredentials: true,
	}
	if diff := cmp.Diff(want, a.CORS); diff != "" {
		t.Error(diff)
	}
}

func TestTheStreamMappingIsReadWhole(t *testing.T) {
	got := load(t, nil).Streams
	want := []template.Stream{{
		Name: "NotifyFunctionChanges", Function: "NotifyFunction", Source: "${Table.StreamArn}", Enabled: true,
		BatchSize: 25, Window: time.Second, Filters: []string{`{"eventName":["INSERT"]}`}, Retries: 10, MaxAge: 24 * time.Hour,
		Bisect: true, ReportFailures: true, OnFailure: "${Failures.Arn}", Place: "Resources.NotifyFunction.Properties.Events.Changes.Properties",
	}}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

func TestRawPropertiesAreResolved(t *testing.T) {
	got := load(t, nil)
	props, err := got.Properties("Table")
	if err != nil {
		t.Fatal(err)
	}
	want := map[string]any{
		"BillingMode":             "PAY_PER_REQUEST",
		"TimeToLiveSpecification": map[string]any{"AttributeName": "purgeAt", "Enabled": true},
		"SSESpecification":        map[string]any{"KMSMasterKeyId": "${Key.Arn}"},
	}
	if diff := cmp.Diff(want, props); diff != "" {
		t.Error(diff)
	}
	if _, err := got.Properties("Nothing"); err == nil {
		t.Error("the properties of a resource that is not there were given")
	}
	if got.Type("Table") != "AWS::DynamoDB::Table" || got.Type("Never") != "" {
		t.Error("a resource whose condition does not hold is there, or one that does is not")
	}
}

func TestAParameterWithoutAValueIsNamed(t *testing.T) {
	_, err := template.Load("testdata/service.yaml", template.Options{})
	if err == nil || !strings.Contains(err.Error(), "MailFrom") {
		t.Errorf("err = %v", err)
	}
	_, err = template.Load("testdata/service.yaml", template.Options{Parameters: map[string]string{"MailFrom": "x@example.com", "Realm": "mars"}})
	if err == nil || !strings.Contains(err.Error(), "AllowedValues") {
		t.Errorf("err = %v", err)
	}
	_, err = template.Load("testdata/service.yaml", template.Options{Parameters: map[string]string{"Rea1m": "us"}})
	if err == nil || !strings.Contains(err.Error(), "Rea1m") {
		t.Errorf("err = %v", err)
	}
}

// Every change of the good template below is one that the emulator could not honour, so it has to be refused with
// the place it was found at.
func TestWhatCannotBeHonouredIsAnErrorThatNamesThePlace(t *testing.T) {
	good, err := os.ReadFile("testdata/service.yaml")
	if err != nil {
		t.Fatal(err)
	}
	for _, test := range []struct{ name, old, new, place, reason string }{
		{"an unknown function property", "      CodeUri: authorizer/", "      CodeUri: authorizer/\n      VpcConfig: {}", "Resources.AuthorizerFunction.Properties.VpcConfig", "cannot honour"},
		{"an unknown API property", "      StageName: live", "      StageName: live\n      CacheClusterEnabled: true", "Resources.Api.Properties.CacheClusterEnabled", "cannot honour"},
		{"an unknown event", "Type: DynamoDB", "Type: ScheduleV2", "Resources.NotifyFunction.Properties.Events.Changes.Type", "ScheduleV2"},
		{"an unknown mapping property", "BatchSize: 25", "TumblingWindowInSeconds: 25", "Resources.NotifyFunction.Properties.Events.Changes.Properties.TumblingWindowInSeconds", "cannot honour"},
		{"a record's age that Lambda does not take", "MaximumRecordAgeInSeconds: 86400", "MaximumRecordAgeInSeconds: 59", "Resources.NotifyFunction.Properties.Events.Changes.Properties.MaximumRecordAgeInSeconds", "at least 60"},
		{"an unknown response type", "[ReportBatchItemFailures]", "[Other]", "Resources.NotifyFunction.Properties.Events.Changes.Properties.FunctionResponseTypes", "Other"},
		{"an unknown gateway response", "DEFAULT_5XX:", "DEFAULT_6XX:", "Resources.Api.Properties.GatewayResponses.DEFAULT_6XX", "no gateway response"},
		{"an unknown authorizer", "DefaultAuthorizer: Keyfob", "DefaultAuthorizer: Other", "Resources.Api.Properties.Auth.DefaultAuthorizer", "Other"},
		{"an authorizer that is no function", "FunctionArn: !GetAtt AuthorizerFunction.Arn", "FunctionArn: !GetAtt Key.Arn", "Resources.Api.Properties.Auth.Authorizers.Keyfob.FunctionArn", "not the ARN"},
		{"a cache without identity", "ReauthorizeEvery: !Ref CacheSeconds", "ReauthorizeEvery: 300", "Resources.Api.Properties.Auth.Authorizers.Keyfob.Identity.ReauthorizeEvery", "identity sources"},
		{"a route's own key", "Auth: {Authorizer: NONE}", "Auth: {ApiKeyRequired: true}", "Resources.TokensFunction.Properties.Events.Revoke.Properties.Auth.ApiKeyRequired", "cannot honour"},
		{"a method there is not", "Method: post", "Method: link", "Resources.TokensFunction.Properties.Events.Revoke.Properties.Method", "LINK"},
		{"a route given twice", "Path: /v1/revoke\n            Method: post", "Path: /v1/tokens\n            Method: get", "Resources.TokensFunction.Properties.Events.Revoke.Properties", "already"},
		{"a function that is not supported", "StageName: live", "StageName: !Cidr [a, 1, 2]", "Resources.Api.Properties.StageName", "Fn::Cidr"},
		{"a name there is not", "StageName: live", "StageName: !Ref Stage", "Resources.Api.Properties.StageName", "Stage"},
		{"a time-out that is not one", "Timeout: 5", "Timeout: soon", "Resources.AuthorizerFunction.Properties.Timeout", "whole number"},
		{"no code", "CodeUri: authorizer/", "Tags: {}", "Resources.AuthorizerFunction.Properties.CodeUri", "missing"},
		{"an alias", "StageName: live", "StageName: *stage", "Resources.Api.Properties.StageName", "Alias"},
		{"an unknown tag", "StageName: live", "StageName: !!binary aGk=", "Resources.Api.Properties.StageName", "!!binary"},
	} {
		t.Run(test.name, func(t *testing.T) {
			if strings.Count(string(good), test.old) == 0 {
				t.Fatalf("%q is not in the template", test.old)
			}
			bad := strings.Replace(string(good), test.old, test.new, 1)
			_, err := template.Parse("bad.yaml", []byte(bad), template.Options{Parameters: map[string]string{"MailFrom": "x@example.com"}})
			e, ok := errors.AsType[*template.Error](err)
			if !ok {
				t.Fatalf("err = %v", err)
			}
			if e.Place != test.place || !strings.Contains(e.Reason, test.reason) || e.Line == 0 || e.File != "bad.yaml" {
				t.Errorf("err = %v (line %d, place %q)", err, e.Line, e.Place)
			}
		})
	}
}

func TestADamagedFileIsOneErrorWithItsLine(t *testing.T) {
	for _, bad := range []string{"", "a: [", "- a\n", "Resources:\n  A: {Type: B\n", "Resources: {A: 1}", "Resources: {}\nResources: {}\n", "\x00"} {
		_, err := template.Parse("bad.yaml", []byte(bad), template.Options{})
		if e, ok := errors.AsType[*template.Error](err); !ok || strings.Contains(e.Error(), "\n") {
			t.Errorf("%q: err = %v", bad, err)
		}
	}
}

func TestAConditionThatDependsOnItselfEnds(t *testing.T) {
	_, err := template.Parse("t.yaml", []byte(`
Conditions:
  A: !Condition B
  B: !Not [!Condition A]
Resources:
  X: {Type: Y, Condition: A}
`), template.Options{})
	if err == nil || !strings.Contains(err.Error(), "depends on itself") {
		t.Errorf("err = %v", err)
	}
}

func TestAStandAloneMappingIsReadToo(t *testing.T) {
	got, err := template.Parse("t.yaml", []byte(`
Resources:
  F: {Type: AWS::Serverless::Function, Properties: {CodeUri: f}}
  T: {Type: AWS::DynamoDB::Table}
  M:
    Type: AWS::Lambda::EventSourceMapping
    Properties: {FunctionName: !Ref F, EventSourceArn: !GetAtt T.StreamArn, StartingPosition: LATEST}
`), template.Options{})
	if err != nil {
		t.Fatal(err)
	}
	if len(got.Streams) != 1 || got.Streams[0].Function != "F" || !got.Streams[0].Latest || got.Streams[0].Retries != -1 || got.Streams[0].BatchSize != 100 {
		t.Errorf("streams = %+v", got.Streams)
	}
}

// The template that is deployed has to stay readable, or the service cannot be run locally.
func TestTheDeployedTemplateIsReadable(t *testing.T) {
	const path = "../../template.yaml"
	if _, err := os.Stat(path); errors.Is(err, os.ErrNotExist) {
		t.Skip("there is no template yet")
	}
	got, err := template.Load(path, template.Options{Parameters: map[string]string{"MailFrom": "keyfob@example.com"}})
	if err != nil {
		t.Fatal(err)
	}
	if got.API == nil || len(got.API.Routes) == 0 || len(got.Streams) != 2 {
		t.Errorf("API = %+v, streams = %+v", got.API, got.Streams)
	}
}
