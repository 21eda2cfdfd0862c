package api

import (
	"context"

	"handoff"
	"handoff/db/dbsqlc"
	"handoff/internal/searchindex"
)

// foundViews reads what belongs to the rows of a search, in four queries. What was erased since the search is left out.
func (s *server) foundViews(ctx context.Context, rows []dbsqlc.SearchIndexedRow, query searchindex.Query) ([]Found, error) {
	items := make([]Found, 0, len(rows))
	if len(rows) == 0 {
		return items, nil
	}
	texts, err := s.foundTexts(ctx, rows)
	if err != nil {
		return nil, err
	}
	conversations, err := s.foundConversations(ctx, rows)
	if err != nil {
		return nil, err
	}
	for _, row := range rows {
		conversation, ok := conversations[row.ConversationID]
		if !ok {
			continue
		}
		text, ok := texts[row.RefID]
		if row.Kind == searchindex.KindContact {
			text, ok = contactText(conversation.Contact), true
		}
		if !ok {
			continue
		}
		items = append(items, Found{Kind: row.Kind, ID: row.RefID, At: row.At.UTC(), Conversation: conversation, Excerpt: excerptOf(text, query)})
	}
	return items, nil
}

func excerptOf(text string, query searchindex.Query) []ExcerptPart {
	return convert(searchindex.Excerpt(text, query), func(p searchindex.Part) ExcerptPart { return ExcerptPart(p) })
}

func contactText(c Contact) string {
	return searchindex.ContactText(c.Name, convert(c.Identities, func(i Identity) handoff.Identity { return handoff.Identity(i) }))
}

func (s *server) foundTexts(ctx context.Context, rows []dbsqlc.SearchIndexedRow) (map[handoff.ID]string, error) {
	var messages, notes []handoff.ID
	for _, row := range rows {
		switch row.Kind {
		case searchindex.KindMessage:
			messages = append(messages, row.RefID)
		case searchindex.KindNote:
			notes = append(notes, row.RefID)
		}
	}
	texts, q, account := map[handoff.ID]string{}, s.queries(ctx), keyOf(ctx).AccountID
	if len(messages) > 0 {
		found, err := q.SearchMessageTexts(ctx, dbsqlc.SearchMessageTextsParams{AccountID: account, Ids: messages})
		if err != nil {
			return nil, err
		}
		for _, row := range found {
			texts[row.ID] = searchindex.MessageText(row.Text, row.Filename)
		}
	}
	if len(notes) > 0 {
		found, err := q.SearchNoteTexts(ctx, dbsqlc.SearchNoteTextsParams{AccountID: account, Ids: notes})
		if err != nil {
			return nil, err
		}
		for _, row := range found {
			texts[row.ID] = row.Text
		}
	}
	return texts, nil
}

func (s *server) foundConversations(ctx context.Context, rows []dbsqlc.SearchIndexedRow) (map[handoff.ID]FoundConversation, error) {
	q, account := s.queries(ctx), keyOf(ctx).AccountID
	found, err := q.SearchConversationDetails(ctx, dbsqlc.SearchConversationDetailsParams{
		AccountID: account, Ids: convert(rows, func(row dbsqlc.SearchIndexedRow) handoff.ID { return row.ConversationID }),
	})
	if err != nil {
		return nil, err
	}
	identities, err := q.ContactIdentityList(ctx, dbsqlc.ContactIdentityListParams{
		AccountID:  account,
		ContactIds: convert(found, func(row dbsqlc.SearchConversationDetailsRow) handoff.ID { return row.Conversation.ContactID }),
	})
	if err != nil {
		return nil, err
	}
	known := map[handoff.ID][]Identity{}
	for _, row := range identities {
		known[row.ContactID] = append(known[row.ContactID], Identity{row.Kind, row.Value})
	}
	views := make(map[handoff.ID]FoundConversation, len(found))
	for _, row := range found {
		c := row.Conversation
		contact := Contact{ID: c.ContactID, Name: row.ContactName, Identities: known[c.ContactID]}
		if contact.Identities == nil {
			contact.Identities = []Identity{}
		}
		views[c.ID] = FoundConversation{ID: c.ID, InboxID: c.InboxID, Status: c.Status, Contact: contact}
	}
	return views, nil
}
