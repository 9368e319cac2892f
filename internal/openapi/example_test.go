package openapi_test

import (
	"bufio"
	"bytes"
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/getkin/kin-openapi/openapi3"

	"keyfob/internal/gateway"
	"keyfob/internal/openapi"
	"keyfob/internal/token"
)

func TestEveryExampleIsValidAgainstItsSchema(t *testing.T) {
	d := spec(t)
	n := 0
	check := func(at string, schema *openapi3.SchemaRef, example any, as openapi3.SchemaValidationOption) {
		n++
		if err := schema.Value.VisitJSON(example, as, openapi3.EnableJSONSchema2020(), openapi3.MultiErrors()); err != nil {
			t.Errorf("%s: %v", at, err)
		}
	}
	content := func(at string, content openapi3.Content, as openapi3.SchemaValidationOption) {
		for mediaType, body := range content {
			if body.Example != nil {
				check(at+" "+mediaType, body.Schema, body.Example, as)
			}
			for name, example := range body.Examples {
				check(at+" "+mediaType+" "+name, body.Schema, example.Value.Value, as)
			}
			if body.Example == nil && len(body.Examples) == 0 {
				t.Errorf("%s %s has no example", at, mediaType)
			}
		}
	}
	for name, p := range d.Components.Parameters {
		check("the parameter "+name, p.Value.Schema, p.Value.Example, openapi3.VisitAsRequest())
	}
	for name, h := range d.Components.Headers {
		if h.Value.Schema.Value.Const == nil {
			check("the header "+name, h.Value.Schema, h.Value.Example, openapi3.VisitAsResponse())
		}
	}
	for name, b := range d.Components.RequestBodies {
		content("the request "+name, b.Value.Content, openapi3.VisitAsRequest())
	}
	for name, r := range d.Components.Responses {
		content("the response "+name, r.Value.Content, openapi3.VisitAsResponse())
	}
	if n < 40 {
		t.Fatalf("only %d examples", n)
	}
}

// What is not a component would not be looked at above.
func TestEveryParameterAndBodyIsAComponent(t *testing.T) {
	for path, item := range spec(t).Paths.Map() {
		for method, op := range item.Operations() {
			for _, p := range append(item.Parameters, op.Parameters...) {
				if p.Ref == "" {
					t.Errorf("%s %s: the parameter %s", method, path, p.Value.Name)
				}
			}
			if op.RequestBody != nil && op.RequestBody.Ref == "" {
				t.Errorf("%s %s: its body", method, path)
			}
		}
	}
}

// vectors gives the well-formed credentials among the published test vectors.
func vectors(t *testing.T) map[string]bool {
	t.Helper()
	text, err := os.ReadFile("../token/testdata/vectors.txt")
	if err != nil {
		t.Fatal(err)
	}
	all := map[string]bool{}
	for lines := bufio.NewScanner(bytes.NewReader(text)); lines.Scan(); {
		if f := strings.Split(lines.Text(), "\t"); len(f) == 5 && f[3] != "malformed" {
			all[f[2]] = true
		}
	}
	return all
}

// P3: a credential that is published may be no one's.
func TestEveryCredentialInTheDocumentIsAPublishedTestVector(t *testing.T) {
	form := token.Form{Brand: "kf", Realm: "us"}
	published := vectors(t)
	n := 0
	for _, text := range regexp.MustCompile(`\bkf[lns]?_[0-9A-Za-z_]{20,}`).FindAllString(string(openapi.Document()), -1) {
		n++
		if _, err := form.Parse(text); err != nil || !published[text] {
			t.Errorf("%s: %v", text, err)
		}
	}
	if n < 5 {
		t.Fatalf("only %d credentials", n)
	}
}

func TestEveryPublicNameAndAddressInTheDocumentIsMadeUp(t *testing.T) {
	text := string(openapi.Document())
	names := regexp.MustCompile(`\b(tok|ses|usr|acc|psk)_[0-9A-Za-z]{16}\b`).FindAllString(text, -1)
	for _, name := range names {
		if id := name[4:]; id != "EXAMPLEexample01" && id != "0123456789ABCDEF" {
			t.Error(name)
		}
	}
	addresses := regexp.MustCompile(`[\w.+-]+@[\w.-]+`).FindAllString(text, -1)
	for _, address := range addresses {
		if !strings.HasSuffix(address, "@example.com") {
			t.Error(address)
		}
	}
	hosts := regexp.MustCompile(`https?://([\w.-]+)`).FindAllStringSubmatch(text, -1)
	for _, host := range hosts {
		if host[1] != "127.0.0.1" && host[1] != "keyfob.example.com" {
			t.Error(host[1])
		}
	}
	if len(names) == 0 || len(addresses) == 0 || len(hosts) == 0 {
		t.Errorf("%d names, %d addresses, %d hosts", len(names), len(addresses), len(hosts))
	}
}

func TestTheCursorInTheExamplesIsOneOfAList(t *testing.T) {
	want := gateway.Cursor("acc_EXAMPLEexample01/usr_EXAMPLEexample01", "2030")
	d := spec(t)
	page := d.Components.Responses["TokenPage"].Value.Content["application/json"].Example.(map[string]any)
	if page["cursor"] != want || d.Components.Parameters["Cursor"].Value.Example != want {
		t.Errorf("%v is not %s", page["cursor"], want)
	}
}
