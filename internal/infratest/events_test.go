package infratest

import (
	"encoding/base64"
	"encoding/json"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"keyfob/internal/authority"
	"keyfob/internal/table"
	"keyfob/internal/template"
	"keyfob/internal/token"
)

// cases gives the events of a function by the file's name without its ending.
func cases(t *testing.T, f template.Function) map[string]map[string]any {
	t.Helper()
	out := map[string]map[string]any{}
	folder := f.CodeURI[strings.LastIndex(f.CodeURI, "/")+1:]
	for _, file := range glob(t, "events/"+folder+"/*.json") {
		rel, _ := filepath.Rel(root, file)
		var event map[string]any
		if err := json.Unmarshal(read(t, rel), &event); err != nil {
			t.Fatalf("%s: %v", rel, err)
		}
		out[strings.TrimSuffix(filepath.Base(file), ".json")] = event
	}
	return out
}

func TestEveryFunctionHasAGoodAndABadEvent(t *testing.T) {
	for _, f := range load(t, "template.yaml", nil).Functions {
		good, bad := 0, 0
		for name := range cases(t, f) {
			if strings.HasPrefix(name, "bad-") {
				bad++
			} else {
				good++
			}
		}
		if good == 0 || bad == 0 {
			t.Errorf("%s: %d good and %d bad events", f.LogicalID, good, bad)
		}
	}
}

func TestEveryFolderOfEventsIsAFunctions(t *testing.T) {
	tm := load(t, "template.yaml", nil)
	for _, file := range glob(t, "events/*/*.json") {
		folder := filepath.Base(filepath.Dir(file))
		if !slices.ContainsFunc(tm.Functions, func(f template.Function) bool {
			return strings.HasSuffix("/"+f.CodeURI, "/"+folder)
		}) {
			t.Errorf("no function is made from a folder %s", folder)
		}
	}
}

// An event has to be one that the gateway would send to that function: a route of its own, parameters where the route
// has them, both header maps alike, the body's exact bytes in base64, and claims exactly where there is an authorizer.
func TestEveryRestEventIsWhatTheGatewayWouldSend(t *testing.T) {
	tm := load(t, "template.yaml", nil)
	parameter := regexp.MustCompile(`\{(\w+)\}`)
	for _, f := range tm.Functions {
		for name, e := range cases(t, f) {
			if e["httpMethod"] == nil {
				continue
			}
			fail := func(reason string, args ...any) {
				t.Helper()
				t.Errorf("%s/%s: "+reason, append([]any{f.LogicalID, name}, args...)...)
			}
			method, resource := text(e, "httpMethod"), text(e, "resource")
			i := slices.IndexFunc(tm.API.Routes, func(r template.Route) bool { return r.Method == method && r.Path == resource })
			if i < 0 {
				fail("%s %s is no route", method, resource)
				continue
			}
			route, asked := tm.API.Routes[i], text(e, "type") == "REQUEST"
			if !asked && route.Function != f.LogicalID {
				fail("the route leads to %s", route.Function)
			}
			path := parameter.ReplaceAllStringFunc(resource, func(p string) string { return text(e, "pathParameters", p[1:len(p)-1]) })
			if text(e, "path") != path || text(e, "requestContext", "path") != "/"+tm.API.Stage+path ||
				text(e, "requestContext", "resourcePath") != resource || text(e, "requestContext", "httpMethod") != method ||
				text(e, "requestContext", "stage") != tm.API.Stage || text(e, "requestContext", "identity", "sourceIp") == "" || text(e, "requestContext", "requestId") == "" {
				fail("its paths or its context do not fit: %v", e["requestContext"])
			}
			if asked && text(e, "methodArn") != "arn:aws:execute-api:us-east-1:123456789012:"+text(e, "requestContext", "apiId")+"/live/"+method+path {
				fail("methodArn %s", text(e, "methodArn"))
			}
			for _, pair := range [][2]string{{"headers", "multiValueHeaders"}, {"queryStringParameters", "multiValueQueryStringParameters"}} {
				if !alike(e[pair[0]], e[pair[1]]) {
					fail("%s and %s differ", pair[0], pair[1])
				}
			}
			if body, ok := e["body"].(string); ok {
				if _, err := base64.StdEncoding.DecodeString(body); err != nil || e["isBase64Encoded"] != true {
					fail("the body is not in base64")
				}
			}
			claims, _ := at(e, "requestContext", "authorizer").(map[string]any)
			if lost := strings.HasSuffix(name, "no-claims"); !asked && (claims == nil) != (route.Authorizer == "" || lost) {
				fail("claims %v on a route with the authorizer %q", claims, route.Authorizer)
			}
			if claims != nil {
				texts := map[string]string{}
				for name := range claims {
					texts[name] = text(e, "requestContext", "authorizer", name)
				}
				if p, err := authority.FromClaims(texts); err != nil || claims["principalId"] != p.User {
					fail("claims %v: %v", claims, err)
				}
			}
		}
	}
}

// alike reports whether the map of several values says the same as the map of one.
func alike(single, multi any) bool {
	s, _ := single.(map[string]any)
	m, _ := multi.(map[string]any)
	if len(s) != len(m) || (single == nil) != (multi == nil) {
		return false
	}
	for name, v := range s {
		if values := texts(m[name]); len(values) != 1 || values[0] != v {
			return false
		}
	}
	return true
}

func TestTheStreamsEventsAreRecordsOfTheTable(t *testing.T) {
	tm := load(t, "template.yaml", nil)
	for function, prefixes := range map[string][]string{"NotifyFunction": {"aud#"}, "UpkeepFunction": {"tok#", "acc#", "rst#", "aud#"}} {
		f, _ := tm.Function(function)
		for name := range cases(t, f) {
			var batch table.StreamEvent
			if err := json.Unmarshal(read(t, "events/"+filepath.Base(f.CodeURI)+"/"+name+".json"), &batch); err != nil || len(batch.Records) == 0 {
				t.Fatalf("%s: %v", name, err)
			}
			for _, r := range batch.Records {
				image, pk := r.Change.NewImage, r.Change.Keys.String(table.AttrPK)
				if r.EventName == table.Remove {
					image = r.Change.OldImage
				}
				if r.EventSource != "aws:dynamodb" || r.Change.SequenceNumber == "" || r.Change.Keys.Key() != image.Key() || r.Change.StreamViewType != "NEW_AND_OLD_IMAGES" ||
					!slices.ContainsFunc(prefixes, func(p string) bool { return strings.HasPrefix(pk, p) }) {
					t.Errorf("%s/%s: %+v", function, name, r)
				}
			}
		}
	}
}

// Credentials in events are made up, and say so; but they are well formed where the case is not about their form.
func TestCredentialsInEventsAreMadeUpAndWellFormed(t *testing.T) {
	pattern := regexp.MustCompile(`kf[lns]?_[a-z]+_[0-9A-Za-z]{65}`)
	found := 0
	for _, file := range glob(t, "events/*/*.json") {
		rel, _ := filepath.Rel(root, file)
		for _, c := range pattern.FindAllString(string(read(t, rel)), -1) {
			found++
			if !strings.Contains(c, "_EXAMPLEexample01ExampleSecret") {
				t.Errorf("%s holds a credential that does not say it is made up", rel)
			}
			_, err := token.Form{Brand: "kf", Realm: "us"}.Parse(c)
			if bad := strings.HasPrefix(filepath.Base(file), "bad-checksum") || strings.HasPrefix(filepath.Base(file), "bad-realm"); (err != nil) != bad {
				t.Errorf("%s: %v", rel, err)
			}
		}
	}
	if found == 0 {
		t.Error("none was found")
	}
}
