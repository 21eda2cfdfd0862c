package kapso_test

import (
	"bytes"
	"encoding/json"
	"slices"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/stretchr/testify/require"

	"handoff"
	"handoff/internal/protocol"
	"handoff/internal/protocol/kapso"
)

// FuzzWebhooks puts any bytes where Meta's and agents' content is: what is told is JSON in both versions and as a batch, or there is
// an error.
func FuzzWebhooks(f *testing.F) {
	for _, seed := range []string{
		``, `null`, `7`, `{}`, `[]`, `{"body":"Hi"}`, `{"text":{"body":"Hi"},"type":"text"}`, `{"type":"text"}`, `{"text":null,"context":{"id":"1"}}`,
		`{"contacts":[{}],"id":1,"kapso":{},"":2}`, `{"text":{"body":"<&>\u2028"},"a":1e999999}`, `{"text":`, "{\"text\":\"\xff\"}", `{"a":1,"a":2}`,
	} {
		for _, kind := range []string{"text", "image", "contacts", "unsupported", "id", ""} {
			f.Add([]byte(seed), kind, "text", true)
			f.Add([]byte(seed), kind, "\x00\xff", false)
		}
	}
	f.Fuzz(func(t *testing.T, content []byte, kind, text string, inbound bool) {
		if !utf8.ValidString(kind) {
			t.Skip("types are ours")
		}
		e := onMyWay()
		if inbound {
			e = hello()
		}
		e.Message.Content, e.Message.Type, e.Message.Text = json.RawMessage(content), kind, text
		for _, e.Endpoint.PayloadVersion = range []string{kapso.V1, kapso.V2} {
			told, err := kapso.Protocol.Webhooks(e)
			if err != nil {
				require.Equal(t, handoff.CodeInternal, handoff.ErrorCode(err))
				continue
			}
			require.Len(t, told, 1)
			requireOwnKeysOnce(t, told[0].Body)
			batch, err := kapso.Protocol.Merge(told[0].Event, []protocol.Part{{Body: told[0].Body, Seq: 1}}, time.Second)
			require.NoError(t, err)
			require.True(t, json.Valid(batch.Body))
			require.Equal(t, e.Endpoint.PayloadVersion, batch.Header["X-Webhook-Payload-Version"])
		}
	})
}

// requireOwnKeysOnce looks at the levels that we write. Within a content, a key may stand twice if its sender wrote it twice.
func requireOwnKeysOnce(t *testing.T, body []byte) {
	t.Helper()
	require.True(t, json.Valid(body))
	decoder := json.NewDecoder(bytes.NewReader(body))
	decoder.UseNumber()
	root, err := readTree(decoder)
	require.NoError(t, err)
	for _, level := range []*tree{root, root.at("message")} {
		require.Len(t, slices.Compact(slices.Sorted(slices.Values(level.keys))), len(level.keys), "%q", level.keys)
	}
}
