package rooms

import (
	"encoding/json"
	"errors"
	"io"
	"os/exec"
	"slices"
	"strings"
	"testing"
)

// A function pays at every cold start for setting up each package that it is linked with, called or not, and what it
// cannot call it cannot be made to call. So the client of a service that few need is linked into those few.
var linked = map[string][]string{
	"github.com/aws/aws-sdk-go-v2/service/kms": {"keyfob/functions/createtoken", "keyfob/functions/factors", "keyfob/functions/revealtoken", "keyfob/functions/rotatetoken", "keyfob/functions/unlock"},
	"github.com/aws/aws-sdk-go-v2/service/s3":  nil, // Lambda itself puts what is given up
	"keyfob/internal/keyring/local":            nil, // one machine's
	"keyfob/internal/functions":                nil, // all of them at once
	"keyfob/internal/faulty":                   nil, // what fails on purpose
}

func TestOnlyTheFunctionsThatSealOrOpenAreLinkedWithAKeyService(t *testing.T) {
	cmd := exec.Command("go", "list", "-json=ImportPath,Deps", "./authorizer", "./functions/...")
	cmd.Dir = "../.."
	out, err := cmd.Output()
	if err != nil {
		t.Fatal(err)
	}
	got := map[string][]string{}
	for d := json.NewDecoder(strings.NewReader(string(out))); ; {
		var p struct {
			ImportPath string
			Deps       []string
		}
		if err := d.Decode(&p); errors.Is(err, io.EOF) {
			break
		} else if err != nil {
			t.Fatal(err)
		}
		for service := range linked {
			if slices.Contains(p.Deps, service) {
				got[service] = append(got[service], p.ImportPath)
			}
		}
	}
	for service, want := range linked {
		if !slices.Equal(got[service], want) {
			t.Errorf("%s is linked into %v, want %v", service, got[service], want)
		}
	}
}
