package fetch

import (
	"fmt"
	"net"
	"net/netip"
	"strconv"
	"strings"
	"syscall"
)

// The guard looks at the address that the kernel is about to connect to, not at the URL. So it does not matter how an
// address was written (decimal, octal, a name, a name that resolves differently the second time), nor whether it came
// from the list or from a redirect.

// refusedPrefixes are the networks of the IANA special-purpose registries (RFC 6890) that the methods of netip.Addr
// do not name, and addresses by which clouds serve secrets.
var refusedPrefixes = prefixes(
	"0.0.0.0/8",        // this network
	"100.64.0.0/10",    // carrier-grade NAT, RFC 6598; one cloud's metadata lies in it
	"192.0.0.0/24",     // protocol assignments
	"192.0.2.0/24",     // documentation
	"192.88.99.0/24",   // 6to4 relays
	"198.18.0.0/15",    // benchmarks
	"198.51.100.0/24",  // documentation
	"203.0.113.0/24",   // documentation
	"240.0.0.0/4",      // reserved, and broadcast
	"168.63.129.16/32", // Azure's internal services, although its number looks public
	"2001::/23",        // protocol assignments, Teredo among them
	"2001:db8::/32",    // documentation
	"2002::/16",        // 6to4: an IPv4 address in disguise
	"3fff::/20",        // documentation
)

// global is all of IPv6 that is handed out; the rest (unique local, site local, discard, IPv4-compatible, local NAT64)
// is no place for a web site.
var global = netip.MustParsePrefix("2000::/3")

// nat64 carries an IPv4 address in its last 32 bits (RFC 6052). Networks without IPv4 reach the whole web by it, so it
// is the inner address that counts.
var nat64 = netip.MustParsePrefix("64:ff9b::/96")

func prefixes(list ...string) []netip.Prefix {
	out := make([]netip.Prefix, len(list))
	for i, s := range list {
		out[i] = netip.MustParsePrefix(s)
	}
	return out
}

// public tells whether an address may belong to a public web site.
func public(a netip.Addr) bool {
	a = a.Unmap()
	if nat64.Contains(a) {
		b := a.As16()
		a = netip.AddrFrom4([4]byte(b[12:]))
	}
	if !a.IsValid() || a.Zone() != "" || !a.IsGlobalUnicast() || a.IsPrivate() || a.IsLoopback() || a.IsLinkLocalUnicast() ||
		a.IsMulticast() || a.IsUnspecified() {
		return false
	}
	if a.Is6() && !global.Contains(a) {
		return false
	}
	for _, p := range refusedPrefixes {
		if p.Contains(a) {
			return false
		}
	}
	return true
}

// webPort tells whether a web site may be served on a port. Below 1024 live mail, shells and databases, which an HTTP
// request with a crafted path could talk to.
func webPort(port uint16) bool { return port == 80 || port == 443 || port >= 1024 }

// allowed is a network that may be reached although it is private.
type allowed struct {
	net  netip.Prefix
	port uint16 // 0: all
}

// parseAllowed reads "10.1.0.0/16", "127.0.0.1/32:8080", "::1/128:8080", or an address without a prefix length.
func parseAllowed(s string) (allowed, error) {
	var a allowed
	addr, rest, isPrefix := strings.Cut(s, "/")
	if !isPrefix {
		ap, err := netip.ParseAddrPort(s)
		if err == nil {
			return allowed{netip.PrefixFrom(ap.Addr(), ap.Addr().BitLen()), ap.Port()}, nil
		}
		ip, err := netip.ParseAddr(s)
		if err != nil {
			return a, fmt.Errorf("%q is no network; write one like 127.0.0.1/32:8080", s)
		}
		return allowed{netip.PrefixFrom(ip, ip.BitLen()), 0}, nil
	}
	bits, port, hasPort := strings.Cut(rest, ":")
	p, err := netip.ParsePrefix(addr + "/" + bits)
	if err != nil {
		return a, fmt.Errorf("%q is no network; write one like 127.0.0.1/32:8080", s)
	}
	a.net = p.Masked()
	if hasPort {
		n, err := strconv.ParseUint(port, 10, 16)
		if err != nil || n == 0 {
			return a, fmt.Errorf("%q: %q is no port", s, port)
		}
		a.port = uint16(n)
	}
	return a, nil
}

// guard decides which addresses may be dialled.
type guard struct{ allow []allowed }

// refusedError says that an address may not be dialled.
type refusedError struct {
	addr netip.AddrPort
	port bool // the port is at fault, not the address
}

func (e *refusedError) Error() string {
	if e.port {
		return fmt.Sprintf("port %d is not one of the web", e.addr.Port())
	}
	return fmt.Sprintf("%s is not a public address", e.addr.Addr())
}

func (g guard) check(ap netip.AddrPort) error {
	ip := ap.Addr().Unmap()
	for _, a := range g.allow {
		if a.net.Contains(ip) && (a.port == 0 || a.port == ap.Port()) {
			return nil
		}
	}
	if !public(ip) {
		return &refusedError{addr: ap}
	}
	if !webPort(ap.Port()) {
		return &refusedError{addr: ap, port: true}
	}
	return nil
}

// control is called by net.Dialer for each address just before it connects.
func (g guard) control(network, address string, _ syscall.RawConn) error {
	switch network {
	case "tcp4", "tcp6":
	default:
		return &net.AddrError{Err: "not TCP", Addr: network}
	}
	ap, err := netip.ParseAddrPort(address)
	if err != nil {
		return &refusedError{}
	}
	return g.check(ap)
}
