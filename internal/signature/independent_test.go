package signature_test

import (
	"bytes"
	"fmt"
	"net/http"
	"testing"
	"time"

	standardwebhooks "github.com/standard-webhooks/standard-webhooks/libraries/go"
	"github.com/stretchr/testify/require"
	svix "github.com/svix/svix-webhooks/go"
	"pgregory.net/rapid"

	"handoff/internal/signature"
)

// requireIndependentlyVerified asks the two public Go verifiers. They take the time from the clock, so at must be about now.
func requireIndependentlyVerified(t require.TestingT, secret signature.Secret, header http.Header, body []byte) {
	standard, err := standardwebhooks.NewWebhook(secret.Reveal())
	require.NoError(t, err)
	require.NoError(t, standard.Verify(body, header))
	other, err := svix.NewWebhook(secret.Reveal())
	require.NoError(t, err)
	require.NoError(t, other.Verify(body, header))
}

// generatedBodies are bytes, UTF-8 with emoji as text and as JSON, nothing at all, and a mebibyte.
var generatedBodies = rapid.OneOf(
	rapid.SliceOfN(rapid.Byte(), 0, 4096),
	rapid.Map(rapid.String(), func(text string) []byte { return []byte(text) }),
	rapid.Map(rapid.String(), func(text string) []byte { return fmt.Appendf(nil, "{\"text\":%q}", text) }),
	rapid.Map(rapid.StringOf(rapid.RuneFrom([]rune("🙋🏽‍♀️🧑‍🚀žé漢ب\u200b"))), func(text string) []byte { return []byte(text) }),
	rapid.Just([]byte{}),
	rapid.Map(rapid.Byte(), func(b byte) []byte { return bytes.Repeat([]byte{b}, 1<<20) }),
)

func TestDelivery_01_IndependentVerifiersAcceptGeneratedBodies(t *testing.T) {
	t.Parallel()

	ids, checked := rapid.StringMatching(`msg_[0-9A-Za-z]{22}`), 0
	rapid.Check(t, func(t *rapid.T) {
		id, body := ids.Draw(t, "id"), generatedBodies.Draw(t, "body")
		secrets := make([]signature.Secret, rapid.IntRange(1, 4).Draw(t, "secrets"))
		for i := range secrets {
			secrets[i] = signature.GenerateSecret()
		}

		header, err := signature.Sign(secrets, id, time.Now(), body)

		require.NoError(t, err)
		for _, secret := range secrets {
			requireIndependentlyVerified(t, secret, header, body)
		}
		checked++
	})
	if !testing.Short() {
		require.GreaterOrEqual(t, checked, 100)
	}
}

func TestDelivery_01_IndependentVerifiersAcceptEdgeBodies(t *testing.T) {
	t.Parallel()

	secret := mustParse(t, specSecret)
	for _, body := range [][]byte{
		nil, []byte("🙋‍♀️ žluťoučký"), {0xff, 0x00, 0xfe}, []byte("a.b.c"), bytes.Repeat([]byte("x"), 1<<20),
	} {
		header, err := signature.Sign([]signature.Secret{signature.GeneratePrivateKey(), secret}, specID, time.Now(), body)
		require.NoError(t, err)
		requireIndependentlyVerified(t, secret, header, body)
	}
}

// What the public libraries sign, Verify accepts: the other direction.
func TestDelivery_01_IndependentSignaturesAreAccepted(t *testing.T) {
	t.Parallel()

	rapid.Check(t, func(t *rapid.T) {
		secret, body, at := signature.GenerateSecret(), rapid.SliceOf(rapid.Byte()).Draw(t, "body"), time.Now()
		standard, err := standardwebhooks.NewWebhook(secret.Reveal())
		require.NoError(t, err)
		value, err := standard.Sign(specID, at, body)
		require.NoError(t, err)

		header := headerOf(specID, fmt.Sprint(at.Unix()), value)

		require.NoError(t, signature.Verify(header, body, at, secret))
	})
}
