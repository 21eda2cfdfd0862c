package outbound

import (
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"syscall"

	"code.dny.dev/ssrf"
)

// errBlocked marks a destination that the guard refused. Its wrapped text can hold a resolved internal address, so it is for the
// operator's log only.
var errBlocked = errors.New("destination is not allowed")

// azureHost answers on every Azure machine with credentials and is missing in the IANA registries that the ssrf module is made
// from, because it is a public address (learn.microsoft.com, "What is IP address 168.63.129.16?").
var azureHost = netip.MustParsePrefix("168.63.129.16/32")

// defaultPorts are the ones that a public webhook receiver listens on. The rest would make the client a port scanner.
var defaultPorts = []uint16{80, 443, 8443}

// guard decides which addresses may be connected to.
type guard struct {
	public        *ssrf.Guardian
	ports         []uint16
	allowLoopback bool
	allowed       []netip.Prefix
}

func newGuard(cfg Config) guard {
	ports := cfg.Ports
	if len(ports) == 0 {
		ports = defaultPorts
	}
	return guard{
		public:        ssrf.New(ssrf.WithPorts(ports...), ssrf.WithDeniedV4Prefixes(azureHost)),
		ports:         ports,
		allowLoopback: cfg.AllowLoopback,
		allowed:       cfg.AllowPrivateCIDRs,
	}
}

// control is the net.Dialer.Control hook: address is the resolved "ip:port" that is about to be connected to.
func (g guard) control(network, address string, _ syscall.RawConn) error {
	target, err := netip.ParseAddrPort(address)
	if err != nil {
		return fmt.Errorf("%w: %q is not ip:port", errBlocked, address)
	}
	target = netip.AddrPortFrom(target.Addr().Unmap(), target.Port())
	if g.isAllowListed(target.Addr()) {
		return nil
	}
	if err := g.public.Safe(network, target.String(), nil); err != nil {
		return fmt.Errorf("%w: %w", errBlocked, err)
	}
	return nil
}

// isAllowListed is true for addresses that the operator named, on any port: the operator's own gateway may listen anywhere.
func (g guard) isAllowListed(addr netip.Addr) bool {
	if g.allowLoopback && addr.IsLoopback() {
		return true
	}
	return slices.ContainsFunc(g.allowed, func(prefix netip.Prefix) bool { return prefix.Contains(addr) })
}

func (g guard) isPublic(addr netip.Addr) bool { return g.public.SafeAddr(addr) == nil }
