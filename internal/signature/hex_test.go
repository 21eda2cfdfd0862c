package signature_test

import (
	"encoding/hex"
	"encoding/json"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"handoff/internal/corpora"
	"handoff/internal/signature"
)

const (
	aksitaSecret = "aksita-secret"
	aksitaBody   = `{"response":["hello"],"message_id":"2125","conversation_id":"2a73ddbe-31cd-4a60-83ff-1fc2a1627ccc",` +
		`"credits":0,"remaining_credits":1234,"additional_context":"","source":"human_agent","timestamp":"2026-01-22T15:18:18+07:00"}`
	aksitaHex = "e281f4e2b329b26908e6c6c1b3dd657a2aef6186bb13e77471a691a7419b8797"

	kapsoBody = `{"type":"whatsapp.message.received","batch":true,` +
		`"batch_info":{"size":0,"window_ms":5000,"first_sequence":1,"last_sequence":1},"data":[]}`
	kapsoHex = "92aaa763dd2c247386c4dfe22bcb5a059af2749394535d1110bfe1d061992567"

	metaSecret = "meta-app-secret"
	metaValue  = "sha256=ee9f05f989bc0aa2693d85691a477f8b8403933cde7959a1c5c6be7ea85e8d3d"
)

func TestHexVectors(t *testing.T) {
	t.Parallel()

	require.Len(t, aksitaBody, 223)
	for _, tt := range []struct{ secret, body, want string }{
		{aksitaSecret, aksitaBody, aksitaHex},
		{"kapso-secret", kapsoBody, kapsoHex},
	} {
		got, err := signature.SignHex(tt.secret, []byte(tt.body))
		require.NoError(t, err)
		require.Equal(t, tt.want, got)
		require.NoError(t, signature.VerifyHex(tt.secret, []byte(tt.body), tt.want))
	}
}

func TestMetaVector(t *testing.T) {
	t.Parallel()

	got, err := signature.SignMeta(metaSecret, []byte(metaBody))
	require.NoError(t, err)
	require.Equal(t, metaValue, got)
	require.NoError(t, signature.VerifyMeta(metaSecret, []byte(metaBody), metaValue))
}

func TestHexRefuses(t *testing.T) {
	t.Parallel()

	body := []byte(aksitaBody)
	for name, value := range map[string]string{
		"empty":        "",
		"cut":          aksitaHex[:62],
		"odd":          aksitaHex[:63],
		"longer":       aksitaHex + "00",
		"one bit off":  "f" + aksitaHex[1:],
		"not hex":      strings.Repeat("z", 64),
		"Meta's shape": "sha256=" + aksitaHex,
		"space before": " " + aksitaHex,
	} {
		require.ErrorIs(t, signature.VerifyHex(aksitaSecret, body, value), signature.ErrNoMatch, name)
	}
	require.ErrorIs(t, signature.VerifyHex("other", body, aksitaHex), signature.ErrNoMatch)
	require.ErrorIs(t, signature.VerifyHex(aksitaSecret, body[1:], aksitaHex), signature.ErrNoMatch)
}

func TestMetaRefuses(t *testing.T) {
	t.Parallel()

	for _, value := range []string{
		"", "sha256=", metaValue[7:], "sha1=" + metaValue[7:], "SHA256=" + metaValue[7:], metaValue[:50], "sha256=" + metaValue,
	} {
		require.ErrorIs(t, signature.VerifyMeta(metaSecret, []byte(metaBody), value), signature.ErrNoMatch, "%q", value)
	}
}

// A missing secret must fail loudly, never verify: HMAC accepts an empty key, and everybody can compute under it.
func TestEmptySecretNeverVerifies(t *testing.T) {
	t.Parallel()

	_, err := signature.SignHex("", nil)
	require.ErrorIs(t, err, signature.ErrEmptySecret)
	_, err = signature.SignMeta("", nil)
	require.ErrorIs(t, err, signature.ErrEmptySecret)
	const underEmptyKey = "b613679a0814d9ec772f95d778c35fc5ff1697c493715653c6c712144292c5ad"
	require.ErrorIs(t, signature.VerifyHex("", nil, underEmptyKey), signature.ErrEmptySecret)
	require.ErrorIs(t, signature.VerifyMeta("", nil, "sha256="+underEmptyKey), signature.ErrEmptySecret)
	require.ErrorIs(t, signature.VerifyMeta("", nil, underEmptyKey), signature.ErrEmptySecret)
}

// Wycheproof tests full tags (256 bits) and cut ones (128). A cut tag is never accepted here, also where the vector is valid.
func TestWycheproof(t *testing.T) {
	t.Parallel()

	var file struct {
		NumberOfTests int
		TestGroups    []struct {
			TagSize int
			Tests   []struct {
				ID     int `json:"tcId"`
				Key    string
				Msg    string
				Tag    string
				Result string
			}
		}
	}
	require.NoError(t, json.Unmarshal(corpora.File(t, "adversarial", "wycheproof", "hmac_sha256_test.json"), &file))
	ran := 0
	for _, group := range file.TestGroups {
		for _, tt := range group.Tests {
			key, err := hex.DecodeString(tt.Key)
			require.NoError(t, err)
			body, err := hex.DecodeString(tt.Msg)
			require.NoError(t, err)
			full, err := signature.SignHex(string(key), body)
			require.NoError(t, err)

			valid := tt.Result == "valid"
			require.Equal(t, valid, full[:group.TagSize/4] == tt.Tag, "vector %d", tt.ID)
			accepted := signature.VerifyHex(string(key), body, tt.Tag) == nil
			require.Equal(t, valid && group.TagSize == 256, accepted, "vector %d", tt.ID)
			ran++
		}
	}
	require.Equal(t, file.NumberOfTests, ran)
	require.Positive(t, ran)
}
