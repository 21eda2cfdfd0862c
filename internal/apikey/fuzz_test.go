package apikey_test

import (
	"crypto/sha256"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"handoff/internal/apikey"
)

// A text that is taken for a key has the shape of one, and its hash is that of the whole text.
func FuzzParse(f *testing.F) {
	key := apikey.New().Text
	for _, seed := range []string{key, key[:30], strings.ToUpper(key), key + " ", strings.Replace(key, "_", "-", 2), "", "hk_" + strings.Repeat("é", 30)} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		prefix, hash, ok := apikey.Parse(text)
		if !ok {
			require.Empty(t, prefix)
			require.Nil(t, hash)
			return
		}
		require.Regexp(t, `^hk_[0-9A-Za-z]{12}_[0-9A-Za-z]{43}$`, text)
		require.True(t, strings.HasPrefix(text, prefix+"_"))
		sum := sha256.Sum256([]byte(text))
		require.True(t, apikey.Match(sum[:], hash))
	})
}
