package handoff_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"handoff"
)

var messageStatuses = []handoff.MessageStatus{
	handoff.MessageQueued, handoff.MessageDeliveredToGateway, handoff.MessageSent, handoff.MessageDelivered, handoff.MessageRead,
	handoff.MessagePlayed, handoff.MessageFailed, handoff.MessageUncertain,
}

// Rows: from, in the order of messageStatuses. Columns: to, in the same order. x is a step that is taken.
func TestMessageStatusesOnlyClimb(t *testing.T) {
	t.Parallel()
	table := map[handoff.MessageStatus]string{
		//                                 qgsdrpfu
		handoff.MessageQueued:             ".xxxxxxx",
		handoff.MessageDeliveredToGateway: "..xxxxxx",
		handoff.MessageSent:               "...xxxxx",
		handoff.MessageDelivered:          "....xx..",
		handoff.MessageRead:               "........",
		handoff.MessagePlayed:             "........",
		handoff.MessageFailed:             "..xxxx..",
		handoff.MessageUncertain:          "..xxxxx.",
	}
	for _, from := range messageStatuses {
		for i, to := range messageStatuses {
			require.Equal(t, table[from][i] == 'x', from.CanBecome(to), "%s → %s", from, to)
		}
	}
}

func TestNoMessageStatusCanBecomeOneThatWeDoNotKnow(t *testing.T) {
	t.Parallel()
	for _, from := range messageStatuses {
		require.False(t, from.CanBecome("warehoused"), "%s", from)
	}
}

func TestEveryMessageStatusHasItsEvent(t *testing.T) {
	t.Parallel()
	require.Equal(t, handoff.EventMessageDeliveredToGateway, handoff.MessageEvent(handoff.MessageDeliveredToGateway))
	for _, status := range messageStatuses {
		if status != handoff.MessageUncertain { // no send of ours can end so yet
			require.Contains(t, handoff.EventTypes, handoff.MessageEvent(status))
		}
	}
}

func TestNotesAndHistoryCannotBeSubscribedTo(t *testing.T) {
	t.Parallel()
	require.NotContains(t, handoff.EventTypes, handoff.EventNoteAdded)
	require.NotContains(t, handoff.EventTypes, handoff.EventMessageHistory)
}
