package api

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"

	"github.com/jackc/pgx/v5"

	"handoff"
	"handoff/db"
	"handoff/db/dbsqlc"
	"handoff/internal/admin"
	"handoff/internal/protocol"
	"handoff/internal/protocol/native"
)

// deed is a change of a conversation that drives nothing, so that no workflow has to make it: it reads the conversation under its lock,
// writes, and gives the data of the event, nil where there is nothing to tell. Such changes leave the conversation's version as it is.
type deed struct {
	account, conversation handoff.ID
	kind                  handoff.EventType
	actor                 handoff.Actor
	author                handoff.AuthorType // set instead of actor where the contact acts
	// inLane tells that do makes a delivery itself, for which the contact's row has to be locked first.
	inLane bool
	// expect is the version that whoever asks for it has seen; 0 for any.
	expect int64
	do     func(context.Context, *dbsqlc.Queries, dbsqlc.Conversation) (data any, err error)
}

// perform carries a deed out in one transaction, with its event and the webhooks that tell it.
func (s *server) perform(ctx context.Context, d deed) error {
	var wake *db.Wake
	err := db.InTx(ctx, s.db(ctx), func(_ pgx.Tx, q *dbsqlc.Queries) error {
		conv, err := q.ConversationGet(ctx, dbsqlc.ConversationGetParams{AccountID: d.account, ID: d.conversation})
		if err != nil {
			return db.NotFound(err, "conversation")
		}
		told, err := listeners(ctx, q, conv, d.kind)
		if err != nil {
			return err
		}
		var row dbsqlc.Wake
		if len(told) > 0 || d.inLane {
			// Whoever adds to a lane holds the contact's row, which is locked before the conversation's.
			if row, err = q.WakeLock(ctx, dbsqlc.WakeLockParams{InboxID: conv.InboxID, ContactID: conv.ContactID}); err != nil {
				return err
			}
		}
		if conv, err = q.ConversationLock(ctx, dbsqlc.ConversationLockParams{AccountID: d.account, ID: d.conversation}); err != nil {
			return err
		}
		if d.expect != 0 && conv.Version != d.expect {
			return errChanged(conv)
		}
		data, err := d.do(ctx, q, conv)
		if err != nil || data == nil {
			return err
		}
		event, err := s.recordEvent(ctx, q, d, conv, data)
		if err != nil || len(told) == 0 {
			return err
		}
		wake, err = tell(ctx, q, db.OrEmpty(row.Session), conv, event, told)
		return err
	})
	if err == nil && wake != nil {
		s.wake(ctx, *wake)
	}
	return err
}

// listeners are the endpoints of the conversation's inbox that ask for an event.
func listeners(ctx context.Context, q *dbsqlc.Queries, conv dbsqlc.Conversation, kind handoff.EventType) ([]dbsqlc.Endpoint, error) {
	endpoints, err := q.EndpointListByInbox(ctx, dbsqlc.EndpointListByInboxParams{AccountID: conv.AccountID, InboxID: conv.InboxID})
	return slices.DeleteFunc(endpoints, func(e dbsqlc.Endpoint) bool {
		return e.Transport != handoff.TransportWebhook || e.Payload == admin.PayloadMeta || !handoff.Subscribed(e.EventTypes, kind)
	}), err
}

// recordEvent writes the event with the conversation's next number. After the end there is none: the end is its last numbered event.
func (s *server) recordEvent(ctx context.Context, q *dbsqlc.Queries, d deed, conv dbsqlc.Conversation, data any) (dbsqlc.EventInsertParams, error) {
	event := dbsqlc.EventInsertParams{
		ID: handoff.NewID(), AccountID: conv.AccountID, InboxID: &conv.InboxID, ConversationID: &conv.ID, Type: d.kind, ActorType: d.author,
		OccurredAt: s.Now(),
	}
	if d.author == "" {
		event.ActorType, event.ActorID = d.actor.AuthorType(), d.actor.AgentID()
	}
	next, err := q.ConversationNextSeq(ctx, conv.ID)
	switch {
	case err == nil:
		event.Seq = &next
	case !errors.Is(err, pgx.ErrNoRows):
		return event, err
	}
	if event.Data, err = json.Marshal(data); err != nil {
		return event, err
	}
	return event, db.ExecBatch(q.EventInsert(ctx, []dbsqlc.EventInsertParams{event}))
}

// tell makes the deliveries of an event in our own words, which no vendor's protocol has for it, and raises the contact's flag.
func tell(ctx context.Context, q *dbsqlc.Queries, session string, conv dbsqlc.Conversation, event dbsqlc.EventInsertParams, told []dbsqlc.Endpoint) (*db.Wake, error) {
	contact, err := contactFacts(ctx, q, conv, session)
	if err != nil {
		return nil, err
	}
	view := protocol.Conversation{
		ID: conv.ID, Status: conv.Status, OpenedAt: conv.OpenedAt, LastActivityAt: conv.LastActivityAt, EndedAt: conv.EndedAt,
	}
	if conv.EndReason != nil {
		view.EndReason = *conv.EndReason
	}
	hooks, err := native.Webhooks(protocol.Event{
		ID: event.ID, Type: event.Type, At: event.OccurredAt, Seq: event.Seq, Actor: protocol.Actor{Type: event.ActorType, ID: event.ActorID},
		Details: event.Data, Inbox: protocol.Inbox{ID: conv.InboxID, AccountID: conv.AccountID}, Contact: contact, Conversation: &view,
	})
	if err != nil {
		return nil, err
	}
	var rows []dbsqlc.DeliveryInsertParams
	for _, endpoint := range told {
		for _, hook := range hooks {
			rows = append(rows, deliveryOf(conv, event, endpoint, hook))
		}
	}
	if err := db.ExecBatch(q.DeliveryInsert(ctx, rows)); err != nil {
		return nil, err
	}
	return raise(ctx, q, conv)
}

func deliveryOf(conv dbsqlc.Conversation, event dbsqlc.EventInsertParams, endpoint dbsqlc.Endpoint, hook protocol.Webhook) dbsqlc.DeliveryInsertParams {
	at := event.OccurredAt
	row := dbsqlc.DeliveryInsertParams{
		ID: handoff.NewID(), AccountID: conv.AccountID, EndpointID: endpoint.ID, InboxID: conv.InboxID, ContactID: &conv.ContactID,
		ConversationID: &conv.ID, EventID: &event.ID, EventType: hook.Event, Seq: event.Seq, WebhookID: handoff.NewWebhookID(), Body: hook.Body,
		State: handoff.DeliveryPending, NextAttemptAt: &at, CreatedAt: at,
	}
	switch {
	case len(hook.Body) > native.MaxBody:
		reason := fmt.Sprintf("not sent: its body would have %d bytes, and %d is the most that is sent. Read it by the API", len(hook.Body), native.MaxBody)
		row.Body, row.State, row.NextAttemptAt, row.Failure, row.FinishedAt = []byte{}, handoff.DeliveryFailed, nil, &reason, &at
	case endpoint.State == handoff.EndpointDisabled:
		row.State, row.NextAttemptAt = handoff.DeliveryHeld, nil
	}
	return row
}

// raise raises the contact's flag, whose row is locked, and gives the wake that is sent once the transaction is through.
func raise(ctx context.Context, q *dbsqlc.Queries, conv dbsqlc.Conversation) (*db.Wake, error) {
	_, err := q.WakeRaiseByConversation(ctx, dbsqlc.WakeRaiseByConversationParams{InboxID: conv.InboxID, ContactID: conv.ContactID})
	return &db.Wake{AccountID: conv.AccountID, InboxID: conv.InboxID, ContactID: conv.ContactID}, err
}

// contactFacts is the contact with the session of this inbox first: it may have others elsewhere.
func contactFacts(ctx context.Context, q *dbsqlc.Queries, conv dbsqlc.Conversation, session string) (protocol.Contact, error) {
	contact := protocol.Contact{ID: conv.ContactID}
	rows, err := q.ContactFacts(ctx, dbsqlc.ContactFactsParams{AccountID: conv.AccountID, ContactID: conv.ContactID})
	for _, row := range rows {
		contact.Name = row.Name
		identity := handoff.Identity{Kind: handoff.IdentityKind(row.Kind), Value: row.Value}
		switch {
		case row.Kind == "":
		case identity.Kind == handoff.IdentitySession && identity.Value == session:
			contact.Identities = slices.Insert(contact.Identities, 0, identity)
		default:
			contact.Identities = append(contact.Identities, identity)
		}
	}
	return contact, err
}
