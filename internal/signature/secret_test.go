package signature_test

import (
	"bytes"
	"crypto/ed25519"
	"encoding/base64"
	"fmt"
	"log/slog"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"handoff/internal/signature"
)

// The keys of Standard Webhooks' and Svix's own tests.
const (
	specSecret  = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
	otherSecret = "whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD"
	specPrivate = "whsk_6Xb/dCcHpPea21PS1N9VY/NZW723CEc77N4rJCubMbfVKIDij2HKpMKkioLlX0dRqSKJp4AJ6p9lMicMFs6Kvg=="
	specPublic  = "whpk_1SiA4o9hyqTCpIqC5V9HUakiiaeACeqfZTInDBbOir4="
)

func mustParse(t testing.TB, text string) signature.Secret {
	t.Helper()
	secret, err := signature.ParseSecret(text)
	require.NoError(t, err)
	return secret
}

func symmetricOf(size int) string {
	return "whsec_" + base64.StdEncoding.EncodeToString(bytes.Repeat([]byte{7}, size))
}

func TestDelivery_06_KeysWithinTheRulesAreTaken(t *testing.T) {
	t.Parallel()

	for _, text := range []string{specSecret, otherSecret, specPrivate, symmetricOf(24), symmetricOf(25), symmetricOf(32), symmetricOf(64)} {
		require.Equal(t, text, mustParse(t, text).Reveal())
	}
}

func TestDelivery_06_KeysAgainstTheRulesAreRefused(t *testing.T) {
	t.Parallel()

	mismatched := ed25519.NewKeyFromSeed(bytes.Repeat([]byte{1}, 32))
	mismatched[63] ^= 1
	for name, tt := range map[string]struct{ text, want string }{
		"empty":                   {"", "is empty"},
		"prefix alone":            {"whsec_", "holds 0 bytes"},
		"no prefix":               {"MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", "no known prefix"},
		"letters swapped":         {"hwsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", "no known prefix"},
		"upper case prefix":       {"WHSEC_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", "no known prefix"},
		"leading space":           {" " + specSecret, "no known prefix"},
		"not base64":              {"whsec_%", "not standard base64"},
		"wrong length of digits":  {"whsec_wronglength", "not standard base64"},
		"URL alphabet":            {"whsec_C2FVsBQIhrscChlQIMV-b5sSYspob7oD", "not standard base64"},
		"no padding":              {strings.TrimRight(symmetricOf(32), "="), "not standard base64"},
		"stray bits":              {strings.TrimSuffix(symmetricOf(25), "w==") + "x==", "not standard base64"},
		"line break":              {specSecret[:20] + "\n" + specSecret[20:], "line break"},
		"23 bytes":                {symmetricOf(23), "holds 23 bytes"},
		"65 bytes":                {symmetricOf(65), "holds 65 bytes"},
		"public key":              {specPublic, "is a public key"},
		"private key cut":         {"whsk_" + base64.StdEncoding.EncodeToString(mismatched[:40]), "holds 40 bytes"},
		"private key and more":    {"whsk_" + base64.StdEncoding.EncodeToString(append(mismatched[:64:64], 0)), "holds 65 bytes"},
		"seed alone":              {"whsk_" + base64.StdEncoding.EncodeToString(mismatched[:32]), "holds 32 bytes"},
		"private key empty":       {"whsk_", "holds 0 bytes"},
		"private key not base64":  {"whsk_*", "not standard base64"},
		"halves do not match":     {"whsk_" + base64.StdEncoding.EncodeToString(mismatched), "does not belong to its seed"},
		"symmetric under private": {"whsk_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", "holds 24 bytes"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := signature.ParseSecret(tt.text)
			require.ErrorContains(t, err, tt.want)
			if len(tt.text) > 10 {
				require.NotContains(t, err.Error(), tt.text[6:], "the error repeats the secret")
			}
		})
	}
}

func TestParsePublicKey(t *testing.T) {
	t.Parallel()

	key, err := signature.ParsePublicKey(specPublic)
	require.NoError(t, err)
	require.Equal(t, specPublic, key.String())
	require.Empty(t, signature.PublicKey{}.String())

	for text, want := range map[string]string{
		"":          "no whpk_ prefix",
		specSecret:  "no whpk_ prefix",
		"whpk_":     "holds 0 bytes",
		"whpk_%":    "not standard base64",
		"whpk_MfKQ": "holds 3 bytes",
	} {
		_, err := signature.ParsePublicKey(text)
		require.ErrorContains(t, err, want)
	}
}

func TestPublicHalf(t *testing.T) {
	t.Parallel()

	key, ok := mustParse(t, specPrivate).Public()
	require.True(t, ok)
	require.Equal(t, specPublic, key.String())

	_, ok = mustParse(t, specSecret).Public()
	require.False(t, ok)
}

func TestDelivery_06_GeneratedKeysHave32Bytes(t *testing.T) {
	t.Parallel()

	shared := signature.GenerateSecret()
	raw, err := base64.StdEncoding.DecodeString(strings.TrimPrefix(shared.Reveal(), "whsec_"))
	require.NoError(t, err)
	require.Len(t, raw, 32)
	require.NotEqual(t, shared.Reveal(), signature.GenerateSecret().Reveal())
	require.Equal(t, shared.Reveal(), mustParse(t, shared.Reveal()).Reveal())

	private := signature.GeneratePrivateKey()
	raw, err = base64.StdEncoding.DecodeString(strings.TrimPrefix(private.Reveal(), "whsk_"))
	require.NoError(t, err)
	require.Equal(t, []byte(ed25519.NewKeyFromSeed(raw[:32])), raw, "32 random bytes and the public key made of them")
	require.Equal(t, private.Reveal(), mustParse(t, private.Reveal()).Reveal())
	require.NotEqual(t, private.Reveal(), signature.GeneratePrivateKey().Reveal())
	require.Empty(t, signature.Secret{}.Reveal())
}

// A secret must stay out of logs however it is printed, also from inside another struct, where fmt calls no methods on
// unexported fields.
func TestSecretIsNeverPrinted(t *testing.T) {
	t.Parallel()

	type row struct{ secret signature.Secret }
	for _, text := range []string{specSecret, specPrivate} {
		secret := mustParse(t, text)
		raw, err := base64.StdEncoding.DecodeString(text[strings.Index(text, "_")+1:])
		require.NoError(t, err)

		var logged strings.Builder
		slog.New(slog.NewTextHandler(&logged, nil)).Info("x", "secret", secret, "row", row{secret})
		for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%d"} {
			fmt.Fprintf(&logged, verb+"\n", secret)
			fmt.Fprintf(&logged, verb+"\n", row{secret})
			fmt.Fprintf(&logged, verb+"\n", &row{secret})
		}
		require.NotContains(t, logged.String(), text[6:])
		require.NotContains(t, logged.String(), fmt.Sprintf("%x", raw[:8]))
		require.NotContains(t, logged.String(), strings.Trim(fmt.Sprint(raw[:4]), "[]"))
		require.NotContains(t, logged.String(), fmt.Sprintf("%#v", raw[:2])[8:17])
	}
}
