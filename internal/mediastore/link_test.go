package mediastore_test

import (
	"encoding/base64"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"handoff"
	"handoff/internal/mediastore"
	"handoff/internal/secretbox"
)

var noon = time.Date(2026, 11, 21, 12, 0, 0, 0, time.UTC)

func keyset(t testing.TB) string {
	t.Helper()
	keys, err := secretbox.GenerateKeyset()
	require.NoError(t, err)
	return keys
}

func links(t testing.TB, keys string) mediastore.Links {
	t.Helper()
	box, err := secretbox.New(keys)
	require.NoError(t, err)
	return mediastore.Links{Sealer: box}
}

func TestALinkLeadsToItsFileUntilItExpires(t *testing.T) {
	t.Parallel()

	l, account, media := links(t, keyset(t)), handoff.NewID(), handoff.NewID()
	for _, purpose := range []mediastore.Purpose{mediastore.ForGateway, mediastore.ForAgent} {
		token, err := l.Make(account, media, noon, purpose)
		require.NoError(t, err)
		require.Regexp(t, `^[A-Za-z0-9_-]{99}$`, token)
		again, err := l.Make(account, media, noon, purpose)
		require.NoError(t, err)
		require.NotEqual(t, token, again)

		gotAccount, gotMedia, err := l.Read(token, noon.Add(-time.Second))
		require.NoError(t, err)
		require.Equal(t, account, gotAccount)
		require.Equal(t, media, gotMedia)
		for _, late := range []time.Time{noon, noon.Add(time.Second), noon.AddDate(10, 0, 0)} {
			_, _, err = l.Read(token, late)
			require.Equal(t, handoff.CodeNotFound, handoff.ErrorCode(err))
		}
	}
}

func TestALinkNeedsAllOfItsParts(t *testing.T) {
	t.Parallel()

	l, id := links(t, keyset(t)), handoff.NewID()
	for name, make := range map[string]func() (string, error){
		"account": func() (string, error) { return l.Make(handoff.ID{}, id, noon, mediastore.ForAgent) },
		"media":   func() (string, error) { return l.Make(id, handoff.ID{}, noon, mediastore.ForAgent) },
		"time":    func() (string, error) { return l.Make(id, id, time.Time{}, mediastore.ForAgent) },
		"purpose": func() (string, error) { return l.Make(id, id, noon, 0) },
	} {
		_, err := make()
		require.Error(t, err, name)
	}
}

// Expired, forged, cut and foreign tokens cannot be told apart by the answer.
func TestEveryBadTokenGetsTheSameAnswer(t *testing.T) {
	t.Parallel()

	keys := keyset(t)
	l, account, media := links(t, keys), handoff.NewID(), handoff.NewID()
	box, err := secretbox.New(keys)
	require.NoError(t, err)
	good, err := l.Make(account, media, noon.Add(time.Hour), mediastore.ForGateway)
	require.NoError(t, err)
	expired, err := l.Make(account, media, noon, mediastore.ForGateway)
	require.NoError(t, err)
	foreign, err := links(t, keyset(t)).Make(account, media, noon.Add(time.Hour), mediastore.ForGateway)
	require.NoError(t, err)
	sealed := func(plaintext []byte, place secretbox.AssociatedData) string {
		out, err := box.Seal(plaintext, place)
		require.NoError(t, err)
		return base64.RawURLEncoding.EncodeToString(out)
	}
	whole := append(append(append([]byte{}, media[:]...), account[:]...), 0x7f, 0, 0, 0, 0, 0, 0, 0)

	bad := []string{
		"", "x", good + "A", good + "=", good + "\n", good[:50] + "\r\n" + good[50:], " " + good, strings.ToUpper(good), expired, foreign,
		strings.Repeat("A", 99), strings.Repeat("A", 1<<16), base64.RawURLEncoding.EncodeToString(whole),
		sealed(append(whole, 1), secretbox.EndpointSecret(account, media)), // sealed by us, for another place
		sealed(append(whole, 9), secretbox.MediaLink()),                    // a purpose of later
		sealed(whole, secretbox.MediaLink()),
		sealed(append([]byte{0}, append(whole, 1)...), secretbox.MediaLink()),
		sealed(append(append([]byte{}, whole[:32]...), 0xff, 0, 0, 0, 0, 0, 0, 0, 1), secretbox.MediaLink()), // before 1970
	}
	for i := range len(good) {
		bad = append(bad, good[:i])
		for _, other := range "AB_" {
			if changed := good[:i] + string(other) + good[i+1:]; changed != good {
				bad = append(bad, changed)
			}
		}
	}
	_, _, want := l.Read("nonsense", noon)
	require.Equal(t, handoff.CodeNotFound, handoff.ErrorCode(want))
	for _, token := range bad {
		gotAccount, gotMedia, err := l.Read(token, noon)
		require.Equal(t, want, err, token)
		require.Zero(t, gotAccount)
		require.Zero(t, gotMedia)
	}
	_, _, err = l.Read(sealed(append(whole, 1), secretbox.MediaLink()), noon)
	require.NoError(t, err, "the shape that the bad ones differ from is good")
}

func TestLinksOutliveTheRotationOfKeys(t *testing.T) {
	t.Parallel()

	keys, account, media := keyset(t), handoff.NewID(), handoff.NewID()
	before := links(t, keys)
	token, err := before.Make(account, media, noon, mediastore.ForGateway)
	require.NoError(t, err)
	for range 2 {
		keys, err = secretbox.Rotate(keys)
		require.NoError(t, err)
	}
	_, gotMedia, err := links(t, keys).Read(token, noon.Add(-time.Hour))
	require.NoError(t, err)
	require.Equal(t, media, gotMedia)
}

// The place of links can be no row's: no id of ours is the largest UUID.
func TestThePlaceOfLinksIsNoRows(t *testing.T) {
	t.Parallel()

	require.Equal(t, uuid.Max, secretbox.MediaLink().RowID)
	require.NotEqual(t, uuid.Max.Version(), handoff.NewID().Version())
}

func FuzzToken(f *testing.F) {
	l, account, media := links(f, keyset(f)), handoff.NewID(), handoff.NewID()
	good, err := l.Make(account, media, noon, mediastore.ForAgent)
	require.NoError(f, err)
	f.Add(0, "")
	f.Add(10, "\r\n")
	f.Add(98, "A")
	f.Fuzz(func(t *testing.T, at int, text string) {
		if at < 0 || at > len(good) {
			at = 0
		}
		for _, token := range []string{text, good[:at] + text, good[:at] + text + good[at:], good[:at] + text + good[min(at+len(text), len(good)):]} {
			_, _, err := l.Read(token, noon.Add(-time.Hour))
			require.Equal(t, token == good, err == nil, token)
		}
	})
}
