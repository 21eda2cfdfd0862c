package apikey_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"handoff/internal/apikey"
)

func TestNewKeysParse(t *testing.T) {
	t.Parallel()
	seen := map[string]bool{}
	for range 1000 {
		key := apikey.New()
		require.Regexp(t, `^hk_[0-9A-Za-z]{12}_[0-9A-Za-z]{43}$`, key.Text)
		require.False(t, seen[key.Prefix], "prefix %s twice", key.Prefix)
		seen[key.Prefix] = true

		prefix, hash, ok := apikey.Parse(key.Text)
		require.True(t, ok)
		require.Equal(t, key.Prefix, prefix)
		require.True(t, apikey.Match(key.Hash, hash))
	}
}

func TestOtherKeysDoNotMatch(t *testing.T) {
	t.Parallel()
	key := apikey.New()
	forged := key.Prefix + apikey.New().Text[len(key.Prefix):]

	prefix, hash, ok := apikey.Parse(forged)
	require.True(t, ok)
	require.Equal(t, key.Prefix, prefix)
	require.False(t, apikey.Match(key.Hash, hash))
}

func TestParseRefuses(t *testing.T) {
	t.Parallel()
	text := apikey.New().Text
	for name, given := range map[string]string{
		"empty":          "",
		"prefix only":    text[:15],
		"cut":            text[:len(text)-1],
		"longer":         text + "0",
		"other brand":    "sk_" + text[3:],
		"no separator":   text[:15] + "0" + text[16:],
		"NUL":            text[:20] + "\x00" + text[21:],
		"not base62":     text[:20] + "-" + text[21:],
		"spaces":         " " + text[1:],
		"only separator": strings.Repeat("_", len(text)),
	} {
		_, _, ok := apikey.Parse(given)
		require.False(t, ok, name)
	}
}
