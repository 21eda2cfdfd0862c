package api

import (
	"context"
	"errors"
	"net/http"

	"github.com/jackc/pgx/v5"

	"handoff"
	"handoff/db"
	"handoff/db/dbsqlc"
	"handoff/internal/graph"
)

func (s *server) readRoutes() {
	handle(s, operation{
		id: "read-conversation", method: http.MethodPost, path: "/v1/conversations/{id}/read", tag: conversationTag, scope: handoff.ScopeAgent,
		summary: "Mark a conversation as read", errors: []int{http.StatusNotFound}, atomic: true,
		description: "Sets unread_count to 0. In an inbox with `read_receipts` that has an access token for WhatsApp, the contact is shown that " +
			"their latest message was read.",
	}, s.readConversation)
	handle(s, operation{
		id: "unread-conversation", method: http.MethodPost, path: "/v1/conversations/{id}/unread", tag: conversationTag, scope: handoff.ScopeAgent,
		summary: "Mark a conversation as unread", errors: []int{http.StatusNotFound}, atomic: true,
		description: "Sets unread_count to 1 where it is 0. The contact sees nothing of it.",
	}, s.unreadConversation)
}

func (s *server) readConversation(ctx context.Context, in *actInput) (*output[Conversation], error) {
	return s.setUnread(ctx, in, true)
}

func (s *server) unreadConversation(ctx context.Context, in *actInput) (*output[Conversation], error) {
	return s.setUnread(ctx, in, false)
}

type unreadCount struct {
	UnreadCount int32 `json:"unread_count"`
}

func (s *server) setUnread(ctx context.Context, in *actInput, read bool) (*output[Conversation], error) {
	found, err := s.findConversation(ctx, in.ID)
	if err != nil {
		return nil, err
	}
	actor, err := s.actor(ctx, agentOf(in.Body))
	if err != nil {
		return nil, err
	}
	var way *wayToRead
	kind := handoff.EventUpdated
	if read {
		kind = handoff.EventRead
		if way, err = s.wayToRead(ctx, found.Conversation); err != nil {
			return nil, err
		}
	}
	var wake *db.Wake
	err = s.perform(ctx, deed{
		account: keyOf(ctx).AccountID, conversation: in.ID, kind: kind, actor: actor, inLane: way != nil,
		do: func(ctx context.Context, q *dbsqlc.Queries, conv dbsqlc.Conversation) (any, error) {
			var err error
			if way != nil {
				if wake, err = s.sendReceipt(ctx, q, conv, *way); err != nil {
					return nil, err
				}
			}
			count := int32(0)
			if !read {
				count = max(conv.UnreadCount, 1)
			}
			if count == conv.UnreadCount {
				return nil, nil
			}
			return unreadCount{count}, q.ConversationSetUnread(ctx, dbsqlc.ConversationSetUnreadParams{ID: conv.ID, UnreadCount: count})
		},
	})
	if err != nil {
		return nil, err
	}
	if wake != nil {
		s.wake(ctx, *wake)
	}
	if found, err = s.findConversation(ctx, in.ID); err != nil {
		return nil, err
	}
	return s.conversationOutput(ctx, found)
}

// wayToRead is how a contact is told that they were read.
type wayToRead struct {
	inbox    dbsqlc.Inbox
	endpoint dbsqlc.Endpoint
}

// wayToRead is nil where the inbox does not want it, or has no way to WhatsApp of its own.
func (s *server) wayToRead(ctx context.Context, conv dbsqlc.Conversation) (*wayToRead, error) {
	inbox, err := s.queries(ctx).InboxGetAny(ctx, conv.InboxID)
	if err != nil || !inbox.ReadReceipts {
		return nil, err
	}
	endpoint, err := s.graphEndpoint(ctx, inbox)
	if handoff.ErrorCode(err) == handoff.CodeConflict {
		return nil, nil
	}
	return &wayToRead{inbox, endpoint}, err
}

// sendReceipt puts the call into the contact's lane, beside the others: an agent's message does not wait for it. It carries no message,
// so that an answer that nobody saw means one more attempt. Each message is told once at most, and only the latest: Meta takes those
// before it for read too.
func (s *server) sendReceipt(ctx context.Context, q *dbsqlc.Queries, conv dbsqlc.Conversation, way wayToRead) (*db.Wake, error) {
	wamid, err := q.MessageLatestOfContact(ctx, &conv.ID)
	if errors.Is(err, pgx.ErrNoRows) || (err == nil && db.OrEmpty(conv.ReadReceiptFor) == wamid) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	now := s.Now()
	row := dbsqlc.DeliveryInsertAsideParams{
		ID: handoff.NewID(), AccountID: conv.AccountID, EndpointID: way.endpoint.ID, InboxID: conv.InboxID, ContactID: &conv.ContactID,
		ConversationID: &conv.ID, EventType: db.EventReadReceipt, WebhookID: handoff.NewWebhookID(), Path: "/" + way.inbox.PhoneNumberID + "/messages",
		Body: graph.ReadMark(wamid, false), State: handoff.DeliveryPending, NextAttemptAt: &now, CreatedAt: now,
	}
	if way.endpoint.State == handoff.EndpointDisabled {
		row.State, row.NextAttemptAt = handoff.DeliveryHeld, nil
	}
	if err := q.DeliveryInsertAside(ctx, row); err != nil {
		return nil, err
	}
	if err := q.ConversationSetReadReceipt(ctx, dbsqlc.ConversationSetReadReceiptParams{ID: conv.ID, ExternalID: wamid}); err != nil {
		return nil, err
	}
	return raise(ctx, q, conv)
}
