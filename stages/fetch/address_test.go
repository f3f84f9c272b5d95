package fetch

import (
	"net/netip"
	"testing"
)

func TestPublic(t *testing.T) {
	for _, tt := range []struct {
		addr string
		want bool
	}{
		{"8.8.8.8", true},
		{"93.184.216.34", true},
		{"2606:4700::1111", true},
		{"::ffff:8.8.8.8", true},
		{"64:ff9b::808:808", true}, // 8.8.8.8 through NAT64

		{"127.0.0.1", false},
		{"127.9.9.9", false},
		{"10.0.0.1", false},
		{"172.16.0.1", false},
		{"172.31.255.255", false},
		{"192.168.1.1", false},
		{"169.254.169.254", false}, // the metadata of most clouds
		{"168.63.129.16", false},
		{"100.64.0.1", false},
		{"100.100.100.200", false},
		{"0.0.0.0", false},
		{"0.1.2.3", false},
		{"192.0.0.192", false},
		{"192.0.2.1", false},
		{"198.18.0.1", false},
		{"224.0.0.1", false},
		{"240.0.0.1", false},
		{"255.255.255.255", false},
		{"::", false},
		{"::1", false},
		{"::ffff:127.0.0.1", false},
		{"::ffff:10.0.0.1", false},
		{"::127.0.0.1", false},
		{"64:ff9b::7f00:1", false},    // 127.0.0.1 through NAT64
		{"64:ff9b::a9fe:a9fe", false}, // 169.254.169.254 through NAT64
		{"64:ff9b:1::808:808", false},
		{"fe80::1", false},
		{"fe80::1%eth0", false},
		{"fec0::1", false},
		{"fc00::1", false},
		{"fd00:ec2::254", false}, // metadata over IPv6
		{"ff02::1", false},
		{"2001::1", false},
		{"2001:db8::1", false},
		{"2002:7f00:1::", false}, // 127.0.0.1 through 6to4
		{"100::1", false},
		{"3fff::1", false},
	} {
		if got := public(netip.MustParseAddr(tt.addr)); got != tt.want {
			t.Errorf("public(%s) = %v, want %v", tt.addr, got, tt.want)
		}
	}
	if public(netip.Addr{}) {
		t.Error("the zero address is public")
	}
}

func TestGuard(t *testing.T) {
	var g guard
	for _, s := range []string{"127.0.0.1/32:8080", "10.1.0.0/16", "::1/128:9000", "192.168.0.7", "127.0.0.2:81", "[::1]:82"} {
		a, err := parseAllowed(s)
		if err != nil {
			t.Fatal(err)
		}
		g.allow = append(g.allow, a)
	}
	for _, tt := range []struct {
		addr string
		want bool
	}{
		{"127.0.0.1:8080", true},
		{"[::ffff:127.0.0.1]:8080", true},
		{"127.0.0.1:8081", false},
		{"127.0.0.2:8080", false},
		{"127.0.0.2:81", true},
		{"10.1.2.3:22", true},
		{"10.2.0.1:80", false},
		{"[::1]:9000", true},
		{"[::1]:82", true},
		{"[::1]:80", false},
		{"192.168.0.7:443", true},
		{"8.8.8.8:80", true},
		{"8.8.8.8:443", true},
		{"8.8.8.8:8080", true},
		{"8.8.8.8:25", false},
		{"8.8.8.8:22", false},
	} {
		if err := g.control("tcp4", tt.addr, nil); (err == nil) != tt.want {
			t.Errorf("dialling %s: %v, want allowed %v", tt.addr, err, tt.want)
		}
	}
	if g.control("udp4", "8.8.8.8:80", nil) == nil || g.control("tcp4", "nonsense", nil) == nil {
		t.Error("what is no TCP address may be dialled")
	}
	for _, bad := range []string{"", "localhost", "127.0.0.1/33", "127.0.0.1/32:", "127.0.0.1/32:0", "127.0.0.1/32:70000", "10.0.0.0/x"} {
		if a, err := parseAllowed(bad); err == nil {
			t.Errorf("parseAllowed(%q) = %v, want an error", bad, a)
		}
	}
}
