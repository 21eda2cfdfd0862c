// Package survey makes the links by which contacts rate a conversation.
package survey

import (
	"encoding/base64"
	"encoding/binary"
	"errors"
	"fmt"
	"strings"
	"time"

	"handoff"
	"handoff/internal/secretbox"
)

// Life is how long a link works.
const Life = 30 * 24 * time.Hour

// Placeholder stands for the link in the text of a survey.
const Placeholder = "{{link}}"

// Sealer encrypts for a place and authenticates; *secretbox.Box does.
type Sealer interface {
	Seal(plaintext []byte, place secretbox.AssociatedData) ([]byte, error)
	Open(sealed []byte, place secretbox.AssociatedData) ([]byte, error)
}

// Tokens makes and reads the tokens of /r/{token}: a sealed (conversation id 16 bytes | account id 16 | Unix expiry 8, big-endian) in
// base64url without padding, 98 characters with a Box. Nobody can guess one, and nothing is stored for it.
type Tokens struct{ Sealer Sealer }

const plainSize = 16 + 16 + 8

// Make makes the token of a conversation, good until expires (to the second).
func (t Tokens) Make(account, conversation handoff.ID, expires time.Time) (string, error) {
	if account == (handoff.ID{}) || conversation == (handoff.ID{}) || expires.Unix() <= 0 {
		return "", errors.New("make survey link: give the account, the conversation and a time")
	}
	token := make([]byte, 0, plainSize)
	token = append(token, conversation[:]...)
	token = append(token, account[:]...)
	token = binary.BigEndian.AppendUint64(token, uint64(expires.Unix()))
	sealed, err := t.Sealer.Seal(token, secretbox.SurveyLink())
	if err != nil {
		return "", fmt.Errorf("make survey link: %w", err)
	}
	return base64.RawURLEncoding.EncodeToString(sealed), nil
}

// Read tells which conversation a token is for. A token that has expired, was changed or cut, or was never ours gives the same
// CodeNotFound each time, so that the answer tells nothing about conversations.
func (t Tokens) Read(token string, now time.Time) (account, conversation handoff.ID, err error) {
	refused := handoff.Errorf(handoff.CodeNotFound, "this link leads to no survey, or has expired")
	sealed, err := base64.RawURLEncoding.DecodeString(token)
	// The decoder skips line ends and ignores the last bits; a token has one spelling all the same.
	if err != nil || base64.RawURLEncoding.EncodeToString(sealed) != token {
		return handoff.ID{}, handoff.ID{}, refused
	}
	opened, err := t.Sealer.Open(sealed, secretbox.SurveyLink())
	if err != nil || len(opened) != plainSize {
		return handoff.ID{}, handoff.ID{}, refused
	}
	if !now.Before(time.Unix(int64(binary.BigEndian.Uint64(opened[32:])), 0)) {
		return handoff.ID{}, handoff.ID{}, refused
	}
	return handoff.ID(opened[16:32]), handoff.ID(opened[:16]), nil
}

// Links makes the address at which a conversation is rated, for Life from the given time; nil where publicURL, the address at which
// contacts reach the API, is not known.
func Links(sealer Sealer, publicURL string) func(account, conversation handoff.ID, at time.Time) (string, error) {
	if publicURL == "" {
		return nil
	}
	tokens, base := Tokens{sealer}, strings.TrimSuffix(publicURL, "/")+"/r/"
	return func(account, conversation handoff.ID, at time.Time) (string, error) {
		token, err := tokens.Make(account, conversation, at.Add(Life))
		return base + token, err
	}
}

// Text is the text of a survey with its link in it.
func Text(text, link string) string { return strings.ReplaceAll(text, Placeholder, link) }
