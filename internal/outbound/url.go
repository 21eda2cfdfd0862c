package outbound

import (
	"errors"
	"fmt"
	"net/netip"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"golang.org/x/net/idna"
)

const (
	maxURLLength   = 2048
	maxHostLength  = 253 // RFC 1035 §2.3.4, without the root label
	maxLabelLength = 63
)

// internalNames are the special-use domains that never belong to a public receiver (RFC 6761, RFC 6762, RFC 8375, and "internal",
// which ICANN reserved for private use in 2024 and under which Google Cloud serves its metadata).
var internalNames = []string{"home.arpa", "internal", "ip6-localhost", "ip6-loopback", "local", "localdomain", "localhost"}

// target is a URL taken apart.
type target struct {
	scheme string
	host   string     // lower-case ASCII, without a trailing dot
	addr   netip.Addr // valid where the host is an address
	port   uint16
}

// CheckURL says whether an endpoint's URL may be saved. It looks nothing up: a name that resolves to an internal address passes
// here and is refused when it is called.
//
// Required are https (http too with AllowHTTP, and for loopback with AllowLoopback), a host, one of the allowed ports, no user or
// password, no fragment, and a public address where the host is one. The error says what to change and may be shown to the tenant.
func (c *Client) CheckURL(raw string) error {
	t, err := parseTarget(raw)
	if err != nil {
		return err
	}
	if t.scheme == "http" && !c.allowHTTP && !(c.guard.allowLoopback && t.isLoopback()) {
		return errors.New("URL must start with https://, unless the operator allows http (HANDOFF_ALLOW_HTTP)")
	}
	if err := c.guard.checkHost(t); err != nil {
		return err
	}
	return c.guard.checkPort(t)
}

func (g guard) checkHost(t target) error {
	if t.addr.IsValid() {
		if g.isAllowListed(t.addr) || g.isPublic(t.addr) {
			return nil
		}
		return errors.New("URL points to an internal or reserved address: use a public one, or have the operator allow its network")
	}
	if t.isLoopback() {
		if g.allowLoopback {
			return nil
		}
		return errors.New("URL points to localhost: use a public host name")
	}
	if !isInternalName(t.host) || len(g.allowed) > 0 {
		return nil
	}
	return errors.New("URL has an internal host name: use a public one, or have the operator allow its network")
}

// checkPort leaves the port of a name open where the operator allows networks: whether the name lies in one shows at the call,
// and the guard then checks the port of every address outside of them.
func (g guard) checkPort(t target) error {
	if slices.Contains(g.ports, t.port) {
		return nil
	}
	if t.addr.IsValid() && g.isAllowListed(t.addr) {
		return nil
	}
	if !t.addr.IsValid() && (len(g.allowed) > 0 || g.allowLoopback && t.isLoopback()) {
		return nil
	}
	return fmt.Errorf("URL has port %d: use one of %s", t.port, strings.Trim(fmt.Sprint(g.ports), "[]"))
}

// isLoopback is true for loopback addresses and for the names that mean them.
func (t target) isLoopback() bool {
	if t.addr.IsValid() {
		return t.addr.IsLoopback()
	}
	return t.host == "localhost" || strings.HasSuffix(t.host, ".localhost")
}

// isInternalName is also true for a name without a dot: it is completed by the search list of the server's resolver.
func isInternalName(host string) bool {
	if !strings.Contains(host, ".") {
		return true
	}
	return slices.ContainsFunc(internalNames, func(name string) bool { return strings.HasSuffix(host, "."+name) })
}

func parseTarget(raw string) (target, error) {
	u, err := parseURL(raw)
	if err != nil {
		return target{}, err
	}
	port, err := portOf(u)
	if err != nil {
		return target{}, err
	}
	t := target{scheme: u.Scheme, port: port}
	if strings.HasPrefix(u.Host, "[") {
		t.addr, err = netip.ParseAddr(u.Hostname())
		if err != nil || t.addr.Zone() != "" {
			return target{}, errors.New("URL has no valid IPv6 address in its brackets")
		}
		t.addr = t.addr.Unmap()
		return t, nil
	}
	t.host, err = asciiHost(u.Hostname())
	if err != nil {
		return target{}, err
	}
	if !endsInNumber(t.host) {
		return t, nil
	}
	// Resolvers read 0177.1, 2130706433 and 0x7f.1 as addresses, each in its own way; so only the plain form is taken. The text
	// itself is parsed, because "①②⑦.0.0.1" turns into a plain address too.
	t.addr, err = netip.ParseAddr(u.Hostname())
	if err != nil {
		return target{}, errors.New("URL has an address in an unusual form: write four decimal numbers, such as 203.0.113.7")
	}
	return t, nil
}

func parseURL(raw string) (*url.URL, error) {
	if raw == "" {
		return nil, errors.New("URL is empty")
	}
	if len(raw) > maxURLLength {
		return nil, fmt.Errorf("URL has %d bytes: at most %d are allowed", len(raw), maxURLLength)
	}
	// Other parsers end the host at a backslash or skip blanks (WHATWG URL), and would see another host than Go does.
	if strings.ContainsFunc(raw, func(r rune) bool { return r <= ' ' || r == 0x7f || r == '\\' }) {
		return nil, errors.New("URL holds a space, a control character or a backslash: percent-encode it")
	}
	u, err := url.Parse(raw)
	if err != nil {
		return nil, errors.New("URL cannot be read: check its host, port and percent-encoding")
	}
	if u.Scheme != "https" && u.Scheme != "http" {
		return nil, errors.New("URL must start with https://")
	}
	if u.Opaque != "" || u.Hostname() == "" {
		return nil, errors.New("URL has no host: write https://host/path")
	}
	if u.User != nil {
		return nil, errors.New("URL holds a user name or password: send credentials in a custom header instead")
	}
	if strings.Contains(raw, "#") {
		return nil, errors.New("URL has a fragment (#…), which is never sent: leave it out")
	}
	return u, nil
}

func portOf(u *url.URL) (uint16, error) {
	text := u.Port()
	if text == "" && !strings.HasSuffix(u.Host, ":") {
		if u.Scheme == "http" {
			return 80, nil
		}
		return 443, nil
	}
	port, err := strconv.ParseUint(text, 10, 16)
	if err != nil || port == 0 {
		return 0, errors.New("URL has a port that is not a number from 1 to 65535")
	}
	return uint16(port), nil
}

// asciiHost is the host as net/http will look it up: IDNA for what is not ASCII, lower case, one trailing dot removed.
func asciiHost(host string) (string, error) {
	ascii := host
	if strings.ContainsFunc(host, func(r rune) bool { return r > 0x7f }) {
		converted, err := idna.Lookup.ToASCII(host)
		if err != nil {
			return "", errors.New("URL has a host name that is no valid internationalised name: write it in its xn-- form")
		}
		ascii = converted
	}
	ascii = strings.TrimSuffix(strings.ToLower(ascii), ".")
	if len(ascii) > maxHostLength {
		return "", fmt.Errorf("URL has a host name of %d bytes: at most %d are allowed", len(ascii), maxHostLength)
	}
	for label := range strings.SplitSeq(ascii, ".") {
		if label == "" || len(label) > maxLabelLength || strings.ContainsFunc(label, isNoHostByte) {
			return "", errors.New("URL has an invalid host name: use letters, digits, hyphens and single dots")
		}
	}
	return ascii, nil
}

// isNoHostByte lets the underscore through: RFC 1123 forbids it, and service names of container networks have it.
func isNoHostByte(r rune) bool {
	return !(r >= 'a' && r <= 'z' || r >= '0' && r <= '9' || r == '-' || r == '_')
}

// endsInNumber is the WHATWG URL rule for "this host is an IPv4 address": the last label is decimal or starts with 0x.
func endsInNumber(host string) bool {
	last := host[strings.LastIndexByte(host, '.')+1:]
	if digits, found := strings.CutPrefix(last, "0x"); found {
		return !strings.ContainsFunc(digits, func(r rune) bool { return !(r >= '0' && r <= '9' || r >= 'a' && r <= 'f') })
	}
	return !strings.ContainsFunc(last, func(r rune) bool { return r < '0' || r > '9' })
}
