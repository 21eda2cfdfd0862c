package mediastore

import (
	"encoding/base64"
	"encoding/binary"
	"errors"
	"fmt"
	"time"

	"handoff"
	"handoff/internal/secretbox"
)

// Purpose says for whom a link was made. It is sealed into the token, so that one made for something else later is no link to a file.
type Purpose byte

// The purposes.
const (
	ForGateway Purpose = 1 // a gateway or Meta fetches the file, without credentials
	ForAgent   Purpose = 2 // an inbox client shows it to an agent
)

// Sealer encrypts for a place and authenticates; *secretbox.Box does. Opening with any key that was once used keeps links alive
// while keys rotate.
type Sealer interface {
	Seal(plaintext []byte, place secretbox.AssociatedData) ([]byte, error)
	Open(sealed []byte, place secretbox.AssociatedData) ([]byte, error)
}

// Links makes and reads the tokens of GET /m/{token}: a sealed (media id 16 bytes | account id 16 | Unix expiry 8, big-endian |
// purpose 1) in base64url without padding, 99 characters with a Box. Nobody can guess one, and nothing is stored for it.
type Links struct{ Sealer Sealer }

const plainSize = 16 + 16 + 8 + 1

// Make makes the token of a file, good until expires (to the second).
func (l Links) Make(account, media handoff.ID, expires time.Time, purpose Purpose) (string, error) {
	if account == (handoff.ID{}) || media == (handoff.ID{}) || expires.Unix() <= 0 || !purpose.known() {
		return "", errors.New("make media link: give the account, the file, a time and a purpose")
	}
	token := make([]byte, 0, plainSize)
	token = append(token, media[:]...)
	token = append(token, account[:]...)
	token = binary.BigEndian.AppendUint64(token, uint64(expires.Unix()))
	token = append(token, byte(purpose))
	sealed, err := l.Sealer.Seal(token, secretbox.MediaLink())
	if err != nil {
		return "", fmt.Errorf("make media link: %w", err)
	}
	return base64.RawURLEncoding.EncodeToString(sealed), nil
}

// Read tells which file a token leads to. A token that has expired, was changed or cut, or was never ours gives the same
// CodeNotFound each time, so that the answer tells nothing about files.
func (l Links) Read(token string, now time.Time) (account, media handoff.ID, err error) {
	refused := handoff.Errorf(handoff.CodeNotFound, "this link leads to no file, or has expired: ask for a new one")
	sealed, err := base64.RawURLEncoding.DecodeString(token)
	// The decoder skips line ends and ignores the last bits; a token has one spelling all the same.
	if err != nil || base64.RawURLEncoding.EncodeToString(sealed) != token {
		return handoff.ID{}, handoff.ID{}, refused
	}
	opened, err := l.Sealer.Open(sealed, secretbox.MediaLink())
	if err != nil || len(opened) != plainSize || !Purpose(opened[plainSize-1]).known() {
		return handoff.ID{}, handoff.ID{}, refused
	}
	expires := time.Unix(int64(binary.BigEndian.Uint64(opened[32:40])), 0)
	if !now.Before(expires) {
		return handoff.ID{}, handoff.ID{}, refused
	}
	return handoff.ID(opened[16:32]), handoff.ID(opened[:16]), nil
}

func (p Purpose) known() bool { return p == ForGateway || p == ForAgent }
