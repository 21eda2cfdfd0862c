package api

import (
	"context"
	"encoding/json"
	"net/http"
	"time"

	"handoff"
	"handoff/db/dbsqlc"
	"handoff/internal/feed"
)

// Event is what happened, with its place in the conversation's sequence.
type Event struct {
	ID             handoff.ID        `json:"id" format:"uuid"`
	Seq            *int64            `json:"seq,omitempty" doc:"Its number in the conversation, without gaps. Absent for what happened after the end."`
	Type           handoff.EventType `json:"type" example:"conversation.claimed" doc:"What happened: the types that the webhooks have, and those that no endpoint gets: message.history, note.added, contact.updated and agent.presence_changed."`
	InboxID        *handoff.ID       `json:"inbox_id,omitempty" format:"uuid"`
	ConversationID *handoff.ID       `json:"conversation_id,omitempty" format:"uuid"`
	MessageID      *handoff.ID       `json:"message_id,omitempty" format:"uuid"`
	Actor          Actor             `json:"actor"`
	At             time.Time         `json:"at"`
	Data           map[string]any    `json:"data" doc:"What the type adds: what the webhook of the same type has as details. Never the text of a message or a note."`
}

// Actor is who caused an event.
type Actor struct {
	Type handoff.AuthorType `json:"type" enum:"contact,bot,agent,system"`
	ID   *handoff.ID        `json:"id,omitempty" format:"uuid"`
}

type listEventsInput struct {
	Page
	Types          string     `query:"types" maxLength:"2000" example:"conversation.*,message.received" doc:"Only these types: a comma list, with wildcards like conversation.*."`
	InboxID        handoff.ID `query:"inbox_id" format:"uuid"`
	ConversationID handoff.ID `query:"conversation_id" format:"uuid"`
}

type listConversationEventsInput struct {
	ByID
	Page
}

func (s *server) eventRoutes() {
	handle(s, operation{
		id: "list-events", method: http.MethodGet, path: "/v1/events", tag: "Events", scope: handoff.ScopeAgent,
		summary: "List the account's events",
		description: "The oldest first. `next_cursor` is always there: ask again with it to get what has happened since, or give it to " +
			"`GET /v1/events/stream` to be told. Nothing is skipped, so an event shows once every transaction that began before it is " +
			"done. A key that is bound to an inbox sees the events of that inbox.",
	}, s.listEvents)
	handle(s, operation{
		id: "list-conversation-events", method: http.MethodGet, path: "/v1/conversations/{id}/events", tag: "Events", scope: handoff.ScopeAgent,
		summary: "List a conversation's events", description: "The oldest first.", errors: []int{http.StatusNotFound},
	}, s.listConversationEvents)
}

func (s *server) listEvents(ctx context.Context, in *listEventsInput) (*listOutput[Event], error) {
	after, err := decodeCursor(eventCursor, in.Cursor, feed.Position{})
	if err != nil {
		return nil, err
	}
	k := keyOf(ctx)
	filter, err := eventFilter(k, in.InboxID, in.ConversationID, in.Types)
	if err != nil {
		return nil, err
	}
	rows, next, err := feed.List(ctx, s.db(ctx), k.AccountID, filter, after, in.Limit)
	if err != nil {
		return nil, err
	}
	items, err := eventViews(rows)
	return &listOutput[Event]{list[Event]{items, encodeCursor(eventCursor, next)}}, err
}

func (s *server) listConversationEvents(ctx context.Context, in *listConversationEventsInput) (*listOutput[Event], error) {
	if _, err := s.findConversation(ctx, in.ID); err != nil {
		return nil, err
	}
	after, err := decodeCursor("conversation-events", in.Cursor, feed.Position{})
	if err != nil {
		return nil, err
	}
	rows, err := s.queries(ctx).EventListByConversation(ctx, dbsqlc.EventListByConversationParams{
		AccountID: keyOf(ctx).AccountID, ConversationID: &in.ID, AfterTxid: after.TxID, AfterPosition: after.N, RowLimit: in.Limit + 1,
	})
	if err != nil {
		return nil, err
	}
	rows, next := cut(rows, in.Limit, func(row dbsqlc.Event) string { return encodeCursor("conversation-events", feed.PositionOf(row)) })
	items, err := eventViews(rows)
	return &listOutput[Event]{list[Event]{items, next}}, err
}

func eventViews(rows []dbsqlc.Event) ([]Event, error) {
	items := make([]Event, 0, len(rows))
	for _, row := range rows {
		e := Event{
			ID: row.ID, Seq: row.Seq, Type: row.Type, InboxID: row.InboxID, ConversationID: row.ConversationID, MessageID: row.MessageID,
			Actor: Actor{Type: row.ActorType, ID: row.ActorID}, At: row.At.UTC(), Data: map[string]any{},
		}
		if err := json.Unmarshal(row.Data, &e.Data); err != nil {
			return nil, err
		}
		items = append(items, e)
	}
	return items, nil
}
