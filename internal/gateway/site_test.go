package gateway

import (
	"fmt"
	"testing"
)

func TestTheSiteIsTheConfiguredOneOrTheAPIsOwnDomain(t *testing.T) {
	for _, test := range []struct{ configured, domain, proto, port, host, origin string }{
		{"https://console.example.com", "api.example.com", "https", "443", "console.example.com", "https://console.example.com"},
		{"https://Console.Example.com:8443/dashboard", "", "", "", "console.example.com", "https://console.example.com:8443"},
		{"http://127.0.0.1:3000", "127.0.0.1", "http", "3000", "localhost", "http://localhost:3000"},
		{"", "abc.execute-api.eu-west-1.amazonaws.com", "https", "443", "abc.execute-api.eu-west-1.amazonaws.com", "https://abc.execute-api.eu-west-1.amazonaws.com"},
		{"", "localhost", "http", "3000", "localhost", "http://localhost:3000"},
		{"", "127.0.0.1", "http", "3000", "localhost", "http://localhost:3000"},
		{"", "::1", "http", "3000", "localhost", "http://localhost:3000"},
		{"", "192.0.2.1", "https", "443", "", ""},
		{"", "", "https", "443", "", ""},
		{"not a URL", "api.example.com", "ftp", "443", "api.example.com", "https://api.example.com"},
	} {
		r, err := parse(fmt.Appendf(nil, `{"headers":{"X-Forwarded-Proto":%q,"x-forwarded-port":%q,"Host":"evil.example","Origin":"https://evil.example"},"requestContext":{"domainName":%q}}`,
			test.proto, test.port, test.domain))
		if err != nil {
			t.Fatal(err)
		}
		if host, origin := r.Site(test.configured); host != test.host || origin != test.origin {
			t.Errorf("%+v: %q, %q", test, host, origin)
		}
	}
	if host, _ := (&Request{}).Site(""); host != "" {
		t.Error("a site out of nothing")
	}
}
