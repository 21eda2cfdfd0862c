// Package apikey makes and checks API keys: hk_<12 digits>_<43 digits>, in base62.
//
// The first part is public and finds the key's row; the second holds 256 random bits. Stored are the public part and the
// SHA-256 of the whole key: what is random cannot be guessed from its hash, so a slow hash would only cost time (67 ns against
// 49 ms for bcrypt at cost 10, on every request).
package apikey

import (
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"math/big"
	"strings"
)

const (
	brand        = "hk_"
	publicDigits = 12
	secretBytes  = 32
	secretDigits = 43 // 62^43 > 2^256
	prefixLength = len(brand) + publicDigits
	keyLength    = prefixLength + 1 + secretDigits
)

// Key is a new key. Text is shown once; Prefix and Hash are stored.
type Key struct {
	Text   string
	Prefix string
	Hash   []byte
}

// New makes a key.
func New() Key {
	prefix := brand + digits(9, publicDigits)
	text := prefix + "_" + digits(secretBytes, secretDigits)
	hash := sha256.Sum256([]byte(text))
	return Key{Text: text, Prefix: prefix, Hash: hash[:]}
}

// digits writes n random bytes as width base62 digits, with the last ones where there are more.
func digits(n, width int) string {
	random := make([]byte, n)
	// crypto/rand.Read never returns an error: since Go 1.24 it ends the program instead.
	_, _ = rand.Read(random)
	text := new(big.Int).SetBytes(random).Text(62)
	if len(text) < width {
		text = strings.Repeat("0", width-len(text)) + text
	}
	return text[len(text)-width:]
}

// Parse takes a key apart. It is false for a text that cannot be one.
func Parse(text string) (prefix string, hash []byte, ok bool) {
	if len(text) != keyLength || !strings.HasPrefix(text, brand) || text[prefixLength] != '_' {
		return "", nil, false
	}
	if !isBase62(text[len(brand):prefixLength]) || !isBase62(text[prefixLength+1:]) {
		return "", nil, false
	}
	sum := sha256.Sum256([]byte(text))
	return text[:prefixLength], sum[:], true
}

// Match compares a stored hash with that of a given key, in a time that does not tell where they differ.
func Match(stored, given []byte) bool { return subtle.ConstantTimeCompare(stored, given) == 1 }

func isBase62(s string) bool {
	return !strings.ContainsFunc(s, func(r rune) bool {
		return !(r >= '0' && r <= '9' || r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z')
	})
}
