package outbound

import (
	"net/http"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// A proxy of the environment would be asked instead of the address that the guard has checked. Not parallel: it sets the
// environment.
func TestDelivery_21_ProxyOfTheEnvironmentIsIgnored(t *testing.T) {
	faces := newTwoFaces(t)
	var asked atomic.Int32
	environment := newServer(t, func(http.ResponseWriter, *http.Request) { asked.Add(1) })
	for _, name := range []string{"HTTP_PROXY", "http_proxy", "HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy"} {
		t.Setenv(name, environment.URL)
	}

	result := post(t, faces.client(t, always("127.0.0.2")), faces.url("hook.example.com"))
	require.NoError(t, result.Err)
	require.EqualValues(t, 1, faces.public.Load())
	blocked := post(t, faces.client(t, always("127.0.0.1")), faces.url("hook.example.com"))
	require.Equal(t, ErrorBlocked, blocked.ErrorClass, "the guard still looks at the target's address")
	require.Zero(t, faces.internalHits.Load())

	target := newTLSServer(t, nil)
	proxy := newTestProxy(t, hostOf(t, target.URL), nil)
	require.True(t, post(t, proxied(t, proxy.URL, target), proxiedURL).OK())
	require.EqualValues(t, 1, proxy.connected.Load(), "the operator's own is the one that is asked")
	require.Zero(t, asked.Load())
}

func TestParseProxy(t *testing.T) {
	t.Parallel()

	for raw, address := range map[string]string{
		"http://10.0.0.5:4750": "10.0.0.5:4750", "http://smokescreen": "smokescreen:80", "https://Proxy.Example.com/": "proxy.example.com:443",
		"socks5://user:pw@[fd00::1]": "[fd00::1]:1080", "HTTP://p:1": "p:1",
	} {
		u, err := ParseProxy(raw)
		require.NoError(t, err, raw)
		require.Equal(t, address, newEgressProxy(u, time.Second).address)
	}
	for raw, want := range map[string]string{
		"":                             "must start with",
		"proxy:4750":                   "must start with",
		"10.0.0.5:4750":                "cannot be read",
		"ftp://canary@proxy":           "must start with",
		"socks4://proxy":               "must start with",
		"http:proxy":                   "must start with",
		"http://":                      "no host",
		"http://:4750":                 "no host",
		"http://proxy:0":               "number from 1 to 65535",
		"http://proxy:":                "number from 1 to 65535",
		"http://proxy:99999":           "number from 1 to 65535",
		"http://user:canary#@proxy":    "cannot be read|more than|port",
		"http://user:canary/@proxy":    "cannot be read|more than|port",
		"http://proxy/path":            "more than a host",
		"http://proxy?canary":          "more than a host",
		"http://user:%zzcanary@proxy/": "cannot be read",
	} {
		_, err := ParseProxy(raw)
		require.Error(t, err, raw)
		require.Regexp(t, want, err.Error(), raw)
		require.NotContains(t, err.Error(), "canary")
	}
}
