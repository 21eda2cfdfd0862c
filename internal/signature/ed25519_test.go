package signature_test

import (
	"crypto/ed25519"
	"encoding/base64"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"handoff/internal/signature"
)

// A receiver that knows whpk_ alone verifies with the standard library, by the words of the specification and none of our code.
func TestDelivery_02_ReceiverVerifiesEd25519(t *testing.T) {
	t.Parallel()

	rapid.Check(t, func(t *rapid.T) {
		body := generatedBodies.Draw(t, "body")
		secret := signature.GeneratePrivateKey()
		public, ok := secret.Public()
		require.True(t, ok)
		key, err := base64.StdEncoding.DecodeString(strings.TrimPrefix(public.String(), "whpk_"))
		require.NoError(t, err)
		require.Len(t, key, ed25519.PublicKeySize)
		require.NotContains(t, secret.Reveal(), strings.TrimSuffix(strings.TrimPrefix(public.String(), "whpk_"), "="), "base64 of two halves")

		header, err := signature.Sign([]signature.Secret{signature.GenerateSecret(), secret}, specID, time.Unix(specTimestamp, 0), body)

		require.NoError(t, err)
		content := fmt.Appendf(nil, "%s.%s.%s", header.Get("webhook-id"), header.Get("webhook-timestamp"), body)
		entries := strings.Fields(header.Get("webhook-signature"))
		require.Len(t, entries, 2)
		require.True(t, strings.HasPrefix(entries[0], "v1,"))
		encoded, found := strings.CutPrefix(entries[1], "v1a,")
		require.True(t, found)
		signed, err := base64.StdEncoding.DecodeString(encoded)
		require.NoError(t, err)
		require.True(t, ed25519.Verify(key, content, signed))
		require.False(t, ed25519.Verify(key, append(content, 'x'), signed))
	})
}
