package signature_test

import (
	"bytes"
	"encoding/json"
	"os/exec"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"handoff/internal/signature"
)

// nodeWebhook is a line of the input of testdata/aksita.js.
type nodeWebhook struct {
	Secret string `json:"secret"`
	Body   []byte `json:"body"`
}

// What the vendor's own Node example computes over the same bytes is what X-Webhook-Signature says. Kapso documents the same scheme in
// words.
func TestDelivery_08_HexEqualsTheVendorsNodeExample(t *testing.T) {
	t.Parallel()

	node, err := exec.LookPath("node")
	if err != nil {
		t.Skipf("the vendor's example is written for Node, which is not installed: %v", err)
	}
	webhooks := []nodeWebhook{
		{aksitaSecret, []byte(aksitaBody)},
		{"kapso-secret", []byte(kapsoBody)},
		{specSecret, []byte(aksitaBody)}, // whsec_ is not decoded
		{"ключ 🔑", []byte("🙋‍♀️ žluťoučký")},
		{"s", []byte{}},
		{"s", []byte{0xff, 0x00, 0xfe, '\r', '\n'}},
		{strings.Repeat("s", 200), bytes.Repeat([]byte("x"), 1<<20)}, // longer than HMAC's block, so hashed first
	}
	secrets, bodies := rapid.StringN(1, 80, -1), rapid.SliceOf(rapid.Byte())
	for seed := range 100 {
		webhooks = append(webhooks, nodeWebhook{secrets.Example(seed), append([]byte{}, bodies.Example(seed)...)})
	}
	var input bytes.Buffer
	for _, webhook := range webhooks {
		require.NoError(t, json.NewEncoder(&input).Encode(webhook))
	}
	run := exec.CommandContext(t.Context(), node, "testdata/aksita.js")
	run.Stdin = &input

	output, err := run.CombinedOutput()

	require.NoError(t, err, "%s", output)
	calculated := strings.Fields(string(output))
	require.Len(t, calculated, len(webhooks))
	for i, webhook := range webhooks {
		value, err := signature.SignHex(webhook.Secret, webhook.Body)
		require.NoError(t, err)
		require.Equal(t, calculated[i], value, "secret %q, body %.100q", webhook.Secret, webhook.Body)
	}
}
