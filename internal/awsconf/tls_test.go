package awsconf

import (
	"bytes"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"encoding/hex"
	"encoding/pem"
	"errors"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

func trusts(t *testing.T, authorities ...*authority) *tls.Config {
	t.Helper()
	var all []byte
	for _, a := range authorities {
		all = append(all, a.pem...)
	}
	config, err := trust(all)
	if err != nil {
		t.Fatal(err)
	}
	return config
}

func post(client *http.Client, s *service) error {
	resp, err := client.Post(s.URL, "text/plain", strings.NewReader("a request"))
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	_, err = io.Copy(io.Discard, resp.Body)
	return err
}

func TestAPinnedAuthorityIsTrustedWithoutAskingTheSystem(t *testing.T) {
	pinned, other := newAuthority(t, "pinned"), newAuthority(t, "other")
	s := pinned.serve(t, "127.0.0.1")
	client := newClient(&dialer{first: trusts(t, pinned), second: trusts(t, other)}, time.Minute)
	if err := post(client, s); err != nil {
		t.Fatal(err)
	}
	if n := s.connections.Load(); n != 1 {
		t.Errorf("%d connections, want 1", n)
	}
}

func TestAnotherAuthorityIsTrustedIfTheSystemDoesAndFoundOutOnce(t *testing.T) {
	pinned, other := newAuthority(t, "pinned"), newAuthority(t, "other")
	s := other.serve(t, "127.0.0.1")
	client := newClient(&dialer{first: trusts(t, pinned), second: trusts(t, other)}, time.Minute)
	for range 3 {
		if err := post(client, s); err != nil {
			t.Fatal(err)
		}
		client.CloseIdleConnections()
	}
	if s.requests.Load() != 3 || s.body.Load() != "a request" {
		t.Errorf("%d requests, the last with the body %q", s.requests.Load(), s.body.Load())
	}
	if n := s.connections.Load(); n != 4 {
		t.Errorf("%d connections for 3 requests that each opened one, want 1 more: the first that was refused", n)
	}
}

func TestAnAuthorityThatNobodyTrustsIsRefusedByBothAndSeesNoRequest(t *testing.T) {
	stranger := newAuthority(t, "stranger")
	s := stranger.serve(t, "127.0.0.1")
	client := newClient(&dialer{first: trusts(t, newAuthority(t, "pinned")), second: trusts(t, newAuthority(t, "other"))}, time.Minute)
	var unknown x509.UnknownAuthorityError
	for range 2 {
		if err := post(client, s); !errors.As(err, &unknown) {
			t.Fatalf("got %v, want the authority to be unknown", err)
		}
	}
	if s.requests.Load() != 0 || s.connections.Load() != 4 {
		t.Errorf("%d requests on %d connections, want none on 2 for each try", s.requests.Load(), s.connections.Load())
	}
}

func TestACertificateForAnotherNameIsRefusedWithoutAskingTheSystem(t *testing.T) {
	pinned := newAuthority(t, "pinned")
	s := pinned.serve(t, "127.0.0.2") // which is not where it listens
	client := newClient(&dialer{first: trusts(t, pinned), second: trusts(t, pinned)}, time.Minute)
	var wrong x509.HostnameError
	if err := post(client, s); !errors.As(err, &wrong) {
		t.Fatalf("got %v, want the name to be wrong", err)
	}
	if s.requests.Load() != 0 || s.connections.Load() != 1 {
		t.Errorf("%d requests on %d connections, want none on 1", s.requests.Load(), s.connections.Load())
	}
}

func TestACABundleIsTheOnlyTrust(t *testing.T) {
	mine, other := newAuthority(t, "mine"), newAuthority(t, "other")
	file := filepath.Join(t.TempDir(), "bundle.pem")
	if err := os.WriteFile(file, mine.pem, 0o600); err != nil {
		t.Fatal(err)
	}
	client, err := httpClient(environ("AWS_CA_BUNDLE", file), time.Minute)
	if err != nil {
		t.Fatal(err)
	}
	if err := post(client, mine.serve(t, "127.0.0.1")); err != nil {
		t.Error(err)
	}
	if err := post(client, other.serve(t, "127.0.0.1")); err == nil {
		t.Error("an authority outside the bundle is trusted")
	}
	empty := filepath.Join(t.TempDir(), "empty.pem")
	if err := os.WriteFile(empty, []byte("no certificate"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, file := range []string{empty, empty + "absent"} {
		if _, err := httpClient(environ("AWS_CA_BUNDLE", file), time.Minute); err == nil {
			t.Errorf("%s is accepted", filepath.Base(file))
		}
	}
}

// serviceURL is the environment variable that makes this test binary ask there, trusting what it trusts by default.
const serviceURL = "AWSCONF_SERVICE_URL"

func TestTheSystemsRootsAreTheFallback(t *testing.T) {
	if url := os.Getenv(serviceURL); url != "" {
		client, err := httpClient(environ(), time.Minute)
		if err != nil {
			t.Fatal(err)
		}
		resp, err := client.Get(url)
		if err != nil {
			t.Fatal(err)
		}
		resp.Body.Close()
		return
	}
	installed := newAuthority(t, "installed")
	file := filepath.Join(t.TempDir(), "system.pem")
	if err := os.WriteFile(file, installed.pem, 0o600); err != nil {
		t.Fatal(err)
	}
	s := installed.serve(t, "127.0.0.1")
	for certFile, want := range map[string]bool{file: true, os.DevNull: false} {
		cmd := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^"+t.Name()+"$")
		cmd.Env = append(os.Environ(), "SSL_CERT_FILE="+certFile, "SSL_CERT_DIR="+t.TempDir(), serviceURL+"="+s.URL)
		if out, err := cmd.CombinedOutput(); (err == nil) != want {
			t.Errorf("with the system's roots in %s: %s", filepath.Base(certFile), out)
		}
		if n := s.connections.Swap(0); n != 2 {
			t.Errorf("%d connections, want 2: Amazon's roots are asked first", n)
		}
	}
}

func TestThePinnedRootsAreAmazonsFive(t *testing.T) {
	want := map[string]string{ // as Amazon Trust Services publishes them
		"Amazon Root CA 1": "8ecde6884f3d87b1125ba31ac3fcb13d7016de7f57cc904fe1cb97c6ae98196e",
		"Amazon Root CA 2": "1ba5b2aa8c65401a82960118f80bec4f62304d83cec4713a19c39c011ea46db4",
		"Amazon Root CA 3": "18ce6cfe7bf14e60b2e347b8dfe868cb31d02ebb3ada271569f50343b46db3a4",
		"Amazon Root CA 4": "e35d28419ed02025cfa69038cd623962458da5c695fbdea3c22b0bfb25897092",
		"Starfield Services Root Certificate Authority - G2": "568d6905a2c88708a4b3025190edcfedb1974a606a13c6e5290fcb2ae63edab5",
	}
	seen := 0
	for block, rest := pem.Decode(bytes.TrimSpace(roots)); block != nil; block, rest = pem.Decode(rest) {
		cert, err := x509.ParseCertificate(block.Bytes)
		if err != nil {
			t.Fatal(err)
		}
		sum := sha256.Sum256(cert.Raw)
		if name := cert.Subject.CommonName; want[name] != hex.EncodeToString(sum[:]) {
			t.Errorf("%s has the fingerprint %x", name, sum)
		}
		if left := time.Until(cert.NotAfter); left < 365*24*time.Hour {
			t.Errorf("%s ends on %s: see whether Amazon has a new one", cert.Subject.CommonName, cert.NotAfter)
		}
		seen++
	}
	if seen != len(want) {
		t.Errorf("%d roots, want %d", seen, len(want))
	}
}
