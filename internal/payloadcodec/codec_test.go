package payloadcodec_test

import (
	"testing"

	"github.com/stretchr/testify/require"
	commonpb "go.temporal.io/api/common/v1"
	"go.temporal.io/sdk/converter"
	"google.golang.org/protobuf/proto"
	"pgregory.net/rapid"

	"handoff/internal/payloadcodec"
	"handoff/internal/secretbox"
)

func newBox(t testing.TB) *secretbox.Box {
	t.Helper()
	keyset, err := secretbox.GenerateKeyset()
	require.NoError(t, err)
	box, err := secretbox.New(keyset)
	require.NoError(t, err)
	return box
}

func TestWhatIsSealedOpensAndShowsNothing(t *testing.T) {
	t.Parallel()
	box := newBox(t)
	sealing, reading := payloadcodec.New(box, true), payloadcodec.New(box, false)
	rapid.Check(t, func(t *rapid.T) {
		payload := &commonpb.Payload{
			Metadata: map[string][]byte{"encoding": []byte("json/plain"), "messageType": []byte("canary-type")},
			Data:     append([]byte("canary"), rapid.SliceOf(rapid.Byte()).Draw(t, "data")...),
		}
		sealed, err := sealing.Encode([]*commonpb.Payload{payload})
		require.NoError(t, err)
		whole, err := proto.Marshal(sealed[0])
		require.NoError(t, err)
		require.NotContains(t, string(whole), "canary")

		opened, err := reading.Decode(sealed)
		require.NoError(t, err, "a process that does not seal reads what others sealed")
		require.True(t, proto.Equal(payload, opened[0]))
	})
}

func TestWhatWasWrittenBeforeSealingIsRead(t *testing.T) {
	t.Parallel()
	codec := payloadcodec.New(newBox(t), true)
	plain, err := converter.GetDefaultDataConverter().ToPayload(map[string]string{"id": "7"})
	require.NoError(t, err)
	opened, err := codec.Decode([]*commonpb.Payload{plain})
	require.NoError(t, err)
	require.True(t, proto.Equal(plain, opened[0]))
}

func TestACodecThatDoesNotSealChangesNothing(t *testing.T) {
	t.Parallel()
	codec := payloadcodec.New(newBox(t), false)
	plain := []*commonpb.Payload{{Data: []byte("1")}}
	encoded, err := codec.Encode(plain)
	require.NoError(t, err)
	require.Equal(t, plain, encoded)
}

func TestOtherKeysDoNotOpen(t *testing.T) {
	t.Parallel()
	sealed, err := payloadcodec.New(newBox(t), true).Encode([]*commonpb.Payload{{Data: []byte("canary")}})
	require.NoError(t, err)
	_, err = payloadcodec.New(newBox(t), true).Decode(sealed)
	require.ErrorIs(t, err, secretbox.ErrOpen)
	require.NotContains(t, err.Error(), "canary")
}
