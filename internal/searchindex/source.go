package searchindex

import (
	"context"
	"encoding/json"
	"slices"

	"handoff"
	"handoff/db/dbsqlc"
)

// sources are what events say has changed.
type sources struct {
	messages, notes, contacts []handoff.ID
	conversations             []handoff.ID // whose contacts may have changed
}

// sourcesOf reads events. A contact has a new latest conversation when one is opened, and may have a new name or number whenever they
// write, for which there is no event.
func sourcesOf(events []dbsqlc.SearchEventsRow) sources {
	var s sources
	for _, e := range events {
		var data struct {
			NoteID    *handoff.ID `json:"note_id"`
			ContactID *handoff.ID `json:"contact_id"`
		}
		switch e.Type {
		case handoff.EventNoteAdded, handoff.EventContactUpdated:
			// Data that has another form names nothing.
			_ = json.Unmarshal(e.Data, &data)
		case handoff.EventOpened, handoff.EventOffloaded, handoff.EventMessageReceived, handoff.EventMessageHistory, handoff.EventMessageQueued,
			handoff.EventMessageSent:
		default:
			continue
		}
		if e.MessageID != nil {
			s.messages = append(s.messages, *e.MessageID)
		}
		if data.NoteID != nil {
			s.notes = append(s.notes, *data.NoteID)
		}
		if data.ContactID != nil {
			s.contacts = append(s.contacts, *data.ContactID)
		}
		changes := e.Type == handoff.EventOpened || e.Type == handoff.EventMessageReceived || e.Type == handoff.EventContactUpdated
		if changes && e.ConversationID != nil && !slices.Contains(s.conversations, *e.ConversationID) {
			s.conversations = append(s.conversations, *e.ConversationID)
		}
	}
	return s
}

// read makes the documents of sources, as they are by now.
func read(ctx context.Context, q *dbsqlc.Queries, account handoff.ID, s sources) ([]dbsqlc.SearchDocumentPutParams, error) {
	documents, err := readMessages(ctx, q, account, s.messages)
	if err != nil {
		return nil, err
	}
	notes, err := q.SearchNotes(ctx, dbsqlc.SearchNotesParams{AccountID: account, Ids: s.notes})
	if err != nil {
		return nil, err
	}
	for _, row := range notes {
		documents = append(documents, dbsqlc.SearchDocumentPutParams{
			AccountID: account, Kind: KindNote, RefID: row.ID, InboxID: row.InboxID, ContactID: row.ContactID, ConversationID: row.ConversationID,
			OccurredAt: row.CreatedAt, Text: Normalise(row.Text),
		})
	}
	contacts, err := readContacts(ctx, q, account, s)
	if err != nil {
		return nil, err
	}
	documents = append(documents, contacts...)
	for i := range documents {
		documents[i].Grams = Grams(account, documents[i].Text)
	}
	return documents, nil
}

func readMessages(ctx context.Context, q *dbsqlc.Queries, account handoff.ID, ids []handoff.ID) ([]dbsqlc.SearchDocumentPutParams, error) {
	rows, err := q.SearchMessages(ctx, dbsqlc.SearchMessagesParams{AccountID: account, Ids: ids})
	if err != nil {
		return nil, err
	}
	documents := make([]dbsqlc.SearchDocumentPutParams, 0, len(rows))
	for _, row := range rows {
		text := Normalise(MessageText(row.Text, row.Filename))
		if text == "" {
			continue
		}
		documents = append(documents, dbsqlc.SearchDocumentPutParams{
			AccountID: account, Kind: KindMessage, RefID: row.ID, InboxID: row.InboxID, ContactID: row.ContactID,
			ConversationID: row.ConversationID, OccurredAt: row.CreatedAt, Text: text,
		})
	}
	return documents, nil
}

func readContacts(ctx context.Context, q *dbsqlc.Queries, account handoff.ID, s sources) ([]dbsqlc.SearchDocumentPutParams, error) {
	if len(s.contacts)+len(s.conversations) == 0 {
		return nil, nil
	}
	rows, err := q.SearchContacts(ctx, dbsqlc.SearchContactsParams{AccountID: account, ContactIds: s.contacts, ConversationIds: s.conversations})
	if err != nil {
		return nil, err
	}
	ids := make([]handoff.ID, 0, len(rows))
	for _, row := range rows {
		ids = append(ids, row.ContactID)
	}
	known, err := q.ContactIdentityList(ctx, dbsqlc.ContactIdentityListParams{AccountID: account, ContactIds: ids})
	if err != nil {
		return nil, err
	}
	identities := map[handoff.ID][]handoff.Identity{}
	for _, row := range known {
		identities[row.ContactID] = append(identities[row.ContactID], handoff.Identity{Kind: row.Kind, Value: row.Value})
	}
	documents := make([]dbsqlc.SearchDocumentPutParams, 0, len(rows))
	for _, row := range rows {
		documents = append(documents, dbsqlc.SearchDocumentPutParams{
			AccountID: account, Kind: KindContact, RefID: row.ContactID, InboxID: row.InboxID, ContactID: row.ContactID,
			ConversationID: row.ConversationID, OccurredAt: row.OpenedAt, Text: Normalise(ContactText(row.Name, identities[row.ContactID])),
		})
	}
	return documents, nil
}
