package api_test

import (
	"bytes"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"runtime"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"handoff"
	"handoff/api"
	"handoff/internal/vendorjson"
)

// drips are clients that send a byte now and then, and never finish.
const drips = 500

// listen serves the API as serve does, with its limits on slow clients shortened where the test says so.
func (w *world) listen(t *testing.T, change func(*http.Server)) *httptest.Server {
	t.Helper()
	server := httptest.NewUnstartedServer(nil)
	server.Config = api.Server("127.0.0.1:0", w.handler)
	change(server.Config)
	server.Start()
	t.Cleanup(server.Close)
	return server
}

// Hundreds of clients that never finish their heads or bodies hold nobody up, and are cut off.
func TestDrippingClientsAreCutOff(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	server := w.listen(t, func(s *http.Server) { s.ReadHeaderTimeout, s.ReadTimeout = 3*time.Second, 4*time.Second })
	var open atomic.Int64
	for n := range drips {
		head := "POST /v1/public/inbound HTTP/1.1\r\nHost: x\r\nX-A"
		if n%2 == 1 {
			head = fmt.Sprintf("POST /v1/public/inbound HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer %s\r\nContent-Length: 100000\r\n\r\n{", w.gateway)
		}
		conn, err := net.Dial("tcp", server.Listener.Addr().String())
		require.NoError(t, err)
		t.Cleanup(func() { _ = conn.Close() })
		open.Add(1)
		go drip(conn, head, &open)
	}
	answered := 0
	require.Eventually(t, func() bool {
		request, err := http.NewRequest(http.MethodGet, server.URL+"/v1/me", nil)
		if err != nil {
			return false
		}
		request.Header.Set("Authorization", "Bearer "+w.ana)
		response, err := server.Client().Do(request)
		if err != nil || response.StatusCode != http.StatusOK {
			return false
		}
		_ = response.Body.Close()
		answered++
		return open.Load() == 0
	}, time.Minute, 50*time.Millisecond, "all are cut off")
	require.Greater(t, answered, 3, "others are answered meanwhile")
}

// drip sends a byte each quarter of a second until the server has enough of it.
func drip(conn net.Conn, head string, open *atomic.Int64) {
	defer open.Add(-1)
	gone := make(chan struct{})
	go func() {
		_, _ = io.Copy(io.Discard, conn) // ends when the server closes
		close(gone)
	}()
	if _, err := conn.Write([]byte(head)); err != nil {
		return
	}
	beat := time.NewTicker(250 * time.Millisecond)
	defer beat.Stop()
	for {
		select {
		case <-gone:
			return
		case <-beat.C:
			if _, err := conn.Write([]byte("a")); err != nil {
				return
			}
		}
	}
}

// hostile bodies are what nobody means.
func hostileBodies() map[string][]byte {
	return map[string][]byte{
		"10,000 arrays deep":         []byte(strings.Repeat("[", 10_000) + strings.Repeat("]", 10_000)),
		"10,000 objects deep":        []byte(strings.Repeat(`{"a":`, 10_000) + "1" + strings.Repeat("}", 10_000)),
		"deep in an entry":           []byte(`{"object":"whatsapp_business_account","entry":` + strings.Repeat("[", 10_000) + strings.Repeat("]", 10_000) + `}`),
		"a million objects":          []byte(`{"entry":[` + strings.Repeat("{},", 1<<20/3) + `{}]}`),
		"objects in a list":          []byte("[" + strings.Repeat("{},", 1<<20/3) + "{}]"),
		"many keys":                  manyKeys(60_000),
		"one key 60,000 times":       []byte("{" + strings.Repeat(`"entry":[],`, 60_000) + `"entry":[]}`),
		"a long number":              []byte(`{"timestamp":` + strings.Repeat("9", 1<<20) + `}`),
		"a huge exponent":            []byte(`{"timestamp":1e999999999,"entry":[{"id":1e999999999}]}`),
		"half a character":           []byte("{\"text\":\"\xff\xfe\\ud800\"}"),
		"objects, as many as may be": []byte(`{"entry":[` + strings.Repeat("{},", vendorjson.MaxValues/2-10) + `{}]}`),
		"nothing":                    {},
		"NULs":                       bytes.Repeat([]byte{0}, 1<<20),
	}
}

func manyKeys(n int) []byte {
	var b bytes.Buffer
	b.WriteByte('{')
	for i := range n {
		fmt.Fprintf(&b, `"k%d":{},`, i)
	}
	b.WriteString(`"z":0}`)
	return b.Bytes()
}

// Every protocol's intake, and a native route, answers such a body with a refusal, or takes it for a body with nothing in it: never with a
// failure, nor with an answer as large as the question, nor at the cost of much memory. Not parallel: the runtime counts for the whole
// process.
func TestHostileBodiesAreRefused(t *testing.T) {
	w := newWorld(t)
	kapso, passthrough, chatlayer := w.AddInbox(t, handoff.ProtocolKapso), w.AddInbox(t, handoff.ProtocolPassthrough), w.AddInbox(t, handoff.ProtocolChatlayer)
	native := w.AddInbox(t, handoff.ProtocolNative)
	routes := map[string]struct{ path, key string }{
		"hitlchat":  {"/v1/public/inbound", w.gateway},
		"native":    {"/v1/inboxes/" + native.ID.String() + "/messages", w.gateway},
		"offload":   {"/v1/inboxes/" + native.ID.String() + "/offloads", w.gateway},
		"chatlayer": {chatlayerPath(chatlayer), ""},
		"send":      {"/v1/passthrough/" + passthrough.ID.String() + "/messages", w.gateway},
		"admin":     {"/v1/inboxes", w.adm},
	}
	try := func(name string, ask func(body []byte) answer) {
		for body, content := range hostileBodies() {
			begin, before := time.Now(), allocated()
			got := ask(content)
			took, cost := time.Since(begin), allocated()-before
			t.Logf("%s, %s: %d in %s, %d KiB", name, body, got.status, took.Round(time.Millisecond), cost>>10)
			require.Less(t, got.status, 500, "%s, %s: %s", name, body, got.body)
			require.Less(t, len(got.body), 64<<10, "%s, %s: the answer is no larger than the question", name, body)
			require.Less(t, took, 30*time.Second, "%s, %s", name, body)
			require.Less(t, cost, uint64(64<<20), "%s, %s: all that was ever allocated, in use or not", name, body)
		}
	}
	for name, r := range routes {
		try(name, func(body []byte) answer {
			return w.do(t, "POST", r.path, r.key, body, "Content-Type", "application/json")
		})
	}
	try("meta", func(body []byte) answer { return w.metaPosts(t, kapso, body) })
	try("passthrough", func(body []byte) answer { return w.metaPosts(t, passthrough, body) })
}

func allocated() uint64 {
	var stats runtime.MemStats
	runtime.ReadMemStats(&stats)
	return stats.TotalAlloc
}

// What is too large is refused before it is read.
func TestLargeBodiesAndHeadsAreRefusedEarly(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	server := w.listen(t, func(*http.Server) {})
	for _, large := range []struct {
		path, key string
		size      int64
	}{
		{"/v1/public/inbound", w.gateway, 4<<20 + 1}, {"/v1/agents", w.adm, 256<<10 + 1}, {"/v1/public/inbound", w.gateway, 1 << 40},
	} {
		conn, err := net.Dial("tcp", server.Listener.Addr().String())
		require.NoError(t, err)
		t.Cleanup(func() { _ = conn.Close() })
		require.NoError(t, conn.SetDeadline(time.Now().Add(time.Minute)))
		_, err = fmt.Fprintf(conn, "POST %s HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer %s\r\nContent-Length: %d\r\n\r\n", large.path, large.key, large.size)
		require.NoError(t, err)
		first := make([]byte, 12)
		_, err = io.ReadFull(conn, first)
		require.NoError(t, err)
		require.Equal(t, "HTTP/1.1 413", string(first), "not a byte of the body was sent")
	}
	for _, head := range []string{
		"GET /v1/me HTTP/1.1\r\nHost: x\r\nX-A: " + strings.Repeat("a", 64<<10) + "\r\n\r\n",
		"GET /v1/search?q=" + strings.Repeat("a", 64<<10) + " HTTP/1.1\r\nHost: x\r\n\r\n",
		"GET /v1/me HTTP/1.1\r\nHost: x\r\n" + strings.Repeat("X-A: a\r\n", 10_000) + "\r\n",
	} {
		conn, err := net.Dial("tcp", server.Listener.Addr().String())
		require.NoError(t, err)
		t.Cleanup(func() { _ = conn.Close() })
		require.NoError(t, conn.SetDeadline(time.Now().Add(time.Minute)))
		go func() { _, _ = conn.Write([]byte(head)) }()
		first := make([]byte, 12)
		_, err = io.ReadFull(conn, first)
		require.NoError(t, err)
		require.Equal(t, "HTTP/1.1 431", string(first))
	}
}
