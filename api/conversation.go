package api

import (
	"context"
	"net/http"
	"time"

	"github.com/jackc/pgx/v5"

	"handoff"
	"handoff/db"
	"handoff/db/dbsqlc"
)

const conversationTag = "Conversations"

type listConversationsInput struct {
	Page
	Sort string `query:"sort" enum:"newest,oldest,queue" default:"newest" doc:"newest: the last active first; oldest: the reverse; queue: the line, that is those with the status waiting, the highest priority first and then who waits longest."`
	ConversationFilters
}

func (s *server) conversationRoutes() {
	handle(s, operation{
		id: "list-conversations", method: http.MethodGet, path: "/v1/conversations", tag: conversationTag, scope: handoff.ScopeAgent,
		summary: "List conversations", description: "Filters are combined: each one leaves fewer. A cursor belongs to its order; conversations " +
			"that move between two pages are repeated or left out, and no others.",
	}, s.listConversations)
	handle(s, operation{
		id: "count-conversations", method: http.MethodGet, path: "/v1/conversations/counts", tag: conversationTag, scope: handoff.ScopeAgent,
		summary: "Count conversations", description: "Of those that the filters leave.",
	}, s.countConversations)
	handle(s, operation{
		id: "get-conversation", method: http.MethodGet, path: "/v1/conversations/{id}", tag: conversationTag, scope: handoff.ScopeAgent,
		summary: "Get a conversation", errors: []int{http.StatusNotFound},
		description: "With `at_seq` it is as its events had made it by then: what they do not tell, such as when the service window closes, is left " +
			"out, and `version` is 0. Who the contact is, they are now.",
	}, s.getConversation)
}

// The orders of a list of conversations.
const (
	sortNewest = "newest"
	sortOldest = "oldest"
	sortQueue  = "queue"
)

// conversationPosition is a place in a list of conversations.
type conversationPosition struct {
	At       *time.Time  `json:"at"`
	ID       *handoff.ID `json:"id"`
	Priority *int16      `json:"priority,omitempty"`
}

func (s *server) listConversations(ctx context.Context, in *listConversationsInput) (*listOutput[Conversation], error) {
	return s.pageOfConversations(ctx, in.ConversationFilters, in.Sort, in.Page)
}

func (s *server) pageOfConversations(ctx context.Context, filters ConversationFilters, sort string, page Page) (*listOutput[Conversation], error) {
	name := "conversations-" + sort
	after, err := decodeCursor(name, page.Cursor, conversationPosition{})
	if err != nil {
		return nil, err
	}
	params, err := filters.params(keyOf(ctx), sort)
	if err != nil {
		return nil, err
	}
	params.RowLimit, params.PositionID = page.Limit+1, after.ID
	switch sort {
	case sortOldest:
		params.Oldest, params.AfterAt = true, after.At
	case sortQueue:
		params.Queue, params.AfterQueued, params.AfterPriority = true, after.At, after.Priority
	default:
		params.BeforeAt = after.At
	}
	var found []dbsqlc.ConversationListRow
	err = db.Planned(ctx, s.db(ctx), func(q *dbsqlc.Queries) error {
		if err := filters.search(ctx, q, &params); err != nil {
			return err
		}
		found, err = q.ConversationList(ctx, params)
		return err
	})
	if err != nil {
		return nil, err
	}
	rows := make([]dbsqlc.ConversationDetailRow, 0, len(found))
	for _, row := range found {
		rows = append(rows, dbsqlc.ConversationDetailRow(row))
	}
	rows, next := cut(rows, page.Limit, func(row dbsqlc.ConversationDetailRow) string {
		return encodeCursor(name, positionIn(sort, row.Conversation))
	})
	items, err := s.conversationViews(ctx, params.AccountID, rows)
	return &listOutput[Conversation]{list[Conversation]{items, next}}, err
}

func positionIn(sort string, c dbsqlc.Conversation) conversationPosition {
	if sort != sortQueue {
		return conversationPosition{At: &c.LastActivityAt, ID: &c.ID}
	}
	at, priority := c.OpenedAt, int16(c.Priority)
	if c.QueuedAt != nil {
		at = *c.QueuedAt
	}
	return conversationPosition{At: &at, ID: &c.ID, Priority: &priority}
}

type getConversationInput struct {
	ByID
	AtSeq int64 `query:"at_seq" minimum:"1" maximum:"9007199254740991" doc:"Show it as of this event, instead of as it is now: the seq of one of its events."`
}

func (s *server) getConversation(ctx context.Context, in *getConversationInput) (*output[Conversation], error) {
	row, err := s.findConversation(ctx, in.ID)
	if err != nil {
		return nil, err
	}
	if in.AtSeq > 0 {
		return s.conversationAt(ctx, row, in.AtSeq)
	}
	return s.conversationOutput(ctx, row)
}

// findConversation is the one conversation of the key's account with this id. A key that is bound to an inbox sees that inbox only.
func (s *server) findConversation(ctx context.Context, id handoff.ID) (dbsqlc.ConversationDetailRow, error) {
	k := keyOf(ctx)
	row, err := s.queries(ctx).ConversationDetail(ctx, dbsqlc.ConversationDetailParams{AccountID: k.AccountID, ID: id})
	if err == nil && k.InboxID != nil && *k.InboxID != row.Conversation.InboxID {
		err = pgx.ErrNoRows
	}
	return row, db.NotFound(err, "conversation")
}

func (s *server) conversationOutput(ctx context.Context, row dbsqlc.ConversationDetailRow) (*output[Conversation], error) {
	views, err := s.conversationViews(ctx, row.Conversation.AccountID, []dbsqlc.ConversationDetailRow{row})
	if err != nil {
		return nil, err
	}
	return &output[Conversation]{views[0]}, nil
}
