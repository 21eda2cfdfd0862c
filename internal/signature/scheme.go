package signature

import (
	"crypto/ed25519"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
)

// The versions of a signature entry.
const (
	versionHMAC    = "v1"
	versionEd25519 = "v1a"
)

// signer is the key of a Secret.
type signer interface {
	version() string
	sign(content []byte) []byte
	verifies(content []byte, entries []entry) bool
	text() string
}

// hmacKey and ed25519Key hold their bytes in a closure, because fmt follows the unexported fields of a surrounding struct without
// calling its methods, through pointers too ("%s" does), but prints a function as an address.
type hmacKey struct{ key func() []byte }

func (k hmacKey) version() string { return versionHMAC }

func (k hmacKey) sign(content []byte) []byte { return macOf(k.key(), content) }

func (k hmacKey) verifies(content []byte, entries []entry) bool {
	want := k.sign(content)
	for _, e := range entries {
		if e.version == versionHMAC && hmac.Equal(e.signature, want) {
			return true
		}
	}
	return false
}

func (k hmacKey) text() string { return prefixSymmetric + base64.StdEncoding.EncodeToString(k.key()) }

type ed25519Key struct{ key func() ed25519.PrivateKey }

func (k ed25519Key) version() string { return versionEd25519 }

func (k ed25519Key) sign(content []byte) []byte { return ed25519.Sign(k.key(), content) }

func (k ed25519Key) verifies(content []byte, entries []entry) bool {
	return k.public().verifies(content, entries)
}

func (k ed25519Key) text() string { return prefixPrivate + base64.StdEncoding.EncodeToString(k.key()) }

func (k ed25519Key) public() PublicKey {
	return PublicKey{key: k.key().Public().(ed25519.PublicKey)}
}

func (k PublicKey) verifies(content []byte, entries []entry) bool {
	if len(k.key) != ed25519.PublicKeySize {
		return false
	}
	for _, e := range entries {
		if e.version == versionEd25519 && ed25519.Verify(k.key, content, e.signature) {
			return true
		}
	}
	return false
}

func (s Secret) verifies(content []byte, entries []entry) bool {
	return s.key != nil && s.key.verifies(content, entries)
}

func newHMACKey(key []byte) Secret {
	return Secret{key: hmacKey{key: func() []byte { return key }}}
}

func newEd25519Key(key ed25519.PrivateKey) Secret {
	return Secret{key: ed25519Key{key: func() ed25519.PrivateKey { return key }}}
}

func macOf(key, content []byte) []byte {
	mac := hmac.New(sha256.New, key)
	mac.Write(content)
	return mac.Sum(nil)
}
