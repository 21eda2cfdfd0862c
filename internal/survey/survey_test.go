package survey_test

import (
	"encoding/base64"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"handoff"
	"handoff/internal/mediastore"
	"handoff/internal/secretbox"
	"handoff/internal/survey"
)

func newBox(t *testing.T) *secretbox.Box {
	t.Helper()
	keyset, err := secretbox.GenerateKeyset()
	require.NoError(t, err)
	box, err := secretbox.New(keyset)
	require.NoError(t, err)
	return box
}

func TestALinkLeadsToItsConversationUntilItExpires(t *testing.T) {
	t.Parallel()
	box := newBox(t)
	tokens, now := survey.Tokens{Sealer: box}, time.Unix(1_790_000_000, 0)
	account, conversation := handoff.NewID(), handoff.NewID()
	link, err := survey.Links(box, "https://handoff.example/base/")(account, conversation, now)
	require.NoError(t, err)
	token, found := strings.CutPrefix(link, "https://handoff.example/base/r/")
	require.True(t, found, link)
	require.Len(t, token, 98)

	for at, good := range map[time.Duration]bool{0: true, survey.Life - time.Second: true, survey.Life: false, 2 * survey.Life: false} {
		gotAccount, gotConversation, err := tokens.Read(token, now.Add(at))
		if !good {
			require.Equal(t, handoff.CodeNotFound, handoff.ErrorCode(err), at)
			continue
		}
		require.NoError(t, err)
		require.Equal(t, []handoff.ID{account, conversation}, []handoff.ID{gotAccount, gotConversation})
	}
	require.Equal(t, "Rate us: "+link+" Thanks", survey.Text("Rate us: {{link}} Thanks", link))
	require.Nil(t, survey.Links(box, ""))
	_, err = tokens.Make(account, handoff.ID{}, now)
	require.Error(t, err)
}

func TestNoOtherTokenOpens(t *testing.T) {
	t.Parallel()
	box := newBox(t)
	tokens, now := survey.Tokens{Sealer: box}, time.Now()
	good, err := tokens.Make(handoff.NewID(), handoff.NewID(), now.Add(time.Hour))
	require.NoError(t, err)
	file, err := mediastore.Links{Sealer: box}.Make(handoff.NewID(), handoff.NewID(), now.Add(time.Hour), mediastore.ForGateway)
	require.NoError(t, err)
	foreign, err := survey.Tokens{Sealer: newBox(t)}.Make(handoff.NewID(), handoff.NewID(), now.Add(time.Hour))
	require.NoError(t, err)
	_, _, want := tokens.Read("", now)
	require.Error(t, want)
	for name, token := range map[string]string{"a file's": file, "another server's": foreign, "with a line end": good + "\n", "padded": good + "="} {
		_, _, err := tokens.Read(token, now)
		require.Equal(t, want, err, name)
	}
	raw, err := base64.RawURLEncoding.DecodeString(good)
	require.NoError(t, err)
	rapid.Check(t, func(r *rapid.T) {
		changed := append([]byte{}, raw...)
		at, bit := rapid.IntRange(0, len(changed)-1).Draw(r, "byte"), rapid.IntRange(0, 7).Draw(r, "bit")
		changed[at] ^= 1 << bit
		cutAt := rapid.IntRange(0, len(raw)-1).Draw(r, "cut")
		for _, token := range [][]byte{changed, raw[:cutAt]} {
			_, _, err := tokens.Read(base64.RawURLEncoding.EncodeToString(token), now)
			require.Equal(r, want, err)
		}
	})
}
