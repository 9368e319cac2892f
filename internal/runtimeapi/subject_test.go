package runtimeapi_test

import (
	"bytes"
	"encoding/json"
	"encoding/pem"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"keyfob/internal/scope"
	"keyfob/internal/table"
	"keyfob/internal/table/key"
	"keyfob/internal/token"
)

// A subject is a function whose cold start is measured: it makes one strongly consistent read of one item for
// each event.
type subject struct {
	pkg     string     // its main package
	env     []string   // its settings, NAME=value; region, credentials, endpoint and trust are added
	payload []byte     // the event
	item    table.Item // what each read gives
	want    string     // to be found in the answer
}

// stock and handmade read an item and do nothing else; they differ in how their client is made.
func stock(testing.TB) subject    { return probe("stock") }
func handmade(testing.TB) subject { return probe("handmade") }

func probe(way string) subject {
	k := key.Token("0123456789abcdef").Key()
	return subject{
		pkg:     "./coldstart/" + way,
		env:     []string{"TABLE_NAME=keyfob"},
		payload: []byte(`{"PK":"` + k.PK + `","SK":"` + k.SK + `"}`),
		item:    record(k, bytes.Repeat([]byte{7}, 32)),
		want:    "1",
	}
}

// authorizer is the deployed one, asked with the example event of a REST API by a token of full scope. Whoever
// changes what a token's record must hold changes record.
func authorizer(tb testing.TB) subject {
	tb.Helper()
	payload, err := os.ReadFile("../../events/authorizer/rest-request.json")
	if err != nil {
		tb.Fatal(err)
	}
	var event struct{ Headers map[string]string }
	if err := json.Unmarshal(payload, &event); err != nil {
		tb.Fatal(err)
	}
	form := token.Form{Brand: "kf", Realm: "us"}
	c, err := form.Parse(strings.TrimPrefix(event.Headers["Authorization"], "Bearer "))
	if err != nil {
		tb.Fatalf("the example event's credential: %v", err)
	}
	digest := c.Digest()
	return subject{
		pkg:     "../../authorizer",
		env:     []string{"TABLE_NAME=keyfob", "BRAND=" + form.Brand, "REALM=" + form.Realm, "LOG_LEVEL=INFO"},
		payload: payload,
		item:    record(key.Token(c.ID().String()).Key(), digest.Bytes()),
		want:    `"Effect":"Allow"`,
	}
}

// record is a token's, as package authority writes it.
func record(k table.Key, digest []byte) table.Item {
	return table.Create(table.Item{
		table.AttrPK: table.S(k.PK), table.AttrSK: table.S(k.SK),
		"account": table.S("acc_0123456789abcdef"), "user": table.S("usr_0123456789abcdef"),
		"name": table.S("nightly export"), "description": table.S(""), "digest": table.B(digest),
		"scope": table.S(scope.Full().String()), "role": table.S(scope.Owner), "issuers": table.S(scope.IssuersAdmins), "created": table.N(1),
		// In the ordinary case a use need not be noted: the token was used a moment ago, from the same network.
		"used": table.N(time.Now().Unix()), "networks": table.L{table.Item{
			"prefix": table.S("192.0.2.0/24"), "first": table.N(1), "last": table.N(time.Now().Unix()), "agent": table.S("curl/8.5.0"),
		}},
	}).Item
}

func TestP2TheCompiledAuthorizerReadsOnceForARequest(t *testing.T) {
	r := prepare(t, "authorizer", authorizer(t), pinnedRoots)
	f := start(t, r.binary, r.env...)
	for n := range int64(3) {
		r.invoke(t, f)
		if reads, others := r.db.reads.Load(), r.db.refused.Load(); reads != n+1 || others != 0 {
			t.Fatalf("%d reads and %d other requests after %d events", reads, others, n+1)
		}
	}
}

func TestTheProbesAnswerUnderEveryKindOfTrust(t *testing.T) {
	for _, s := range []subject{handmade(t), stock(t)} {
		for _, trust := range []string{pinnedRoots, systemFile, systemTwice} {
			r := prepare(t, s.pkg, s, trust)
			r.invoke(t, start(t, r.binary, r.env...))
			if n := r.db.reads.Load(); n != 1 {
				t.Errorf("%s, %s: %d reads", s.pkg, trust, n)
			}
		}
	}
}

// The kinds of trust that a function is started with. The stand-in's root takes the place of one of Amazon's.
const (
	pinnedRoots = "pinned roots"             // five roots and no others
	systemFile  = "system roots in one file" // this machine's, and the stand-in's
	systemTwice = "system roots twice"       // and the same in a folder, which Go reads too, as on many systems
)

// trusting gives the variables under which a function trusts the stand-in in the way named.
func trusting(tb testing.TB, db *standIn, trust string) []string {
	tb.Helper()
	amazon, err := os.ReadFile("../awsconf/roots.pem")
	if err != nil {
		tb.Fatal(err)
	}
	file, folder := filepath.Join(tb.TempDir(), "roots.pem"), tb.TempDir()
	roots, variable := slices.Concat(db.Root, withoutFirst(amazon)), "AWS_CA_BUNDLE"
	if trust != pinnedRoots {
		roots, variable = slices.Concat(systemBundle(tb), db.Root), "SSL_CERT_FILE"
	}
	if trust == systemTwice {
		folder = filepath.Dir(file)
	}
	if err := os.WriteFile(file, roots, 0o600); err != nil {
		tb.Fatal(err)
	}
	return []string{variable + "=" + file, "SSL_CERT_DIR=" + folder}
}

// withoutFirst drops the first certificate, so that five are five.
func withoutFirst(bundle []byte) []byte {
	_, rest := pem.Decode(bundle)
	return rest
}

// systemBundle reads this machine's roots from where Linux distributions, and Lambda's, keep them.
func systemBundle(tb testing.TB) []byte {
	tb.Helper()
	for _, file := range []string{"/etc/pki/tls/certs/ca-bundle.crt", "/etc/ssl/certs/ca-certificates.crt", "/etc/ssl/cert.pem"} {
		if bundle, err := os.ReadFile(file); err == nil {
			return bundle
		}
	}
	tb.Skip("this machine has no bundle of root certificates in the usual places")
	return nil
}
