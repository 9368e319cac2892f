package runtimeapi_test

import (
	"crypto/rand"
	"crypto/rsa"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/json"
	"encoding/pem"
	"hash/crc32"
	"io"
	"log"
	"math/big"
	"net"
	"net/http"
	"net/http/httptest"
	"strconv"
	"sync/atomic"
	"testing"
	"time"

	"keyfob/internal/table"
)

// A standIn takes DynamoDB's place: it answers every strongly consistent GetItem with one item, over TLS, with a
// chain of certificates as long and with keys of the kind that DynamoDB's has: RSA with 2048 bits, a root that the
// client knows, one authority between.
type standIn struct {
	URL  string
	Root []byte // the root's certificate, PEM

	reads   atomic.Int64
	refused atomic.Int64 // requests that were anything else
}

func newStandIn(tb testing.TB, it table.Item) *standIn {
	tb.Helper()
	answer, err := json.Marshal(map[string]table.Item{"Item": it})
	if err != nil {
		tb.Fatal(err)
	}
	checksum := strconv.FormatUint(uint64(crc32.ChecksumIEEE(answer)), 10)
	s := &standIn{}
	srv := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		var in struct{ ConsistentRead bool }
		err := json.NewDecoder(io.LimitReader(r.Body, 1<<20)).Decode(&in)
		if err != nil || !in.ConsistentRead || r.Header.Get("X-Amz-Target") != "DynamoDB_20120810.GetItem" {
			s.refused.Add(1)
			w.WriteHeader(http.StatusBadRequest)
			_, _ = io.WriteString(w, `{"__type":"com.amazon.coral.validate#ValidationException","message":"only GetItem"}`)
			return
		}
		s.reads.Add(1)
		h := w.Header()
		h.Set("Content-Type", "application/x-amz-json-1.0")
		h.Set("X-Amzn-Requestid", "5GC8F2CBQJ1EN7HE9S5CT8EMENVV4KQNSO5AEMVJF66Q9ASUAAJG")
		h.Set("X-Amz-Crc32", checksum)
		_, _ = w.Write(answer)
	}))
	srv.TLS = &tls.Config{Certificates: []tls.Certificate{s.chain(tb)}}
	srv.Config.ErrorLog = log.New(io.Discard, "", 0) // refused handshakes are part of what is measured
	srv.StartTLS()
	tb.Cleanup(srv.Close)
	s.URL = srv.URL
	return s
}

// chain makes the certificates that the server presents, and Root.
func (s *standIn) chain(tb testing.TB) tls.Certificate {
	tb.Helper()
	root, rootKey := issue(tb, "Stand-in Root", nil, nil)
	s.Root = pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: root.Raw})
	between, betweenKey := issue(tb, "Stand-in RSA 2048 M01", root, rootKey)
	leaf, leafKey := issue(tb, "", between, betweenKey)
	return tls.Certificate{Certificate: [][]byte{leaf.Raw, between.Raw}, PrivateKey: leafKey}
}

// issue makes an authority's certificate or, where there is no name, the server's; it signs itself without a parent.
func issue(tb testing.TB, name string, parent *x509.Certificate, by *rsa.PrivateKey) (*x509.Certificate, *rsa.PrivateKey) {
	tb.Helper()
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		tb.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(time.Now().UnixNano()),
		Subject:      pkix.Name{CommonName: name},
		NotBefore:    time.Now().Add(-time.Hour),
		NotAfter:     time.Now().Add(24 * time.Hour),
	}
	if name == "" {
		template.IPAddresses = []net.IP{net.IPv4(127, 0, 0, 1)}
		template.KeyUsage = x509.KeyUsageDigitalSignature
		template.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth}
	} else {
		template.IsCA, template.BasicConstraintsValid, template.KeyUsage = true, true, x509.KeyUsageCertSign
	}
	if parent == nil {
		parent, by = template, key
	}
	der, err := x509.CreateCertificate(rand.Reader, template, parent, key.Public(), by)
	if err != nil {
		tb.Fatal(err)
	}
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		tb.Fatal(err)
	}
	return cert, key
}
