package api

import (
	"context"
	"net/http"
	"time"

	"handoff"
	"handoff/db"
	"handoff/db/dbsqlc"
	"handoff/internal/searchindex"
)

type searchInput struct {
	Page
	Q              string     `query:"q" required:"true" minLength:"1" maxLength:"200" doc:"Words, in any order; \"a phrase\" in quotation marks. Case, width and accents make no difference, parts of words are found, and numbers however they are grouped. One of the words needs three characters that follow each other, or one that is Chinese, Japanese or Korean."`
	Kind           []string   `query:"kind" enum:"message,note,contact" doc:"Only these: a comma list. Everything if absent."`
	InboxID        handoff.ID `query:"inbox_id" format:"uuid"`
	ConversationID handoff.ID `query:"conversation_id" format:"uuid"`
	After          time.Time  `query:"after" doc:"At this time or later."`
	Before         time.Time  `query:"before"`
}

// Found is one message, note or contact that a search has found.
type Found struct {
	Kind         string            `json:"kind" enum:"message,note,contact"`
	ID           handoff.ID        `json:"id" format:"uuid" doc:"Of the message, the note or the contact."`
	At           time.Time         `json:"at" doc:"When we accepted the message, when the note was written, when the contact's conversation was opened."`
	Conversation FoundConversation `json:"conversation" doc:"Where it is; of a contact the latest one in an inbox: a contact is found once for each."`
	Excerpt      []ExcerptPart     `json:"excerpt" doc:"The text around what was found, at most about 160 characters of it, in pieces that make it when they are joined."`
}

// FoundConversation is what a search says of a conversation.
type FoundConversation struct {
	ID      handoff.ID     `json:"id" format:"uuid"`
	InboxID handoff.ID     `json:"inbox_id" format:"uuid"`
	Status  handoff.Status `json:"status" enum:"bot,waiting,assigned,snoozed,ended"`
	Contact Contact        `json:"contact"`
}

// ExcerptPart is a piece of an excerpt, in plain text.
type ExcerptPart struct {
	Text  string `json:"text"`
	Match bool   `json:"match,omitempty" doc:"This is what was looked for."`
}

func (s *server) searchRoutes() {
	handle(s, operation{
		id: "search", method: http.MethodGet, path: "/v1/search", tag: conversationTag, scope: handoff.ScopeAgent,
		summary: "Search messages, notes and contacts", errors: []int{http.StatusNotFound},
		description: "The newest first. Texts can be found about a second after they were written, and the first 10,000 characters of each. " +
			"The text of a message is also the caption and the name of its file; that of a contact is the name and the identities.",
	}, s.search)
}

// lookThrough is how many of the newest documents are read before the index over the grams is asked: what is common is among them, and
// the index would have to sort all of it. 3,000 are read in a few milliseconds.
const lookThrough = 3000

// foundPosition is a place in what a search found.
type foundPosition struct {
	At    *time.Time  `json:"at"`
	ID    *handoff.ID `json:"id"`
	Inbox *handoff.ID `json:"inbox"`
}

func (s *server) search(ctx context.Context, in *searchInput) (*listOutput[Found], error) {
	after, err := decodeCursor("search", in.Cursor, foundPosition{})
	if err != nil {
		return nil, err
	}
	query, err := searchindex.ParseQuery(in.Q)
	if err != nil {
		return nil, err
	}
	find, err := s.searchParams(ctx, in, query, after)
	if err != nil {
		return nil, err
	}
	var rows []dbsqlc.SearchIndexedRow
	err = db.Planned(ctx, s.db(ctx), func(q *dbsqlc.Queries) error {
		rows, err = found(ctx, q, find, given(in.ConversationID))
		return err
	})
	if err != nil {
		return nil, err
	}
	rows, next := cut(rows, in.Limit, func(row dbsqlc.SearchIndexedRow) string {
		return encodeCursor("search", foundPosition{&row.At, &row.RefID, &row.InboxID})
	})
	items, err := s.foundViews(ctx, rows, query)
	return &listOutput[Found]{list[Found]{items, next}}, err
}

func (s *server) searchParams(ctx context.Context, in *searchInput, query searchindex.Query, after foundPosition) (dbsqlc.SearchIndexedParams, error) {
	k := keyOf(ctx)
	p := dbsqlc.SearchIndexedParams{
		Grams: query.Grams(k.AccountID), AccountID: k.AccountID, Patterns: query.Patterns(), Kinds: orNone(in.Kind), InboxID: given(in.InboxID),
		BeforeAt: after.At, BeforeRef: after.ID, BeforeInbox: after.Inbox, Before: moment(in.Before), After: moment(in.After), RowLimit: in.Limit + 1,
	}
	if k.InboxID != nil {
		if p.InboxID != nil && *p.InboxID != *k.InboxID {
			return p, handoff.Errorf(handoff.CodeForbidden, "this key is bound to another inbox: leave inbox_id out")
		}
		p.InboxID = k.InboxID
	}
	if in.ConversationID == (handoff.ID{}) {
		return p, nil
	}
	_, err := s.findConversation(ctx, in.ConversationID)
	return p, err
}

// found gives the first rows of a search, in the cheapest way: a conversation is looked through, and so is what is newest; where that
// does not fill the page, what was looked for is rare, and the index over the grams gives all of it.
func found(ctx context.Context, q *dbsqlc.Queries, p dbsqlc.SearchIndexedParams, conversation *handoff.ID) ([]dbsqlc.SearchIndexedRow, error) {
	if conversation != nil {
		rows, err := q.SearchConversation(ctx, dbsqlc.SearchConversationParams{
			ConversationID: *conversation, AccountID: p.AccountID, Patterns: p.Patterns, Kinds: p.Kinds, BeforeAt: p.BeforeAt, BeforeRef: p.BeforeRef,
			BeforeInbox: p.BeforeInbox, Before: p.Before, After: p.After, RowLimit: p.RowLimit,
		})
		return convert(rows, func(r dbsqlc.SearchConversationRow) dbsqlc.SearchIndexedRow { return dbsqlc.SearchIndexedRow(r) }), err
	}
	if err := q.SearchByIndex(ctx); err != nil {
		return nil, err
	}
	rows, err := q.SearchRecent(ctx, dbsqlc.SearchRecentParams{
		AccountID: p.AccountID, BeforeAt: p.BeforeAt, BeforeRef: p.BeforeRef, BeforeInbox: p.BeforeInbox, Before: p.Before, After: p.After,
		LookThrough: lookThrough, Patterns: p.Patterns, Kinds: p.Kinds, InboxID: p.InboxID, RowLimit: p.RowLimit,
	})
	if err != nil {
		return nil, err
	}
	if len(rows) == int(p.RowLimit) {
		return convert(rows, func(r dbsqlc.SearchRecentRow) dbsqlc.SearchIndexedRow { return dbsqlc.SearchIndexedRow(r) }), nil
	}
	return q.SearchIndexed(ctx, p)
}

func convert[From, To any](rows []From, to func(From) To) []To {
	converted := make([]To, 0, len(rows))
	for _, row := range rows {
		converted = append(converted, to(row))
	}
	return converted
}
