package api

import (
	"context"
	"math"
	"net/http"
	"slices"

	"handoff"
	"handoff/db"
	"handoff/db/dbsqlc"
)

type listMessagesInput struct {
	ByID
	Page
	Order    string `query:"order" enum:"asc,desc" default:"asc" doc:"asc: the oldest first; desc: the newest first."`
	UntilSeq int64  `query:"until_seq" minimum:"1" maximum:"9007199254740991" doc:"Only those that were there by this event: the seq of one of the conversation's events."`
}

func (s *server) messageRoutes() {
	handle(s, operation{
		id: "list-messages", method: http.MethodGet, path: "/v1/conversations/{id}/messages", tag: conversationTag, scope: handoff.ScopeAgent,
		summary: "List a conversation's messages", errors: []int{http.StatusNotFound},
	}, s.listMessages)
	handle(s, operation{
		id: "send-message", method: http.MethodPost, path: "/v1/conversations/{id}/messages", tag: conversationTag, scope: handoff.ScopeAgent,
		summary: "Reply to the contact", status: http.StatusCreated, errors: []int{http.StatusNotFound, http.StatusTooManyRequests},
		description: "Sends a message. A reply to a waiting conversation claims it. Outside the 24-hour service window only templates " +
			"leave; anything else is refused with the code `window_closed`. What became of the message shows in its `status`.",
	}, s.sendMessage)
}

func (s *server) listMessages(ctx context.Context, in *listMessagesInput) (*listOutput[Message], error) {
	conversation, err := s.findConversation(ctx, in.ID)
	if err != nil {
		return nil, err
	}
	// The cursor is bound to its direction: a page of the other one would repeat or skip.
	name, start := "messages-"+in.Order, int64(0)
	if in.UntilSeq == 0 {
		in.UntilSeq = math.MaxInt64 - 1
	}
	if in.Order == "desc" {
		start = in.UntilSeq + 1
	}
	position, err := decodeCursor(name, in.Cursor, start)
	if err != nil {
		return nil, err
	}
	rows, err := s.messageRows(ctx, in, position)
	if err != nil {
		return nil, err
	}
	rows, next := cut(rows, in.Limit, func(row dbsqlc.Message) string { return encodeCursor(name, *row.Seq) })
	items, err := s.messageViews(ctx, keyOf(ctx).AccountID, rows, func(handoff.ID) string { return conversation.ContactName })
	return &listOutput[Message]{list[Message]{items, next}}, err
}

func (s *server) messageRows(ctx context.Context, in *listMessagesInput, position int64) ([]dbsqlc.Message, error) {
	q, account := s.queries(ctx), keyOf(ctx).AccountID
	if in.Order == "desc" {
		return q.MessageListByConversationBefore(ctx, dbsqlc.MessageListByConversationBeforeParams{
			AccountID: account, ConversationID: &in.ID, BeforeSeq: before(position, in.UntilSeq), RowLimit: in.Limit + 1,
		})
	}
	rows, err := q.MessageListByConversation(ctx, dbsqlc.MessageListByConversationParams{
		AccountID: account, ConversationID: &in.ID, AfterSeq: &position, RowLimit: in.Limit + 1,
	})
	return slices.DeleteFunc(rows, func(row dbsqlc.Message) bool { return *row.Seq > in.UntilSeq }), err
}

// before is the first number that a page does not reach, whatever its cursor says.
func before(position, until int64) *int64 {
	next := min(position, until+1)
	return &next
}

// messageViews shows messages, with the messages of ours that they quote.
func (s *server) messageViews(ctx context.Context, account handoff.ID, rows []dbsqlc.Message, contactName func(handoff.ID) string) ([]Message, error) {
	quoted, err := s.quotedMessages(ctx, account, rows)
	if err != nil {
		return nil, err
	}
	files, err := s.mediaOf(ctx, account, rows)
	if err != nil {
		return nil, err
	}
	views := make([]Message, 0, len(rows))
	for _, row := range rows {
		view, err := messageView(row, contactName(row.ContactID), quoted)
		if err != nil {
			return nil, err
		}
		if row.MediaID != nil {
			view.Media = files[*row.MediaID]
		}
		views = append(views, view)
	}
	return views, nil
}

func (s *server) quotedMessages(ctx context.Context, account handoff.ID, rows []dbsqlc.Message) (map[quotedKey]handoff.ID, error) {
	params := dbsqlc.MessageLookupQuotedParams{AccountID: account}
	for _, row := range rows {
		if row.ReplyTo != nil {
			params.InboxIds, params.ExternalIds = append(params.InboxIds, row.InboxID), append(params.ExternalIds, *row.ReplyTo)
		}
	}
	quoted := map[quotedKey]handoff.ID{}
	if len(params.ExternalIds) == 0 {
		return quoted, nil
	}
	found, err := s.queries(ctx).MessageLookupQuoted(ctx, params)
	for _, row := range found {
		quoted[quotedKey{row.InboxID, db.OrEmpty(row.ExternalID)}] = row.ID
	}
	return quoted, err
}
