package signature

import (
	"bytes"
	"crypto/ed25519"
	"crypto/rand"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"strings"
)

// The prefixes by which Standard Webhooks tells its three kinds of key apart.
const (
	prefixSymmetric = "whsec_"
	prefixPrivate   = "whsk_"
	prefixPublic    = "whpk_"
)

// Standard Webhooks: "the key should be between 24 bytes (192 bits) and 64 bytes (512 bits)".
const (
	minSymmetricBytes       = 24
	maxSymmetricBytes       = 64
	generatedSymmetricBytes = 32
)

// Secret is a key that signs and verifies: symmetric (whsec_, scheme v1) or ed25519 (whsk_, scheme v1a).
//
// It never prints its key: every formatting verb and slog give "[secret]"; Reveal is the one way to the text.
type Secret struct {
	key signer
}

// PublicKey is the public half of an ed25519 Secret (whpk_): it verifies and cannot sign.
type PublicKey struct {
	key ed25519.PublicKey
}

// ParseSecret reads "whsec_" + base64 of 24 to 64 bytes, or "whsk_" + base64 of the 64 bytes seed‖public key. The base64 is
// the standard alphabet with padding. The error says what is wrong and never repeats the text.
func ParseSecret(text string) (Secret, error) {
	switch {
	case text == "":
		return Secret{}, errors.New("webhook secret is empty: give whsec_… or whsk_…, or leave it out to have one generated")
	case strings.HasPrefix(text, prefixSymmetric):
		return parseSymmetric(strings.TrimPrefix(text, prefixSymmetric))
	case strings.HasPrefix(text, prefixPrivate):
		return parsePrivate(strings.TrimPrefix(text, prefixPrivate))
	case strings.HasPrefix(text, prefixPublic):
		return Secret{}, errors.New("webhook secret is a public key (whpk_): give the private key (whsk_) or a shared secret (whsec_)")
	}
	return Secret{}, errors.New("webhook secret has no known prefix: it must start with whsec_ (shared secret) or whsk_ (ed25519 private key)")
}

func parseSymmetric(encoded string) (Secret, error) {
	key, err := decodeKey(encoded)
	if err != nil {
		return Secret{}, fmt.Errorf("webhook secret whsec_: %w", err)
	}
	if len(key) < minSymmetricBytes || len(key) > maxSymmetricBytes {
		return Secret{}, fmt.Errorf("webhook secret whsec_ holds %d bytes: it must hold %d to %d random bytes",
			len(key), minSymmetricBytes, maxSymmetricBytes)
	}
	return newHMACKey(key), nil
}

func parsePrivate(encoded string) (Secret, error) {
	key, err := decodeKey(encoded)
	if err != nil {
		return Secret{}, fmt.Errorf("webhook secret whsk_: %w", err)
	}
	if len(key) != ed25519.PrivateKeySize {
		return Secret{}, fmt.Errorf("webhook secret whsk_ holds %d bytes: it must hold %d (32 of the seed, 32 of the public key)",
			len(key), ed25519.PrivateKeySize)
	}
	private := ed25519.NewKeyFromSeed(key[:ed25519.SeedSize])
	if !bytes.Equal(private[ed25519.SeedSize:], key[ed25519.SeedSize:]) {
		return Secret{}, errors.New("webhook secret whsk_: its public half does not belong to its seed: copy the whole key again")
	}
	return newEd25519Key(private), nil
}

// ParsePublicKey reads "whpk_" + base64 of 32 bytes.
func ParsePublicKey(text string) (PublicKey, error) {
	encoded, found := strings.CutPrefix(text, prefixPublic)
	if !found {
		return PublicKey{}, errors.New("webhook public key has no whpk_ prefix: give the key that starts with whpk_")
	}
	key, err := decodeKey(encoded)
	if err != nil {
		return PublicKey{}, fmt.Errorf("webhook public key whpk_: %w", err)
	}
	if len(key) != ed25519.PublicKeySize {
		return PublicKey{}, fmt.Errorf("webhook public key whpk_ holds %d bytes: it must hold %d", len(key), ed25519.PublicKeySize)
	}
	return PublicKey{key: key}, nil
}

// decodeKey is strict, because base64.StdEncoding alone skips line breaks and accepts stray bits in the last digit: two texts
// would be the same key.
func decodeKey(encoded string) ([]byte, error) {
	if strings.ContainsAny(encoded, "\r\n") {
		return nil, errors.New("it has a line break in it: paste it as one line")
	}
	key, err := base64.StdEncoding.Strict().DecodeString(encoded)
	if err != nil {
		return nil, errors.New("what follows the prefix is not standard base64 with padding: copy the whole key again")
	}
	return key, nil
}

// GenerateSecret makes a shared secret of 32 random bytes.
func GenerateSecret() Secret {
	key := make([]byte, generatedSymmetricBytes)
	// crypto/rand.Read never returns an error: since Go 1.24 it ends the program instead.
	_, _ = rand.Read(key)
	return newHMACKey(key)
}

// GeneratePrivateKey makes an ed25519 key pair.
func GeneratePrivateKey() Secret {
	seed := make([]byte, ed25519.SeedSize)
	_, _ = rand.Read(seed)
	return newEd25519Key(ed25519.NewKeyFromSeed(seed))
}

// Reveal is the text of the secret, whsec_… or whsk_…: to be sealed at rest, or shown once. It is empty for the zero Secret.
func (s Secret) Reveal() string {
	if s.key == nil {
		return ""
	}
	return s.key.text()
}

// Public is the public half of an ed25519 secret, and false for a shared secret.
func (s Secret) Public() (PublicKey, bool) {
	key, ok := s.key.(ed25519Key)
	if !ok {
		return PublicKey{}, false
	}
	return key.public(), true
}

// Format prints "[secret]" for every verb.
func (s Secret) Format(state fmt.State, _ rune) { _, _ = io.WriteString(state, "[secret]") }

// LogValue is "[secret]".
func (s Secret) LogValue() slog.Value { return slog.StringValue("[secret]") }

// String is the text of the key, whpk_…, or empty for the zero PublicKey.
func (k PublicKey) String() string {
	if k.key == nil {
		return ""
	}
	return prefixPublic + base64.StdEncoding.EncodeToString(k.key)
}
