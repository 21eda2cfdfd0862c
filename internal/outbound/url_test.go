package outbound

import (
	"net/netip"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestDelivery_18_RefusedAtSave(t *testing.T) {
	t.Parallel()

	strict := NewClient(Config{})
	recorder := record(strict)
	for _, raw := range []string{
		"https://example.com", "https://example.com/", "HTTPS://Example.COM/Hook", "https://example.com:443/h",
		"https://example.com:8443/h?a=b&c=%20",
		"https://example.com:80/", "https://example.com./h", "https://a.b-c.de", "https://1337.net",
		"https://my_hook.example.com", "https://例子.测试/ü",
		"https://8.8.8.8/", "https://[2001:4860:4860::8888]/", "https://[::ffff:8.8.8.8]/", "https://localhost.example.com",
	} {
		require.NoError(t, strict.CheckURL(raw), raw)
	}

	for raw, want := range map[string]string{
		"":                                             "is empty",
		"https://" + strings.Repeat("a", 2048):         "at most 2048",
		"http://example.com/":                          "must start with https://, unless the operator allows http \\(HANDOFF_ALLOW_HTTP\\)",
		"ftp://example.com/":                           "must start with https://",
		"file:///etc/passwd":                           "must start with https://",
		"example.com/hook":                             "must start with https://",
		"//example.com":                                "must start with https://",
		"https:example.com":                            "no host",
		"https://":                                     "no host",
		"https:///path":                                "no host",
		"https://:443/":                                "no host",
		"https://user@example.com/":                    "user name or password",
		"https://user:pw@example.com/":                 "user name or password",
		"https://@example.com/":                        "user name or password",
		"https://example.com/#part":                    "fragment",
		"https://example.com/#":                        "fragment",
		"https://example.com /":                        "a space",
		" https://example.com/":                        "a space",
		"https://example.com/\n":                       "a space",
		"https://example.com\\@10.0.0.1/":              "a backslash",
		"https://example.com:22/":                      "port 22: use one of 80 443 8443",
		"https://example.com:0/":                       "not a number from 1 to 65535",
		"https://example.com:/":                        "not a number from 1 to 65535",
		"https://example.com:65979/":                   "not a number from 1 to 65535",
		"https://example.com:https/":                   "cannot be read",
		"https://example..com/":                        "invalid host name",
		"https://.example.com/":                        "invalid host name",
		"https://./":                                   "invalid host name",
		"https://exa$mple.com/":                        "invalid host name",
		"https://" + strings.Repeat("a", 64) + ".com":  "invalid host name",
		"https://" + strings.Repeat("a.", 127) + "com": "at most 253",
		"https://%31%32%37.0.0.1/":                     "cannot be read",
		"https://[::1%25eth0]/":                        "no valid IPv6",
		"https://[1.2.3.4]/":                           "internal or reserved|no valid IPv6|cannot be read",
		"https://127.0.0.1/":                           "internal or reserved",
		"https://168.63.129.16/":                       "internal or reserved",
		"https://[::ffff:127.0.0.1]/":                  "internal or reserved",
		"https://[::ffff:7f00:1]/":                     "internal or reserved",
		"https://2130706433/":                          "unusual form",
		"https://0x7f000001/":                          "unusual form",
		"https://0177.0.0.1/":                          "unusual form",
		"https://017700000001/":                        "unusual form",
		"https://127.1/":                               "unusual form",
		"https://127.0.0.1./":                          "unusual form",
		"https://8.8.8.8./":                            "unusual form",
		"https://0x7f.0x0.0x0.0x1/":                    "unusual form",
		"https://425.510.425.510/":                     "unusual form",
		"https://example.0x/":                          "unusual form",
		"https://①②⑦.⓪.⓪.①/":                           "unusual form|invalid internationalised",
		"https://127。0。0。1/":                           "unusual form",
		"https://１２７.0.0.1/":                           "unusual form",
		"https://localhost/":                           "localhost",
		"https://LOCALHOST./":                          "localhost",
		"https://a.localhost/":                         "localhost",
		"https://ⓛⓞⓒⓐⓛⓗⓞⓢⓣ/":                           "localhost",
		"https://ip6-loopback/":                        "internal host name",
		"https://metadata/":                            "internal host name",
		"https://metadata.google.internal/":            "internal host name",
		"https://printer.local/":                       "internal host name",
	} {
		err := strict.CheckURL(raw)
		require.Error(t, err, raw)
		require.Regexp(t, want, err.Error(), raw)
		// A URL that was saved under other rules is refused when it is called, before a name is looked up.
		require.Equal(t, ErrorInvalidURL, post(t, strict, raw).ErrorClass, raw)
	}
	require.Empty(t, recorder.dialled())
	for _, addr := range internalAddresses {
		host := addr
		if strings.Contains(addr, ":") {
			host = "[" + addr + "]"
		}
		require.ErrorContains(t, strict.CheckURL("https://"+host+"/"), "internal or reserved", addr)
	}
}

func TestCheckURLInDevelopment(t *testing.T) {
	t.Parallel()

	dev := NewClient(Config{AllowLoopback: true})
	for _, raw := range []string{
		"http://localhost:3000/hook", "http://127.0.0.1:9", "http://[::1]:3000", "https://bot.localhost:3000", "https://example.com",
	} {
		require.NoError(t, dev.CheckURL(raw), raw)
	}
	for _, raw := range []string{
		"http://example.com", "https://example.com:3000", "http://10.0.0.1", "https://metadata.google.internal", "https://127.1",
	} {
		require.Error(t, dev.CheckURL(raw), raw)
	}
}

func TestCheckURLWithAllowedNetworks(t *testing.T) {
	t.Parallel()

	client := NewClient(Config{AllowHTTP: true, AllowPrivateCIDRs: []netip.Prefix{netip.MustParsePrefix("10.1.0.0/16")}})
	for _, raw := range []string{"http://10.1.0.5:3000", "http://bot:3000/hook", "https://bot.internal:9443", "http://example.com:3000"} {
		require.NoError(t, client.CheckURL(raw), raw)
	}
	for _, raw := range []string{"http://10.2.0.5", "http://localhost:3000", "http://8.8.8.8:3000", "ftp://10.1.0.5"} {
		require.Error(t, client.CheckURL(raw), raw)
	}
}

func TestCheckURLWithOtherPorts(t *testing.T) {
	t.Parallel()

	client := NewClient(Config{Ports: []uint16{9443}})
	require.NoError(t, client.CheckURL("https://example.com:9443"))
	require.ErrorContains(t, client.CheckURL("https://example.com"), "port 443: use one of 9443")
}

// Whatever the text, CheckURL neither panics nor lets an address of its own machine through.
func FuzzCheckURL(f *testing.F) {
	for _, raw := range []string{
		"https://example.com", "https://127.1", "https://[::1]", "https://①②⑦.0.0.1", "https://a:b@c:1/#", "https://0x7f.1:443",
	} {
		f.Add(raw)
	}
	client := NewClient(Config{})
	f.Fuzz(func(t *testing.T, raw string) {
		if client.CheckURL(raw) != nil {
			return
		}
		target, err := parseTarget(raw)
		require.NoError(t, err)
		require.Equal(t, "https", target.scheme)
		require.False(t, target.isLoopback())
		require.True(t, !target.addr.IsValid() || client.guard.isPublic(target.addr))
	})
}
