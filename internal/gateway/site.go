package gateway

import (
	"net"
	"net/netip"
	"net/url"
	"strings"
)

// Site tells where the browser of the person who asks has the service: its host's name, and its origin
// (https://console.example.com). The configured URL rules where there is one; else it is the API's own domain, which a
// caller cannot choose, since API Gateway serves no other. Host is empty for an address, which is no name; but the
// machine's own is known to browsers as localhost.
func (r *Request) Site(configured string) (host, origin string) {
	scheme, name, port := "https", "", ""
	if u, err := url.Parse(configured); err == nil && u.Hostname() != "" {
		scheme, name, port = u.Scheme, u.Hostname(), u.Port()
	} else if r.event != nil {
		name = r.event.domain
		// Set by the gateway itself, whatever the caller sends.
		if r.Header("X-Forwarded-Proto") == "http" {
			scheme = "http"
		}
		port = r.Header("X-Forwarded-Port")
	}
	if addr, err := netip.ParseAddr(strings.Trim(name, "[]")); err == nil {
		if !addr.IsLoopback() {
			return "", ""
		}
		name = "localhost"
	}
	if name == "" {
		return "", ""
	}
	host = strings.ToLower(name)
	origin = scheme + "://" + host
	if port != "" && port != map[string]string{"https": "443", "http": "80"}[scheme] {
		origin = scheme + "://" + net.JoinHostPort(host, port)
	}
	return host, origin
}
