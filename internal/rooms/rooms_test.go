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

// room is a place on the map. A package may import packages of the rooms listed for its own.
type room string

const (
	pure      room = "pure"      // no I/O, no clock, no AWS
	role      room = "role"      // what is asked of a database, a mail service, a key ring
	decision  room = "decision"  // the rules
	edge      room = "edge"      // events and answers of API Gateway
	api       room = "api"       // the functions' handlers
	adapter   room = "adapter"   // a role over a technology
	platform  room = "platform"  // what a process needs to run: settings, logs, clients
	imitation room = "imitation" // AWS on one machine
	main      room = "main"      // wiring
	bench     room = "bench"     // the fault bench: parts that fail by plan, and who drives and judges the service with them
	test      room = "test"      // helpers and checks of tests; only tests import them
)

// may says which rooms a room may import from.
var may = map[room][]room{
	pure:      {pure},
	role:      {pure, role},
	decision:  {pure, role, decision},
	edge:      {pure, role, decision, edge},
	api:       {pure, role, decision, edge, api},
	adapter:   {pure, role},
	platform:  {pure, platform},
	imitation: {pure, role, platform, imitation},
	bench:     {pure, role, decision, edge, api, adapter, platform, imitation, bench},
	main:      {pure, role, decision, edge, api, adapter, platform, imitation, bench, main},
	test:      {pure, role, decision, edge, api, adapter, platform, imitation, bench, test},
}

// rooms is the map, by the longest prefix of a package's path.
var rooms = map[string]room{
	"internal/fault": pure, "internal/token": pure, "internal/scope": pure, "internal/purge": pure, "internal/password": pure,
	"internal/text": pure, "internal/credential": pure, "internal/scan": pure, "internal/tokenfile": pure, "internal/network": pure,
	"internal/totp": pure, "internal/givenup": pure, "internal/metric": pure,

	"internal/table": role, "internal/mail": role, "internal/keyring": role,

	"internal/account": decision, "internal/audit": decision, "internal/authority": decision, "internal/session": decision,
	"internal/login": decision, "internal/throttle": decision, "internal/notice": decision, "internal/catalogue": decision,
	"internal/operator": decision, "internal/leak": decision, "internal/standing": decision, "internal/trail": decision, "internal/people": decision,
	"internal/link": decision, "internal/passwords": decision, "internal/factor": decision, "internal/agenda": decision, "internal/disavowal": decision,

	"internal/gateway": edge, "internal/authorizer": edge, "internal/api": api, "internal/openapi": api, "internal/functions": api,

	"internal/table/bolt": adapter, "internal/table/dynamo": adapter, "internal/mail/ses": adapter, "internal/mail/mailbox": adapter,
	"internal/keyring/kms": adapter, "internal/keyring/local": adapter,

	"internal/settings": platform, "internal/logging": platform, "internal/awsconf": platform, "internal/template": platform,

	"internal/local": imitation,

	"internal/faulty": bench, "internal/soak": bench,

	"dashboard": pure, // files

	"functions": main, "authorizer": main, "cmd": main,

	"internal/table/tabletest": test, "internal/rooms": test, "internal/runtimeapi": test, "internal/dynamotest": test,
	"internal/keyring/keyringtest": test, "internal/kmstest": test,
	"internal/infratest": test, "internal/gitleakstest": test, "internal/replay": test, "internal/openapi/openapitest": test,
}

type pkg struct {
	ImportPath, Doc  string
	Imports, GoFiles []string
}

func list(t *testing.T) []pkg {
	t.Helper()
	cmd := exec.Command("go", "list", "-json=ImportPath,Doc,Imports,GoFiles", "./...")
	cmd.Dir = "../.."
	out, err := cmd.Output()
	if err != nil {
		t.Fatal(err)
	}
	var all []pkg
	for d := json.NewDecoder(strings.NewReader(string(out))); ; {
		var p pkg
		if err := d.Decode(&p); errors.Is(err, io.EOF) {
			break
		} else if err != nil {
			t.Fatal(err)
		}
		all = append(all, p)
	}
	if len(all) < 20 {
		t.Fatalf("only %d packages found", len(all))
	}
	return all
}

// roomOf finds a package's room; empty where it is on no map.
func roomOf(path string) room {
	path, ours := strings.CutPrefix(path, "keyfob/")
	if !ours {
		return ""
	}
	for {
		if r, ok := rooms[path]; ok {
			return r
		}
		i := strings.LastIndexByte(path, '/')
		if i < 0 {
			return ""
		}
		path = path[:i]
	}
}

func TestDependenciesPointInward(t *testing.T) {
	for _, p := range list(t) {
		from := roomOf(p.ImportPath)
		if from == "" {
			t.Errorf("%s has no place on the map", p.ImportPath)
			continue
		}
		for _, imported := range p.Imports {
			if to := roomOf(imported); to != "" && !slices.Contains(may[from], to) {
				t.Errorf("%s (%s) imports %s (%s)", p.ImportPath, from, imported, to)
			}
		}
	}
}

// Decisions and what is inward of them know no AWS, no HTTP server and no file.
func TestTheInsideKnowsNoTechnology(t *testing.T) {
	for _, p := range list(t) {
		switch roomOf(p.ImportPath) {
		case pure, role, decision:
		default:
			continue
		}
		for _, imported := range p.Imports {
			for _, outside := range []string{"github.com/aws/", "go.etcd.io/", "net/http", "os", "log/slog"} {
				if imported == outside || strings.HasSuffix(outside, "/") && strings.HasPrefix(imported, outside) {
					if allowed[p.ImportPath+" "+imported] == "" {
						t.Errorf("%s imports %s", p.ImportPath, imported)
					}
				}
			}
		}
	}
}

// allowed are uses of a technology's package that are not uses of the technology, with the reason.
var allowed = map[string]string{
	"keyfob/internal/token log/slog":      "a secret's LogValue",
	"keyfob/internal/credential net/http": "the names of methods",
}

func TestEveryPackageSaysWhatItIsFor(t *testing.T) {
	for _, p := range list(t) {
		if len(p.GoFiles) > 0 && p.Doc == "" {
			t.Errorf("%s has no package comment", p.ImportPath)
		}
	}
}
