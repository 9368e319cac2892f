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
