package outbound

import (
	"bufio"
	"bytes"
	"encoding/json"
	"net/http"
	"net/netip"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/net/nettest"

	"handoff/internal/corpora"
)

// newLenientClient has every option on that a tenant's URL could profit from, and no network: what the guard lets through is
// recorded instead of connected to.
func newLenientClient(answer lookup) (*Client, *recorder) {
	client := NewClient(Config{AllowHTTP: true, Ports: []uint16{22, 80, 443, 8000, 8080, 8443}})
	client.dialer.Resolver = newResolver(answer)
	client.floor = 0 // hundreds of refusals
	return client, record(client)
}

func corpusList(t *testing.T, name string) []string {
	t.Helper()
	var urls []string
	require.NoError(t, json.Unmarshal(corpora.File(t, "adversarial", "ssrf", name), &urls))
	require.NotEmpty(t, urls)
	return urls
}

// Every URL of the list is refused at save, or at the call where its host resolves to an internal address.
func TestDelivery_18_CorpusShouldNotPass(t *testing.T) {
	t.Parallel()

	client, recorder := newLenientClient(always("10.0.0.1"))
	for _, raw := range corpusList(t, "should-not-pass.json") {
		result := post(t, client, raw)
		require.Contains(t, []ErrorClass{ErrorInvalidURL, ErrorBlocked}, result.ErrorClass, "%q: %v", raw, result.Err)
		require.Error(t, client.CheckURL(raw), raw)
	}
	require.Empty(t, recorder.dialled())
}

// What a list of good URLs holds and is refused all the same, each for a reason that is ours.
var refusedOnPurpose = regexp.MustCompile(strings.Join([]string{
	`^[^:]*$`, `^/`, `^142\.42\.1\.1:8080/$`, `^foo\.com/`, `^foo\.bar\?`, // no scheme
	`#`,            // fragment
	` `,            // unescaped space
	`64:ff9b:`,     // NAT64 reaches internal IPv4 addresses behind the operator's gateway
	`\[::8\.8`,     // IPv4-compatible IPv6 is deprecated (RFC 4291 §2.5.5.1)
	`\[::ffff:0:8`, // IPv4-translated (RFC 2765), as NAT64
}, "|"))

func TestDelivery_18_CorpusShouldPass(t *testing.T) {
	t.Parallel()

	passed := 0
	for _, raw := range corpusList(t, "should-pass.json") {
		client, recorder := newLenientClient(always("8.8.4.4"))
		result := post(t, client, raw)
		if refusedOnPurpose.MatchString(raw) {
			require.Equal(t, ErrorInvalidURL, result.ErrorClass, raw)
			continue
		}
		require.NoError(t, client.CheckURL(raw), raw)
		require.ErrorIs(t, result.Err, errRecorded, raw)
		require.Len(t, recorder.dialled(), 1, raw)
		passed++
	}
	require.Greater(t, passed, 20)
}

// The mixed list of payloads: with every name resolving to an internal address, only literal public addresses are ever dialled.
func TestDelivery_18_CorpusOfPayloads(t *testing.T) {
	t.Parallel()

	client, recorder := newLenientClient(always("169.254.169.254"))
	lines := bufio.NewScanner(bytes.NewReader(corpora.File(t, "adversarial", "ssrf", "ssrf-urls.jsonl")))
	count := 0
	for lines.Scan() {
		var payload struct{ URL string }
		require.NoError(t, json.Unmarshal(lines.Bytes(), &payload))
		result := post(t, client, payload.URL)
		require.Zero(t, result.Status)
		require.NotContains(t, result.Public(), "169.254")
		count++
	}
	require.NoError(t, lines.Err())
	require.Greater(t, count, 300)
	public := []netip.Addr{
		netip.MustParseAddr("8.8.8.8"), netip.MustParseAddr("129.144.52.38"), netip.MustParseAddr("2001:4860:4860::8888"),
	}
	for _, dialled := range recorder.dialled() {
		require.Contains(t, public, dialled.Addr())
	}
	require.NotEmpty(t, recorder.dialled())
}

// A name that resolves to an internal address is refused for that address, at the moment of dialing.
func TestDelivery_18_RefusedAtDial(t *testing.T) {
	t.Parallel()

	for _, addr := range internalAddresses {
		if netip.MustParseAddr(addr).Is6() && !nettest.SupportsIPv6() {
			continue // without IPv6 there is nothing to connect with, and the guard is not asked
		}
		client, recorder := newLenientClient(always(addr))
		result := post(t, client, "https://hook.example.com/")
		require.ErrorIs(t, result.Err, errBlocked, addr)
		require.Equal(t, ErrorBlocked, result.ErrorClass, addr)
		require.False(t, result.Sent)
		require.NotContains(t, result.Public(), addr)
		require.Empty(t, recorder.dialled(), addr)
	}
}

// What CheckURL refuses would get nowhere without it: the guard alone stops each of these.
func TestDelivery_18_GuardAloneIsEnough(t *testing.T) {
	t.Parallel()

	client := NewClient(Config{AllowHTTP: true})
	client.dialer.Resolver = newResolver(always("127.0.0.1"))
	recorder := record(client)
	for _, raw := range []string{
		"http://127.0.0.1/", "http://user:pw@127.0.0.1/", "http://①②⑦.⓪.⓪.①/", "http://127。0。0。1/", "http://１２７.0.0.1/", "http://2130706433/",
		"http://0x7f000001/", "http://0177.0.0.1/", "http://127.1/", "http://127.0.0.1./", "http://localhost/", "http://[::ffff:127.0.0.1]/",
		"http://168.63.129.16/", "http://169.254.169.254/latest/meta-data/", "http://8.8.8.8:22/", "http://8.8.8.8:6379/", "http://metadata/",
		"file:///etc/passwd", "gopher://127.0.0.1:6379/_", "ftp://127.0.0.1/",
	} {
		require.Error(t, client.CheckURL(raw), raw)
		request, err := http.NewRequestWithContext(t.Context(), http.MethodPost, raw, http.NoBody)
		require.NoError(t, err, raw)
		response, err := client.http.Do(request)
		if err == nil {
			_ = response.Body.Close()
		}
		require.Error(t, err, raw)
		if request.URL.Scheme == "http" { // Go's resolver refuses some of the numbers before the guard can
			require.Contains(t, []ErrorClass{ErrorBlocked, ErrorDNS}, classify(err, stage{}), "%s: %v", raw, err)
		}
	}
	require.Empty(t, recorder.dialled())
}
