package aksita

import (
	"bufio"
	"bytes"
	"context"
	"io"
	"net/http"
	"os"
	"os/exec"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"handoff/internal/signature"
)

// startReceiver runs the vendor's receiver under Node and gives its address.
func startReceiver(t *testing.T, secret string) string {
	t.Helper()
	node, err := exec.LookPath("node")
	if err != nil {
		t.Skip("node is not installed: the vendor's example of a receiver is JavaScript")
	}
	// The test's own context ends before its clean-up, which lets Node leave by itself.
	command := exec.CommandContext(context.WithoutCancel(t.Context()), node, "testdata/receiver.cjs")
	command.Env = append(os.Environ(), "WEBHOOK_SECRET="+secret)
	command.Stderr = os.Stderr
	stdin, err := command.StdinPipe()
	require.NoError(t, err)
	stdout, err := command.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, command.Start())
	t.Cleanup(func() {
		require.NoError(t, stdin.Close())
		require.NoError(t, command.Wait())
	})
	port, err := bufio.NewReader(stdout).ReadString('\n')
	require.NoError(t, err)
	return "http://127.0.0.1:" + strings.TrimSpace(port) + "/webhook"
}

func TestTheVendorsReceiverVerifiesOurSignature(t *testing.T) {
	t.Parallel()
	const secret = "aksita-secret é"
	address := startReceiver(t, secret)
	e := hello()
	e.Message.Text = "hello 👋 <b>"
	raw := []byte(body(t, e))
	good, err := signature.SignHex(secret, raw)
	require.NoError(t, err)
	bad, err := signature.SignHex("another", raw)
	require.NoError(t, err)
	for mac, want := range map[string]string{good: `200 {"received":"hello 👋 <b>"}`, bad: `400 {"error":"Invalid signature"}`} {
		request, err := http.NewRequestWithContext(t.Context(), http.MethodPost, address, bytes.NewReader(raw))
		require.NoError(t, err)
		request.Header.Set(Protocol.SignatureHeader, mac)
		response, err := http.DefaultClient.Do(request)
		require.NoError(t, err)
		answer, err := io.ReadAll(response.Body)
		require.NoError(t, err)
		require.NoError(t, response.Body.Close())
		require.Equal(t, want, response.Status[:4]+string(answer))
	}
}
