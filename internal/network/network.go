// Package network is whose address it is: the network that an IP address belongs to.
//
// It promises that addresses of one IPv4 /24 or one IPv6 /64 are in the same network, in whatever way they are written,
// and all others are not; that what is no address is in none; and that an address is within a prefix however it is written.
//
// It is pure: it asks no registry, and does not know where on earth a network is.
package network

import (
	"net/netip"
	"slices"
)

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

// Prefix reads a prefix such as 203.0.113.0/24, 2001:db8::/32 or a single address, and gives it as Within takes it. It
// reports whether it is one: with no bits beyond its length, and not of an IPv4 address written as an IPv6 one.
func Prefix(s string) (prefix string, ok bool) {
	p, err := netip.ParsePrefix(s)
	if err != nil {
		addr, err := netip.ParseAddr(s)
		if err != nil || addr.Zone() != "" { // which a prefix would drop
			return "", false
		}
		p = netip.PrefixFrom(addr, addr.BitLen())
	}
	if p.Addr().Is4In6() || p != p.Masked() {
		return "", false
	}
	return p.String(), true
}

// Within reports whether the address is in one of the prefixes. What is no address is in none.
func Within(prefixes []string, ip string) bool {
	addr, err := netip.ParseAddr(ip)
	if err != nil {
		return false
	}
	addr = addr.Unmap().WithZone("")
	return slices.ContainsFunc(prefixes, func(s string) bool {
		p, err := netip.ParsePrefix(s)
		return err == nil && p.Contains(addr)
	})
}
