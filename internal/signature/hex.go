package signature

import (
	"crypto/hmac"
	"encoding/hex"
	"errors"
	"strings"
)

// The headers of the vendor schemes.
const (
	HeaderHex  = "X-Webhook-Signature" // Aksita and Kapso
	HeaderMeta = "X-Hub-Signature-256" // Meta
)

// metaPrefix comes before the hex in X-Hub-Signature-256.
const metaPrefix = "sha256="

// ErrEmptySecret is a vendor signature asked for without a secret: an empty HMAC key is one that everybody knows.
var ErrEmptySecret = errors.New("the webhook's secret is empty: configure it before signing or verifying")

// SignHex is the value of X-Webhook-Signature in Aksita's and Kapso's scheme: 64 lower-case hex digits of HMAC-SHA256(body)
// under the bytes of the secret string as it is (whsec_ is not decoded).
func SignHex(secret string, body []byte) (string, error) {
	if secret == "" {
		return "", ErrEmptySecret
	}
	return hex.EncodeToString(macOf([]byte(secret), body)), nil
}

// VerifyHex checks a value of X-Webhook-Signature in constant time. The errors are ErrEmptySecret and ErrNoMatch.
func VerifyHex(secret string, body []byte, value string) error {
	if secret == "" {
		return ErrEmptySecret
	}
	got, err := hex.DecodeString(value)
	if err != nil || !hmac.Equal(got, macOf([]byte(secret), body)) {
		return ErrNoMatch
	}
	return nil
}

// SignMeta is the value of X-Hub-Signature-256: "sha256=" and the hex HMAC-SHA256(body) under the app secret.
func SignMeta(appSecret string, body []byte) (string, error) {
	value, err := SignHex(appSecret, body)
	if err != nil {
		return "", err
	}
	return metaPrefix + value, nil
}

// VerifyMeta checks a value of X-Hub-Signature-256 in constant time. The errors are ErrEmptySecret and ErrNoMatch.
func VerifyMeta(appSecret string, body []byte, value string) error {
	digits, found := strings.CutPrefix(value, metaPrefix)
	if !found && appSecret != "" {
		return ErrNoMatch
	}
	return VerifyHex(appSecret, body, digits)
}
