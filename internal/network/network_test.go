package network

import "testing"

func TestAddressesOfOneNetworkAreAlike(t *testing.T) {
	for _, c := range []struct {
		ip, prefix string
	}{
		{"203.0.113.7", "203.0.113.0/24"},
		{"203.0.113.255", "203.0.113.0/24"},
		{"203.0.114.7", "203.0.114.0/24"},
		{"::ffff:203.0.113.9", "203.0.113.0/24"},
		{"2001:db8:1:2::1", "2001:db8:1:2::/64"},
		{"2001:DB8:1:2:ffff:ffff:ffff:ffff", "2001:db8:1:2::/64"},
		{"2001:db8:1:3::1", "2001:db8:1:3::/64"},
		{"fe80::1%eth0", "fe80::/64"},
		{"::1", "::/64"},
		{"", ""},
		{"203.0.113.7:443", ""},
		{"203.0.113.0/24", ""},
		{"test-invoke-source-ip", ""},
	} {
		if prefix, ok := Of(c.ip); prefix != c.prefix || ok != (c.prefix != "") {
			t.Errorf("%q is in %q, %t; want %q", c.ip, prefix, ok, c.prefix)
		}
	}
}

func TestPrefixesAreReadAsTheyAreMeant(t *testing.T) {
	for s, want := range map[string]string{
		"203.0.113.0/24":     "203.0.113.0/24",
		"203.0.113.7":        "203.0.113.7/32",
		"203.0.113.7/32":     "203.0.113.7/32",
		"0.0.0.0/0":          "0.0.0.0/0",
		"2001:DB8::/32":      "2001:db8::/32",
		"2001:db8::1":        "2001:db8::1/128",
		"::/0":               "::/0",
		"203.0.113.7/24":     "", // bits beyond the length: whoever wrote it means something else
		"2001:db8::1/64":     "",
		"::ffff:203.0.113.0": "", // would be within no IPv4 address
		"::ffff:0:0/96":      "",
		"fe80::1%eth0":       "",
		"fe80::%eth0/64":     "",
		"203.0.113.0/33":     "",
		"203.0.113.0/-1":     "",
		"203.0.113.0/024":    "",
		"203.0.113":          "",
		"203.0.113.00/24":    "",
		" 203.0.113.0/24":    "",
		"example.com":        "",
		"":                   "",
	} {
		if got, ok := Prefix(s); got != want || ok != (want != "") {
			t.Errorf("%q is read as %q, %t; want %q", s, got, ok, want)
		}
	}
}

func TestAnAddressIsWithinAPrefixHoweverItIsWritten(t *testing.T) {
	office := []string{"203.0.113.0/24", "2001:db8:1::/48", "198.51.100.7/32"}
	for ip, want := range map[string]bool{
		"203.0.113.0":           true,
		"203.0.113.255":         true,
		"203.0.112.255":         false,
		"203.0.114.0":           false,
		"198.51.100.7":          true,
		"198.51.100.8":          false,
		"::ffff:203.0.113.9":    true, // IPv4, as a server that takes both sees it
		"::ffff:cb00:7109":      true,
		"::203.0.113.9":         false,
		"2001:db8:1::":          true,
		"2001:DB8:1:ffff::1":    true,
		"2001:db8:2::1":         false,
		"2001:db8:1::1%eth0":    true,
		"":                      false,
		"test-invoke-source-ip": false,
		"203.0.113.9:443":       false,
		"203.0.113.9/32":        false,
	} {
		if got := Within(office, ip); got != want {
			t.Errorf("%q is within: %t", ip, got)
		}
	}
	if Within(nil, "203.0.113.7") || Within([]string{"", "office"}, "203.0.113.7") {
		t.Error("an address is within nothing")
	}
	if !Within([]string{"0.0.0.0/0"}, "203.0.113.7") || Within([]string{"0.0.0.0/0"}, "2001:db8::1") || Within([]string{"::/0"}, "::ffff:203.0.113.7") {
		t.Error("all of one kind of address is none of the other")
	}
}
