package handoff_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"handoff"
)

func TestWhatAnEndpointIsTold(t *testing.T) {
	t.Parallel()
	for asked, told := range map[string]bool{
		"*": true, "conversation.*": true, "conversation.read": true, "conversation.rated": false, "conversation": false, "message.*": false,
		"con*": false, ".*": false, "": false,
	} {
		require.Equal(t, told, handoff.Subscribed([]string{"outbound_message", asked}, handoff.EventRead), asked)
	}
	for _, asked := range []string{"*", "note.*", "note.added"} {
		require.False(t, handoff.Subscribed([]string{asked}, handoff.EventNoteAdded), asked)
	}
}
