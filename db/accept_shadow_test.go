package db_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"handoff"
	"handoff/db"
)

// A file that the contact sent to the bot is fetched when a person is asked for, and not before.
func TestFilesOfTheBotsTranscriptAreFetchedOnceAConversationOpens(t *testing.T) {
	t.Parallel()
	w := crowded(t)
	inbox := w.AddInbox(t, handoff.ProtocolChatlayer)
	accept := func(item handoff.Item) db.Accepted {
		item.Contact = &handoff.ItemContact{Identities: []handoff.Identity{bySession("s")}}
		accepted, err := db.Accept(t.Context(), w.DB, db.NewReceipt{
			AccountID: w.Account.ID, InboxID: &inbox.ID, Protocol: inbox.Protocol, Body: []byte(`{}`), Items: []handoff.Item{item}, At: time.Now(),
		})
		require.NoError(t, err)
		return accepted
	}
	file := func(id string) handoff.Item {
		return handoff.Item{Kind: handoff.ItemMessage, ExternalID: id, Message: &handoff.ItemMessageBody{
			Direction: handoff.Inbound, Author: handoff.AuthorContact, Type: "image", Shadow: true,
			Media: &handoff.ItemMedia{URL: "https://files.example.com/" + id},
		}}
	}
	require.Empty(t, accept(file("1")).Wakes)
	require.Empty(t, accept(file("2")).Wakes)
	require.Equal(t, 1, w.Count(t, "wakes", "media_pending = 0 AND NOT raised"))

	offload := handoff.Item{Kind: handoff.ItemOffload, ExternalID: "3", Offload: &handoff.ItemOffloadBody{Source: handoff.SourceGateway}}
	require.Len(t, accept(offload).Wakes, 1)
	require.Equal(t, 1, w.Count(t, "wakes", "media_pending = 2 AND raised"))
	require.True(t, accept(offload).Items[0].Duplicate)
	accept(file("4")) // now a message of the conversation
	require.Equal(t, 1, w.Count(t, "wakes", "media_pending = 3"))
}
