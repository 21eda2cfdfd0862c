package signature_test

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"handoff"
	"handoff/internal/signature"
)

const idShape = `^msg_[0-9A-Za-z]{20,}$`

// The ids that we send have no dot, and whatever else may come to be one by mistake, a wamid first of all, is refused before it is
// signed.
func TestDelivery_05_IDsHaveNoDot(t *testing.T) {
	t.Parallel()

	secrets, at := []signature.Secret{mustParse(t, specSecret)}, time.Unix(specTimestamp, 0)
	for range 1000 {
		header, err := signature.Sign(secrets, handoff.NewWebhookID(), at, nil)
		require.NoError(t, err)
		require.Regexp(t, idShape, header.Get(signature.HeaderID))
	}
	foreign := rapid.OneOf(
		rapid.StringMatching(`wamid\.[0-9A-Za-z+/]{20,60}={0,2}`),
		rapid.StringMatching(`msg_[0-9A-Za-z]{0,22}\.[0-9A-Za-z]{0,22}`),
		rapid.StringMatching(`[0-9a-f]{8}(\.[0-9]{1,10}){1,3}`),
		rapid.StringMatching(`msg_[0-9A-Za-z]{22}[\x00-\x20\x7f;,=]`),
	)
	rapid.Check(t, func(t *rapid.T) {
		id := foreign.Draw(t, "id")
		header, err := signature.Sign(secrets, id, at, nil)
		require.ErrorIs(t, err, signature.ErrBadID, "%q", id)
		require.Nil(t, header)
	})
}

// Whatever the id: what is signed can be read in one way only, and the header carries it as it is.
func FuzzSignID(f *testing.F) {
	for _, id := range []string{specID, "wamid.HBgLMTU1NQ==", "msg_", "", "a.1614265330.b", "msg_é", "msg\r\nX: y", strings.Repeat("a", 129)} {
		f.Add(id)
	}
	secret, err := signature.ParseSecret(specSecret)
	require.NoError(f, err)
	at := time.Unix(specTimestamp, 0)
	f.Fuzz(func(t *testing.T, id string) {
		header, err := signature.Sign([]signature.Secret{secret}, id, at, []byte(specBody))
		if err != nil {
			require.ErrorIs(t, err, signature.ErrBadID)
			return
		}
		require.Regexp(t, `^[0-9A-Za-z_-]{1,128}$`, id)
		require.Equal(t, id, header.Get(signature.HeaderID))
		require.NoError(t, signature.Verify(header, []byte(specBody), at, secret))
	})
}
