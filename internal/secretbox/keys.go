package secretbox

import (
	"encoding/binary"
	"errors"
	"fmt"
	"slices"

	"github.com/tink-crypto/tink-go/v2/aead"
	"github.com/tink-crypto/tink-go/v2/keyset"
)

// Key is one of a key set, without what is secret of it.
type Key struct {
	ID      uint32 `json:"id"`
	Primary bool   `json:"primary"`
}

// Keys are those of a key set, the oldest first.
func Keys(keysetJSON string) ([]Key, error) {
	handle, err := read(keysetJSON)
	if err != nil {
		return nil, err
	}
	info := handle.KeysetInfo()
	var out []Key
	for _, key := range info.GetKeyInfo() {
		out = append(out, Key{ID: key.GetKeyId(), Primary: key.GetKeyId() == info.GetPrimaryKeyId()})
	}
	return out, nil
}

// Add puts a new key into a key set that opens, and does not seal before it is promoted: every process has to know a key before any of
// them seals with it.
func Add(keysetJSON string) (string, error) {
	return change(keysetJSON, func(m *keyset.Manager) error {
		_, err := m.Add(aead.AES256GCMKeyTemplate())
		return err
	})
}

// Promote makes the newest key of a key set its primary one.
func Promote(keysetJSON string) (string, error) {
	keys, err := Keys(keysetJSON)
	if err != nil {
		return "", err
	}
	newest := keys[len(keys)-1]
	if newest.Primary {
		return "", errors.New("the newest key of the set is its primary one already: add a key first")
	}
	return change(keysetJSON, func(m *keyset.Manager) error { return m.SetPrimary(newest.ID) })
}

// Rotate adds a new primary key to a keyset and keeps the old ones for opening.
func Rotate(keysetJSON string) (string, error) {
	added, err := Add(keysetJSON)
	if err != nil {
		return "", err
	}
	return Promote(added)
}

// Prune drops the keys that were there before the primary one, but for those to keep. What was added after it is still to be promoted.
func Prune(keysetJSON string, keep []uint32) (string, error) {
	keys, err := Keys(keysetJSON)
	if err != nil {
		return "", err
	}
	return change(keysetJSON, func(m *keyset.Manager) error {
		for _, key := range keys {
			if key.Primary {
				return nil
			}
			if slices.Contains(keep, key.ID) {
				continue
			}
			if err := m.Delete(key.ID); err != nil {
				return err
			}
		}
		return nil
	})
}

func change(keysetJSON string, apply func(*keyset.Manager) error) (string, error) {
	handle, err := read(keysetJSON)
	if err != nil {
		return "", err
	}
	manager := keyset.NewManagerFromHandle(handle)
	if err := apply(manager); err != nil {
		return "", fmt.Errorf("change keyset: %w", err)
	}
	changed, err := manager.Handle()
	if err != nil {
		return "", fmt.Errorf("change keyset: %w", err)
	}
	return write(changed)
}

// CurrentPrefix is how a ciphertext begins that was sealed under the primary key.
func (b *Box) CurrentPrefix() []byte {
	return binary.BigEndian.AppendUint32([]byte{tinkPrefix}, b.primary)
}

// KeyOf is the id of the key that sealed what begins with prefix; 0, false where nothing of ours begins so.
func KeyOf(prefix []byte) (uint32, bool) {
	if len(prefix) < tinkPrefixSize || prefix[0] != tinkPrefix {
		return 0, false
	}
	return binary.BigEndian.Uint32(prefix[1:tinkPrefixSize]), true
}
