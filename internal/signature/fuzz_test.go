package signature_test

import (
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"handoff/internal/signature"
)

// Whatever comes in the headers: no panic, and no acceptance unless the one right entry is among them.
func FuzzVerify(f *testing.F) {
	for _, signatures := range []string{specV1, specV1a, specV1 + " " + specV1a, "v1,", ",", "v1", "v2,AAAA", "  v1,A=  ", "v1,AAAA,v1"} {
		f.Add(specID, strconv.Itoa(specTimestamp), signatures)
	}
	f.Add("msg_a.1", "+1614265330", specV1)
	f.Add("", "-0", "\x00")
	secret, err := signature.ParseSecret(specSecret)
	require.NoError(f, err)
	at := time.Unix(specTimestamp, 0)

	f.Fuzz(func(t *testing.T, id, timestamp, signatures string) {
		if signature.Verify(headerOf(id, timestamp, signatures), []byte(specBody), at, secret) != nil {
			return
		}
		seconds, err := strconv.ParseInt(timestamp, 10, 64)
		require.NoError(t, err)
		header, err := signature.Sign([]signature.Secret{secret}, id, time.Unix(seconds, 0), []byte(specBody))
		require.NoError(t, err)
		require.Contains(t, strings.Fields(signatures), header.Get(signature.HeaderSignature))
	})
}
