package secretbox_test

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"handoff"
	"handoff/internal/secretbox"
	"handoff/internal/telemetry"
)

func newPlace() secretbox.AssociatedData {
	return secretbox.AssociatedData{AccountID: handoff.NewID(), Table: "endpoints", Column: "secrets", RowID: handoff.NewID()}
}

func newKeyset(t testing.TB) string {
	t.Helper()
	keys, err := secretbox.GenerateKeyset()
	require.NoError(t, err)
	return keys
}

func newBox(t testing.TB, keys string) *secretbox.Box {
	t.Helper()
	box, err := secretbox.New(keys)
	require.NoError(t, err)
	return box
}

func TestSealAndOpen(t *testing.T) {
	t.Parallel()

	box, place := newBox(t, newKeyset(t)), newPlace()
	rapid.Check(t, func(t *rapid.T) {
		plaintext := rapid.SliceOf(rapid.Byte()).Draw(t, "plaintext")

		sealed, err := box.Seal(plaintext, place)
		require.NoError(t, err)
		again, err := box.Seal(plaintext, place)
		require.NoError(t, err)
		opened, err := box.Open(sealed, place)
		require.NoError(t, err)

		require.Equal(t, string(plaintext), string(opened))
		require.Len(t, sealed, len(plaintext)+33)
		require.NotEqual(t, sealed, again)
		require.True(t, box.Current(sealed))
	})
}

// A ciphertext copied to another place does not open there.
func TestOpenOnlyInItsPlace(t *testing.T) {
	t.Parallel()

	box, place := newBox(t, newKeyset(t)), newPlace()
	sealed, err := box.Seal([]byte("whsec_canary"), place)
	require.NoError(t, err)

	for name, move := range map[string]func(*secretbox.AssociatedData){
		"other account":          func(p *secretbox.AssociatedData) { p.AccountID = handoff.NewID() },
		"other table":            func(p *secretbox.AssociatedData) { p.Table = "inboxes" },
		"other column":           func(p *secretbox.AssociatedData) { p.Column = "headers" },
		"other row":              func(p *secretbox.AssociatedData) { p.RowID = handoff.NewID() },
		"account and row change": func(p *secretbox.AssociatedData) { p.AccountID, p.RowID = p.RowID, p.AccountID },
		"border of the names":    func(p *secretbox.AssociatedData) { p.Table, p.Column = "endpoint", "ssecrets" },
	} {
		moved := place
		move(&moved)
		_, err := box.Open(sealed, moved)
		require.ErrorIs(t, err, secretbox.ErrOpen, name)
	}
}

func TestOpenRefusesWhatWasChanged(t *testing.T) {
	t.Parallel()

	box, place := newBox(t, newKeyset(t)), newPlace()
	sealed, err := box.Seal([]byte("canary"), place)
	require.NoError(t, err)

	for i := range sealed {
		changed := append([]byte(nil), sealed...)
		changed[i] ^= 1
		_, err := box.Open(changed, place)
		require.ErrorIs(t, err, secretbox.ErrOpen, "byte %d", i)
		_, err = box.Open(sealed[:i], place)
		require.ErrorIs(t, err, secretbox.ErrOpen, "first %d bytes", i)
	}
	_, err = newBox(t, newKeyset(t)).Open(sealed, place)
	require.ErrorIs(t, err, secretbox.ErrOpen, "another keyset")
}

func TestPlaceMustBeComplete(t *testing.T) {
	t.Parallel()

	box := newBox(t, newKeyset(t))
	for _, clear := range []func(*secretbox.AssociatedData){
		func(p *secretbox.AssociatedData) { p.AccountID = handoff.ID{} },
		func(p *secretbox.AssociatedData) { p.Table = "" },
		func(p *secretbox.AssociatedData) { p.Column = "" },
		func(p *secretbox.AssociatedData) { p.RowID = handoff.ID{} },
	} {
		place := newPlace()
		clear(&place)
		_, err := box.Seal([]byte("x"), place)
		require.ErrorContains(t, err, "incomplete")
		_, err = box.Open([]byte("x"), place)
		require.ErrorContains(t, err, "incomplete")
	}
}

// Old ciphertext opens after any number of rotations; new ciphertext does not open under the keyset of before.
func TestRotate(t *testing.T) {
	t.Parallel()

	place, keys := newPlace(), newKeyset(t)
	before := newBox(t, keys)
	old, err := before.Seal([]byte("canary"), place)
	require.NoError(t, err)

	for range 3 {
		keys, err = secretbox.Rotate(keys)
		require.NoError(t, err)
	}
	after := newBox(t, keys)

	opened, err := after.Open(old, place)
	require.NoError(t, err)
	require.Equal(t, "canary", string(opened))
	require.False(t, after.Current(old))
	resealed, err := after.Seal(opened, place)
	require.NoError(t, err)
	require.True(t, after.Current(resealed))
	_, err = before.Open(resealed, place)
	require.ErrorIs(t, err, secretbox.ErrOpen)
}

func TestCurrentOfNoCiphertext(t *testing.T) {
	t.Parallel()

	box := newBox(t, newKeyset(t))
	for _, sealed := range [][]byte{nil, {}, {1}, []byte("hello world")} {
		require.False(t, box.Current(sealed))
	}
}

// The errors of a bad keyset must not quote it, and a box must not print its keys.
func TestKeysetStaysSecret(t *testing.T) {
	t.Parallel()

	keys := newKeyset(t)
	var parsed struct {
		Key []struct{ KeyData struct{ Value string } }
	}
	require.NoError(t, json.Unmarshal([]byte(keys), &parsed))
	value := parsed.Key[0].KeyData.Value
	require.NotEmpty(t, value)

	for _, bad := range []string{"", "  ", "{}", "null", value, keys[:len(keys)-2], keys + "}", strings.Replace(keys, value, value[:8], 1)} {
		_, err := secretbox.New(bad)
		require.ErrorContains(t, err, "`handoff keyset`", "the command that makes one")
		require.Equal(t, err.Error(), telemetry.RedactSecrets(err.Error()), "what to do would be redacted on the way to the operator")
		require.NotContains(t, err.Error(), value[:8])
		_, err = secretbox.Rotate(bad)
		require.Error(t, err)
		require.NotContains(t, err.Error(), value[:8])
	}
	raw, err := base64.StdEncoding.DecodeString(value)
	require.NoError(t, err)
	key := raw[len(raw)-32:]
	box := newBox(t, keys)
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%d"} {
		printed := fmt.Sprintf(verb, struct{ box *secretbox.Box }{box}) + fmt.Sprintf(verb, box)
		require.NotContains(t, printed, value[:8])
		require.NotContains(t, printed, strings.Trim(fmt.Sprint(key[:6]), "[]"))
	}
}

// A key is known to everybody before it seals: added, it opens and does not seal; promoted, it does; pruned, the others are gone, and one
// that was added since stays.
func TestAKeyIsAddedPromotedAndPruned(t *testing.T) {
	t.Parallel()

	place, first := newPlace(), newKeyset(t)
	_, err := secretbox.Promote(first)
	require.ErrorContains(t, err, "add a key first")
	added, err := secretbox.Add(first)
	require.NoError(t, err)
	promoted, err := secretbox.Promote(added)
	require.NoError(t, err)

	sealed, err := newBox(t, added).Seal([]byte("x"), place)
	require.NoError(t, err)
	_, err = newBox(t, first).Open(sealed, place)
	require.NoError(t, err, "a process that has not got the new set yet opens what one that has it seals")
	sealed, err = newBox(t, promoted).Seal([]byte("x"), place)
	require.NoError(t, err)
	_, err = newBox(t, added).Open(sealed, place)
	require.NoError(t, err)
	require.Equal(t, newBox(t, promoted).CurrentPrefix(), sealed[:5])

	waiting, err := secretbox.Add(promoted)
	require.NoError(t, err)
	pruned, err := secretbox.Prune(waiting, nil)
	require.NoError(t, err)
	before, err := secretbox.Keys(waiting)
	require.NoError(t, err)
	after, err := secretbox.Keys(pruned)
	require.NoError(t, err)
	require.Equal(t, before[1:], after)
	require.True(t, after[0].Primary)
}
