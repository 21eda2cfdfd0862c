package activities_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"handoff"
	"handoff/activities"
	"handoff/db"
	"handoff/db/dbsqlc"
)

// turnOf is a message of the bot's feed.
func turnOf(externalID, text string, at time.Time) handoff.Item {
	return handoff.Item{
		Kind: handoff.ItemMessage, ExternalID: externalID,
		Contact: &handoff.ItemContact{Identities: []handoff.Identity{{Kind: handoff.IdentitySession, Value: "session-1"}}},
		Message: &handoff.ItemMessageBody{Direction: handoff.Inbound, Author: handoff.AuthorContact, Type: "text", Text: text, At: at, Shadow: true},
	}
}

// A feed may tell a turn after the request for a person whose transcript has it, and before the conversation is opened.
func TestATurnOfTheTranscriptThatComesLateStandsInItsPlace(t *testing.T) {
	t.Parallel()
	s := newScene(t)
	inbox := s.AddInbox(t, handoff.ProtocolChatlayer)
	at := func(n int) time.Time { return s.now.Add(time.Duration(n-10) * time.Second) }
	accept := func(item handoff.Item) db.Accepted {
		accepted, err := db.Accept(t.Context(), s.World.DB, db.NewReceipt{
			AccountID: s.Account.ID, InboxID: &inbox.ID, Protocol: inbox.Protocol, Body: []byte(`{}`), Items: []handoff.Item{item}, At: s.now,
		})
		require.NoError(t, err)
		return accepted
	}
	accept(turnOf("1", "one", at(1)))
	offload := turnOf("offload", "", at(4))
	offload.Kind, offload.Message = handoff.ItemOffload, nil
	offload.Offload = &handoff.ItemOffloadBody{Reason: "wants a person", Source: handoff.SourceGateway}
	for i, text := range []string{"one", "two", "three"} {
		id := string('1' + rune(i))
		offload.Offload.Transcript = append(offload.Offload.Transcript, handoff.HistoryTurn{
			Direction: handoff.Inbound, Author: handoff.AuthorContact, Text: text, ExternalID: id, At: at(i + 1),
		})
	}
	wake := accept(offload).Wakes[0]
	accept(turnOf("2", "two", at(2)))
	accept(turnOf("5", "five", at(5)))

	s.ref = activities.Ref{AccountID: wake.AccountID, InboxID: wake.InboxID, ContactID: wake.ContactID}
	s.apply()
	accept(turnOf("3", "three", at(3))) // by now it is a message of the conversation
	s.apply()
	require.Zero(t, s.Count(t, "receipt_items", "outcome = 'accepted' AND inbox_id = $1", inbox.ID))
	require.Equal(t, []string{"one", "two", "three", "wants a person", "five"}, s.said(t))
}

// said are the texts of the conversation in its order.
func (s *scene) said(t *testing.T) (texts []string) {
	t.Helper()
	id := s.conversation().ID
	rows, err := dbsqlc.New(s.World.DB).MessageListByConversation(t.Context(), dbsqlc.MessageListByConversationParams{
		AccountID: s.Account.ID, ConversationID: &id, AfterSeq: new(int64), RowLimit: 100,
	})
	require.NoError(t, err)
	for _, row := range rows {
		texts = append(texts, *row.Text)
	}
	return texts
}
