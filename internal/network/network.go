// Package network is whose address it is: the network that an IP address belongs to.
//
// It promises that addresses of one IPv4 /24 or one IPv6 /64 are in the same network, in whatever way they are written,
// and all others are not; and that what is no address is in none.
//
// It is pure: it asks no registry, and does not know where on earth a network is.
package network

import "net/netip"

// Of gives the network of an address as a prefix: its /24 for IPv4, its /64 for IPv6, which is what one customer gets.
// It reports whether there was an address.
func Of(ip string) (prefix string, ok bool) {
	addr, err := netip.ParseAddr(ip)
	if err != nil {
		return "", false
	}
	addr = addr.Unmap().WithZone("")
	bits := 64
	if addr.Is4() {
		bits = 24
	}
	p, err := addr.Prefix(bits)
	if err != nil {
		return "", false
	}
	return p.String(), true
}
