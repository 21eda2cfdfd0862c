package outbound

import (
	"net/netip"
	"testing"

	"github.com/stretchr/testify/require"
)

// One address at least of each special range of the IANA registries, and the metadata services of the clouds.
var internalAddresses = []string{
	"0.0.0.0", "0.1.2.3", "10.0.0.1", "10.255.255.255", "100.64.0.1", "100.100.100.200", "127.0.0.1", "127.255.255.254",
	"168.63.129.16", "169.254.169.254", "169.254.170.2", "172.16.0.1", "172.31.255.255", "192.0.0.1", "192.0.0.192", "192.0.2.1",
	"192.88.99.1", "192.168.0.1", "198.18.0.1", "198.51.100.1", "203.0.113.1", "224.0.0.1", "239.255.255.250", "240.0.0.1",
	"255.255.255.255",
	"::", "::1", "::127.0.0.1", "::ffff:127.0.0.1", "::ffff:10.0.0.1", "::ffff:169.254.169.254", "64:ff9b::7f00:1",
	"64:ff9b::a9fe:a9fe", "64:ff9b:1::a00:1", "100::1", "2001::1", "2001:db8::1", "2002:7f00:1::", "3fff::1", "5f00::1", "fc00::1",
	"fd00:ec2::254", "fe80::1", "fec0::1", "ff02::1",
}

func TestDelivery_18_GuardRefusesInternalAddresses(t *testing.T) {
	t.Parallel()

	require.GreaterOrEqual(t, len(internalAddresses), 42)
	require.Contains(t, internalAddresses, "168.63.129.16")
	g := newGuard(Config{})
	for _, text := range internalAddresses {
		addr := netip.MustParseAddr(text)
		for _, port := range []uint16{80, 443, 8443} {
			err := g.control("tcp4", netip.AddrPortFrom(addr, port).String(), nil)
			require.ErrorIs(t, err, errBlocked, "%s port %d", text, port)
		}
		require.False(t, g.isAllowListed(addr), text)
	}
}

func TestGuardLetsPublicAddressesThrough(t *testing.T) {
	t.Parallel()

	g := newGuard(Config{})
	for _, address := range []string{
		"8.8.8.8:443", "142.42.1.1:80", "168.63.129.17:443", "[2001:4860:4860::8888]:8443", "[::ffff:8.8.8.8]:443",
	} {
		require.NoError(t, g.control("tcp4", address, nil), address)
	}
	for _, address := range []string{"8.8.8.8:22", "8.8.8.8:8080", "[2001:4860:4860::8888]:25", "", "8.8.8.8", "example.com:443"} {
		require.ErrorIs(t, g.control("tcp4", address, nil), errBlocked, address)
	}
	require.ErrorIs(t, g.control("udp4", "8.8.8.8:443", nil), errBlocked)
}

func TestGuardAllowList(t *testing.T) {
	t.Parallel()

	g := newGuard(Config{AllowPrivateCIDRs: []netip.Prefix{netip.MustParsePrefix("10.1.0.0/16"), netip.MustParsePrefix("fd12::/32")}})
	for _, address := range []string{"10.1.2.3:3000", "[::ffff:10.1.2.3]:3000", "[fd12::1]:22"} {
		require.NoError(t, g.control("tcp4", address, nil), address)
	}
	for _, address := range []string{"10.2.0.1:443", "127.0.0.1:443", "[fd13::1]:443", "8.8.8.8:3000"} {
		require.ErrorIs(t, g.control("tcp4", address, nil), errBlocked, address)
	}

	dev := newGuard(Config{AllowLoopback: true})
	for _, address := range []string{"127.0.0.1:3000", "127.1.2.3:1", "[::1]:3000", "[::ffff:127.0.0.1]:3000"} {
		require.NoError(t, dev.control("tcp4", address, nil), address)
	}
	require.ErrorIs(t, dev.control("tcp4", "10.0.0.1:443", nil), errBlocked)
}
