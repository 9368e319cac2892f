package main

import (
	"bufio"
	"bytes"
	"crypto/sha256"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"runtime/debug"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
)

// connections is how many clients validate at a time.
const connections = 16

// BenchmarkValidation compares, in one run, GET /v1/tokenInfo through the local service (HTTP, authorizer, function,
// embedded table) with a bare net/http handler that hashes the token and looks it up in a map. The service is to
// reach a fifth of the other's throughput.
//
//	go test -run '^$' -bench Validation -benchtime 50000x ./cmd/local
func BenchmarkValidation(b *testing.B) {
	defer debug.SetGCPercent(debug.SetGCPercent(collectAt)) // for both, as main sets it
	s := startTest(b)
	token := s.token(b)
	b.Run("bare", func(b *testing.B) {
		known := map[[sha256.Size]byte]string{sha256.Sum256([]byte(token)): `{"_userId":"usr_1","scope":"*"}`}
		bare := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			body, ok := known[sha256.Sum256([]byte(strings.TrimPrefix(r.Header.Get("Authorization"), "Bearer ")))]
			if !ok {
				w.WriteHeader(http.StatusUnauthorized)
				return
			}
			w.Header().Set("Content-Type", "application/json")
			_, _ = io.WriteString(w, body)
		}))
		defer bare.Close()
		validate(b, bare.URL, token)
	})
	b.Run("service", func(b *testing.B) {
		before := s.Stats().Table.Reads
		validate(b, s.URL, token)
		b.ReportMetric(float64(s.Stats().Table.Reads-before)/float64(b.N), "reads/op")
	})
}

// validate sends b.N requests over the connections and reports the rate and the latencies.
func validate(b *testing.B, url, token string) {
	b.Helper()
	host := strings.TrimPrefix(url, "http://")
	request := fmt.Appendf(nil, "GET /v1/tokenInfo HTTP/1.1\r\nHost: %s\r\nUser-Agent: bench/1\r\nAccept: */*\r\nAuthorization: Bearer %s\r\n\r\n", host, token)
	took := make([][]time.Duration, connections)
	var wg sync.WaitGroup
	var conns []net.Conn
	for range connections {
		c, err := net.Dial("tcp", host)
		if err != nil {
			b.Fatal(err)
		}
		defer func() { _ = c.Close() }()
		conns = append(conns, c)
	}
	b.ReportAllocs()
	b.ResetTimer()
	for i, c := range conns {
		n := b.N / connections
		if i < b.N%connections {
			n++
		}
		wg.Go(func() { took[i] = converse(b, c, request, n) })
	}
	wg.Wait()
	b.StopTimer()
	all := slices.Concat(took...)
	slices.Sort(all)
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "req/s")
	b.ReportMetric(float64(all[len(all)/2].Microseconds()), "p50-µs")
	b.ReportMetric(float64(all[len(all)*99/100].Microseconds()), "p99-µs")
}

// converse sends the request n times, each after the answer to the one before. It reads answers as leanly as it can,
// since it shares the machine with what is measured.
func converse(b *testing.B, c net.Conn, request []byte, n int) []time.Duration {
	in := bufio.NewReader(c)
	took := make([]time.Duration, 0, n)
	for range n {
		begun := time.Now()
		if _, err := c.Write(request); err != nil {
			b.Error(err)
			return took
		}
		line, err := in.ReadSlice('\n')
		if err != nil || !bytes.HasPrefix(line, []byte("HTTP/1.1 200 ")) {
			b.Errorf("%q, %v", line, err)
			return took
		}
		length := 0
		for len(line) > 2 {
			if line, err = in.ReadSlice('\n'); err != nil {
				b.Error(err)
				return took
			}
			if value, ok := bytes.CutPrefix(line, []byte("Content-Length: ")); ok {
				_, _ = fmt.Sscanf(string(value), "%d", &length)
			}
		}
		if _, err := in.Discard(length); err != nil {
			b.Error(err)
			return took
		}
		took = append(took, time.Since(begun))
	}
	return took
}

// token logs in and makes a token that lives for an hour.
func (s *testService) token(t testing.TB) string {
	t.Helper()
	c := client{t, s, http.DefaultClient}
	secret, _ := c.create(c.login(), map[string]any{"name": "Test", "scope": "full", "autoPurge": "1h"})
	return secret
}
