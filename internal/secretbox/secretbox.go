// Package secretbox seals secrets at rest: AES-256-GCM under a Tink keyset (github.com/tink-crypto/tink-go).
//
// The keyset is JSON in the clear and belongs in a file or environment variable that only the server reads. It may hold several
// keys: the primary one seals, all of them open. The id of the key is in the first five bytes of every ciphertext, so rotation
// needs no flag day: roll out a keyset with one key more (Add), then one in which it seals (Promote), reseal what Current is false
// for, and drop the old key (Prune).
package secretbox

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"strings"

	"github.com/tink-crypto/tink-go/v2/aead"
	"github.com/tink-crypto/tink-go/v2/insecurecleartextkeyset"
	"github.com/tink-crypto/tink-go/v2/keyset"
	"github.com/tink-crypto/tink-go/v2/tink"

	"handoff"
)

// Tink puts 0x01 and the big-endian key id before a ciphertext (developers.google.com/tink/wire-format).
const (
	tinkPrefix     = 0x01
	tinkPrefixSize = 5
)

// ErrOpen is a ciphertext that does not open: it was changed, cut, moved to another row, or sealed under a key that the keyset
// no longer holds. AES-GCM cannot tell these apart.
var ErrOpen = errors.New("secret does not open: it belongs to another row, was changed, or its key is not in the keyset")

// AssociatedData is the place of a secret. It is authenticated with the ciphertext and not stored, so that a ciphertext copied
// into another account, table, column or row does not open there. All four fields are required.
type AssociatedData struct {
	AccountID handoff.ID
	Table     string
	Column    string
	RowID     handoff.ID
}

// Box seals and opens. It is safe for concurrent use.
type Box struct {
	aead    tink.AEAD
	primary uint32
}

// GenerateKeyset makes a keyset with one AES-256-GCM key, as JSON. It holds the key in the clear: never log it.
func GenerateKeyset() (string, error) {
	handle, err := keyset.NewHandle(aead.AES256GCMKeyTemplate())
	if err != nil {
		return "", fmt.Errorf("generate keyset: %w", err)
	}
	return write(handle)
}

// New reads a keyset from GenerateKeyset or Rotate.
func New(keysetJSON string) (*Box, error) {
	handle, err := read(keysetJSON)
	if err != nil {
		return nil, err
	}
	primitive, err := aead.New(handle)
	if err != nil {
		return nil, errors.New("the key set holds no keys that can seal: give the one that `handoff keyset` made")
	}
	return &Box{aead: primitive, primary: handle.KeysetInfo().GetPrimaryKeyId()}, nil
}

// Seal encrypts plaintext for its place. The result is 33 bytes longer (prefix 5, nonce 12, tag 16) and differs on every call.
func (b *Box) Seal(plaintext []byte, place AssociatedData) ([]byte, error) {
	encoded, err := place.encode()
	if err != nil {
		return nil, fmt.Errorf("seal secret: %w", err)
	}
	sealed, err := b.aead.Encrypt(plaintext, encoded)
	if err != nil {
		return nil, fmt.Errorf("seal secret for %s.%s: %w", place.Table, place.Column, err)
	}
	return sealed, nil
}

// Open decrypts what Seal made for the same place. The error is ErrOpen where the ciphertext does not belong there.
func (b *Box) Open(sealed []byte, place AssociatedData) ([]byte, error) {
	encoded, err := place.encode()
	if err != nil {
		return nil, fmt.Errorf("open secret: %w", err)
	}
	plaintext, err := b.aead.Decrypt(sealed, encoded)
	if err != nil {
		return nil, fmt.Errorf("open %s.%s of row %s: %w", place.Table, place.Column, place.RowID, ErrOpen)
	}
	return plaintext, nil
}

// Current says whether a ciphertext was sealed under the primary key. After a rotation the others are to be opened and sealed
// again before their key is dropped.
func (b *Box) Current(sealed []byte) bool {
	key, ok := KeyOf(sealed)
	return ok && key == b.primary
}

// encode writes each field with its length before it: table "a" column "bc" and table "ab" column "c" must not be the same.
func (p AssociatedData) encode() ([]byte, error) {
	if p.AccountID == (handoff.ID{}) || p.RowID == (handoff.ID{}) || p.Table == "" || p.Column == "" {
		return nil, errors.New("its place is incomplete: give the account, table, column and row")
	}
	var encoded []byte
	for _, field := range [][]byte{p.AccountID[:], []byte(p.Table), []byte(p.Column), p.RowID[:]} {
		encoded = binary.BigEndian.AppendUint32(encoded, uint32(len(field)))
		encoded = append(encoded, field...)
	}
	return encoded, nil
}

// read leaves out the cause of a failure: a JSON error quotes the text around it, and that text is the key.
func read(keysetJSON string) (*keyset.Handle, error) {
	if strings.TrimSpace(keysetJSON) == "" {
		return nil, errors.New("the key set is empty: give the one that `handoff keyset` made")
	}
	handle, err := insecurecleartextkeyset.Read(keyset.NewJSONReader(strings.NewReader(keysetJSON)))
	if err != nil {
		return nil, errors.New("the key set is not the JSON that `handoff keyset` prints: check that it is whole")
	}
	return handle, nil
}

func write(handle *keyset.Handle) (string, error) {
	var out bytes.Buffer
	if err := insecurecleartextkeyset.Write(handle, keyset.NewJSONWriter(&out)); err != nil {
		return "", fmt.Errorf("write keyset: %w", err)
	}
	return out.String(), nil
}
